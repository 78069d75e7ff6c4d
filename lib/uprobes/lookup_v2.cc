// v2, 1 October 2024 (<20241001225207.2215639-6-andrii@kernel.org>, patch 5 of 5): inside of RCU
// from the beginning, vm_file by READ_ONCE(), no test of vm_flags. The other patches are the rules
// that it runs under: 1 the counter's increments at lock and unlock, 2 its 64 bits, 3 the delayed
// freeing of FMODE_BACKING files, 4 no test of vm_flags under the lock either.
//
// Without patch 1 the counter is the one of the time: incremented at unlock, so that parity says
// nothing.
#include "mm/mm.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

namespace {

bool mmap_lock_speculation_start(const mm_struct* mm, unsigned long* seq) {
  *seq = mm_lock_seq_read_begin(mm);
  return (*seq & 1) == 0;
}
bool mmap_lock_speculation_end(const mm_struct* mm, unsigned long seq) {
  return mm_lock_seq_read_end(mm) == seq;
}

}  // namespace

uprobe* lookup_v2(mm_struct* mm, unsigned long bp_vaddr) {
  const rcu_guard rcu;
  unsigned long seq;
  if (!mmap_lock_speculation_start(mm, &seq)) return nullptr;

  const vm_area_struct* vma = vma_lookup(mm, bp_vaddr);
  if (vma == nullptr) return nullptr;
  const file* vm_file = READ_ONCE(vma->vm_file);
  if (vm_file == nullptr) return nullptr;

  // all plain
  const loff_t offset =
      speculative_offset(data_race(vma->vm_pgoff), data_race(vma->vm_start), bp_vaddr);
  uprobe* uprobe = find_uprobe_rcu(data_race(vm_file->f_inode), offset);
  if (uprobe == nullptr) return nullptr;

  if (!mmap_lock_speculation_end(mm, seq)) return nullptr;
  return uprobe;
}

}  // namespace vmafuzz::kernel
