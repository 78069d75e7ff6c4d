// Are the tests good enough to notice a mistake in the memory machine? Each of its rules is
// switched off in turn (sim/rules.h), every test is run again, and its states are compared with
// those that it shows under all rules.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "litmus/run.h"
#include "sim/rules.h"

namespace vmafuzz::litmus {

struct RuleCheck {
  sim::Rule rule = sim::Rule::kNone;
  int unsound = 0;     // tests that show states which the rule forbids
  int incomplete = 0;  // tests that no longer show all states (which may be counted above, too)
  std::string first;   // the first test, in the order given, that notices; "" if none does
  bool first_is_unsound = false;
  std::string state;  // of `first`: one that came, or went
  bool noticed() const { return !first.empty(); }
};

// Runs the tests of `paths` (litmus/batch.h) once for each rule and calls `done` after each.
// FailedPrecondition: this build cannot switch rules off. InvalidArgument: a test cannot be run
// even under all rules. Internal: no processes.
absl::Status self_check(const std::vector<std::string>& paths, int jobs, const RunOptions& options,
                        const std::function<void(const RuleCheck&)>& done);

// One line.
std::string rule_check_to_json(const RuleCheck& check);

}  // namespace vmafuzz::litmus
