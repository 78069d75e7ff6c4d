#include <cmath>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fuzz/bench/bench.h"
#include "fuzz/command.h"
#include "fuzz/measure/native_program.h"
#include "fuzz/measure/search.h"
#include "fuzz/program_file.h"
#include "nlohmann/json.hpp"

namespace vmafuzz::bench {
namespace {

// The planted bugs that are about order, locks and lifetimes.
struct Row {
  const char* bug;
  const char* kernel;
};
constexpr Row kRows[] = {
    {"seq-read-plainly", "6.18"},
    {"plain-nhit", "6.18"},
    {"locked-lookup-without-lock", "6.18"},
    {"erase-without-treelock", "6.18"},
    {"iget-without-lock", "6.18"},
    {"lookup-without-rcu", "6.14"},
    {"vma-read-lock-relaxed", "6.18"},
    {"copy-insn-without-wmb", "6.18"},
    {"copy-insn-without-rmb", "6.18"},
    {"unregister-without-sync", "6.18"},
    {"uprobe-freed-at-once", "6.18"},
    {"register-under-read-lock", "6.18"},
    {"end-without-wmb", "6.18"},
    {"retry-without-rmb", "6.18"},
};

struct Sample {
  double executions = HUGE_VAL;  // infinite: nothing within the limit
  double seconds = HUGE_VAL;
};

Sample median_of(const std::vector<Sample>& samples) {
  std::vector<double> executions, seconds;
  for (const Sample& sample : samples) {
    executions.push_back(sample.executions);
    seconds.push_back(sample.seconds);
  }
  return {median(executions), median(seconds)};
}

std::string cell(const Sample& sample) {
  if (std::isinf(sample.executions)) return absl::StrFormat("%18s", "-");
  return absl::StrFormat("%9.0f %7.2fs", sample.executions, sample.seconds);
}

Sample search_simulated(const Row& row, const std::vector<input::Program>& corpus, uint64_t seed,
                        double seconds) {
  run::Executor executor;
  if (!executor.set_target({variants::find_kernel(row.kernel), {row.bug}, {}}).ok()) return {};
  const measure::SearchResult result = measure::search(
      executor, corpus, seed, {UINT64_MAX, seconds}, [](const run::Outcome&) { return true; });
  if (!result.found) return {};
  return {static_cast<double>(result.executions), result.seconds};
}

absl::StatusOr<Sample> search_native(const Row& row, const std::string& corpus, uint64_t seed,
                                     double seconds, bool threads) {
  std::vector<std::string> words = {"search",
                                    "--kernel",
                                    row.kernel,
                                    "--bug",
                                    row.bug,
                                    "--corpus",
                                    corpus,
                                    "--seed",
                                    absl::StrCat(seed),
                                    "--for",
                                    absl::StrCat(seconds, "s")};
  if (threads) words.push_back("--threads");
  const absl::StatusOr<std::string> line =
      measure::first_line_of_native(words, measure::NativeBuild::kMeasured);
  if (!line.ok()) return line.status();
  const auto json = nlohmann::json::parse(*line, nullptr, false);
  if (json.is_discarded()) return absl::InternalError(absl::StrCat("vmafuzz_tsan says ", *line));
  if (!json.value("found", false)) return Sample{};
  return Sample{json.value("executions", 0.0), json.value("seconds", 0.0)};
}

int refuse(const absl::Status& status) {
  std::cerr << "vmafuzz bench: " << std::string(status.message()) << "\n";
  return command::kExitEnvironment;
}

}  // namespace

int tsan(const TsanOptions& options) {
  const absl::StatusOr<std::vector<input::Program>> corpus =
      command::read_scenarios(options.corpus);
  if (!corpus.ok()) return refuse(corpus.status());
  std::cout << absl::StrFormat(
      "vmafuzz bench tsan --seeds %d --for %.0fs\n"
      "Executions and seconds to the first report from the corpus, medians of %d; - : none within\n"
      "the time.\n%-28s %-6s %18s %18s %18s\n",
      options.seeds, options.seconds, options.seeds, "bug", "kernel", "simulated", "tsan-fibres",
      "tsan-threads");
  for (const Row& row : kRows) {
    if (variants::find_bug(row.bug) == nullptr) continue;
    std::vector<Sample> samples[3];
    for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
      samples[0].push_back(search_simulated(row, *corpus, seed, options.seconds));
      for (const bool threads : {false, true}) {
        const absl::StatusOr<Sample> sample =
            search_native(row, options.corpus, seed, options.seconds, threads);
        if (!sample.ok()) return refuse(sample.status());
        samples[threads ? 2 : 1].push_back(*sample);
      }
    }
    std::cout << absl::StrFormat("%-28s %-6s", row.bug, row.kernel);
    for (const std::vector<Sample>& column : samples) std::cout << " " << cell(median_of(column));
    std::cout << std::endl;
  }
  return command::kExitOk;
}

}  // namespace vmafuzz::bench
