// The bug switches. A row is here only if the model has the switch and something can report it.
#include "variants/variants.h"

namespace vmafuzz::variants {

using kernel::free_kind;
using kernel::kernel_rules;
using kernel::read_begin_order;
using kernel::read_end_order;
using kernel::write_begin_order;
using kernel::write_end_order;
using B = kernel::Bug;

namespace {

template <B bug>
void bit(kernel_rules& rules) {
  rules.bugs |= kernel::bug_bit(bug);
}

constexpr absl::string_view kWrong = "wrong-uprobe";
constexpr absl::string_view kStale = "stale-uprobe";
constexpr absl::string_view kDead = "dead-uprobe";
constexpr absl::string_view kMissed = "missed-uprobe";
constexpr absl::string_view kSpurious = "spurious-breakpoint";
constexpr absl::string_view kUseAfterFree = "use-after-free";
constexpr absl::string_view kDoubleFree = "double-free";
constexpr absl::string_view kDataRace = "data-race";
constexpr absl::string_view kParity = "counter-parity";
constexpr absl::string_view kForever = "fallback-forever";
constexpr absl::string_view kLayout = "layout";
constexpr absl::string_view kNull = "null-dereference";
constexpr absl::string_view kTreeCorrupt = "tree-corrupt";

// The mm-wide counter and what it protects.
void add_counter_bugs(std::vector<Bug>& b) {
  b.push_back({"no-odd-test",
               "mmap_lock_speculate_try_begin() does not look whether the count is odd",
               "<20240803085312.GP39708@noisy.programming.kicks-ass.net>",
               {kWrong, kStale},
               &bit<B::no_odd_test>});
  b.push_back({"retry-not-checked",
               "a result is taken without mmap_lock_speculate_retry()",
               "<20240803085312.GP39708@noisy.programming.kicks-ass.net>",
               {kWrong, kStale},
               &bit<B::retry_not_checked>});
  b.push_back({"retry-acquires",
               "the last look is a load-acquire: earlier loads may sink below it",
               "Jann Horn on <20240906051205.530219-2-andrii@kernel.org>",
               {kWrong, kStale},
               [](kernel_rules& r) { r.reader_end = read_end_order::load_acquire; }});
  b.push_back({"retry-without-rmb",
               "no smp_rmb() before the last look",
               "Suren Baghdasaryan and Jann Horn, 15 August 2024",
               {kWrong, kStale},
               [](kernel_rules& r) { r.reader_end = read_end_order::relaxed; }});
  b.push_back({"try-begin-relaxed",
               "the first look is no load-acquire: later loads may rise above it",
               "pairs with smp_wmb() in do_raw_write_seqcount_end()",
               {kWrong, kStale},
               [](kernel_rules& r) { r.reader_begin = read_begin_order::relaxed; }});
  b.push_back({"begin-releases",
               "the count becomes odd by a store-release: later stores may pass it",
               "Jann Horn on <20240906051205.530219-2-andrii@kernel.org>",
               {kWrong, kStale},
               [](kernel_rules& r) { r.begin_order = write_begin_order::store_release; }});
  b.push_back({"begin-without-wmb",
               "no smp_wmb() after the count has become odd",
               "do_raw_write_seqcount_begin()",
               {kWrong, kStale},
               [](kernel_rules& r) { r.begin_order = write_begin_order::relaxed; }});
  b.push_back({"end-without-wmb",
               "no smp_wmb() before the count becomes even",
               "do_raw_write_seqcount_end()",
               {kWrong, kStale, kDataRace},
               [](kernel_rules& r) { r.end_order = write_end_order::relaxed; }});
  b.push_back({"counter-wraps",
               "the count has 4 bits and comes back within 8 write sections",
               "Suren Baghdasaryan, 8 August 2024; with 32 bits still so upstream",
               {kWrong, kStale},
               [](kernel_rules& r) { r.counter_bits = 4; }});
  b.push_back({"killable-failure-counts",
               "mmap_write_lock_killable() counts also when it was killed",
               "`if (!ret)` in mmap_write_lock_killable()",
               {kParity, kForever, kWrong},
               &bit<B::killable_failure_counts>});
  b.push_back({"downgrade-keeps-section",
               "mmap_write_downgrade() without vma_end_write_all()",
               "mmap_write_downgrade()",
               {kParity, kForever},
               &bit<B::downgrade_keeps_section>});
  b.push_back({"section-ends-before-unlink",
               "munmap ends the section before the tree is cleared",
               "mmap_write_downgrade() comes after vma_iter_clear_gfp()",
               {kStale, kWrong},
               &bit<B::section_ends_before_unlink>});
}

// Memory that a lookup follows pointers into.
void add_memory_bugs(std::vector<Bug>& b) {
  b.push_back({"backing-file-freed-at-once",
               "files of FMODE_BACKING are freed by kfree()",
               "8b1bc2590af6, Jann Horn on v1",
               {kUseAfterFree},
               [](kernel_rules& r) { r.backing_file_free = free_kind::immediate; }});
  b.push_back({"file-freed-at-once",
               "filp_cachep without SLAB_TYPESAFE_BY_RCU",
               "Mateusz Guzik on <20240813042917.506057-13-andrii@kernel.org>",
               {kUseAfterFree},
               [](kernel_rules& r) { r.file_free = free_kind::immediate; }});
  b.push_back({"vma-freed-at-once",
               "vm_area_cachep without SLAB_TYPESAFE_BY_RCU, and no call_rcu()",
               "vm_area_free()",
               {kUseAfterFree},
               [](kernel_rules& r) { r.vma_free = free_kind::immediate; }});
  b.push_back({"torn-vm-file",
               "vma->vm_file is loaded without READ_ONCE(); VMAs must be type-stable",
               "Jann Horn on <20240906051205.530219-3-andrii@kernel.org>",
               {"torn-pointer", kUseAfterFree},
               &bit<B::torn_vm_file>});
  b.push_back({"vm-file-unchecked",
               "a speculative lookup follows vma->vm_file without a test for null",
               "if (!vm_file) in find_active_uprobe_speculative()",
               {kNull},
               &bit<B::vm_file_unchecked>});
}

// Order and locks: what a race detector is for.
void add_synchronisation_bugs(std::vector<Bug>& b) {
  b.push_back({"seq-read-plainly",
               "lookups load mm_lock_seq without any mark",
               "the kernel named canary",
               {kDataRace},
               &bit<B::seq_read_plainly>});
  b.push_back({"lookup-without-rcu",
               "the speculative lookup runs outside of rcu_read_lock()",
               "find_active_uprobe_speculative(): guard(rcu)()",
               {kUseAfterFree, kDataRace},
               &bit<B::lookup_without_rcu>});
  b.push_back({"locked-lookup-without-lock",
               "the lookup that speculation falls back on does not take mmap_lock",
               "find_active_uprobe_rcu(): mmap_read_lock()",
               {kDataRace, kUseAfterFree, kWrong, kStale, kDead, kMissed, "lock-imbalance"},
               &bit<B::locked_lookup_without_lock>});
  b.push_back({"erase-without-treelock",
               "uprobe_free_deferred() does not take uprobes_treelock",
               "uprobe_free_deferred(): write_lock(&uprobes_treelock)",
               {kDataRace, kParity, kMissed, kUseAfterFree, kDead},
               &bit<B::erase_without_treelock>});
  b.push_back({"vma-read-lock-relaxed",
               "vma_start_read() counts itself without acquire",
               "vma_start_read(): __refcount_inc_not_zero_limited_acquire()",
               {kDataRace},
               &bit<B::vma_read_lock_relaxed>});
  b.push_back({"iget-without-lock",
               "inodes are looked up and made without inode_hash_lock",
               "iget_locked()",
               {kDataRace, "leak", kUseAfterFree, "refcount"},
               &bit<B::iget_without_lock>});
  b.push_back(
      {"rwsem-handover-unordered",
       "a rwsem orders only the CPUs that take it, not a third one that watches",
       "tools/memory-model/lock.cat, which orders spinlocks for third CPUs and nothing else",
       {kDataRace, kWrong, kStale, kUseAfterFree, kTreeCorrupt},
       [](kernel_rules& r) { r.rwsem_handover = false; }});
}

// uprobes: lookups, the tree, references.
void add_tree_bugs(std::vector<Bug>& b) {
  b.push_back({"negative-result-trusted",
               "no VMA found speculatively is believed without mmap_lock",
               "find_active_uprobe_rcu()",
               {kMissed},
               &bit<B::negative_result_trusted>});
  b.push_back({"lookup-not-retried",
               "find_uprobe_rcu() believes a miss while the tree is changing",
               "cd7bdd9d46a9",
               {kMissed},
               &bit<B::lookup_not_retried>});
  b.push_back({"erase-without-seqcount",
               "rb_erase() in uprobe_free_deferred() outside of the seqcount",
               "cd7bdd9d46a9",
               {kMissed},
               &bit<B::erase_without_seqcount>});
  b.push_back({"uprobe-freed-at-once",
               "uprobes are freed by kfree()",
               "8617408f7a01",
               {kUseAfterFree, kDead},
               &bit<B::uprobe_freed_at_once>});
  b.push_back({"uprobe-freed-after-rcu",
               "uprobes are freed after a grace period of normal RCU",
               "CVE-2024-56675 (ef1b808e3b7c)",
               {kUseAfterFree, kDead},
               &bit<B::uprobe_freed_after_rcu>});
  b.push_back({"uprobe-freed-after-srcu",
               "uprobes are freed after uretprobes_srcu's grace period alone",
               "uprobe_free_srcu()",
               {kUseAfterFree, kDead},
               &bit<B::uprobe_freed_after_srcu>});
  b.push_back(
      {"refcount-inc-on-zero",
       "try_get_uprobe() takes a reference of a uprobe that has none",
       "comment at try_get_uprobe()",
       {kUseAfterFree, kDead, kDoubleFree, "refcount", kMissed, kSpurious, "lock-imbalance"},
       &bit<B::refcount_inc_on_zero>});
  b.push_back({"replaced-node-not-cleared",
               "__insert_uprobe() erases a dying uprobe, and its work item erases it again",
               "RB_CLEAR_NODE() in __insert_uprobe()",
               {kUseAfterFree, kDead, kMissed, kSpurious, "livelock", kTreeCorrupt, kNull},
               &bit<B::replaced_node_not_cleared>});
}

// uprobes: registration.
void add_registration_bugs(std::vector<Bug>& b) {
  b.push_back({"failed-unregister-removes",
               "a breakpoint could not be removed, the uprobe goes anyway",
               "`leaking uprobe` in uprobe_unregister_nosync()",
               {kSpurious, kMissed},
               &bit<B::failed_unregister_removes>});
  b.push_back({"register-under-read-lock",
               "register_for_each_vma() takes mmap_lock for reading",
               "comment in register_for_each_vma()",
               {kMissed},
               &bit<B::register_under_read_lock>});
  b.push_back({"unregister-without-sync",
               "the consumer is freed without uprobe_unregister_sync()",
               "comment in uprobe_unregister_sync()",
               {kUseAfterFree, kNull},
               &bit<B::unregister_without_sync>});
  b.push_back({"consumer-freed-registered",
               "a failed registration frees its consumer, still on the list",
               "CVE-2024-47675 (5fe6e308abae)",
               {kUseAfterFree, "leak"},
               &bit<B::consumer_freed_registered>});
  b.push_back({"inode-not-kept",
               "a registrant drops its inode as soon as it is registered",
               "kernel-doc of uprobe_register(): the caller keeps @inode referenced",
               {kWrong, kStale, kUseAfterFree, kDataRace, "lock-imbalance"},
               &bit<B::inode_not_kept>});
  b.push_back({"copy-insn-without-wmb",
               "UPROBE_COPY_INSN is set without smp_wmb() after the copy",
               "prepare_uprobe()",
               {kDataRace},
               &bit<B::copy_insn_without_wmb>});
  b.push_back({"copy-insn-without-rmb",
               "UPROBE_COPY_INSN is tested without smp_rmb() before the use",
               "handle_swbp()",
               {kDataRace},
               &bit<B::copy_insn_without_rmb>});
  b.push_back({"plain-nhit",
               "tu->nhit++ on one counter for all CPUs",
               "10cdb82aa77f",
               {kDataRace},
               &bit<B::plain_nhit>});
  b.push_back({"marked-nhit",
               "data_race(tu->nhit++): nothing is reported, updates are lost all the same",
               "10cdb82aa77f",
               {"lost-update"},
               &bit<B::marked_nhit>});
}

// The VMA list: what splits, what merges, what a call leaves behind.
void add_list_bugs(std::vector<Bug>& b) {
  b.push_back({"merge-other-offset",
               "VMAs merge whose offsets in the file do not follow each other",
               "vm_pgoff in can_vma_merge_before() and can_vma_merge_after()",
               {kLayout},
               &bit<B::merge_other_offset>});
  b.push_back({"merge-other-file",
               "VMAs of two files merge if they are of one inode",
               "vm_file in is_mergeable_vma()",
               {kLayout, kUseAfterFree},
               &bit<B::merge_other_file>});
  b.push_back({"merge-other-flags",
               "VMAs merge whatever they may do",
               "vm_flags in is_mergeable_vma()",
               {kLayout},
               &bit<B::merge_other_flags>});
  b.push_back({"merge-other-anon-vma",
               "VMAs merge although each has an anon_vma of its own",
               "is_mergeable_anon_vma()",
               {kLayout},
               &bit<B::merge_other_anon_vma>});
  b.push_back({"merge-unlike-neighbours",
               "prev and next merge with what is between, although their anon_vmas differ",
               "can_vma_merge_right()",
               {kLayout},
               &bit<B::merge_unlike_neighbours>});
  b.push_back({"merge-drops-anon-vma",
               "mremap() merges written memory into a VMA that does not get its anon_vma",
               "CVE-2026-23077: dup_anon_vma() of copied_from in vma_expand()",
               {kLayout},
               &bit<B::merge_drops_anon_vma>});
  b.push_back({"split-keeps-offset",
               "the upper part of a split keeps the offset of the lower one",
               "vm_pgoff in __split_vma()",
               {kLayout, kWrong},
               &bit<B::split_keeps_offset>});
  b.push_back({"munmap-whole-vma",
               "munmap() takes all of the last VMA of its range",
               "the end split of vms_gather_munmap_vmas()",
               {kLayout},
               &bit<B::munmap_whole_vma>});
  b.push_back({"noreplace-replaces",
               "MAP_FIXED_NOREPLACE replaces what is there",
               "before 4.17 the flag was unknown; a4ff8e8620d3",
               {kLayout},
               &bit<B::noreplace_replaces>});
  b.push_back({"readonly-file-shared",
               "a shared mapping of a file that is not open for writing has VM_SHARED",
               "do_mmap()",
               {kLayout},
               &bit<B::readonly_file_shared>});
  b.push_back({"mprotect-skips-holes",
               "mprotect() passes over a hole and changes what is behind it",
               "-ENOMEM in do_mprotect_pkey()",
               {kLayout},
               &bit<B::mprotect_skips_holes>});
  b.push_back({"mremap-keeps-offset",
               "anonymous memory that was never written keeps its offset when it moves",
               "copy_vma()",
               {kLayout},
               &bit<B::mremap_keeps_offset>});
  b.push_back({"mremap-drops-account",
               "what mremap() leaves of a VMA is not accounted any more",
               "VM_ACCOUNT in unmap_source_vma()",
               {kLayout},
               &bit<B::mremap_drops_account>});
  b.push_back({"dontunmap-keeps-anon-vma",
               "MREMAP_DONTUNMAP leaves the emptied VMA its anon_vma",
               "dontunmap_complete()",
               {kLayout},
               &bit<B::dontunmap_keeps_anon_vma>});
}

// The VMA tree.
void add_tree_node_bugs(std::vector<Bug>& b) {
  b.push_back({"maple-dead-unchecked",
               "readers use a node without looking whether it was replaced",
               "lib/maple_tree.c, ma_dead_node()",
               {kTreeCorrupt, kWrong, kStale, kUseAfterFree},
               [](kernel_rules& r) { r.maple_dead_check = false; }});
  b.push_back({"maple-dead-without-rmb",
               "no smp_rmb() in ma_dead_node()",
               "0a2b18d94883",
               {kTreeCorrupt, kWrong, kStale, kUseAfterFree},
               [](kernel_rules& r) { r.maple_dead_rmb = false; }});
  b.push_back({"maple-dead-without-wmb",
               "no smp_wmb() in mte_set_node_dead()",
               "c13af03de46b",
               {kTreeCorrupt, kWrong, kStale, kUseAfterFree},
               [](kernel_rules& r) { r.maple_dead_wmb = false; }});
}

std::vector<Bug> make_bugs() {
  std::vector<Bug> b;
  add_counter_bugs(b);
  add_memory_bugs(b);
  add_synchronisation_bugs(b);
  add_tree_bugs(b);
  add_registration_bugs(b);
  add_list_bugs(b);
  add_tree_node_bugs(b);
  return b;
}

}  // namespace

std::span<const Bug> bugs() {
  static const std::vector<Bug> all = make_bugs();
  return all;
}

}  // namespace vmafuzz::variants
