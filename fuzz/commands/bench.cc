// `vmafuzz bench`: how fast executions are, and how many it takes to find what must be found.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <limits>
#include <vector>

#include "absl/strings/str_format.h"
#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "run/executor.h"

namespace vmafuzz::command {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr Flag kFlags[] = {
    {"corpus", FlagKind::kText, "DIR", "corpus", "the scenarios"},
    {"kernel", FlagKind::kList, "NAME", "", "only these kernels"},
    {"seeds", FlagKind::kNumber, "N", "10",
     "detect: repetitions of each cell, of which the median"},
    {"limit", FlagKind::kNumber, "N", "2000",
     "detect: executions after which a search is given up"},
    {"for", FlagKind::kDuration, "TIME", "10s", "exec: how long each row runs"},
};

constexpr input::Strategy kStrategies[] = {input::Strategy::kSticky,   input::Strategy::kUrw,
                                           input::Strategy::kSurw,     input::Strategy::kPos,
                                           input::Strategy::kPct,      input::Strategy::kRoundRobin,
                                           input::Strategy::kPortfolio};

struct Scenario {
  std::string name;
  input::Program program;
};

absl::StatusOr<std::vector<Scenario>> read_corpus(const std::string& folder) {
  std::error_code error;
  std::vector<Scenario> scenarios;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".repro") continue;
    absl::StatusOr<input::Program> program = read_program(entry.path().string());
    if (!program.ok()) return program.status();
    scenarios.push_back({entry.path().stem().string(), *std::move(program)});
  }
  if (error || scenarios.empty()) {
    return absl::NotFoundError(absl::StrFormat("no scenarios (*.repro) in %s", folder));
  }
  std::sort(scenarios.begin(), scenarios.end(),
            [](const Scenario& a, const Scenario& b) { return a.name < b.name; });
  return scenarios;
}

bool is_right(const variants::Kernel& kernel, const run::Outcome& outcome) {
  return outcome.found &&
         std::any_of(kernel.caught.begin(), kernel.caught.end(),
                     [&](const variants::Caught& c) { return c.verdict == outcome.verdict; });
}

constexpr uint32_t kNever = std::numeric_limits<uint32_t>::max();

// Executions to the first right report, kNever if there is none within the limit.
uint32_t search(run::Executor& executor, const variants::Kernel& kernel, input::Program program,
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
    if (is_right(kernel, outcome)) return n;
  }
  return kNever;
}

// The scenario on which the portfolio is soonest right.
const Scenario* best_scenario(run::Executor& executor, const variants::Kernel& kernel,
                              const std::vector<Scenario>& scenarios) {
  const Scenario* best = nullptr;
  uint32_t fewest = kNever;
  for (const Scenario& scenario : scenarios) {
    uint32_t worst = 0;
    for (uint64_t seed = 1; seed <= 3 && worst < fewest; ++seed) {
      worst = std::max(worst, search(executor, kernel, scenario.program,
                                     input::Strategy::kPortfolio, seed, std::min(fewest, 600u)));
    }
    if (worst < fewest) {
      fewest = worst;
      best = &scenario;
    }
  }
  return best;
}

int detect(const Arguments& args, const std::vector<Scenario>& scenarios) {
  const std::vector<std::string> only = args.list("kernel");
  std::cout << absl::StrFormat("%-20s %-34s", "kernel", "scenario");
  for (const input::Strategy strategy : kStrategies) {
    std::cout << absl::StrFormat(" %10s", std::string(input::strategy_name(strategy)));
  }
  std::cout << "\nmedian executions to the first right report, of " << args.number("seeds")
            << " searches; - : none within " << args.number("limit") << "\n";
  run::Executor executor;
  int missing = 0;
  for (const variants::Kernel& kernel : variants::kernels()) {
    if (kernel.must_be_silent()) continue;
    const std::string name(kernel.name);
    if (!only.empty() && std::find(only.begin(), only.end(), name) == only.end()) continue;
    if (absl::Status status = executor.set_target({&kernel, {}, {}}); !status.ok()) {
      std::cerr << "vmafuzz bench: " << std::string(status.message()) << "\n";
      return kExitUsage;
    }
    const Scenario* scenario = best_scenario(executor, kernel, scenarios);
    std::cout << absl::StrFormat("%-20s %-34s", name, scenario == nullptr ? "-" : scenario->name);
    if (scenario == nullptr) {
      ++missing;
      std::cout << std::endl;
      continue;
    }
    for (const input::Strategy strategy : kStrategies) {
      std::vector<uint32_t> counts;
      for (uint64_t seed = 1; seed <= args.number("seeds"); ++seed) {
        counts.push_back(search(executor, kernel, scenario->program, strategy, 100 + seed,
                                args.number("limit")));
      }
      std::sort(counts.begin(), counts.end());
      const uint32_t median = counts[counts.size() / 2];
      std::cout << absl::StrFormat(" %10s", median == kNever ? "-" : absl::StrFormat("%u", median));
    }
    std::cout << std::endl;
  }
  return missing == 0 ? kExitOk : kExitBugFound;
}

void measure(const char* name, const std::vector<Scenario>& scenarios, input::Strategy strategy,
             input::ReadPolicy policy, double seconds) {
  run::Executor executor;
  if (!executor.set_target({variants::find_kernel(kDefaultKernel), {}, {}}).ok()) return;
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

int exec(const Arguments& args, const std::vector<Scenario>& scenarios) {
  const double seconds = absl::ToDoubleSeconds(args.duration("for"));
  using input::ReadPolicy;
  using input::Strategy;
  measure("in turn", scenarios, Strategy::kNone, ReadPolicy::kNewest, seconds);
  measure("sticky, newest", scenarios, Strategy::kSticky, ReadPolicy::kNewest, seconds);
  measure("sticky, oldest but fresh", scenarios, Strategy::kSticky, ReadPolicy::kOldestFresh,
          seconds);
  measure("urw, uniform", scenarios, Strategy::kUrw, ReadPolicy::kUniform, seconds);
  measure("portfolio", scenarios, Strategy::kPortfolio, ReadPolicy::kNewest, seconds);
  return kExitOk;
}

int run(const Arguments& args) {
  const std::string what = args.operands()[0];
  if (what != "exec" && what != "detect") {
    std::cerr << "vmafuzz bench: unknown measurement " << what << "; there are exec and detect\n";
    return kExitUsage;
  }
  const absl::StatusOr<std::vector<Scenario>> scenarios = read_corpus(args.text("corpus"));
  if (!scenarios.ok()) {
    std::cerr << "vmafuzz bench: " << std::string(scenarios.status().message()) << "\n";
    return kExitUsage;
  }
  return what == "exec" ? exec(args, *scenarios) : detect(args, *scenarios);
}

}  // namespace

const Command kBench = {
    .name = "bench",
    .summary = "measure speed, and executions to each finding",
    .operands = "exec|detect",
    .description =
        "exec: nanoseconds per access and executions per second over the scenarios of the corpus.\n"
        "detect: for each kernel that must be caught, the scenario that shows it soonest and the\n"
        "median number of executions to the first right verdict, strategy by strategy. Exit status "
        "1\n"
        "if some kernel was not caught.",
    .examples =
        "./vmafuzz bench exec --for 10s\n"
        "./vmafuzz bench detect --seeds 10",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
