// "uprobes: add speculative lockless VMA-to-inode-to-uprobe resolution", RFC of 12 August 2024
// (<20240813042917.506057-14-andrii@kernel.org>) and v1 of 5 September
// (<20240906051205.530219-3-andrii@kernel.org>), over the counter of Suren Baghdasaryan's RFC.
//
// Jann Horn, 9 September: the orders at both ends are the wrong way round; not every struct file is
// type-stable (FMODE_BACKING); data_race(vma->vm_file) may tear although it is followed.
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

uprobe* lookup_v1(mm_struct* mm, unsigned long bp_vaddr) {
  const vm_flags_t flags = VM_HUGETLB | VM_MAYEXEC | VM_MAYSHARE;
  unsigned long seq;
  if (!mmap_lock_speculate_try_begin(mm, &seq)) return nullptr;

  const rcu_guard rcu;
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

  if (mmap_lock_speculate_retry(mm, seq)) return nullptr;
  return uprobe;
}

}  // namespace vmafuzz::kernel
