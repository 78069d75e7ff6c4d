// How fast executions are, on the latest kernel: over the scenarios and at 16 operations, under
// each way to search, in this build and in that of the engines; beside new threads for each
// execution; beside an engine that runs nothing.
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "fuzz/bench/bench.h"
#include "fuzz/bench/scratch.h"
#include "fuzz/command.h"
#include "fuzz/measure/native_program.h"
#include "fuzz/measure/output_of.h"
#include "fuzz/measure/search.h"
#include "fuzz/program_file.h"
#include "nlohmann/json.hpp"

namespace vmafuzz::bench {
namespace {

namespace fs = std::filesystem;
using input::Program;
using input::ReadPolicy;
using input::Strategy;

constexpr size_t kOps = 16;
constexpr double kGoalNanoseconds = 30;    // an access, everything included
constexpr double kGoalExecutions = 50000;  // a second of one core, at kOps operations
constexpr int64_t kGoalGrownKb = 0;        // peak memory, once every program had its turn
// The last line.
constexpr absl::string_view kReached = "every goal was reached";
constexpr absl::string_view kMissed = "missed: ";

class Table {
 public:
  explicit Table(double seconds) : seconds_(seconds) {}
  absl::Status begin();
  // One row a call. `goal`: executions per second of CPU time, 0: none.
  void measure(const std::string& name, const std::vector<Program>& programs, double goal);
  void measure_threads();
  void measure_engines_build(const ExecOptions& options);
  void measure_engine(const std::string& target);
  int end() const;

  std::vector<Program> with(std::vector<Program> programs, Strategy strategy, ReadPolicy policy);
  // In replay form: what each did under a drawn strategy.
  std::vector<Program> replayed(const std::vector<Program>& programs);

 private:
  std::vector<std::string> engine_words(const std::string& program,
                                        const std::vector<std::string>& more) const;
  absl::StatusOr<measure::Rate> session_rate(const std::string& target) const;
  absl::StatusOr<double> empty_rate(const std::string& target) const;
  void not_measured(const char* name, const absl::Status& why);
  void miss(bool missed, const std::string& what);

