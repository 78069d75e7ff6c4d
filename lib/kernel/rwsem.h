// struct rw_semaphore (kernel/locking/rwsem.c): many readers or one writer, with downgrading.
//
// The count word carries order as the kernel's does: taking the lock is an acquire
// read-modify-write, giving it up a release one. It is handed over as a spinlock is, in order for
// third CPUs too, which the memory model promises of spinlocks only: the kernel counts on it
// (docs/memory-model.md).
//
// Readers do not get past a writer that waits while another reader is inside, so a reader that
// locks again inside of its own section can deadlock; a reader may get in before a waiting writer
// while the lock is free, as lock stealing allows. Which of several waiters goes first is the
// schedule's choice.
//
// Who holds it is tracked per CPU: giving up what this CPU does not hold is a lock-imbalance
// verdict, waiting for oneself a deadlock verdict.
#ifndef VMAFUZZ_KERNEL_RWSEM_H_
#define VMAFUZZ_KERNEL_RWSEM_H_

#include "kernel/barrier.h"

namespace vmafuzz::kernel {

struct rw_semaphore {
  explicit rw_semaphore(const char* lock_name = "rwsem") : name(lock_name) { count.mark_sync(); }

  // Bit 0: a writer inside; bits 8..15: writers that wait; from bit 16: readers inside.
  Shared<long> count;
  const char* name;                                          // for verdicts: "mmap_lock"
  platform::Unseen<uint8_t> reads[platform::kMaxCpus] = {};  // read sections of each CPU
  platform::Unseen<uint8_t> writer{};  // 1 + the CPU that holds it for writing
  platform::WaitQueue queue;

  template <class V>
  void visit(V&& v) {
    v("rwsem", count);
  }
};

void down_read(rw_semaphore& sem, Site site = Site::current());
// 0, or -EINTR if a directive kills the task here.
int down_read_killable(rw_semaphore& sem, Site site = Site::current());
bool down_read_trylock(rw_semaphore& sem, Site site = Site::current());
void up_read(rw_semaphore& sem, Site site = Site::current());

void down_write(rw_semaphore& sem, Site site = Site::current());
// The same: lockdep's subclasses mean nothing here.
inline void down_write_nested(rw_semaphore& sem, int subclass, Site site = Site::current()) {
  (void)subclass;
  down_write(sem, site);
}
int down_write_killable(rw_semaphore& sem, Site site = Site::current());
bool down_write_trylock(rw_semaphore& sem, Site site = Site::current());
void up_write(rw_semaphore& sem, Site site = Site::current());
// The writer becomes a reader; readers may join it, writers may not come between.
void downgrade_write(rw_semaphore& sem, Site site = Site::current());

// For assertions: they look at the newest state and are no accesses.
bool rwsem_is_locked(const rw_semaphore& sem);
bool rwsem_is_write_locked(const rw_semaphore& sem);
bool lockdep_is_held(const rw_semaphore& sem);  // by this CPU, either way
// Verdict lock-imbalance unless this CPU holds it (for writing).
void rwsem_assert_held(const rw_semaphore& sem, Site site = Site::current());
void rwsem_assert_held_write(const rw_semaphore& sem, Site site = Site::current());

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_RWSEM_H_
