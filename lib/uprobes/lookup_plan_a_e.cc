// The steps a) to e) that Andrii Nakryiko answered Peter Zijlstra with on 4 August 2024,
// <CAEf4BzYPpkhKtuaT-EbyKeB13-uBeYf8LjR9CB=xaXYHnwsyAQ@mail.gmail.com>: remember mm_lock_seq and
// vm_lock_seq, look up as in the draft of 2 August, compare both again.
//
// a.3 takes an odd vm_lock_seq to mean "is being modified", which it never did: mm_lock_seq then
// counted finished write sections only, and a VMA gets the current number whatever its parity. So
// the plan refuses VMAs that were last modified in every other section, and accepts inside of the
// others.
#include "kernel/remedies.h"
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

namespace {

bool being_modified(unsigned long vm_lock_seq, unsigned long mm_lock_seq) {
  if (remedy(Remedy::write_locked_test)) return vm_lock_seq == mm_lock_seq;
  return (vm_lock_seq & 1) != 0;
}

uprobe* look(mm_struct* mm, unsigned long bp_vaddr) {
  const vm_flags_t flags = VM_HUGETLB | VM_MAYEXEC | VM_MAYSHARE;
  const unsigned long mm_lock_seq = smp_load_acquire(mm->mm_lock_seq);  // a.1
  const vm_area_struct* vma = vma_lookup(mm, bp_vaddr);
  if (vma == nullptr) return nullptr;
  const unsigned long vm_lock_seq = smp_load_acquire(vma->vm_lock_seq);  // a.2
  if (being_modified(vm_lock_seq, mm_lock_seq)) return nullptr;          // a.3

  // b) "as I've coded it"
  const file* vm_file = READ_ONCE(vma->vm_file);
  const vm_flags_t vm_flags = READ_ONCE(vma->vm_flags);
  if (vm_file == nullptr || (vm_flags & flags) != VM_MAYEXEC) return nullptr;
  const inode* vm_inode = READ_ONCE(vm_file->f_inode);
  const unsigned long vm_pgoff = READ_ONCE(vma->vm_pgoff);
  const unsigned long vm_start = READ_ONCE(vma->vm_start);
  const unsigned long vm_end = READ_ONCE(vma->vm_end);
  if (bp_vaddr < vm_start || bp_vaddr >= vm_end) return nullptr;

  uprobe* uprobe = find_uprobe_rcu(vm_inode, speculative_offset(vm_pgoff, vm_start, bp_vaddr));
  if (uprobe == nullptr) return nullptr;  // c
  if (remedy(Remedy::rmb_at_end)) smp_rmb();
  if (vm_lock_seq != smp_load_acquire(vma->vm_lock_seq)) return nullptr;  // d
  if (mm_lock_seq != smp_load_acquire(mm->mm_lock_seq)) return nullptr;   // e
  return uprobe;
}

}  // namespace

uprobe* lookup_plan_a_e(mm_struct* mm, unsigned long bp_vaddr) {
  const rcu_guard rcu;
  return look(mm, bp_vaddr);
}

}  // namespace vmafuzz::kernel
