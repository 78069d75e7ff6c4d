// `vmafuzz_tsan replay`: programs on real memory, under ThreadSanitizer.
#include <iostream>
#include <map>
#include <set>

#include "absl/strings/str_format.h"
#include "fuzz/measure/interval.h"
#include "fuzz/native/commands.h"
#include "fuzz/program_file.h"
#include "native/machine.h"
#include "nlohmann/json.hpp"
#include "run/executor.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"kernel", FlagKind::kText, "NAME", "", "replay on this kernel instead of the file's"},
    {"bug", FlagKind::kList, "NAME", "", "switch this bug on, too"},
    {"threads", FlagKind::kSwitch, "", "", "CPUs are real threads that run freely"},
    {"times", FlagKind::kNumber, "N", "1", "run each N times"},
    {"json", FlagKind::kSwitch, "", "", "print one JSON object a line for each file"},
};

struct Tally {
  uint64_t runs = 0;
  std::map<std::string, uint64_t> buckets;
  std::set<std::string> verdicts;
  run::Outcome last;    // that found something
  uint64_t differ = 0;  // runs whose trace hash or bucket is not the first one's: fibres have none
  uint64_t found() const {
    uint64_t sum = 0;
    for (const auto& [name, count] : buckets) sum += count;
    return sum;
  }
};

void print_text(const std::string& path, const run::Target& target, const Tally& tally) {
  std::cout << path << " on " << std::string(target.kernel->name) << ": ";
  if (tally.buckets.empty()) {
    std::cout << "nothing found in " << tally.runs << (tally.runs == 1 ? " run" : " runs");
    if (tally.runs > 1) {
      std::cout << absl::StrFormat(" (95%%: shows in less than %.2g%% of them)",
                                   100 * measure::wilson(0, tally.runs).high);
    }
    std::cout << "\n";
    return;
  }
  std::cout << "showed in " << measure::share_in_words(tally.found(), tally.runs) << "\n";
  for (const auto& [bucket, count] : tally.buckets) {
    std::cout << absl::StrFormat("  %8d  %s\n", count, bucket);
  }
  std::cout << "  " << tally.last.what << "\n";
}

// On fibres every run is the same one.
void print_sameness(const Tally& tally) {
  if (tally.differ == 0) {
    std::cout << absl::StrFormat(
        "  %s %016x\n",
        tally.runs == 1 ? "trace hash" : "all runs are the same: bucket and trace hash",
        tally.last.trace_hash);
  } else {
    std::cout << absl::StrFormat("  %d runs differ from the first; that is a bug in vmafuzz\n",
                                 tally.differ);
  }
}

void print_json(const std::string& path, const run::Target& target, const input::Program& program,
                const Tally& tally) {
  const measure::Interval interval = measure::wilson(tally.found(), tally.runs);
  const nlohmann::json line = {{"file", path},
                               {"kernel", std::string(target.kernel->name)},
                               {"verdict", tally.last.found ? tally.last.verdict : "none"},
                               {"expect", program.expect},
                               {"what", tally.last.what},
                               {"runs", tally.runs},
                               {"found", tally.found()},
                               {"low", interval.low},
                               {"high", interval.high},
                               {"steps", tally.last.steps},
                               {"differ", tally.differ},
                               {"trace_hash", absl::StrFormat("%016x", tally.last.trace_hash)},
                               {"buckets", tally.buckets}};
  std::cout << line.dump() << "\n";
}

Tally run_times(run::Executor& executor, const input::Program& program, uint64_t times) {
  Tally tally;
  run::Outcome outcome, first;
  for (; tally.runs < times; ++tally.runs) {
    executor.run(program, {}, &outcome);
    if (tally.runs == 0) first = tally.last = outcome;
    if (outcome.trace_hash != first.trace_hash || outcome.bucket != first.bucket) ++tally.differ;
    if (!outcome.found) continue;
    ++tally.buckets[outcome.bucket];
    tally.verdicts.insert(outcome.verdict);
    tally.last = outcome;
  }
  return tally;
}

int run(const Arguments& args) {
  if (args.number("times") == 0) {
    std::cerr << "vmafuzz_tsan replay: --times 0 runs nothing; give 1 or more\n";
    return kExitUsage;
  }
  run::Executor executor;
  const bool threads = args.on("threads");
  native::machine.use(threads ? native::Executor::kThreads : native::Executor::kFibres);
  int status = kExitOk;
  for (const std::string& path : args.operands()) {
    absl::StatusOr<input::Program> program = read_program(path);
    absl::StatusOr<run::Target> target =
        program.ok() ? target_of(*program, args.text("kernel")) : program.status();
    if (target.ok()) {
      for (const std::string& bug : args.list("bug")) target->bugs.push_back(bug);
    }
    const absl::Status ready = target.ok() ? executor.set_target(*target) : target.status();
    if (!ready.ok()) {
      std::cerr << "vmafuzz_tsan replay: " << std::string(ready.message()) << "\n";
      return kExitUsage;
    }
    const Tally tally = run_times(executor, *program, args.number("times"));
    if (args.has("kernel")) program->expect = "none";  // what it says is of its own
    if (args.on("json")) {
      print_json(path, *target, *program, tally);
    } else {
      print_text(path, *target, tally);
      if (!threads) print_sameness(tally);
    }
    if (!as_expected(*program, tally.verdicts)) status = kExitBugFound;
    if (!threads && tally.differ != 0) status = kExitBugFound;
  }
  return status;
}

}  // namespace

const Command kNativeReplay = {
    .name = "replay",
    .summary = "run repro files on real memory under ThreadSanitizer",
    .operands = "FILE...",
    .description =
        "Runs each program (text or bytes) with the schedule that it prescribes, on fibres, where\n"
        "all runs are the same; or on real threads that run freely, where directives are delays.\n"
        "Says how often something was found, with a 95% confidence interval. Exit status 0 if at\n"
        "least one run ends in the verdict that the file expects, and none in another one; where "
        "it\n"
        "expects nothing, if nothing is found.",
    .examples =
        "./vmafuzz replay --tsan repro/nhit-data-race.repro\n"
        "./vmafuzz replay --threads --times 1000 repro/nhit-data-race.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = kAnyNumber,
    .run = run,
};

}  // namespace vmafuzz::command
