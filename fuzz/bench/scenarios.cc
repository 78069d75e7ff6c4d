// Executions to each finding of each kernel that must be caught: the operations are those of the
// scenario that lib/variants names for it, the search is the strategies' alone.
#include <iostream>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fuzz/bench/bench.h"
#include "fuzz/command.h"
#include "input/bytes.h"
#include "input/rng.h"

namespace vmafuzz::bench {
namespace {

constexpr input::Strategy kStrategies[] = {input::Strategy::kSticky,   input::Strategy::kUrw,
                                           input::Strategy::kSurw,     input::Strategy::kPos,
                                           input::Strategy::kPct,      input::Strategy::kRoundRobin,
                                           input::Strategy::kPortfolio};
constexpr uint32_t kNever = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kGoal = 200;

bool is_finding(const run::Executor& executor, const variants::Caught& caught,
                const run::Outcome& outcome) {
  if (!outcome.found || outcome.verdict != caught.verdict) return false;
  if (caught.where == variants::Where::kAnywhere) return true;
  return executor.judge().culprit().inside == (caught.where == variants::Where::kInside);
}

// Executions to the first report of the finding, kNever if there is none within the limit.
uint32_t search(run::Executor& executor, const variants::Caught& caught, input::Program program,
                input::Strategy strategy, uint64_t seed, uint64_t limit) {
  run::Outcome outcome;
  input::Rng rng(seed * 0x9E3779B97F4A7C15ull + static_cast<uint64_t>(strategy));
  program.directives.clear();
  for (uint32_t n = 1; n <= limit; ++n) {
    input::Header& header = program.header;
    header.strategy = strategy;
    header.seed = static_cast<uint32_t>(rng.next());
    header.policy = static_cast<input::ReadPolicy>(rng.below(input::kReadPolicyCount));
    header.policy_arg = static_cast<uint8_t>(1 + rng.below(4));
    header.eager = rng.chance(1, 2);
    header.permutation = static_cast<uint8_t>(rng.below(input::kPermutationCount));
    executor.run(program, {}, &outcome);
    if (is_finding(executor, caught, outcome)) return n;
  }
  return kNever;
}

std::string label(const variants::Caught& caught) {
  const char* where = caught.where == variants::Where::kInside   ? ", inside"
                      : caught.where == variants::Where::kAcross ? ", mixed"
                                                                 : "";
  return std::string(caught.verdict) + where;
}

std::string count(uint32_t executions) {
  return executions == kNever ? "-" : absl::StrFormat("%u", executions);
}

void print_head(const ScenarioOptions& options) {
  std::cout << absl::StrFormat("%-20s %-21s %-31s", "kernel", "finding", "scenario");
  for (const input::Strategy strategy : kStrategies) {
    std::cout << absl::StrFormat(" %9s", std::string(input::strategy_name(strategy)));
  }
  std::cout << "\nmedian executions to the first report, of " << options.seeds
            << " searches; - : none within " << options.limit << "\n";
}

// Executions of one search. The key names all that they depend on.
absl::StatusOr<uint32_t> measure(run::Executor& executor, Results& results,
                                 const std::string& program, const variants::Kernel& kernel,
                                 const variants::Caught& caught, const Scenario& scenario,
                                 input::Strategy strategy, uint64_t seed, uint64_t limit) {
  const std::vector<uint8_t> bytes = input::encode(scenario.program);
  const std::string key =
      absl::StrCat("scenarios ", program, " ", kernel.name, " ", label(caught), " ", scenario.name,
                   " ", content_key({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
                   " ", input::strategy_name(strategy), " seed=", seed, " limit=", limit);
  uint32_t executions = kNever;
  if (const std::string* kept = results.find(key); kept != nullptr) {
    if (absl::SimpleAtoi(*kept, &executions)) return executions;
  }
  executions = search(executor, caught, scenario.program, strategy, 100 + seed, limit);
  if (absl::Status status = results.add(key, absl::StrCat(executions)); !status.ok()) return status;
  return executions;
}

// The median of the portfolio, which is what is drawn where nothing is known.
absl::StatusOr<uint32_t> row(run::Executor& executor, Results& results, const std::string& program,
                             const variants::Kernel& kernel, const variants::Caught& caught,
                             const Scenario& scenario, const ScenarioOptions& options) {
  std::cout << absl::StrFormat("%-20s %-21s %-31s", std::string(kernel.name), label(caught),
                               scenario.name);
  uint32_t last = kNever;
  for (const input::Strategy strategy : kStrategies) {
    std::vector<uint32_t> counts;
    for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
      const absl::StatusOr<uint32_t> executions = measure(
          executor, results, program, kernel, caught, scenario, strategy, seed, options.limit);
      if (!executions.ok()) return executions.status();
      counts.push_back(*executions);
    }
    last = median(std::move(counts));
    std::cout << absl::StrFormat(" %9s", count(last)) << std::flush;
  }
  std::cout << (last > kGoal ? "  late" : "") << "\n";
  return last;
}

int refuse(const absl::Status& status) {
  std::cerr << "vmafuzz bench: " << std::string(status.message()) << "\n";
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ? command::kExitUsage
                                                                     : command::kExitEnvironment;
}

}  // namespace

int scenarios(const std::vector<Scenario>& scenarios, const ScenarioOptions& options) {
  const auto kernels = kernels_to_catch(options.kernels);
  if (!kernels.ok()) return refuse(kernels.status());
  Results results;
  if (absl::Status status = results.open(options.results); !status.ok()) return refuse(status);
  const absl::StatusOr<std::string> program = file_key("/proc/self/exe");
  if (!program.ok()) return refuse(program.status());
  print_head(options);
  run::Executor executor;
  int findings = 0;
  int late = 0;
  for (const variants::Kernel* kernel : *kernels) {
    if (!executor.set_target({kernel, {}, {}}).ok()) return command::kExitUsage;
    for (const variants::Caught& caught : kernel->caught) {
      if (caught.scenario.empty()) continue;
      const auto scenario =
          std::find_if(scenarios.begin(), scenarios.end(),
                       [&](const Scenario& s) { return s.name == caught.scenario; });
      if (scenario == scenarios.end()) {
        return refuse(absl::NotFoundError(
            absl::StrCat("no scenario ", caught.scenario, ".repro in the corpus")));
      }
      ++findings;
      const absl::StatusOr<uint32_t> executions =
          row(executor, results, *program, *kernel, caught, *scenario, options);
      if (!executions.ok()) return refuse(executions.status());
      if (*executions > kGoal) ++late;
    }
  }
  std::cout << findings - late << " of " << findings << " findings within " << kGoal
            << " executions by the portfolio (median)\n";
  return late == 0 ? command::kExitOk : command::kExitBugFound;
}

}  // namespace vmafuzz::bench
