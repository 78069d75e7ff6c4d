// A folder of litmus tests from elsewhere, named by the environment variable VMAFUZZ_LITMUS_SUITE:
// suite/*.litmus and expected.jsonl in it. Skipped where it is not set.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "litmus/batch.h"

namespace vmafuzz::litmus {
namespace {

namespace fs = std::filesystem;

class Suite : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("VMAFUZZ_LITMUS_SUITE");
    if (folder == nullptr) GTEST_SKIP() << "VMAFUZZ_LITMUS_SUITE is not set";
    folder_ = folder;
    for (const auto& entry : fs::directory_iterator(folder_ / "suite")) {
      if (entry.path().extension() == ".litmus") files_.push_back(entry.path());
    }
    std::sort(files_.begin(), files_.end());
    ASSERT_FALSE(files_.empty());
  }

  fs::path folder_;
  std::vector<fs::path> files_;
};

TEST_F(Suite, IsParsedButForOnePercent) {
  size_t refused = 0;
  for (const fs::path& file : files_) {
    const auto test = load_litmus(file);
    if (test.ok()) continue;
    ++refused;
    std::cout << test.status().message() << "\n";
    EXPECT_EQ(test.status().code(), absl::StatusCode::kUnimplemented) << test.status();
  }
  EXPECT_LE(refused * 100, files_.size());
}

// The states of the reference, read back, must give its verdicts: conditions, filters, quantifiers
// and printing agree with herd7.
TEST_F(Suite, ConditionsJudgeTheReferenceStatesAsHerdDoes) {
  const auto expected = load_expected(folder_ / "expected.jsonl");
  ASSERT_TRUE(expected.ok()) << expected.status();
  size_t judged = 0;
  for (const fs::path& file : files_) {
    const auto test = load_litmus(file);
    const auto reference = expected->find(file.stem().string());
    if (!test.ok() || reference == expected->end()) continue;
    const Layout layout(*test);
    const auto locations = expected_locations(*test, reference->second);
    ASSERT_TRUE(locations.ok()) << locations.status();
    std::vector<State> states;
    for (const std::string& line : reference->second.lkmm) {
      const auto bindings = parse_state(*test, line);
      if (!bindings.ok()) break;  // a symbolic value out of thin air ("S16")
      State& state = states.emplace_back(layout.size());
      for (const Binding& binding : *bindings) {
        state[layout.index(binding.location)] = binding.value;
      }
    }
    if (states.size() != reference->second.lkmm.size()) continue;
    const Observation observation = observe(*test, states, *locations);
    EXPECT_EQ(observation.states, reference->second.lkmm) << file;
    EXPECT_EQ(observed_name(observation.observed), reference->second.verdict) << file;
    ++judged;
  }
  EXPECT_GE(judged * 100, files_.size() * 99);
}

// Every 8th test (all of them: vmafuzz litmus --expected).
TEST_F(Suite, SampleShowsWhatTheModelAllows) {
  const auto expected = load_expected(folder_ / "expected.jsonl");
  ASSERT_TRUE(expected.ok()) << expected.status();
  std::vector<std::string> sample;
  for (size_t i = 0; i < files_.size(); i += 8) sample.push_back(files_[i]);
  RunOptions options;
  options.max_executions = 20'000;
  Summary summary;
  const auto run = [&](const std::string& path) { return run_file(path, options, &*expected); };
  const absl::Status status = run_batch(sample, 2, run, [&](const FileReport& report) {
    if (!report.has_reference) return;
    EXPECT_TRUE(report.comparison.sound()) << format_report(report);
    if (report.outcome == FileOutcome::kExplored) summary.add(report.comparison);
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_GE(summary.tests * 10, static_cast<int>(sample.size()) * 9);
  EXPECT_GE(summary.append_shown * 100, summary.append * 99);
  EXPECT_GE(summary.complete * 100, summary.tests * 98);
}

}  // namespace
}  // namespace vmafuzz::litmus
