// Peter Zijlstra, 30 July 2024, <20240730134605.GO33588@noisy.programming.kicks-ass.net>:
// mm_lock_seq becomes a sequence count, and the lookup loops until it has not changed.
//
// The count is sampled once, before the loop: after one change the loop cannot end. Nothing tests
// whether it is odd. The uprobe is searched after the loop.
#include "kernel/remedies.h"
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

uprobe* lookup_peter_sketch(mm_struct* mm, unsigned long bp_vaddr) {
  const rcu_guard rcu;
  const inode* inode;
  loff_t offset;
  unsigned long seq = READ_ONCE(mm->mm_lock_seq);
  smp_rmb();
  do {
    if (remedy(Remedy::sampled_again)) {
      seq = READ_ONCE(mm->mm_lock_seq);
      smp_rmb();
    }
    if (remedy(Remedy::odd_test) && (seq & 1) != 0) return nullptr;
    const vm_area_struct* vma =
        remedy(Remedy::address_inside) ? vma_lookup(mm, bp_vaddr) : find_vma(mm, bp_vaddr);
    if (vma == nullptr) return nullptr;
    // valid_vma(vma, false), file_inode() and vaddr_to_offset(), all plain
    const file* vm_file = data_race(vma->vm_file);
    if (vm_file == nullptr) return nullptr;
    const vm_flags_t flags = VM_HUGETLB | VM_MAYEXEC | VM_MAYSHARE;
    if ((data_race(vma->vm_flags) & flags) != VM_MAYEXEC) return nullptr;
    inode = data_race(vm_file->f_inode);
    offset = speculative_offset(data_race(vma->vm_pgoff), data_race(vma->vm_start), bp_vaddr);
    smp_rmb();
  } while (seq != READ_ONCE(mm->mm_lock_seq));
  return find_uprobe_rcu(inode, offset);
}

}  // namespace vmafuzz::kernel
