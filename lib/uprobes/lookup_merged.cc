// find_active_uprobe_speculative() as merged in 6.14 (v5, 21 November 2024,
// <20241122035922.3321100-3-andrii@kernel.org>, over Suren Baghdasaryan's seqcount of 22 November,
// <20241122174416.1367052-1-surenb@google.com>) and unchanged since. With 6.15 the VMA may be
// recycled by another mm while it is being read: then our own mm's counter has moved, because the
// VMA had to leave our tree first.
#include <optional>

#include "kernel/bugs.h"
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

uprobe* lookup_merged(mm_struct* mm, unsigned long bp_vaddr) {
  std::optional<rcu_guard> rcu;
  if (!bug(Bug::lookup_without_rcu)) rcu.emplace(Site::current());
  unsigned long seq;
  if (!mmap_lock_speculate_try_begin(mm, &seq)) return nullptr;

  const vm_area_struct* vma = vma_lookup(mm, bp_vaddr);
  if (vma == nullptr) return bug(Bug::negative_result_trusted) ? no_uprobe_for_sure() : nullptr;

  // The file may have become another one, but is a struct file: what is read of it may be wrong,
  // not fatal. The pointer itself must be loaded in one piece.
  const file* vm_file = bug(Bug::torn_vm_file) ? data_race(vma->vm_file) : READ_ONCE(vma->vm_file);
  if (vm_file == nullptr && !bug(Bug::vm_file_unchecked)) return nullptr;

  // all plain
  const loff_t offset =
      speculative_offset(data_race(vma->vm_pgoff), data_race(vma->vm_start), bp_vaddr);
  uprobe* uprobe = find_uprobe_rcu(data_race(vm_file->f_inode), offset);
  if (uprobe == nullptr) return nullptr;

  if (!bug(Bug::retry_not_checked) && mmap_lock_speculate_retry(mm, seq)) return nullptr;
  return uprobe;
}

}  // namespace vmafuzz::kernel
