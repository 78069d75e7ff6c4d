#include "litmus/self_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "litmus/batch.h"

namespace vmafuzz::litmus {
namespace {

using States = std::vector<std::string>;

// The states of each test under the rules as they are now.
absl::Status run_all(const std::vector<std::string>& paths, int jobs, const RunOptions& options,
                     std::vector<FileReport>* reports) {
  reports->clear();
  return run_batch(
      paths, jobs, [&](const std::string& path) { return run_file(path, options, nullptr); },
      [&](const FileReport& report) { reports->push_back(report); });
}

// A state of `all` that is not among `some`; null if there is none. herd7's order is not that of
// strings, hence no binary search.
const std::string* one_more(const States& all, const States& some) {
  for (const std::string& state : all) {
    if (std::find(some.begin(), some.end(), state) == some.end()) return &state;
  }
  return nullptr;
}

void compare(const FileReport& right, const FileReport& changed, RuleCheck* check) {
  // Under a wrong rule a test may run without end or do what has no meaning: what such a run does
  // not show says nothing, what it shows does.
  const bool whole = changed.outcome == FileOutcome::kExplored;
  const std::string* came = one_more(changed.observation.states, right.observation.states);
  const std::string* gone =
      whole ? one_more(right.observation.states, changed.observation.states) : nullptr;
  check->unsound += came != nullptr;
  check->incomplete += gone != nullptr;
  if (check->noticed() || (came == nullptr && gone == nullptr)) return;
  check->first = right.name;
  check->first_is_unsound = came != nullptr;
  check->state = came != nullptr ? *came : *gone;
}

}  // namespace

std::string rule_check_to_json(const RuleCheck& check) {
  nlohmann::ordered_json json = {{"rule", sim::rule_name(check.rule)},
                                 {"change", sim::rule_change(check.rule)},
                                 {"unsound", check.unsound},
                                 {"incomplete", check.incomplete}};
  if (check.noticed()) {
    json["first"] = check.first;
    json[check.first_is_unsound ? "came" : "went"] = check.state;
  }
  return json.dump();
}

absl::Status self_check(const std::vector<std::string>& paths, int jobs, const RunOptions& options,
                        const std::function<void(const RuleCheck&)>& done) {
  if (!sim::weaken(sim::Rule::kCoherence)) {
    return absl::FailedPreconditionError(
        "this build cannot switch rules of the machine off: ./vmafuzz litmus --self-check makes "
        "one "
        "that can (CMake preset self-check)");
  }
  sim::weaken(sim::Rule::kNone);
  std::vector<FileReport> right, changed;
  if (absl::Status status = run_all(paths, jobs, options, &right); !status.ok()) return status;
  for (const FileReport& report : right) {
    if (report.outcome == FileOutcome::kExplored) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        report.path, ": ", report.error.empty() ? "not explored to the end" : report.error));
  }
  for (int i = 1; i < static_cast<int>(sim::Rule::kCount); ++i) {
    RuleCheck check;
    check.rule = static_cast<sim::Rule>(i);
    sim::weaken(check.rule);
    const absl::Status status = run_all(paths, jobs, options, &changed);
    sim::weaken(sim::Rule::kNone);
    if (!status.ok()) return status;
    for (size_t n = 0; n < right.size(); ++n) compare(right[n], changed[n], &check);
    done(check);
  }
  return absl::OkStatus();
}

}  // namespace vmafuzz::litmus
