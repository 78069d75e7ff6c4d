#include "variants/differences.h"

#include "absl/strings/str_cat.h"
#include "kernel/remedies.h"

namespace vmafuzz::variants {

using kernel::counter_kind;
using kernel::kernel_rules;
using kernel::Remedy;
using kernel::vma_lock_kind;

namespace {

// What a protocol was asked for, or would have been: it gave way to another one first.
struct Asked {
  kernel::lookup_function of;
  Remedy remedy;
  const char* what;
};

constexpr Asked kAsked[] = {
    {&kernel::lookup_peter_sketch, Remedy::odd_test,
     "a test in lookup_peter_sketch() whether mm_lock_seq is odd, as in raw_seqcount_try_begin()"},
    {&kernel::lookup_peter_sketch, Remedy::sampled_again,
     "mm_lock_seq sampled again on every turn of the loop in lookup_peter_sketch(), as in "
     "read_seqcount_begin()"},
    {&kernel::lookup_peter_sketch, Remedy::address_inside,
     "vma_lookup() for find_vma() in lookup_peter_sketch()"},
    {&kernel::lookup_aug02_draft, Remedy::write_locked_test,
     "a test in lookup_aug02_draft() whether the VMA is write-locked (vm_lock_seq == mm_lock_seq), "
     "as in vma_start_read()"},
    {&kernel::lookup_aug02_draft, Remedy::rmb_at_end,
     "smp_rmb() in lookup_aug02_draft() before the last look at vm_lock_seq"},
    {&kernel::lookup_plan_a_e, Remedy::write_locked_test,
     "step a.3 of lookup_plan_a_e() testing whether the VMA is write-locked (vm_lock_seq == "
     "mm_lock_seq), as vma_start_read() does, and not whether vm_lock_seq is odd"},
    {&kernel::lookup_plan_a_e, Remedy::rmb_at_end,
     "smp_rmb() in lookup_plan_a_e() before steps d and e"},
    {&kernel::lookup_aug05_draft, Remedy::rmb_at_end,
     "smp_rmb() at the beginning of mm_end_vma_speculation()"},
};

class Differences {
 public:
  explicit Differences(const Applied& from)
      : from_(from.rules),
        merged_(find_kernel(from.rules.vma_lock == vma_lock_kind::refcount ? "6.18" : "6.14")) {}

  // A field that differs from the merged kernel's.
  template <class T>
  void field(T kernel_rules::* member, const char* what) {
    const T value = merged_->rules.*member;
    if (from_.*member == value) return;
    add(what, [member, value](Applied& applied) { applied.rules.*member = value; });
  }

  // A field that ought to be `value`, which mails proposed and the merged kernel needs no more.
  template <class T>
  void proposed(T kernel_rules::* member, T value, const char* what) {
    if (from_.*member == value) return;
    changes_.push_back({absl::StrCat("with ", what),
                        [member, value](Applied& applied) { applied.rules.*member = value; }});
  }

  void add(const std::string& what, std::function<void(Applied&)> apply) {
    changes_.push_back(
        {absl::StrCat("with ", what, ", as in ", std::string(merged_->name)), std::move(apply)});
  }

  void counter() {
    if (from_.counter != counter_kind::both && from_.counter != counter_kind::seqcount) {
      const kernel_rules merged = merged_->rules;
      add("mm_lock_seq odd while mmap_lock is held for writing",
          [merged](Applied& applied) { take_counter(merged, &applied.rules); });
      return;
    }
    field(&kernel_rules::begin_order, "smp_wmb() after mm_lock_seq has become odd");
    field(&kernel_rules::end_order, "smp_wmb() before mm_lock_seq becomes even");
    field(&kernel_rules::reader_begin, "load-acquire in the first look at mm_lock_seq");
    field(&kernel_rules::reader_end, "smp_rmb() before the last look at mm_lock_seq");
    if (from_.counter_bits < merged_->rules.counter_bits) {
      field(&kernel_rules::counter_bits, "mm_lock_seq of 32 bits");
    }
  }

  void lookup(const Applied& from) {
    const kernel::lookup_protocol* protocol = kernel::find_lookup_protocol(
        std::string_view(merged_->protocol.data(), merged_->protocol.size()));
    if (from.protocol == protocol->find_active_uprobe_speculative) return;
    const kernel_rules merged = merged_->rules;
    add("the lookup and the sequence counter that it relies on", [=](Applied& applied) {
      applied.protocol = protocol->find_active_uprobe_speculative;
      take_counter(merged, &applied.rules);
    });
    changes_.back().whole = true;
  }

  void remedies(kernel::lookup_function protocol) {
    for (const Asked& asked : kAsked) {
      if (asked.of != protocol) continue;
      const uint32_t bit = kernel::remedy_bit(asked.remedy);
      changes_.push_back({absl::StrCat("with ", asked.what),
                          [bit](Applied& applied) { applied.rules.remedies |= bit; }});
    }
  }

  // Switches that are bits; those that are fields have been seen above.
  void bug_switches() {
    for (const Bug& bug : bugs()) {
      kernel_rules only;
      only.bugs = 0;
      bug.switch_on(only);
      const uint64_t bits = only.bugs;
      if (bits == 0 || (from_.bugs & bits) != bits) continue;
      changes_.push_back(
          {absl::StrCat("without ", std::string(bug.name), " (", std::string(bug.cause), ")"),
           [bits](Applied& applied) { applied.rules.bugs &= ~bits; }});
    }
  }

  std::vector<Change> take() { return std::move(changes_); }

 private:
  static void take_counter(const kernel_rules& merged, kernel_rules* rules) {
    rules->counter = merged.counter;
    rules->counter_bits = merged.counter_bits;
    rules->counter_signed = merged.counter_signed;
    rules->begin_order = merged.begin_order;
    rules->end_order = merged.end_order;
    rules->reader_begin = merged.reader_begin;
    rules->reader_end = merged.reader_end;
  }

  const kernel_rules& from_;
  const Kernel* merged_;
  std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> changes_towards_merged(const Applied& from) {
  Differences d(from);
  d.bug_switches();
  d.field(&kernel_rules::backing_file_free, "type-stable memory for backing files");
  d.field(&kernel_rules::file_free, "type-stable memory for files");
  d.field(&kernel_rules::vma_free, from.rules.vma_lock == vma_lock_kind::refcount
                                       ? "type-stable memory for VMAs"
                                       : "VMAs freed after a grace period");
  d.field(&kernel_rules::maple_dead_check, "readers that look whether a node is dead");
  d.field(&kernel_rules::maple_dead_rmb, "smp_rmb() in ma_dead_node()");
  d.field(&kernel_rules::maple_dead_wmb, "smp_wmb() in mte_set_node_dead()");
  d.field(&kernel_rules::rwsem_handover, "a rw_semaphore that orders third CPUs, too");
  if (from.rules.counter == counter_kind::at_unlock) {
    d.proposed(&kernel_rules::vma_start_write_wmb, true,
               "smp_wmb() in vma_start_write() after vm_lock_seq is stored");
  }
  d.remedies(from.protocol);
  d.counter();
  d.lookup(from);
  return d.take();
}

}  // namespace vmafuzz::variants
