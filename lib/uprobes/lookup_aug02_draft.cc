// Andrii Nakryiko, 2 August 2024,
// <CAEf4BzavWOgCLQoNdmPyyqHcm7gY5USKU5f1JWfyaCbuc_zVAA@mail.gmail.com>: the VMA's own lock sequence
// before and after.
//
// vma->vm_lock_seq is stored once, when a write section locks the VMA: equal values mean that the
// whole lookup was inside or after the same section, not that it was outside (Peter Zijlstra, 3
// August, <20240803085312.GP39708@noisy.programming.kicks-ass.net>). And nothing orders the loads.
#include "kernel/remedies.h"
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

namespace {

uprobe* look(mm_struct* mm, unsigned long bp_vaddr) {
  const vm_flags_t flags = VM_HUGETLB | VM_MAYEXEC | VM_MAYSHARE;
  const vm_area_struct* vma = vma_lookup(mm, bp_vaddr);
  if (vma == nullptr) return nullptr;

  const unsigned long vm_lock_seq = READ_ONCE(vma->vm_lock_seq);
  if (remedy(Remedy::write_locked_test) && vm_lock_seq == smp_load_acquire(mm->mm_lock_seq)) {
    return nullptr;
  }

  const file* vm_file = READ_ONCE(vma->vm_file);
  const vm_flags_t vm_flags = READ_ONCE(vma->vm_flags);
  if (vm_file == nullptr || (vm_flags & flags) != VM_MAYEXEC) return nullptr;

  const inode* vm_inode = READ_ONCE(vm_file->f_inode);
  const unsigned long vm_pgoff = READ_ONCE(vma->vm_pgoff);
  const unsigned long vm_start = READ_ONCE(vma->vm_start);
  const unsigned long vm_end = READ_ONCE(vma->vm_end);
  if (bp_vaddr < vm_start || bp_vaddr >= vm_end) return nullptr;

  uprobe* uprobe = find_uprobe_rcu(vm_inode, speculative_offset(vm_pgoff, vm_start, bp_vaddr));
  if (uprobe == nullptr) return nullptr;

  // Nothing about the VMA changed?
  if (remedy(Remedy::rmb_at_end)) smp_rmb();
  if (vm_lock_seq != READ_ONCE(vma->vm_lock_seq)) return nullptr;
  return uprobe;
}

}  // namespace

uprobe* lookup_aug02_draft(mm_struct* mm, unsigned long bp_vaddr) {
  rcu_read_lock();
  uprobe* uprobe = look(mm, bp_vaddr);
  rcu_read_unlock();
  return uprobe;  // null: retry_with_lock
}

}  // namespace vmafuzz::kernel
