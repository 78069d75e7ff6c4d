// Suren Baghdasaryan, 7 August 2024, <20240807182325.2585582-1-surenb@google.com>: mm_lock_seq is
// incremented at lock and at unlock, both times by a store-release; start and end of a speculation
// look at it by load-acquires. This is the use that he described along with it: inode and offset
// under RCU, then the check, then the uprobe. Fields are read as Andrii Nakryiko's draft of 5
// August does.
//
// A load-acquire cannot end a read section, nor a store-release begin a write section; and the
// count is an int, which may wrap in between (Suren, 8 August).
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

namespace {

// False: nothing there that a uprobe could be for.
bool find_inode(mm_struct* mm, unsigned long bp_vaddr, const inode** vm_inode, loff_t* offset) {
  const vm_flags_t flags = VM_HUGETLB | VM_MAYEXEC | VM_MAYSHARE;
  const rcu_guard rcu;
  const vm_area_struct* vma = vma_lookup(mm, bp_vaddr);
  if (vma == nullptr) return false;
  const file* vm_file = data_race(vma->vm_file);
  if (vm_file == nullptr || (data_race(vma->vm_flags) & flags) != VM_MAYEXEC)
    return false;  // plain
  *vm_inode = data_race(vm_file->f_inode);
  *offset = speculative_offset(data_race(vma->vm_pgoff), data_race(vma->vm_start), bp_vaddr);
  return true;
}

}  // namespace

uprobe* lookup_suren_rfc(mm_struct* mm, unsigned long bp_vaddr) {
  unsigned long seq;
  const inode* vm_inode;
  loff_t offset;
  // mmap_lock_speculation_start(), _end()
  if (!mmap_lock_speculate_try_begin(mm, &seq)) return nullptr;
  if (!find_inode(mm, bp_vaddr, &vm_inode, &offset)) return nullptr;
  if (mmap_lock_speculate_retry(mm, seq)) return nullptr;
  return find_uprobe_rcu(vm_inode, offset);
}

}  // namespace vmafuzz::kernel
