// `vmafuzz_tsan search` and `vmafuzz_tsan rate`: the parts of `vmafuzz bench tsan` that run here.
#include "fuzz/measure/search.h"

#include <iostream>

#include "fuzz/native/commands.h"
#include "fuzz/program_file.h"
#include "input/text.h"
#include "native/machine.h"
#include "native/threads.h"
#include "nlohmann/json.hpp"
#include "run/reduce.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kSearchFlags[] = {
    {"kernel", FlagKind::kText, "NAME", "6.18", "the kernel"},
    {"bug", FlagKind::kList, "NAME", "", "switch this bug on"},
    {"threads", FlagKind::kSwitch, "", "", "CPUs are real threads that run freely"},
    {"corpus", FlagKind::kText, "DIR", "corpus", "the scenarios"},
    {"seed", FlagKind::kNumber, "N", "1", "of the search"},
    {"limit", FlagKind::kNumber, "N", "1000000000", "executions after which it is given up"},
    {"for", FlagKind::kDuration, "TIME", "1m", "time after which it is given up"},
    {"minimize", FlagKind::kSwitch, "", "", "fibres: make what was found small, print it as text"},
};

constexpr Flag kRateFlags[] = {
    {"ops", FlagKind::kNumber, "N", "16", "operations of each program"},
    {"for", FlagKind::kDuration, "TIME", "5s", "how long to measure"},
    {"executor", FlagKind::kText, "NAME", "fibres",
     "fibres, threads, or spawn: new threads each time"},
};

int refuse(const absl::Status& status) {
  std::cerr << "vmafuzz_tsan: " << std::string(status.message()) << "\n";
  return kExitUsage;
}

// What was found on fibres, made small.
void print_minimal(run::Executor& executor, const run::Target& target,
                   const measure::SearchResult& result) {
  const absl::StatusOr<input::MinimizeResult> reduced =
      run::reduce(executor, result.program, result.outcome.bucket);
  input::Program minimal = reduced.ok() ? reduced->program : result.program;
  minimal.kernel = std::string(target.kernel->name);
  minimal.bugs = target.bugs;
  minimal.expect = result.outcome.verdict;
  minimal.story.push_back(result.outcome.what);
  std::cout << input::print_text(minimal);
}

int run_search(const Arguments& args) {
  run::Target target;
  const std::string kernel = args.text("kernel");
  target.kernel = variants::find_kernel(kernel);
  if (target.kernel == nullptr) return refuse(variants::check_kernel(kernel));
  target.bugs = args.list("bug");
  const absl::StatusOr<std::vector<input::Program>> corpus =
      command::read_scenarios(args.text("corpus"));
  if (!corpus.ok()) return refuse(corpus.status());
  native::machine.use(args.on("threads") ? native::Executor::kThreads : native::Executor::kFibres);
  run::Executor executor;
  if (absl::Status status = executor.set_target(target); !status.ok()) return refuse(status);
  measure::SearchLimits limits;
  limits.executions = args.number("limit");
  limits.seconds = absl::ToDoubleSeconds(args.duration("for"));
  const measure::SearchResult result = measure::search(
      executor, *corpus, args.number("seed"), limits, [](const run::Outcome&) { return true; });
  const nlohmann::json line = {{"found", result.found},
                               {"executions", result.executions},
                               {"seconds", result.seconds},
                               {"verdict", result.found ? result.outcome.verdict : ""},
                               {"bucket", result.found ? result.outcome.bucket : ""},
                               {"what", result.found ? result.outcome.what : ""}};
  std::cout << line.dump() << std::endl;
  if (result.found && args.on("minimize") && !args.on("threads")) {
    print_minimal(executor, target, result);
  }
  return result.found ? kExitBugFound : kExitOk;
}

int run_rate(const Arguments& args) {
  const std::string with = args.text("executor");
  if (with != "fibres" && with != "threads" && with != "spawn") {
    return refuse(absl::InvalidArgumentError("--executor may be fibres, threads or spawn"));
  }
  native::machine.use(with == "fibres" ? native::Executor::kFibres : native::Executor::kThreads);
  native::threads.keep_threads(with != "spawn");
  run::Executor executor;
  if (absl::Status status = executor.set_target({variants::find_kernel(kDefaultKernel), {}, {}});
      !status.ok()) {
    return refuse(status);
  }
  const measure::Rate rate =
      measure::measure_rate(executor, measure::programs_of_size(args.number("ops"), 64),
                            absl::ToDoubleSeconds(args.duration("for")));
  const nlohmann::json line = {{"executions", rate.executions},
                               {"accesses", rate.accesses},
                               {"seconds", rate.seconds},
                               {"cpu_seconds", rate.cpu_seconds}};
  std::cout << line.dump() << "\n";
  return kExitOk;
}

}  // namespace

const Command kNativeSearch = {
    .name = "search",
    .summary = "search for the first finding",
    .operands = "",
    .description =
        "Runs scenarios under drawn schedules, half of them mutated, until something is found.\n"
        "Prints one JSON object. Exit status 1 if something was found.",
    .examples = "./vmafuzz bench tsan",
    .flags = kSearchFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run_search,
};

const Command kNativeRate = {
    .name = "rate",
    .summary = "measure executions per second",
    .operands = "",
    .description = "Runs 64 programs of a size again and again. Prints one JSON object.",
    .examples = "./vmafuzz bench rates",
    .flags = kRateFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run_rate,
};

}  // namespace vmafuzz::command
