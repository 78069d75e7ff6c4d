// How fast executions are: over the scenarios, on the latest kernel, under a few ways to search.
#include <chrono>
#include <iostream>

#include "absl/strings/str_format.h"
#include "fuzz/bench/bench.h"
#include "fuzz/command.h"
#include "fuzz/program_file.h"

namespace vmafuzz::bench {
namespace {

using Clock = std::chrono::steady_clock;

void measure(const char* name, const std::vector<Scenario>& scenarios, input::Strategy strategy,
             input::ReadPolicy policy, double seconds) {
  run::Executor executor;
  if (!executor.set_target({variants::find_kernel(command::kDefaultKernel), {}, {}}).ok()) return;
  run::Outcome outcome;
  uint64_t executions = 0;
  uint64_t accesses = 0;
  const Clock::time_point begin = Clock::now();
  double elapsed = 0;
  while (elapsed < seconds) {
    for (const Scenario& scenario : scenarios) {
      input::Program program = scenario.program;
      program.header.strategy = strategy;
      program.header.policy = policy;
      program.header.policy_arg = 2;
      program.header.seed = static_cast<uint32_t>(executions);
      executor.run(program, {}, &outcome);
      ++executions;
      accesses += outcome.steps;
    }
    elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  const auto per_second = static_cast<double>(executions) / elapsed;
  std::cout << absl::StrFormat(
      "%-26s %9.1f ns/access %9.0f executions/s %7.0f accesses/execution\n", name,
      elapsed * 1e9 / static_cast<double>(accesses), per_second,
      static_cast<double>(accesses) / static_cast<double>(executions));
}

}  // namespace

int exec(const std::vector<Scenario>& scenarios, double seconds) {
  using input::ReadPolicy;
  using input::Strategy;
  measure("in turn", scenarios, Strategy::kNone, ReadPolicy::kNewest, seconds);
  measure("sticky, newest", scenarios, Strategy::kSticky, ReadPolicy::kNewest, seconds);
  measure("sticky, oldest but fresh", scenarios, Strategy::kSticky, ReadPolicy::kOldestFresh,
          seconds);
  measure("urw, uniform", scenarios, Strategy::kUrw, ReadPolicy::kUniform, seconds);
  measure("portfolio", scenarios, Strategy::kPortfolio, ReadPolicy::kNewest, seconds);
  return command::kExitOk;
}

}  // namespace vmafuzz::bench
