// What the fuzz target finds, minimised: seconds, and operations against the minimum written by
// hand for the same kernel and verdict.
#include <chrono>
#include <iostream>
#include <map>

#include "absl/strings/str_format.h"
#include "fuzz/bench/bench.h"
#include "fuzz/bench/scratch.h"
#include "fuzz/command.h"
#include "fuzz/program_file.h"
#include "run/reduce.h"

namespace vmafuzz::bench {
namespace {

constexpr double kGoalSeconds = 5;
constexpr size_t kGoalOps = 1;  // above the hand-written minimum

// Operations of the hand-written minima, by kernel and verdict.
using Minima = std::map<std::pair<std::string, std::string>, size_t>;

Minima minima_of(const std::vector<Scenario>& repros) {
  Minima minima;
  for (const Scenario& repro : repros) {
    size_t& ops = minima[{repro.program.kernel, repro.program.expect}];
    ops = ops == 0 ? repro.program.ops.size() : std::min(ops, repro.program.ops.size());
  }
  return minima;
}

struct Row {
  bool reproduced = false;
  bool one_minimal = false;
  double seconds = 0;
  input::Size before, after;
  int executions = 0;
  std::string verdict;
};

Row minimize_one(run::Executor& executor, const std::string& file) {
  Row row;
  const absl::StatusOr<input::Program> program = command::read_program(file);
  if (!program.ok()) return row;
  run::Outcome outcome;
  const auto begin = std::chrono::steady_clock::now();
  executor.run(*program, {}, &outcome);
  row.verdict = outcome.verdict;
  const absl::StatusOr<input::MinimizeResult> result =
      run::reduce(executor, *program, outcome.bucket);
  row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!result.ok()) {
    std::cerr << "vmafuzz bench: " << file << ": " << std::string(result.status().message())
              << "\n";
    return row;
  }
  row.reproduced = true;
  row.one_minimal = result->stats.one_minimal;
  row.before = result->stats.before;
  row.after = result->stats.after;
  row.executions = result->stats.executions + result->stats.search_executions;
  return row;
}

// True if the goals hold. A verdict that nobody wrote a minimum for has none to compare with.
bool print(const std::string& kernel, const Row& row, const Minima& minima) {
  const auto minimum = minima.find({kernel, row.verdict});
  const bool known = minimum != minima.end();
  const bool small = !known || row.after.ops <= minimum->second + kGoalOps;
  const bool good = row.reproduced && row.one_minimal && small && row.seconds < kGoalSeconds;
  std::cout << absl::StrFormat(
      "%-20s %-16s %7d %8d %6d %5d %11s %9d %7.2f%s\n", kernel, row.verdict, row.before.ops,
      row.before.directives, row.after.ops, row.after.directives,
      known ? absl::StrFormat("%d", minimum->second) : "-", row.executions, row.seconds,
      !row.reproduced    ? "  not reproduced"
      : !row.one_minimal ? "  not 1-minimal"
      : !small           ? "  large"
      : !good            ? "  slow"
                         : "");
  return good;
}

}  // namespace

int minimize(const MinimizeOptions& options) {
  const absl::StatusOr<std::string> target = find_target(options.engine.target);
  const absl::StatusOr<std::vector<Scenario>> repros = read_scenarios(options.repros);
  const auto kernels = kernels_to_catch(options.engine.kernels);
  for (const absl::Status& status : {target.status(), repros.status(), kernels.status()}) {
    if (status.ok()) continue;
    std::cerr << "vmafuzz bench: " << std::string(status.message()) << "\n";
    return absl::IsInvalidArgument(status) ? command::kExitUsage : command::kExitEnvironment;
  }
  const Minima minima = minima_of(*repros);
  const Scratch scratch;
  run::Executor executor;
  std::cout << absl::StrFormat("%-20s %-16s %7s %8s %6s %5s %11s %9s %7s\n", "kernel", "verdict",
                               "ops", "direct.", "-> ops", "dir.", "by hand", "execut.", "s");
  int total = 0;
  int bad = 0;
  double longest = 0;
  for (const variants::Kernel* kernel : *kernels) {
    if (!executor.set_target({kernel, {}, {}}).ok()) return command::kExitUsage;
    for (uint64_t seed = 1; seed <= options.engine.seeds; ++seed) {
      const absl::StatusOr<EngineRun> found =
          run_engine(*target, *kernel, "", seed, options.engine.seconds, scratch.fresh());
      if (!found.ok()) {
        std::cerr << "vmafuzz bench: " << std::string(found.status().message()) << "\n";
        return command::kExitEnvironment;
      }
      if (!found->found) continue;
      const Row row = minimize_one(executor, found->input);
      longest = std::max(longest, row.seconds);
      ++total;
      if (!print(std::string(kernel->name), row, minima)) ++bad;
      std::cout << std::flush;
    }
  }
  std::cout << total - bad << " of " << total << " in under " << kGoalSeconds
            << " s and at most one operation above the minimum by hand; longest "
            << absl::StrFormat("%.2f s\n", longest);
  return bad == 0 ? command::kExitOk : command::kExitBugFound;
}

}  // namespace vmafuzz::bench
