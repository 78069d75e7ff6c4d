// Words for single accesses that remember which accesses they were for.
#ifndef VMAFUZZ_REPORT_CAUSE_TELLER_H_
#define VMAFUZZ_REPORT_CAUSE_TELLER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "report/cause.h"
#include "report/timeline.h"

namespace vmafuzz::report {

class CauseTeller {
 public:
  explicit CauseTeller(const Timeline& timeline)
      : steps_(timeline.steps), failure_(timeline.failure), suspect_(failure_.suspect()) {}

  const std::vector<Step>& steps() const { return steps_; }
  const Failure& failure() const { return failure_; }
  const Suspect& suspect() const { return suspect_; }

  // Indices into steps(); -1: none.
  using Test = std::function<bool(const Step&)>;
  int first(size_t begin, size_t end, const Test& test) const;
  int last(size_t begin, size_t end, const Test& test) const;
  int last(const Test& test) const { return last(0, steps_.size(), test); }
  // Loads of the suspect's operation alone.
  int last_load(size_t begin, size_t end, const Test& test) const;
  // The store of any CPU to the location of `index` that came before it in coherence order.
  int store_before(int index) const;

  const Step& at(int index) const { return steps_[static_cast<size_t>(index)]; }

  // "mm0.mm_lock_seq = 4 at step 12".
  std::string read(int load);
  // Where a load's value is from, and what it missed: ", stored by cpu1 at step 3 in f() (g.cc:7)".
  std::string origin(int load);
  // "cpu1 at step 3 in f() (g.cc:7)".
  std::string by(int store);

  Cause tell(std::string text) {
    cause_.text = std::move(text);
    return std::move(cause_);
  }

 private:
  std::string replaced(int store);
  std::string work_item(int store) const;
  void cite(int index) { cause_.steps.push_back(index); }

  const std::vector<Step>& steps_;
  const Failure& failure_;
  const Suspect suspect_;
  Cause cause_;
};

// The parts of cause_of().
Cause trap_cause(const Timeline& timeline);     // a breakpoint for which no uprobe was found
Cause refusal_cause(const Timeline& timeline);  // a speculation for nothing
Cause layout_cause(const Timeline& timeline);   // areas other than those of the specification

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_CAUSE_TELLER_H_
