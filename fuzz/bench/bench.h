// The measurements behind `vmafuzz bench`, one file each:
//   exec.cc       how fast executions are, beside threads and beside an empty target
//   scenarios.cc  executions to each finding, operations given, by strategies alone
//   engine.cc     executions and seconds to each kernel's first right report, by the fuzz target
//   minimize.cc   seconds and size when what the engine found is minimised
//   tsan.cc       planted bugs of order and locks: simulated and under ThreadSanitizer
//   rates.cc      executions per second of each executor and of each engine
// Each prints its table and returns an exit status; tables begin with the command that prints them.
#ifndef VMAFUZZ_FUZZ_BENCH_BENCH_H_
#define VMAFUZZ_FUZZ_BENCH_BENCH_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "fuzz/bench/results.h"
#include "input/program.h"
#include "run/executor.h"
#include "variants/variants.h"

namespace vmafuzz::bench {

struct Scenario {
  std::string name;
  input::Program program;
};

// Every *.repro of a folder, sorted by name.
absl::StatusOr<std::vector<Scenario>> read_scenarios(const std::string& folder);

// The kernels that must be caught, all or those that are named, oldest first. InvalidArgument if
// one of the names is not theirs: a measurement of nothing would reach every goal.
absl::StatusOr<std::vector<const variants::Kernel*>> kernels_to_catch(
    const std::vector<std::string>& only);

// The verdicts that one of them must be caught for, separated by commas.
std::string right_verdicts(const variants::Kernel& kernel);

// The middle value. REQUIRES: not empty.
template <class T>
T median(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct ExecOptions {
  double seconds = 10;      // of each row
  std::string target;       // the fuzz target; empty: found next to this program's build
  std::string corpus;       // the folder that the scenarios are from
  bool this_build = false;  // not the engines' build too, no threads and no engine
};
int exec(const std::vector<Scenario>& scenarios, const ExecOptions& options);

struct ScenarioOptions {
  std::vector<std::string> kernels;  // empty: all
  uint64_t seeds = 10;
  uint64_t limit = 2000;  // executions after which a search is given up
  std::string results;    // file that keeps what was measured, see results.h; empty: none does
};
int scenarios(const std::vector<Scenario>& scenarios, const ScenarioOptions& options);

struct EngineOptions {
  std::vector<std::string> kernels;
  std::string target;  // the fuzz target; empty: found next to this program's build
  std::string corpus;  // seed programs as text
  uint64_t seeds = 10;
  double seconds = 60;  // after which a run is given up
  std::string results;  // file that keeps what was measured, see results.h; empty: none does
};

// One run of the fuzz target until the first report with one of the right verdicts.
struct EngineRun {
  bool found = false;
  uint64_t executions = 0;  // to the report
  double seconds = 0;
  std::string bucket;
  std::string input;  // the file that holds what first showed it
};
// `seeds` is a folder of byte seeds, or empty. Files go to `dir`, which must exist.
absl::StatusOr<EngineRun> run_engine(const std::string& target, const variants::Kernel& kernel,
                                     const std::string& seeds, uint64_t seed, double limit,
                                     const std::string& dir);
absl::StatusOr<std::string> find_target(const std::string& given);

int engine(const std::vector<Scenario>& scenarios, const EngineOptions& options);

struct MinimizeOptions {
  EngineOptions engine;
  std::string repros;  // folder of hand-written minima
};
int minimize(const MinimizeOptions& options);

struct TsanOptions {
  std::string corpus;
  uint64_t seeds = 5;
  double seconds = 10;  // after which a search is given up
};
int tsan(const TsanOptions& options);

int rates(double seconds);

}  // namespace vmafuzz::bench

#endif  // VMAFUZZ_FUZZ_BENCH_BENCH_H_
