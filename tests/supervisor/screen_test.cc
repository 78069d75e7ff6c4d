// What people see of a run while it runs.
#include "fuzz/supervisor/screen.h"

#include <gtest/gtest.h>

#include <limits>
#include <regex>

#include "absl/strings/match.h"
#include "fuzz/supervisor/status.h"

namespace vmafuzz::supervisor {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

Snapshot long_run() {
  GroupStatus group;
  group.name = "tsan-threads/plan-a-ei";
  group.totals.executions = 123456789;
  group.rate = 12345;
  group.workers = 16;
  group.edges = 15620;
  group.features = 198765;
  group.buckets = 12;
  Snapshot now;
  now.state = "running";
  now.seconds = 45000;
  now.left = std::numeric_limits<double>::infinity();
  now.executions = 123456789;
  now.rate = 12345;
  now.triaged = 9;
  now.groups = {group};
  return now;
}

TEST(ProgressLines, FitEightyColumnsWithEveryNumber) {
  const std::vector<std::string> lines = progress_lines(long_run(), 12);
  ASSERT_EQ(lines.size(), 3u);
  for (const std::string& line : lines) EXPECT_LT(line.size(), 80u) << line;
  const std::regex row(R"(  tsan-threads/plan-a-ei +123M +12\.3k +15\.6k +199k +12h30m +12 +16)");
  EXPECT_TRUE(std::regex_match(lines[2], row)) << lines[2];
  EXPECT_TRUE(absl::StrContains(lines[0], "found 12  3 in triage")) << lines[0];
}

TEST(Screen, LeavesOutWholeFields) {
  const std::string line = "  one  23   4,567  last new";
  EXPECT_EQ(whole_fields(line, line.size()), line);
  EXPECT_EQ(whole_fields(line, line.size() - 1), "  one  23   4,567");
  EXPECT_EQ(whole_fields(line, 17), "  one  23   4,567");
  EXPECT_EQ(whole_fields(line, 16), "  one  23");
  EXPECT_EQ(whole_fields("  verylong  2", 5), "  ver") << "rather than nothing";
}

TEST(Screen, ShowsGroupsOnceAMinuteWithoutATerminal) {
  testing::internal::CaptureStderr();
  Screen early(steady_clock::now() - seconds(5));
  early.show({"run", "group"});
  Screen screen(steady_clock::now() - seconds(15));
  screen.show({"run", "group"});
  screen.show({"run", "group"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "run\ngroup\n");
}

}  // namespace
}  // namespace vmafuzz::supervisor
