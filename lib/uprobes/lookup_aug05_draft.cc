// Andrii Nakryiko's draft of 5 August 2024,
// <CAEf4BzZ26FNTguRh_X9_5eQZvOeKb+c-o3mxSzoM2+TF3NqaWA@mail.gmail.com>, with
// mm_start_vma_speculation() and mm_end_vma_speculation().
//
// mm_lock_seq is incremented at unlock only, so that a writer at work shows in vm_lock_seq ==
// mm_lock_seq alone. For that to be seen, vma_start_write() needs an smp_wmb() after it has stored
// vm_lock_seq, and the end of the speculation an smp_rmb() before it looks (Suren Baghdasaryan and
// Jann Horn, 15 August); a load-acquire orders what follows it. The memory behind vm_file has to
// stay: the draft put SLAB_TYPESAFE_BY_RCU on files_cachep, which holds tables of file descriptors.
#include "kernel/remedies.h"
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

namespace {

void mm_start_vma_speculation(const mm_struct* mm, unsigned long* mm_lock_seq) {
  *mm_lock_seq = smp_load_acquire(mm->mm_lock_seq);
}

// True if no modification of the mm or the VMA happened.
bool mm_end_vma_speculation(const vm_area_struct* vma, unsigned long mm_lock_seq) {
  if (remedy(Remedy::rmb_at_end)) smp_rmb();
  const mm_struct* vm_mm = data_race(vma->vm_mm);  // plain
  const unsigned long mm_seq = smp_load_acquire(vm_mm->mm_lock_seq);
  const unsigned long vma_seq = READ_ONCE(vma->vm_lock_seq);
  return mm_seq == mm_lock_seq && vma_seq != mm_seq;
}

}  // namespace

uprobe* lookup_aug05_draft(mm_struct* mm, unsigned long bp_vaddr) {
  const vm_flags_t flags = VM_HUGETLB | VM_MAYEXEC | VM_MAYSHARE;
  const rcu_guard rcu;
  unsigned long mm_lock_seq;
  mm_start_vma_speculation(mm, &mm_lock_seq);

  const vm_area_struct* vma = vma_lookup(mm, bp_vaddr);
  if (vma == nullptr) return nullptr;

  const file* vm_file = data_race(vma->vm_file);
  if (vm_file == nullptr || (data_race(vma->vm_flags) & flags) != VM_MAYEXEC)
    return nullptr;  // plain

  const inode* vm_inode = data_race(vm_file->f_inode);
  const unsigned long vm_pgoff = data_race(vma->vm_pgoff);
  const unsigned long vm_start = data_race(vma->vm_start);

  uprobe* uprobe = find_uprobe_rcu(vm_inode, speculative_offset(vm_pgoff, vm_start, bp_vaddr));
  if (uprobe == nullptr) return nullptr;

  if (!mm_end_vma_speculation(vma, mm_lock_seq)) return nullptr;
  return uprobe;
}

}  // namespace vmafuzz::kernel
