// What led to a verdict about one access or one trap: in words, and which steps those words are of,
// so that the diagram shows what the sentence tells.
#ifndef VMAFUZZ_REPORT_CAUSE_H_
#define VMAFUZZ_REPORT_CAUSE_H_

#include <string>
#include <vector>

#include "report/timeline.h"

namespace vmafuzz::report {

struct Cause {
  std::string text;        // empty: nothing is known beyond the verdict
  std::vector<int> steps;  // indices into Timeline::steps
};

// Of a missed-uprobe by a trap, wrong-uprobe, stale-uprobe, fallback-forever, torn-pointer,
// null-dereference, tree-corrupt, lost-update or layout verdict; empty for others. Does not depend
// on what is shown.
Cause cause_of(const Timeline& timeline);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_CAUSE_H_
