#include "run/find_again.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_split.h"
#include "input/rng.h"
#include "run/nearby.h"

namespace vmafuzz::run {
namespace {

constexpr size_t kDirectives = 16;  // of an execution near the program, at most

std::vector<std::string> sorted_parts(absl::string_view bucket) {
  std::vector<std::string> parts = absl::StrSplit(bucket, ':');
  std::sort(parts.begin() + 1, parts.end());
  return parts;
}

// As engines draw schedules, but for the operations.
void draw_schedule(input::Program& program, input::Rng& rng) {
  program.directives.clear();
  input::Header& header = program.header;
  header = input::Header{};
  header.strategy = input::Strategy::kPortfolio;
  header.seed = static_cast<uint32_t>(rng.next());
  header.policy = static_cast<input::ReadPolicy>(rng.below(input::kReadPolicyCount));
  header.policy_arg = static_cast<uint8_t>(1 + rng.below(4));
  canonicalize(program);
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

  input::Rng rng(1);
  input::Program drawn = program;
  Outcome outcome;
  Nearby nearby(executor, program, kDirectives, rng.next());
  while (result.executions < most) {
    draw_schedule(drawn, rng);
    executor.run(drawn, {}, &outcome);
    if (shows(outcome)) {
      result.program = drawn;
      break;
    }
    if (shows(nearby.run())) {
      result.program = nearby.program();
      break;
    }
  }
  return result;
}

}  // namespace vmafuzz::run
