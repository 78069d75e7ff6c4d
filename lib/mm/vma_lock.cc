#include "mm/vma_lock.h"

#include <cstring>

#include "kernel/bugs.h"
#include "mm/errno.h"
#include "mm/mm.h"

namespace vmafuzz::kernel {

using platform::machine;

namespace {

bool counted() { return rules.vma_lock == vma_lock_kind::refcount; }

bool __is_vma_write_locked(const vm_area_struct* vma, unsigned long* mm_lock_seq) {
  mm_struct* mm = vma->vm_mm.get();
  mmap_assert_write_locked(mm);
  // Neither changes while mmap_lock is held for writing.
  *mm_lock_seq = mm->mm_lock_seq.get();
  return vma->vm_lock_seq.get() == *mm_lock_seq;
}

// --- refcount: waiting for readers (mm/mmap_lock.c)
// --------------------------------------------------

// rcuwait_wait_event() for vm_refcnt == target. The look that ends the wait takes over what the
// last reader did, which the kernel leaves to the barriers around it.
int wait_for_readers(vm_area_struct* vma, int target, bool killable) {
  mm_struct* mm = vma->vm_mm.get();
  rcuwait& wait = mm->vma_writer_wait;
  int err = 0;
  WRITE_ONCE(wait.task, 1 + machine.cpu());
  smp_mb();
  const auto blocked = [&](platform::Awaited& wanted) {
    wanted = {"readers of a VMA"};
    if (killable && machine.injected_failure(Site::current())) err = -EINTR;
    return err == 0;
  };
  machine.rmw_when(
      vma->vm_refcnt.refs.location(), Order::kAcquire, platform::AccessKind::kRmw, wait.queue,
      [target](uint64_t count) { return static_cast<int>(count) == target; }, blocked,
      [](uint64_t count) { return count; }, Site::current());
  WRITE_ONCE(wait.task, 0);
  return err;
}

void rcuwait_wake_up(rcuwait& wait) {
  smp_mb();
  if (READ_ONCE(wait.task) != 0) machine.wake(wait.queue);
}

// Readers are kept out and gone: *exclusive. Neither that nor an error: the VMA is detached.
int __vma_start_exclude_readers(vm_area_struct* vma, bool detaching, bool killable,
                                bool* exclusive) {
  *exclusive = false;
  if (!refcount_add_not_zero(VM_REFCNT_EXCLUDE_READERS_FLAG, vma->vm_refcnt)) {
    // The last reader has just left. What its plain look at vm_lock_seq read comes before this
    // VMA's next life by this branch alone (docs/findings.md: detached by a relaxed look).
    control_dependency();
    return 0;
  }
  const int target = VM_REFCNT_EXCLUDE_READERS_FLAG | (detaching ? 0 : 1);
  const int err = wait_for_readers(vma, target, killable);
  if (err != 0) {
    refcount_sub_and_test(VM_REFCNT_EXCLUDE_READERS_FLAG, vma->vm_refcnt);
    return err;
  }
  *exclusive = true;
  return 0;
}

int start_write_counted(vm_area_struct* vma, unsigned long mm_lock_seq, bool killable) {
  bool exclusive = false;
  const int err = __vma_start_exclude_readers(vma, false, killable, &exclusive);
  if (err != 0) return err;
  // vma_start_read() takes an early look at it without any lock.
  WRITE_ONCE(vma->vm_lock_seq, mm_lock_seq);
  if (exclusive) refcount_sub_and_test(VM_REFCNT_EXCLUDE_READERS_FLAG, vma->vm_refcnt);
  return 0;
}

void start_write_rwsem(vm_area_struct* vma, unsigned long mm_lock_seq) {
  down_write(vma->vm_lock);
  WRITE_ONCE(vma->vm_lock_seq, mm_lock_seq);
  // Proposed on 15 August 2024 for lookups that tell from vm_lock_seq alone that a writer is at
  // work: up_write() would let later stores overtake it. With a counter that is odd it is not
  // needed.
  if (rules.vma_start_write_wmb && rules.counter == counter_kind::at_unlock) smp_wmb();
  up_write(vma->vm_lock);
}

int __vma_start_write(vm_area_struct* vma, bool killable) {
  if (rules.vma_lock == vma_lock_kind::none) return 0;
  unsigned long mm_lock_seq = 0;
  if (__is_vma_write_locked(vma, &mm_lock_seq)) return 0;
  if (counted()) return start_write_counted(vma, mm_lock_seq, killable);
  start_write_rwsem(vma, mm_lock_seq);
  return 0;
}

void vma_refcount_put(vm_area_struct* vma) {
  // A copy: the VMA may be gone once its count is dropped.
  mm_struct* mm = vma->vm_mm.get();
  int oldcnt = 0;
  if (__refcount_dec_and_test(vma->vm_refcnt, &oldcnt)) return;
  const int newcnt = oldcnt - 1;
  const bool excluded = (newcnt & VM_REFCNT_EXCLUDE_READERS_FLAG) != 0 &&
                        newcnt <= VM_REFCNT_EXCLUDE_READERS_FLAG + 1;
  if (excluded) rcuwait_wake_up(mm->vma_writer_wait);
}

// --- both generations: readers
// ------------------------------------------------------------------------

vm_area_struct* start_read_counted(mm_struct* mm, vm_area_struct* vma) {
  int oldcnt = 0;
  // Acquire: what the VMA is in this life, it was given before it was attached.
  const Order order = bug(Bug::vma_read_lock_relaxed) ? Order::kRelaxed : Order::kAcquire;
  if (!__refcount_add_not_zero_limited(1, vma->vm_refcnt, &oldcnt, VM_REFCNT_LIMIT, order,
                                       Site::current())) {
    rcu_read_unlock();
    return oldcnt != 0 ? nullptr : ERR_PTR<vm_area_struct>(-EAGAIN);
  }
  mm_struct* other_mm = vma->vm_mm.get();
  if (other_mm != mm) {
    // It was recycled into another mm, which may go as soon as this count is dropped
    // (CVE-2025-38554).
    rcu_read_unlock();
    mmgrab(other_mm);
    vma_refcount_put(vma);
    mmdrop(other_mm);
    return nullptr;
  }
  // Acquire: after vma_end_write_all(), what the writer did is there to be read.
  if (vma->vm_lock_seq.get() == smp_load_acquire(mm->mm_lock_seq)) {
    vma_refcount_put(vma);
    rcu_read_unlock();
    return nullptr;
  }
  return vma;
}

vm_area_struct* start_read_rwsem(mm_struct* mm, vm_area_struct* vma) {
  if (!down_read_trylock(vma->vm_lock)) return nullptr;
  if (vma->vm_lock_seq.get() == smp_load_acquire(mm->mm_lock_seq)) {
    up_read(vma->vm_lock);
    return nullptr;
  }
  return vma;
}

bool contains(const vm_area_struct* vma, unsigned long address) {
  return address >= vma->vm_start.get() && address < vma->vm_end.get();
}

// 6.15 and later. vma_start_read() has left RCU where it failed.
vm_area_struct* lock_vma_counted(mm_struct* mm, unsigned long address) {
  for (;;) {
    rcu_read_lock();
    vm_area_struct* vma = vma_lookup(mm, address);
    if (vma == nullptr) {
      rcu_read_unlock();
      return nullptr;
    }
    vma = vma_start_read(mm, vma);
    if (IS_ERR(vma)) {
      cpu_relax();  // whoever detached it is about to take it out of the tree
      continue;
    }
    if (vma == nullptr) return nullptr;
    rcu_read_unlock();
    if (contains(vma, address)) return vma;
    vma_end_read(vma);
    return nullptr;
  }
}

// 6.4 to 6.14.
vm_area_struct* lock_vma_rwsem(mm_struct* mm, unsigned long address) {
  rcu_read_lock();
  vm_area_struct* vma = vma_lookup(mm, address);
  while (vma != nullptr) {
    vma = vma_start_read(mm, vma);
    if (vma == nullptr) break;
    if (!contains(vma, address)) {
      vma_end_read(vma);
      vma = nullptr;
      break;
    }
    if (!vma->detached.get()) break;
    vma_end_read(vma);
    cpu_relax();
    vma = vma_lookup(mm, address);
  }
  rcu_read_unlock();
  return vma;
}

}  // namespace

void vma_lock_init(vm_area_struct* vma, bool reset_refcnt) {
  if (counted()) {
    if (reset_refcnt) refcount_set(vma->vm_refcnt, 0);
  } else if (rules.vma_lock == vma_lock_kind::rwsem) {
    WRITE_ONCE(vma->vm_lock.count, 0);
    vma->vm_lock.writer = 0;
    std::memset(vma->vm_lock.reads, 0, sizeof(vma->vm_lock.reads));
    vma->detached.set(false);
  }
  if (rules.vma_lock != vma_lock_kind::none) vma->vm_lock_seq.set(vm_lock_seq_unlocked());
}

vm_area_struct* vma_start_read(mm_struct* mm, vm_area_struct* vma) {
  // An early look, which may be wrong either way.
  if (READ_ONCE(vma->vm_lock_seq) == READ_ONCE(mm->mm_lock_seq)) {
    if (counted()) rcu_read_unlock();
    return nullptr;
  }
  return counted() ? start_read_counted(mm, vma) : start_read_rwsem(mm, vma);
}

void vma_end_read(vm_area_struct* vma) {
  if (counted()) {
    vma_refcount_put(vma);
    return;
  }
  // The VMA must not go between up_read()'s two halves: both are inside of RCU.
  rcu_read_lock();
  up_read(vma->vm_lock);
  rcu_read_unlock();
}

vm_area_struct* lock_vma_under_rcu(mm_struct* mm, unsigned long address) {
  switch (rules.vma_lock) {
    case vma_lock_kind::none:
      return nullptr;
    case vma_lock_kind::rwsem:
      return lock_vma_rwsem(mm, address);
    case vma_lock_kind::refcount:
      return lock_vma_counted(mm, address);
  }
  return nullptr;
}

void vma_start_write(vm_area_struct* vma) { __vma_start_write(vma, false); }
int vma_start_write_killable(vm_area_struct* vma) { return __vma_start_write(vma, true); }

void vma_assert_write_locked(const vm_area_struct* vma) {
  const mm_struct* mm = vma->vm_mm.peek();
  rwsem_assert_held_write(mm->mmap_lock);
  if (rules.vma_lock == vma_lock_kind::none) return;
  if (vma->vm_lock_seq.peek() == mm->mm_lock_seq.peek()) return;
  machine.fail("lock-imbalance", "a VMA is changed that is not write-locked");
}

static bool vma_is_attached(const vm_area_struct* vma) {
  if (counted()) return vma->vm_refcnt.refs.peek() != 0;
  return !vma->detached.peek();
}
void vma_assert_attached(const vm_area_struct* vma) {
  if (!vma_is_attached(vma)) machine.fail("refcount", "a VMA is detached that should not be");
}
void vma_assert_detached(const vm_area_struct* vma) {
  if (counted() && vma_is_attached(vma)) {
    machine.fail("refcount", "a VMA is attached that should not be");
  }
}

void vma_mark_attached(vm_area_struct* vma) {
  vma_assert_write_locked(vma);
  if (counted()) {
    vma_assert_detached(vma);
    // Release: whoever gets a reference sees vm_mm and the rest of this life of the VMA.
    refcount_set_release(vma->vm_refcnt, 1);
  } else if (rules.vma_lock == vma_lock_kind::rwsem) {
    vma->detached.set(false);
  }
}

void vma_mark_detached(vm_area_struct* vma) {
  vma_assert_write_locked(vma);
  if (rules.vma_lock == vma_lock_kind::none) return;
  vma_assert_attached(vma);
  if (!counted()) {
    vma->detached.set(true);
    return;
  }
  if (refcount_dec_and_test(vma->vm_refcnt)) return;
  // Readers that have not yet seen the write lock hold it for a moment.
  bool exclusive = false;
  __vma_start_exclude_readers(vma, true, false, &exclusive);
  if (exclusive) refcount_sub_and_test(VM_REFCNT_EXCLUDE_READERS_FLAG, vma->vm_refcnt);
}

}  // namespace vmafuzz::kernel
