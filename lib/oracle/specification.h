// The sequential specification: what each memory system call makes of a VMA list, and what it
// returns, if nobody else is there. Written from the man pages and from the rules by which the
// kernel splits and merges; shares no code with lib/mm but for the numbers of flags and errors.
//
// Calls are applied in the order in which they took mmap_lock for writing, each to what the one
// before it has left. A call that ran short of memory may have stopped at any step that can fail,
// and leaves what was done so far (munmap() its splits, MAP_FIXED perhaps a hole): with failures
// the specification is a set of outcomes, enumerated by Failures.
//
// What is not modelled does not occur: memory policies, userfaultfd, names of anonymous memory,
// vm_ops->close, sealing, mlock, huge pages, fork.
#ifndef VMAFUZZ_ORACLE_SPECIFICATION_H_
#define VMAFUZZ_ORACLE_SPECIFICATION_H_

#include "mm/mm.h"
#include "mm/observer.h"
#include "oracle/layout.h"
#include "oracle/probes.h"

namespace vmafuzz::oracle {

// Which of the steps that may fail do, and what else is left open. Enumerates every choice with at
// most `budget` failures:
//
//   Failures failures(budget);
//   do { ... if (failures.here()) return -ENOMEM; ... } while (failures.next());
class Failures {
 public:
  explicit Failures(int budget) : budget_(budget) {}
  bool here();
  // Something that may be or not, and is no failure.
  bool either();
  bool next();

 private:
  static constexpr int kSteps = 96;  // more than a call has; those beyond do not fail
  bool step(bool costs);
  std::array<bool, kSteps> fails_{};
  std::array<bool, kSteps> costs_{};  // counts as a failure
  int budget_;
  int used_ = 0;   // steps that the present run has come to
  int known_ = 0;  // steps that the present run was told about
};

// An address space at one moment.
struct Space {
  const Probes* probes = nullptr;
  Layout layout;
  unsigned long brk = kernel::kStartBrkPage << kernel::PAGE_SHIFT;  // bytes
};

// What is certain before the lock is taken: true, with *result, if the call ends there.
bool ends_without_lock(const kernel::Request& request, long* result);

// Performs the call, all of its write section, and returns what it returns. kNone: a section of no
// call, in which at most one breakpoint is installed.
long perform(const kernel::Request& request, Space* space, Failures* failures);

// May the area have become what `now` is without mmap_lock held for writing? A page fault gives an
// area an anon_vma, a new one or its neighbour's: index is now's in `layout`.
bool only_faulted(const Area& before, const Layout& layout, int index);

}  // namespace vmafuzz::oracle

#endif  // VMAFUZZ_ORACLE_SPECIFICATION_H_