  double seconds_;
  run::Executor executor_;
  double replayed_rate_ = 0;  // of the last row with a goal
  bool complete_ = true;
  std::string missed_;
};

absl::Status Table::begin() {
  if (absl::Status status =
          executor_.set_target({variants::find_kernel(command::kDefaultKernel), {}, {}});
      !status.ok()) {
    return status;
  }
  std::cout << absl::StrFormat(
      "vmafuzz bench exec --for %.0fs\n"
      "kernel %s, weak memory and every check on, one core; goals: at most %.0f ns an access,\n"
      "%.0f executions a second of CPU time at %d operations, no growth of peak memory\n"
      "%-34s %9s %13s %9s %8s\n",
      seconds_, std::string(command::kDefaultKernel), kGoalNanoseconds, kGoalExecutions, kOps, "",
      "ns/access", "executions/s", "accesses", "grown");
  return absl::OkStatus();
}

void Table::miss(bool missed, const std::string& what) {
  if (missed) absl::StrAppend(&missed_, missed_.empty() ? "" : "; ", what);
}

void Table::not_measured(const char* name, const absl::Status& why) {
  complete_ = false;
  std::cout << absl::StrFormat("%-34s not measured: %s\n", name, std::string(why.message()));
}

void Table::measure(const std::string& name, const std::vector<Program>& programs, double goal) {
  const measure::Rate rate = measure::measure_rate(executor_, programs, seconds_);
  const double nanoseconds = rate.cpu_seconds * 1e9 / static_cast<double>(rate.accesses);
  const double executions = static_cast<double>(rate.executions) / rate.cpu_seconds;
  std::cout << absl::StrFormat(
                   "%-34s %9.1f %13.0f %9.0f %5d kB\n", name, nanoseconds, executions,
                   static_cast<double>(rate.accesses) / static_cast<double>(rate.executions),
                   rate.grown_kb)
            << std::flush;
  miss(nanoseconds > kGoalNanoseconds, absl::StrFormat("%s: %.1f ns/access", name, nanoseconds));
  miss(executions < goal, absl::StrFormat("%s: %.0f executions/s", name, executions));
  miss(rate.grown_kb > kGoalGrownKb, absl::StrFormat("%s: grew by %d kB", name, rate.grown_kb));
  if (goal > 0 && replayed_rate_ == 0) replayed_rate_ = executions;
}

std::vector<Program> Table::with(std::vector<Program> programs, Strategy strategy,
                                 ReadPolicy policy) {
  for (Program& program : programs) {
    program.header.strategy = strategy;
    program.header.policy = policy;
    program.header.policy_arg = 2;
  }
  return programs;
}

std::vector<Program> Table::replayed(const std::vector<Program>& programs) {
  std::vector<Program> replays;
  run::RunOptions options;
  options.record = true;
  run::Outcome outcome;
  for (const Program& program : with(programs, Strategy::kPortfolio, ReadPolicy::kNewest)) {
    executor_.run(program, options, &outcome);
    replays.push_back(run::Executor::as_replay(program, outcome));
  }
  return replays;
}

// The same programs with a std::thread for each CPU and execution, under ThreadSanitizer.
void Table::measure_threads() {
  constexpr const char* kName = "16 operations, std::threads + TSan";
  const absl::StatusOr<std::string> line =
      measure::first_line_of_native({"rate", "--ops", absl::StrCat(kOps), "--executor", "spawn",
                                     "--for", absl::StrCat(seconds_, "s")},
                                    measure::NativeBuild::kMeasured);
  if (!line.ok()) return not_measured(kName, line.status());
  const auto json = nlohmann::json::parse(*line, nullptr, false);
  const double seconds = json.is_discarded() ? 0 : json.value("cpu_seconds", 0.0);
  if (seconds == 0) {
    return not_measured(kName, absl::InternalError(absl::StrCat("vmafuzz_tsan says ", *line)));
  }
  const double rate = json.value("executions", 0.0) / seconds;
  std::cout << absl::StrFormat("%-34s %9s %13.0f   simulated, replayed: %.0f times as many\n",
                               kName, "", rate, replayed_rate_ / rate);
}

std::vector<std::string> Table::engine_words(const std::string& program,
                                             const std::vector<std::string>& more) const {
  std::vector<std::string> words = {program};
  words.insert(words.end(), more.begin(), more.end());
  words.push_back(absl::StrCat("-max_total_time=", std::ceil(seconds_)));
  for (const char* word : {"-seed=1", "-verbosity=0", "-print_funcs=0", "-entropic=0", "-use_cmp=0",
                           "-max_len=512", "-len_control=0"}) {
    words.emplace_back(word);
  }
  return words;
}

// "N executions, M accesses in S s", as Session::finish() prints it: mutation, coverage and the
// engine included.
absl::StatusOr<measure::Rate> Table::session_rate(const std::string& target) const {
  const Scratch scratch;
  const absl::StatusOr<std::string> output =
      measure::output_of(engine_words(target, {"--session", "--quiet", "--dir=" + scratch.fresh()}),
                         measure::Stream::kOutput);
  if (!output.ok()) return output.status();
  const std::vector<std::string> words =
      absl::StrSplit(absl::StrReplaceAll(*output, {{",", ""}}), ' ');
  measure::Rate rate;
  if (words.size() < 6 || !absl::SimpleAtoi(words[0], &rate.executions) ||
      !absl::SimpleAtoi(words[2], &rate.accesses) || !absl::SimpleAtod(words[5], &rate.seconds) ||
      rate.accesses == 0) {
    return absl::InternalError(absl::StrCat(target, " says ", output->substr(0, 200)));
  }
  return rate;
}

// Executions per second that the engine itself counts.
absl::StatusOr<double> Table::empty_rate(const std::string& target) const {
  const Scratch scratch;
  const absl::StatusOr<std::string> output = measure::output_of(
      engine_words(target, {scratch.fresh(), "-print_final_stats=1"}), measure::Stream::kErrors);
  if (!output.ok()) return output.status();
  constexpr absl::string_view kCount = "stat::number_of_executed_units:";
  const size_t at = output->find(kCount.data());
  double count = 0;
  if (at == std::string::npos ||
      !absl::SimpleAtod(
          output->substr(at + kCount.size(), output->find('\n', at) - at - kCount.size()),
          &count)) {
    return absl::InternalError(
        absl::StrCat(target, " prints no statistics: ", output->substr(0, 200)));
  }
  return count / std::ceil(seconds_);
}

// The same rows by the `vmafuzz` beside the fuzz target, which was built as the target was.
void Table::measure_engines_build(const ExecOptions& options) {
  constexpr const char* kName = "the engines' build";
  const absl::StatusOr<std::string> target = find_target(options.target);
  if (!target.ok()) return not_measured(kName, target.status());
  const std::string program = (fs::path(*target).parent_path() / "vmafuzz").string();
  const absl::StatusOr<std::string> output =
      measure::output_of({program, "bench", "exec", "--this-build", "--corpus", options.corpus,
                          "--for", absl::StrCat(seconds_, "s")},
                         measure::Stream::kOutput);
  if (!output.ok()) return not_measured(kName, output.status());
  const std::vector<std::string> lines = absl::StrSplit(*output, '\n', absl::SkipEmpty());
  const std::string last = lines.empty() ? "" : lines.back();
  std::cout << "\n" << program << ":\n";
  const auto row = [](absl::string_view line) {
    return absl::StartsWith(line, "corpus, ") || absl::StartsWith(line, "16 operations, ");
  };
  for (const std::string& line : lines) {
    if (row(line)) std::cout << line << "\n";
  }
  std::cout << "\n";
  if (absl::StartsWith(last, kMissed))
    return miss(true, absl::StrCat(kName, ": ", last.substr(kMissed.size())));
  if (last != kReached)
    not_measured(kName, absl::InternalError(absl::StrCat(program, " says ", last)));
}

void Table::measure_engine(const std::string& given) {
  constexpr const char* kName = "libFuzzer: fuzz_sim, from nothing";
  const absl::StatusOr<std::string> target = find_target(given);
  if (!target.ok()) return not_measured(kName, target.status());
  const absl::StatusOr<measure::Rate> rate = session_rate(*target);
  if (!rate.ok()) return not_measured(kName, rate.status());
  const double nanoseconds = rate->seconds * 1e9 / static_cast<double>(rate->accesses);
  const double executions = static_cast<double>(rate->executions) / rate->seconds;
  std::cout << absl::StrFormat(
                   "%-34s %9.1f %13.0f %9.0f   wall time, with mutation\n", kName, nanoseconds,
                   executions,
                   static_cast<double>(rate->accesses) / static_cast<double>(rate->executions))
            << std::flush;
  const absl::StatusOr<double> empty =
      empty_rate((fs::path(*target).parent_path() / "fuzz_empty").string());
  if (!empty.ok()) return not_measured("libFuzzer: fuzz_empty", empty.status());
  std::cout << absl::StrFormat("%-34s %9s %13.0f   fuzz_sim: %.2f %% of it\n",
                               "libFuzzer: fuzz_empty", "", *empty, 100 * executions / *empty);
}

int Table::end() const {
  std::cout << (missed_.empty() ? std::string(kReached) : absl::StrCat(kMissed, missed_)) << "\n";
  if (!missed_.empty()) return command::kExitBugFound;
  return complete_ ? command::kExitOk : command::kExitEnvironment;
}

}  // namespace

int exec(const std::vector<Scenario>& scenarios, const ExecOptions& options) {
  Table table(options.seconds);
  if (absl::Status status = table.begin(); !status.ok()) {
    std::cerr << "vmafuzz bench: " << std::string(status.message()) << "\n";
    return command::kExitEnvironment;
  }
  std::vector<Program> corpus;
  for (const Scenario& scenario : scenarios) corpus.push_back(scenario.program);
  const auto row = [&](const char* name, Strategy strategy, ReadPolicy policy) {
    table.measure(absl::StrCat("corpus, ", name), table.with(corpus, strategy, policy), 0);
  };
  row("in turn", Strategy::kNone, ReadPolicy::kNewest);
  row("sticky, newest", Strategy::kSticky, ReadPolicy::kNewest);
  row("sticky, oldest but fresh", Strategy::kSticky, ReadPolicy::kOldestFresh);
  row("urw, uniform", Strategy::kUrw, ReadPolicy::kUniform);
  row("portfolio", Strategy::kPortfolio, ReadPolicy::kNewest);

  const std::vector<Program> programs = measure::programs_of_size(kOps, 64);
  table.measure("16 operations, replayed", table.replayed(programs), kGoalExecutions);
  for (int i = 1; i < input::kStrategyCount; ++i) {
    const auto strategy = static_cast<Strategy>(i);
    table.measure(absl::StrCat("16 operations, ", input::strategy_name(strategy)),
                  table.with(programs, strategy, ReadPolicy::kNewest), kGoalExecutions);
  }
  if (!options.this_build) {
    table.measure_engines_build(options);
    table.measure_threads();
    table.measure_engine(options.target);
  }
  return table.end();
}

}  // namespace vmafuzz::bench
