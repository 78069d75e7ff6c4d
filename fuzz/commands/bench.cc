// `vmafuzz bench`: how fast executions are, how many it takes to find what must be found, and how
// small it gets.
#include "fuzz/bench/bench.h"

#include <iostream>

#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"corpus", FlagKind::kText, "DIR", "", "the scenarios; default: the repository's"},
    {"repro", FlagKind::kText, "DIR", "",
     "minimize: the minima written by hand; default: the repository's"},
    {"kernel", FlagKind::kList, "NAME", "", "only these kernels"},
    {"seeds", FlagKind::kNumber, "N", "10", "repetitions of each measurement"},
    {"limit", FlagKind::kNumber, "N", "2000",
     "detect: executions after which a search is given up"},
    {"for", FlagKind::kDuration, "TIME", "",
     "exec: how long each row runs (10s); engine, minimize: a run of the fuzz target at most "
     "(60s)"},
    {"target", FlagKind::kText, "FILE", "",
     "exec, engine, minimize: the fuzz target; default: build/fuzz/fuzz/fuzz_sim"},
    {"this-build", FlagKind::kSwitch, "", "",
     "exec: only the rows of this program's own build; no threads, no engine"},
    {"results", FlagKind::kText, "FILE", "",
     "detect, scenarios, engine: keep each run's result in FILE, and measure only what is not "
     "there "
     "yet for these builds"},
};

int run(const Arguments& args) {
  const std::string what = args.operands()[0];
  const auto folder = [&](const char* name) {
    return args.has(name) ? args.text(name) : in_repository(name);
  };
  const absl::StatusOr<std::vector<bench::Scenario>> scenarios =
      bench::read_scenarios(folder("corpus"));
  if (!scenarios.ok()) {
    std::cerr << "vmafuzz bench: " << std::string(scenarios.status().message()) << "\n";
    return kExitUsage;
  }
  if (args.number("seeds") == 0) {
    std::cerr << "vmafuzz bench: --seeds 0 measures nothing; give 1 or more\n";
    return kExitUsage;
  }
  const auto seconds = [&](double otherwise) {
    return args.has("for") ? absl::ToDoubleSeconds(args.duration("for")) : otherwise;
  };
  bench::EngineOptions engine;
  engine.kernels = args.list("kernel");
  engine.target = args.text("target");
  engine.seeds = args.number("seeds");
  engine.seconds = seconds(60);
  engine.results = args.text("results");
  const bench::ScenarioOptions search = {args.list("kernel"), args.number("seeds"),
                                         args.number("limit"), args.text("results")};
  if (what == "exec") {
    return bench::exec(*scenarios,
                       {seconds(10), args.text("target"), folder("corpus"), args.on("this-build")});
  }
  if (what == "engine") return bench::engine(*scenarios, engine);
  if (what == "minimize") return bench::minimize({engine, folder("repro")});
  if (what == "detect") {
    const int found = bench::scenarios(*scenarios, search);
    std::cout << "\n";
    const int in_time = bench::engine(*scenarios, engine);
    return found != kExitOk ? found : in_time;
  }
  if (what == "scenarios") return bench::scenarios(*scenarios, search);
  if (what == "tsan") return bench::tsan({folder("corpus"), args.number("seeds"), seconds(10)});
  if (what == "rates") return bench::rates(seconds(5));
  std::cerr << "vmafuzz bench: unknown measurement " << what
            << "; there are exec, detect, scenarios, engine, minimize, tsan and rates\n";
  return kExitUsage;
}

}  // namespace

const Command kBench = {
    .name = "bench",
    .summary = "measure speed, executions and seconds to each finding, and minimising",
    .operands = "exec|detect|scenarios|engine|minimize|tsan|rates",
    .description =
        "exec: nanoseconds per access and executions per second, over the scenarios of the corpus\n"
        "and at 16 operations; beside the same programs on std::threads, and beside the engine "
        "with\n"
        "an empty target; growth of memory; all of it in this build and in the one that\n"
        "engines run.\n"
        "scenarios: for each finding of each kernel that must be caught, the median number of\n"
        "executions to the first report, strategy by strategy; the operations are given.\n"
        "engine: executions and seconds to the first right report of the fuzz target, from the\n"
        "corpus and from nothing, on one core.\n"
        "detect: both of these. With --results it may be stopped and given again: it goes on.\n"
        "minimize: seconds and operations when what the fuzz target finds is minimised.\n"
        "tsan: executions and seconds to the first report of planted bugs of order and locks,\n"
        "simulated, under ThreadSanitizer on fibres, and on threads.\n"
        "rates: executions per second of each of them, with new threads for each input, and of "
        "one\n"
        "worker of each engine.\n"
        "Exit status 1 if some goal is missed; the last line says which.",
    .examples =
        "./vmafuzz bench exec --for 10s\n"
        "./vmafuzz bench detect --seeds 10 --results detect.tsv\n"
        "./vmafuzz bench engine --kernel v2-int --seeds 3 --for 20s\n"
        "./vmafuzz bench minimize --seeds 3 --kernel peter-sketch",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
