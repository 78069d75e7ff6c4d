// Address spaces: their beginning and end (kernel/fork.c, exit_mmap() of mm/mmap.c), and the world
// that they live in.
#include "mm/vma.h"

namespace vmafuzz::kernel {

Observer* observer = nullptr;

void vma_init_reset();  // vma_init.cc
void rmap_reset();      // rmap.cc

namespace {
platform::KmemCache<mm_struct> mm_cachep("mm_struct", false);
mm_struct* mms[kMaxMms];
constexpr const char* kMmNames[kMaxMms] = {"mm0", "mm1", "mm2", "mm3"};
}  // namespace

void mm_world_reset() {
  maple_tree_init();
  vma_init_reset();
  rmap_reset();
  fs_reset();
  mm_cachep.reset(false);
  for (mm_struct*& mm : mms) mm = nullptr;
  sysctl_max_map_count = kDefaultMaxMapCount;
}

mm_struct* mm_alloc(int id) {
  mm_struct* mm = mm_cachep.alloc_nofail();
  platform::set_label(mm, kMmNames[id]);
  mm->id = id;
  mt_set_external_lock(&mm->mm_mt, &mm->mmap_lock);
  mt_set_in_rcu(&mm->mm_mt);
  atomic_set(mm->mm_users, 1);
  atomic_set(mm->mm_count, 1);
  mm->start_brk.set(kStartBrkPage << PAGE_SHIFT);
  mm->brk.set(kStartBrkPage << PAGE_SHIFT);
  mm->start_stack.set(kStackTopPage << PAGE_SHIFT);
  mms[id] = mm;
  return mm;
}

mm_struct* mm_at(int id) { return mms[id]; }

void mmgrab(mm_struct* mm) { atomic_inc(mm->mm_count); }

void mmdrop(mm_struct* mm) {
  if (!atomic_dec_and_test(mm->mm_count)) return;
  if (mms[mm->id] == mm) mms[mm->id] = nullptr;
  mm_cachep.free(mm);
}

bool mmget_not_zero(mm_struct* mm) {
  int users = atomic_read(mm->mm_users);
  while (users != 0) {
    if (try_cmpxchg(mm->mm_users.counter, &users, users + 1, Order::kFull)) return true;
  }
  return false;
}

void mmput(mm_struct* mm) {
  if (!atomic_dec_and_test(mm->mm_users)) return;
  exit_mmap(mm);
  mmdrop(mm);
}

// Nobody uses the address space any more: the tree needs no RCU while it is taken apart.
void exit_mmap(mm_struct* mm) {
  mmap_read_lock(mm);
  MA_STATE(mas, &mm->mm_mt, 0, 0);
  while (auto* vma = static_cast<vm_area_struct*>(mas_find(&mas, TASK_SIZE - 1))) {
    unmap_single_vma(vma, vma->vm_start.get(), vma->vm_end.get());
  }
  mmap_read_unlock(mm);

  mmap_write_lock(mm);
  mt_clear_in_rcu(&mm->mm_mt);
  mas_set(&mas, 0);
  while (auto* vma = static_cast<vm_area_struct*>(mas_find(&mas, TASK_SIZE - 1))) {
    free_pgtables(vma, true);
  }
  mas_set(&mas, 0);
  int count = 0;
  while (auto* vma = static_cast<vm_area_struct*>(mas_find(&mas, TASK_SIZE - 1))) {
    vma_mark_detached(vma);
    remove_vma(vma);
    ++count;
  }
  add_map_count(mm, -count);
  __mt_destroy(&mm->mm_mt);
  mmap_write_unlock(mm);
}

}  // namespace vmafuzz::kernel
