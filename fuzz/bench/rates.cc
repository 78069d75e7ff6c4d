// Executions per second: programs of one size on each executor, and what engines make of theirs.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

constexpr size_t kOps = 16;
constexpr double kGoalFibres = 30000;  // executions a second of CPU time
constexpr double kGoalOverSpawn = 20;  // times as many as with new threads for each input
constexpr double kEngineSeconds = 20;  // at least: AFL++ first runs its seeds several times
constexpr const char* kEngines[] = {"libfuzzer", "afl", "tsan", "afl-tsan"};

absl::StatusOr<measure::Rate> simulated_rate(double seconds) {
  run::Executor executor;
  const absl::Status ready =
      executor.set_target({variants::find_kernel(command::kDefaultKernel), {}, {}});
  if (!ready.ok()) return ready;
  return measure::measure_rate(executor, measure::programs_of_size(kOps, 64), seconds);
}

absl::StatusOr<measure::Rate> native_rate(const char* executor, double seconds) {
  const absl::StatusOr<std::string> line =
      measure::first_line_of_native({"rate", "--ops", absl::StrCat(kOps), "--executor", executor,
                                     "--for", absl::StrCat(seconds, "s")},
                                    measure::NativeBuild::kMeasured);
  if (!line.ok()) return line.status();
  const auto json = nlohmann::json::parse(*line, nullptr, false);
  if (json.is_discarded()) return absl::InternalError(absl::StrCat("vmafuzz_tsan says ", *line));
  measure::Rate rate;
  rate.executions = json.value("executions", uint64_t{0});
  rate.accesses = json.value("accesses", uint64_t{0});
  rate.seconds = json.value("seconds", 1.0);
  rate.cpu_seconds = json.value("cpu_seconds", 1.0);
  return rate;
}

double per_cpu_second(const measure::Rate& rate) {
  return static_cast<double>(rate.executions) / rate.cpu_seconds;
}

void print_rate(const char* name, const measure::Rate& rate) {
  std::cout << absl::StrFormat("%-18s %10.0f/s %10.0f/s of CPU time", name,
                               static_cast<double>(rate.executions) / rate.seconds,
                               per_cpu_second(rate));
  if (rate.accesses != 0) {
    std::cout << absl::StrFormat(
        "   %5.0f accesses each",
        static_cast<double>(rate.accesses) / static_cast<double>(rate.executions));
  }
  std::cout << std::endl;
}

// One worker of `vmafuzz fuzz`: mutation, coverage and exchange included.
absl::StatusOr<measure::Rate> engine_rate(const std::string& engine, const std::string& folder,
                                          double seconds) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const absl::StatusOr<std::string> output = measure::output_of(
      {self, "fuzz", "--engine", engine, "--kernel", std::string(command::kDefaultKernel), "--jobs",
       "1", "--for", absl::StrCat(seconds, "s"), "--dir", folder, "--quiet"},
      measure::Stream::kErrors);
  std::ifstream in(folder + "/status.json");
  const auto json = nlohmann::json::parse(in, nullptr, false);
  if (json.is_discarded() || json["groups"].empty()) {
    return absl::UnavailableError(output.ok() ? *output : std::string(output.status().message()));
  }
  measure::Rate rate;
  rate.executions = json["groups"][0].value("executions", uint64_t{0});
  rate.accesses = json["groups"][0].value("accesses", uint64_t{0});
  rate.seconds = json["groups"][0].value("seconds", 1.0);
  if (rate.executions == 0) return absl::UnavailableError("it did not run a single input");
  return rate;
}

void print_engines(double seconds) {
  const Scratch scratch;
  std::cout << "one worker of each engine, from the corpus, with its mutations\n";
  for (const char* engine : kEngines) {
    const absl::StatusOr<measure::Rate> rate = engine_rate(engine, scratch.fresh(), seconds);
    if (!rate.ok()) {
      std::cout << absl::StrFormat("%-18s not measured: %s\n", engine,
                                   std::string(rate.status().message()));
      continue;
    }
    std::cout << absl::StrFormat(
                     "%-18s %10.0f/s   %5.0f accesses each\n", engine,
                     static_cast<double>(rate->executions) / rate->seconds,
                     static_cast<double>(rate->accesses) / static_cast<double>(rate->executions))
              << std::flush;
  }
}

int refuse(const absl::Status& status) {
  std::cerr << "vmafuzz bench: " << std::string(status.message()) << "\n";
  return command::kExitEnvironment;
}

int judge(const measure::Rate& fibres, const measure::Rate& spawn) {
  const double rate = per_cpu_second(fibres);
  const double times = rate / per_cpu_second(spawn);
  const bool fast = rate >= kGoalFibres;
  const bool faster = times >= kGoalOverSpawn;
  std::cout << absl::StrFormat(
      "tsan-fibres: %.1f times a thread per input, by CPU time (goal %.0f: %s); goal %.0f/s: %s\n",
      times, kGoalOverSpawn, faster ? "reached" : "missed", kGoalFibres,
      fast ? "reached" : "missed");
  return fast && faster ? command::kExitOk : command::kExitBugFound;
}

}  // namespace

int rates(double seconds) {
  std::cout << absl::StrFormat("vmafuzz bench rates --for %.0fs\nprograms of %d operations on %s\n",
                               seconds, kOps, std::string(command::kDefaultKernel));
  const absl::StatusOr<measure::Rate> simulated = simulated_rate(seconds);
  if (!simulated.ok()) return refuse(simulated.status());
  print_rate("simulated", *simulated);
  constexpr std::pair<const char*, const char*> kNative[] = {
      {"tsan-fibres", "fibres"}, {"tsan-threads", "threads"}, {"thread per input", "spawn"}};
  std::map<std::string, measure::Rate> native;
  for (const auto& [name, executor] : kNative) {
    const absl::StatusOr<measure::Rate> rate = native_rate(executor, seconds);
    if (!rate.ok()) return refuse(rate.status());
    print_rate(name, *rate);
    native[executor] = *rate;
  }
  print_engines(std::max(seconds, kEngineSeconds));
  return judge(native["fibres"], native["spawn"]);
}

}  // namespace vmafuzz::bench
