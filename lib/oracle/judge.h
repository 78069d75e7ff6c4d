// The judge: is what a lookup returned something that was true during the lookup?
//
// A lookup may return the uprobe of the address in any version of the address space whose end is
// not ordered by happens-before before the lookup's start, and whose beginning does not come after
// the lookup's end. Speculative and locked results are judged alike. Where a write section is still
// open when a lookup returns, the version that the section will make counts too, so that judgement
// waits for its end.
//
//   stale-uprobe         right only in versions that the looking CPU was bound to know over
//   wrong-uprobe         its (inode, offset) was never right for the address in that window
//   dead-uprobe          returned although its memory had been freed
//   fallback-forever     a speculation came to nothing although no writer was at work, none had
//                        been since it began, and the CPU was bound to know of everything before:
//                        the lookup under mmap_lock, in the same quiet, then found the uprobe
//   spurious-breakpoint  at rest: a breakpoint that no uprobe accounts for
//   missed-uprobe        at rest: a probed page without breakpoint (and SIGTRAP, in handle_swbp())
//   layout               VMA lists and results against the specification (layout_judge.h)
//   tree-corrupt         the VMA tree against its own invariants
//   counter-parity, lock-imbalance   at rest
//
// What upstream knows and accepts is a named finding (Finding), never a hole in a rule.
#ifndef VMAFUZZ_ORACLE_JUDGE_H_
#define VMAFUZZ_ORACLE_JUDGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mm/observer.h"
#include "oracle/history.h"
#include "oracle/layout_judge.h"
#include "uprobes/uprobes.h"

namespace vmafuzz::oracle {

enum class Finding : uint8_t {
  // A uprobe whose last consumer has gone may still be returned: the tree holds no reference, and a
  // consumer list that is empty is all that its handler finds (Andrii Nakryiko, uprobes 6.12).
  kDyingUprobe,
  // Without the valid_vma() test a lookup resolves mappings that never had the breakpoint (Jann
  // Horn and Oleg Nesterov, 26 November 2024: accepted).
  kUnprobedMapping,
  // At rest, a page that could have a breakpoint has none. Upstream installs breakpoints when a
  // mapping is made, resized or probed, and at no other time: mprotect() that takes VM_WRITE away,
  // DONTNEED of a page that had one and the old range of MREMAP_DONTUNMAP all leave such pages.
  kUnarmedPage,
  // Between the moment when unregistration has listed a file's mappings and the moment when it
  // takes their mmap_lock, mremap() moves one: its breakpoint travels along and stays
  // (docs/findings.md).
  kMovedMapping,
};
inline constexpr int kFindings = 4;
const char* finding_name(Finding finding);

class Judge : public kernel::Observer {
 public:
  // The beginning of an execution. `accepted`: bits 1 << Finding.
  void reset(uint32_t accepted);

  void request_begins(const kernel::Request& request) override { layouts_.request_begins(request); }
  void request_returns(long result) override { layouts_.request_returns(result); }
  void write_section_begins(kernel::mm_struct* mm) override;
  void write_section_ends(kernel::mm_struct* mm) override;
  void map_count_changes(kernel::mm_struct* mm, int count) override {
    layouts_.map_count_changes(mm, count);
  }
  void consumer_added(kernel::uprobe* u, kernel::uprobe_consumer* uc) override;
  void consumer_removed(kernel::uprobe* u, kernel::uprobe_consumer* uc) override;
  void lookup_begins(kernel::mm_struct* mm, unsigned long vaddr) override;
  void lookup_returns(kernel::mm_struct* mm, unsigned long vaddr, kernel::uprobe* u,
                      bool speculative) override;

  // Everybody has finished: runs alone, fails the execution if something is left wrong.
  void check_at_rest(kernel::mm_struct* const* mms, int count);

  const AddressSpaceHistory& history(int mm) const { return spaces_[mm]; }

  // What a wrong answer was about, for buckets and reports: valid after a verdict of report().
  struct Culprit {
    bool valid = false;
    bool speculative = false;
    uint8_t cpu = 0;  // that looked
    uint16_t op = 0;  // its operation
    int mm = 0;
    unsigned long page = 0;
    uint16_t section_op = 0;  // whose write section was the last to begin
    uint8_t section_cpu = platform::kNoCpu;
    bool inside = false;  // one write section was open from the lookup's beginning to its end
    uint32_t first_step = 0, last_step = UINT32_MAX;  // of the execution: the lookup's
  };
  const Culprit& culprit() const { return culprit_; }

 private:
  struct Registration {
    const kernel::uprobe* uprobe = nullptr;
    uint16_t generation = 0;  // of its memory
    const kernel::inode* inode = nullptr;
    unsigned long ino = 0;
    kernel::loff_t offset = 0;
    int consumers = 0;
    Moment added;    // of the first of them; the uprobe was in the tree by then
    Moment removed;  // of the last consumer
    bool ever_removed = false;
  };
  struct Lookup {
    int mm = 0;
    unsigned long vaddr = 0;
    platform::Knowledge known;  // of the looking CPU at the start
    platform::Knowledge seen;   // what its loads were held to at the start
    const kernel::inode* inode = nullptr;
    unsigned long ino = 0;
    kernel::loff_t offset = 0;
    bool dying = false;  // the last consumer has gone, and finding such a uprobe is accepted
    bool speculative = false;
    bool quiet = false;     // no writer was at work, and the CPU sees all that any has stored
    uint32_t sections = 0;  // that there had been by then
    uint8_t cpu = 0;
    uint16_t op = 0;
    uint32_t open_section = 0;  // in which it began, 0 none
    bool inside = false;
    uint32_t first_step = 0, last_step = UINT32_MAX;
  };

  // A speculation that returned nothing, until the lookup under the lock has returned.
  struct Refusal {
    bool valid = false;
    int mm = 0;
    unsigned long vaddr = 0;
    uint32_t sections = 0;  // write sections of the mm when it began
    platform::Knowledge seen;
  };

  Registration* find_registration(const kernel::uprobe* u);
  bool maps(const Version& version, const Lookup& lookup) const;
  bool matches(const Version& version, const Lookup& lookup) const;
  static std::string describe(const Lookup& lookup);
  const PageView& page_of(const Version& version, const Lookup& lookup) const;
  void settle(const Lookup& lookup, bool final);
  bool sees_all_sections(const Lookup& lookup) const;
  static void cover_sections(uint32_t begun);
  void note_refusal(const Lookup& lookup);
  void check_refusal(const Lookup& lookup, const Registration* registration);
  std::string mapped_meanwhile(const Lookup& lookup) const;
  [[noreturn]] void report(const Lookup& lookup, bool was_true_before);
  void check_breakpoints(kernel::mm_struct* mm) const;
  bool accepted(Finding finding) const { return (accepted_ >> static_cast<int>(finding) & 1) != 0; }

  AddressSpaceHistory spaces_[kAddressSpaces];
  // Per CPU: when it had stored everything of its last write section, the count and the lock's word
  // included.
  Moment settled_[kAddressSpaces][platform::kMaxCpus];
  LayoutJudge layouts_;
  std::vector<Registration> registrations_;
  std::vector<Lookup> waiting_;  // for an open section to end
  Lookup lookups_[platform::kMaxCpus];
  Refusal refusals_[platform::kMaxCpus];
  Culprit culprit_;
  uint32_t accepted_ = 0;
};

}  // namespace vmafuzz::oracle

#endif  // VMAFUZZ_ORACLE_JUDGE_H_
