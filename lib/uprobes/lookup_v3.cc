// v3, 10 October 2024 (<20241010205644.3831427-5-andrii@kernel.org>): v2 with data_race() on the
// fields that may change (Oleg Nesterov), each loaded once before it is used. FMODE_BACKING files
// have become type-stable in the meantime (8b1bc2590af6).
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

uprobe* lookup_v3(mm_struct* mm, unsigned long bp_vaddr) {
  const rcu_guard rcu;
  unsigned long seq;
  // mmap_lock_speculation_start(), _end()
  if (!mmap_lock_speculate_try_begin(mm, &seq)) return nullptr;

  const vm_area_struct* vma = vma_lookup(mm, bp_vaddr);
  if (vma == nullptr) return nullptr;
  const file* vm_file = READ_ONCE(vma->vm_file);
  if (vm_file == nullptr) return nullptr;

  const unsigned long vm_pgoff = data_race(vma->vm_pgoff);
  const unsigned long vm_start = data_race(vma->vm_start);
  const inode* vm_inode = data_race(vm_file->f_inode);

  uprobe* uprobe = find_uprobe_rcu(vm_inode, speculative_offset(vm_pgoff, vm_start, bp_vaddr));
  if (uprobe == nullptr) return nullptr;

  if (mmap_lock_speculate_retry(mm, seq)) return nullptr;
  return uprobe;
}

}  // namespace vmafuzz::kernel
