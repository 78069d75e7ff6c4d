// The bug switches that the model asks for by name, each at the one place that it changes:
//
//   if (!bug(Bug::no_odd_test) && (seq & 1)) return false;
//
// What each means, where it comes from and which verdicts it may end in is in lib/variants/bugs.cc.
// Bugs that are another setting of kernel_rules (an order, a way of freeing) have no switch here.
#ifndef VMAFUZZ_KERNEL_BUGS_H_
#define VMAFUZZ_KERNEL_BUGS_H_

#include "kernel/rules.h"

namespace vmafuzz::kernel {

// Bits of kernel_rules::bugs: at most 64. Everywhere else they go by name.
enum class Bug : uint8_t {
  // mm/mmap_lock.h: the mm-wide counter.
  no_odd_test,                 // mmap_lock_speculate_try_begin() says yes inside of a section
  killable_failure_counts,     // a killed mmap_write_lock_killable() has begun a section
  downgrade_keeps_section,     // mmap_write_downgrade() does not end the section
  section_ends_before_unlink,  // munmap ends the section before the tree is cleared
  // uprobes: the lookup.
  retry_not_checked,        // a speculative result is taken without mmap_lock_speculate_retry()
  negative_result_trusted,  // no VMA found speculatively: believed without the lock
  torn_vm_file,             // vma->vm_file is loaded without READ_ONCE()
  vm_file_unchecked,        // ... and followed without a test for null
  lookup_not_retried,       // find_uprobe_rcu() believes a miss without read_seqcount_retry()
  // uprobes: the tree and lifetimes.
  erase_without_seqcount,     // rb_erase() outside of uprobes_seqcount
  uprobe_freed_at_once,       // kfree() without any grace period
  uprobe_freed_after_rcu,     // ... after one of normal RCU, which handlers do not hold
  uprobe_freed_after_srcu,    // ... after uretprobes_srcu's alone, without tasks-trace
  refcount_inc_on_zero,       // try_get_uprobe() counts up from zero
  replaced_node_not_cleared,  // __insert_uprobe() erases a dying uprobe without RB_CLEAR_NODE()
  // uprobes: registration.
  failed_unregister_removes,  // a breakpoint could not be removed, its uprobe is dropped anyway
  register_under_read_lock,   // breakpoints are installed under mmap_read_lock()
  unregister_without_sync,    // the consumer is freed without uprobe_unregister_sync()
  consumer_freed_registered,  // a failed registration frees the consumer, still on the list
  inode_not_kept,             // registrants drop their inode as soon as they are registered
  copy_insn_without_wmb,      // UPROBE_COPY_INSN is set without smp_wmb() after the copy
  copy_insn_without_rmb,      // ... and tested without smp_rmb() before it is used
  plain_nhit,                 // tu->nhit++ by every CPU on one counter
  // mm/vma.c, mm/mremap.c...: the VMA list.
  merge_other_offset,        // neighbours merge whose file offsets do not follow
  merge_other_file,          // inodes are compared, not files
  merge_other_flags,         // vm_flags are not compared
  merge_other_anon_vma,      // two anon_vmas are no obstacle
  merge_unlike_neighbours,   // ... nor are those of prev and next where both merge
  merge_drops_anon_vma,      // mremap()'s copy merges into a VMA that gets no anon_vma for it
  split_keeps_offset,        // the upper half of a split keeps the lower one's vm_pgoff
  munmap_whole_vma,          // munmap() does not split the last VMA of its range
  noreplace_replaces,        // MAP_FIXED_NOREPLACE is MAP_FIXED
  readonly_file_shared,      // VM_SHARED for a file that is not open for writing
  mprotect_skips_holes,      // mprotect() goes on behind a hole
  mremap_keeps_offset,       // memory never written keeps its offset when it is moved
  mremap_drops_account,      // what is left of a moved VMA loses VM_ACCOUNT
  dontunmap_keeps_anon_vma,  // MREMAP_DONTUNMAP leaves the old VMA its anon_vma
  marked_nhit,               // the same inside of data_race()
  // Order and locks.
  seq_read_plainly,            // lookups load mm_lock_seq without any mark
  lookup_without_rcu,          // lookup_merged() outside of rcu_read_lock()
  locked_lookup_without_lock,  // the fallback does not take mmap_lock either
  erase_without_treelock,      // rb_erase() without uprobes_treelock
  vma_read_lock_relaxed,       // vma_start_read() counts without its acquire
  iget_without_lock,           // inodes are looked up and made without inode_hash_lock
  count,
};
static_assert(static_cast<int>(Bug::count) <= 64);

inline bool bug(Bug b) { return (rules.bugs >> static_cast<int>(b) & 1) != 0; }
constexpr uint64_t bug_bit(Bug b) { return uint64_t{1} << static_cast<int>(b); }

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_BUGS_H_
