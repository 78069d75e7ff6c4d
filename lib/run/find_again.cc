#include "run/find_again.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_split.h"
#include "run/schedules.h"

namespace vmafuzz::run {
namespace {

constexpr size_t kDirectives = 16;  // of an execution near the program, at most

std::vector<std::string> sorted_parts(absl::string_view bucket) {
  std::vector<std::string> parts = absl::StrSplit(bucket, ':');
  std::sort(parts.begin() + 1, parts.end());
  return parts;
}

}  // namespace

bool same_bug(absl::string_view bucket, absl::string_view other) {
  return sorted_parts(bucket) == sorted_parts(other);
}

FoundAgain find_again(Executor& executor, const input::Program& program, const std::string& bucket,
                      uint64_t most) {
  FoundAgain result;
  const auto shows = [&](const Outcome& outcome) {
    ++result.executions;
    result.found = outcome.found && same_bug(outcome.bucket, bucket);
    if (result.found) result.outcome = outcome;
    return result.found;
  };
  result.program = program;
  executor.run(program, {}, &result.outcome);
  if (shows(result.outcome)) return result;

  Schedules schedules(executor, program, kDirectives, 1);
  while (!result.found && result.executions < most) {
    if (shows(schedules.run())) result.program = schedules.program();
  }
  return result;
}

}  // namespace vmafuzz::run
