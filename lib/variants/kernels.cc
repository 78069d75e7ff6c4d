// The named kernels, oldest first.
#include "variants/variants.h"

namespace vmafuzz::variants {

using kernel::counter_kind;
using kernel::free_kind;
using kernel::kernel_rules;
using kernel::read_end_order;
using kernel::vma_lock_kind;
using kernel::write_begin_order;
using kernel::write_end_order;

namespace {

// What the mails of August 2024 were written against, 6.11: mm_lock_seq counts finished write
// sections, struct file is type-stable (since 6.7), backing files are kzalloc'ed and kfree'd, VMAs
// are freed after a grace period. vma_start_write() has no barrier after vm_lock_seq.
kernel_rules rules_611() {
  kernel_rules r;
  r.counter = counter_kind::at_unlock;
  r.counter_bits = 32;
  r.counter_signed = true;
  r.end_order = write_end_order::store_release;
  r.vma_lock = vma_lock_kind::rwsem;
  r.vma_start_write_wmb = false;
  r.vma_free = free_kind::after_rcu;
  r.file_free = free_kind::type_stable;
  r.backing_file_free = free_kind::immediate;
  r.valid_vma_in_locked_lookup = true;
  r.remap_move = false;
  return r;
}

// 8b1bc2590af6 (6.13) gave backing files a type-stable cache.
kernel_rules rules_613() {
  kernel_rules r = rules_611();
  r.backing_file_free = free_kind::type_stable;
  return r;
}

// "a light barrier" at lock, as before at unlock.
kernel_rules rules_peter() {
  kernel_rules r = rules_611();
  r.counter = counter_kind::both;
  r.begin_order = write_begin_order::store_wmb;
  return r;
}

// inc_mm_lock_seq() of the RFC of 7 August and of v1: a store-release both times, load-acquires
// both times.
kernel_rules rules_v1() {
  kernel_rules r = rules_611();
  r.counter = counter_kind::both;
  r.begin_order = write_begin_order::store_release;
  r.end_order = write_end_order::store_release;
  r.reader_end = read_end_order::load_acquire;
  return r;
}

// v1 with both ends and the backing files mended, but for what the caller takes back.
kernel_rules rules_v1_mended() {
  kernel_rules r = rules_v1();
  r.begin_order = write_begin_order::store_wmb;
  r.reader_end = read_end_order::rmb_load;
  r.backing_file_free = free_kind::type_stable;
  return r;
}

kernel_rules rules_v2() {
  kernel_rules r = rules_v1_mended();
  r.counter_bits = 64;
  r.backing_file_free = free_kind::after_rcu;  // kfree_rcu_mightsleep()
  r.valid_vma_in_locked_lookup = false;
  return r;
}

kernel_rules rules_614() {
  kernel_rules r = rules_613();
  r.counter = counter_kind::seqcount;
  r.counter_signed = false;
  r.begin_order = write_begin_order::store_wmb;
  r.end_order = write_end_order::wmb_store;
  r.reader_end = read_end_order::rmb_load;
  r.valid_vma_in_locked_lookup = false;
  return r;
}

kernel_rules rules_615() {
  kernel_rules r = rules_614();
  r.vma_lock = vma_lock_kind::refcount;
  r.vma_free = free_kind::type_stable;
  return r;
}

// 6.17 lets mremap() move several VMAs.
kernel_rules rules_618() {
  kernel_rules r = rules_615();
  r.remap_move = true;
  return r;
}

template <class F>
kernel_rules with(kernel_rules r, F change) {
  change(r);
  return r;
}

// Widths at which a counter wraps within a program: 2^(bits - 1) write sections in place of 2^31.
constexpr uint8_t kNarrow = 8;

constexpr absl::string_view kDying = "dying-uprobe";
constexpr absl::string_view kUnprobed = "unprobed-mapping";
constexpr absl::string_view kUnarmed = "unarmed-page";
constexpr absl::string_view kMoved = "moved-mapping";

constexpr absl::string_view kWrong = "wrong-uprobe";
constexpr absl::string_view kUseAfterFree = "use-after-free";

constexpr Caught kStaleToo = {"stale-uprobe",
                              "for the same reason, where what it read was right before it began"};
constexpr Caught kOddCount = {
    "fallback-forever",
    "every other write section leaves an odd count, and speculation is refused until the next",
    "merge-right"};
constexpr Caught kOddSection = {
    "fallback-forever",
    "a VMA that every other write section made or changed is taken for one that is being changed",
    "two-writers-one-reader"};
constexpr Caught kBackingFile = {
    kUseAfterFree,
    "vm_file->f_inode is read before anything is checked, backing files are freed at once",
    "backing-file-unmapped-under-hit"};
constexpr Caught kAcquireAtEnd = {
    kWrong, "a load-acquire at the end does not keep earlier loads before it", "two-readers"};
// In a merge: the locks of a split VMA's anon_vma order as much.
constexpr Caught kReleaseAtBegin = {
    kWrong, "a store-release at the beginning does not keep later stores after it", "merge-right"};
constexpr Caught kBothOrders = {
    kWrong, "neither a load-acquire at the end nor a store-release at the beginning is a barrier",
    "two-readers"};
constexpr Caught kNoBarriers = {
    kWrong, "no read barrier before the last look, no write barrier after vm_lock_seq",
    "madvise-flag-split-and-merge"};
constexpr Caught kWraps = {kWrong, "the counter came back to the value that the lookup began with",
                           "counter-wraps-under-hits"};

// Before v2 the lookups test vm_flags as valid_vma() does.
std::vector<absl::string_view> accepted_before_v2() { return {kDying, kUnarmed, kMoved}; }
std::vector<absl::string_view> accepted_since_v2() { return {kDying, kUnarmed, kMoved, kUnprobed}; }

void add_drafts(std::vector<Kernel>& k) {
  k.push_back({"locked",
               "6.13",
               "every lookup takes mmap_lock",
               rules_613(),
               "locked",
               {},
               accepted_before_v2()});
  k.push_back({"peter-sketch",
               "<20240730134605.GO33588@noisy.programming.kicks-ass.net>",
               "Peter Zijlstra's loop over mm_lock_seq, 30 July 2024",
               rules_peter(),
               "peter-sketch",
               {{"livelock", "the count is not sampled again: after one change the loop cannot end",
                 "brk-beside-hit"},
                {kWrong, "an odd count is accepted, and find_vma() may return the next mapping",
                 "madvise-flag-split-and-merge"},
                kStaleToo,
                kBackingFile},
               accepted_before_v2()});
  k.push_back({"aug02-draft",
               "<CAEf4BzavWOgCLQoNdmPyyqHcm7gY5USKU5f1JWfyaCbuc_zVAA@mail.gmail.com>",
               "Andrii Nakryiko's draft of 2 August 2024: vm_lock_seq before and after",
               rules_611(),
               "aug02-draft",
               {{kWrong, "accepts inside of a modification", "madvise-flag-split-and-merge",
                 Where::kInside},
                {kWrong, "accepts fields of both sides of a modification",
                 "eight-sections-under-hits", Where::kAcross},
                kStaleToo,
                kBackingFile},
               accepted_before_v2()});
  k.push_back({"plan-a-e",
               "<CAEf4BzYPpkhKtuaT-EbyKeB13-uBeYf8LjR9CB=xaXYHnwsyAQ@mail.gmail.com>",
               "steps a) to e) of 4 August 2024: mm_lock_seq and vm_lock_seq before and after",
               rules_611(),
               "plan-a-e",
               {{kWrong, "neither counter is odd inside of a modification",
                 "madvise-flag-split-and-merge", Where::kInside},
                {kWrong, "accepts fields of both sides of a modification",
                 "eight-sections-under-hits", Where::kAcross},
                kStaleToo,
                kBackingFile,
                kOddSection},
               accepted_before_v2()});
  k.push_back({"aug05-draft",
               "<CAEf4BzZ26FNTguRh_X9_5eQZvOeKb+c-o3mxSzoM2+TF3NqaWA@mail.gmail.com>",
               "draft of 5 August 2024: mm_lock_seq unchanged and the VMA not write-locked",
               rules_611(),
               "aug05-draft",
               {kNoBarriers, kStaleToo, kBackingFile},
               accepted_before_v2()});
  k.push_back(
      {"aug05-wrong-slab",
       "<CAEf4BzZ26FNTguRh_X9_5eQZvOeKb+c-o3mxSzoM2+TF3NqaWA@mail.gmail.com>",
       "the same where struct file is not type-stable: files_cachep got the flag, not filp_cachep",
       with(rules_613(), [](kernel_rules& r) { r.file_free = free_kind::immediate; }),
       "aug05-draft",
       {{kUseAfterFree, "vm_file->f_inode is read after the last fput()",
         "file-unmapped-under-hit"},
        kNoBarriers},
       accepted_before_v2()});
}

void add_versions(std::vector<Kernel>& k) {
  k.push_back({"suren-rfc",
               "<20240807182325.2585582-1-surenb@google.com>",
               "Suren Baghdasaryan's RFC of 7 August 2024: odd and even, int, release and acquire",
               rules_v1(),
               "suren-rfc",
               {kBothOrders, kStaleToo, kBackingFile},
               accepted_before_v2()});
  k.push_back(
      {"suren-rfc-wrap",
       "<20240807182325.2585582-1-surenb@google.com>",
       "the same with its orders mended and a counter of 8 bits: it wraps after 128 sections",
       with(rules_v1_mended(), [](kernel_rules& r) { r.counter_bits = kNarrow; }),
       "suren-rfc",
       {kWraps},
       accepted_before_v2()});
  k.push_back({"v1",
               "<20240906051205.530219-3-andrii@kernel.org>",
               "v1 of 5 September 2024, over the counter of the RFC",
               rules_v1(),
               "v1",
               {kBothOrders, kStaleToo, kBackingFile},
               accepted_before_v2()});
  k.push_back({"v1-acquire-at-end",
               "<20240906051205.530219-2-andrii@kernel.org>",
               "v1 with nothing wrong but the load-acquire at the end",
               with(rules_v1_mended(),
                    [](kernel_rules& r) { r.reader_end = read_end_order::load_acquire; }),
               "v1",
               {kAcquireAtEnd, kStaleToo},
               accepted_before_v2()});
  k.push_back({"v1-release-at-begin",
               "<20240906051205.530219-2-andrii@kernel.org>",
               "v1 with nothing wrong but the store-release at the beginning",
               with(rules_v1_mended(),
                    [](kernel_rules& r) { r.begin_order = write_begin_order::store_release; }),
               "v1",
               {kReleaseAtBegin, kStaleToo},
               accepted_before_v2()});
  k.push_back({"v2",
               "<20241001225207.2215639-1-andrii@kernel.org>",
               "v2 of 1 October 2024",
               rules_v2(),
               "v2",
               {},
               accepted_since_v2()});
  k.push_back(
      {"v2-no-patch1",
       "<20241001225207.2215639-2-andrii@kernel.org>",
       "v2 over a counter that is incremented at unlock only",
       with(rules_v2(), [](kernel_rules& r) { r.counter = counter_kind::at_unlock; }),
       "v2",
       {{kWrong, "the counter does not change while a writer is at work", "map-fixed-over-probe"},
        kOddCount},
       accepted_since_v2()});
  k.push_back({"v2-int",
               "<20241001225207.2215639-3-andrii@kernel.org>",
               "v2 without patch 2: an int counter, here of 8 bits: it wraps after 128 sections",
               with(rules_v2(), [](kernel_rules& r) { r.counter_bits = kNarrow; }),
               "v2",
               {kWraps},
               accepted_since_v2()});
  k.push_back(
      {"v2-no-patch3",
       "<20241001225207.2215639-4-andrii@kernel.org>",
       "v2 without the delayed freeing of backing files",
       with(rules_v2(), [](kernel_rules& r) { r.backing_file_free = free_kind::immediate; }),
       "v2",
       {kBackingFile},
       accepted_since_v2()});
  k.push_back({"v2-no-patch4",
               "<20241001225207.2215639-5-andrii@kernel.org>",
               "v2 with the test of vm_flags left in the locked lookup",
               with(rules_v2(), [](kernel_rules& r) { r.valid_vma_in_locked_lookup = true; }),
               "v2",
               {},
               accepted_since_v2()});
  k.push_back({"v2-no-patch5",
               "<20241001225207.2215639-6-andrii@kernel.org>",
               "v2 without the lookup itself",
               rules_v2(),
               "locked",
               {},
               accepted_since_v2()});
  k.push_back(
      {"v3",
       "<20241010205644.3831427-1-andrii@kernel.org>",
       "v3 of 10 October 2024: backing files are type-stable",
       with(rules_v2(), [](kernel_rules& r) { r.backing_file_free = free_kind::type_stable; }),
       "v3",
       {},
       accepted_since_v2()});
}

void add_releases(std::vector<Kernel>& k) {
  k.push_back({"6.14",
               "6.14",
               "as merged: a seqcount; VMAs freed after a grace period",
               rules_614(),
               "merged",
               {},
               accepted_since_v2()});
  k.push_back({"6.15",
               "6.15",
               "VMAs are type-stable and locked by vm_refcnt",
               rules_615(),
               "merged",
               {},
               accepted_since_v2()});
  k.push_back({"6.18",
               "6.18",
               "the same lookup, over the mm of 6.18",
               rules_618(),
               "merged",
               {},
               accepted_since_v2()});
  k.push_back(
      {"nhit",
       "<CAEf4BzZ26FNTguRh_X9_5eQZvOeKb+c-o3mxSzoM2+TF3NqaWA@mail.gmail.com>",
       "6.18 with the hit counter of trace_uprobe as it was: one for all CPUs, tu->nhit++",
       with(rules_618(), [](kernel_rules& r) { r.bugs |= bug_bit(kernel::Bug::plain_nhit); }),
       "merged",
       {{"data-race", "tu->nhit++ by two CPUs at once", "two-readers-one-probe"}},
       accepted_since_v2()});
  k.push_back(
      {"nhit-marked",
       "<CAEf4BzZ26FNTguRh_X9_5eQZvOeKb+c-o3mxSzoM2+TF3NqaWA@mail.gmail.com>",
       "the same with data_race(tu->nhit++): no race is reported, and updates are lost",
       with(rules_618(), [](kernel_rules& r) { r.bugs |= bug_bit(kernel::Bug::marked_nhit); }),
       "merged",
       {{"lost-update", "the count is less than the number of hits", "two-readers-one-probe"}},
       accepted_since_v2()});
}

// Every executor and every engine must report it at once: a test of the tool, not of a protocol.
void add_canary(std::vector<Kernel>& k) {
  k.push_back(
      {"canary",
       "none: it is there to be caught",
       "6.18 with lookups that load mm_lock_seq without any mark",
       with(rules_618(), [](kernel_rules& r) { r.bugs |= bug_bit(kernel::Bug::seq_read_plainly); }),
       "merged",
       {{"data-race", "any hit and any write section on two CPUs"}},
       accepted_since_v2()});
}

std::vector<Kernel> make_kernels() {
  std::vector<Kernel> k;
  add_drafts(k);
  add_versions(k);
  add_releases(k);
  add_canary(k);
  return k;
}

}  // namespace

std::span<const Kernel> kernels() {
  static const std::vector<Kernel> all = make_kernels();
  return all;
}

}  // namespace vmafuzz::variants
