// What distinguishes one kernel from another: the data behind a named variant (lib/variants), read
// by the model where kernels differ. Set before an execution begins, constant during it.
#ifndef VMAFUZZ_KERNEL_RULES_H_
#define VMAFUZZ_KERNEL_RULES_H_

#include <cstdint>

namespace vmafuzz::kernel {

// mm->mm_lock_seq (kernel/history: 6.4 .. 6.13, RFC of 7 August 2024, v2, merged in 6.14).
enum class counter_kind : uint8_t {
  none,       // before per-VMA locks
  at_unlock,  // incremented when the write lock is released or downgraded only
  both,       // incremented at lock and at unlock: odd means write-locked
  seqcount,   // seqcount_t of 6.14 and later
};
// How the increments at lock and unlock are ordered, and how the reader's last look is.
enum class write_begin_order : uint8_t { store_release, store_wmb, relaxed };
enum class write_end_order : uint8_t { store_release, wmb_store, relaxed };
enum class read_begin_order : uint8_t { load_acquire, relaxed };
enum class read_end_order : uint8_t { load_acquire, rmb_load, relaxed };

enum class vma_lock_kind : uint8_t { none, rwsem, refcount };  // <=6.3, 6.4-6.14, 6.15+
enum class free_kind : uint8_t { immediate, after_rcu, type_stable };

struct kernel_rules {
  counter_kind counter = counter_kind::seqcount;
  // Width of the counter. It is what it was again after 2^(bits - 1) write sections, of which a
  // program of 64 operations has enough for 6 bits.
  uint8_t counter_bits = 32;
  bool counter_signed = false;
  write_begin_order begin_order = write_begin_order::store_wmb;
  write_end_order end_order = write_end_order::wmb_store;
  read_begin_order reader_begin = read_begin_order::load_acquire;
  read_end_order reader_end = read_end_order::rmb_load;
  vma_lock_kind vma_lock = vma_lock_kind::refcount;
  bool vma_start_write_wmb = true;  // smp_wmb() after vm_lock_seq is written
  free_kind vma_free = free_kind::type_stable;
  free_kind file_free = free_kind::type_stable;          // filp_cachep
  free_kind backing_file_free = free_kind::type_stable;  // FMODE_BACKING
  bool valid_vma_in_locked_lookup = false;               // find_active_uprobe_rcu() checks vm_flags
  // lib/maple_tree.c, ma_dead_node() and mte_set_node_dead(): the barriers of commits 0a2b18d94883
  // and c13af03de46b, and whether readers look at all.
  bool maple_dead_check = true;
  bool maple_dead_rmb = true;
  bool maple_dead_wmb = true;
  // A rw_semaphore orders third CPUs, as spinlocks do (rwsem.h).
  bool rwsem_handover = true;
  // mremap() that only moves takes all VMAs of its range along (remap_move(), 6.17), and checks
  // what it was asked before it unmaps the destination. Before, the range may not leave the first
  // VMA.
  bool remap_move = true;
  // Named finding moved-mapping: breakpoints that a registration lost sight of are not reported.
  bool accept_moved_mappings = false;
  uint64_t bugs = 0;      // switches of lib/variants, one bit each
  uint32_t remedies = 0;  // of diagnosis (remedies.h), one bit each

  bool operator==(const kernel_rules&) const = default;
};

extern kernel_rules rules;

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_RULES_H_
