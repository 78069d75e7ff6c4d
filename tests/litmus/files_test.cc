// The litmus tests of this folder: what each header says is what the machine shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "litmus/batch.h"
#include "litmus/run.h"

namespace vmafuzz::litmus {
namespace {

std::vector<std::string> files() {
  const auto found = find_tests({VMAFUZZ_LITMUS_FOLDER});
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() ? *found : std::vector<std::string>{};
}

TEST(LitmusFiles, ShowWhatTheirHeadersSay) {
  int checked = 0;
  const auto run = [](const std::string& path) { return run_file(path, RunOptions{}, nullptr); };
  const absl::Status status = run_batch(files(), 2, run, [&](const FileReport& report) {
    EXPECT_EQ(report.outcome, FileOutcome::kExplored) << report.path << ": " << report.error;
    EXPECT_EQ(report.result, observed_name(report.observation.observed)) << format_report(report);
    ++checked;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_GE(checked, 60);
}

// Leaving executions out must not leave outcomes out.
TEST(LitmusFiles, ShowTheSameStatesWithoutReductions) {
  RunOptions by_history;
  by_history.reduce = false;
  for (const std::string& path : files()) {
    const auto test = load_litmus(path);
    ASSERT_TRUE(test.ok()) << test.status();
    const auto reduced = run_litmus(*test, RunOptions{}), full = run_litmus(*test, by_history);
    ASSERT_TRUE(reduced.ok() && full.ok()) << path;
    EXPECT_EQ(reduced->states, full->states) << path;
  }
}

// "base+change" says what becomes of `base` when one thing in it is changed.
TEST(LitmusFiles, EveryChangeHasItsBase) {
  std::set<std::string> names;
  for (const std::string& path : files()) {
    const auto test = load_litmus(path);
    ASSERT_TRUE(test.ok()) << test.status();
    EXPECT_TRUE(test->result == "Never" || test->result == "Sometimes") << path;
    names.insert(test->name);
  }
  for (const std::string& name : names) {
    const size_t plus = name.find('+');
    if (plus == name.npos || name == "beyond-2+2w") continue;
    EXPECT_TRUE(names.contains(name.substr(0, plus))) << name;
  }
}

}  // namespace
}  // namespace vmafuzz::litmus
