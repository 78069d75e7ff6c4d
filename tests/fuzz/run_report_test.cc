// Reports of runs: whole ones, killed ones, damaged ones.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "fuzz/program_file.h"
#include "fuzz/run_report/finding.h"
#include "fuzz/run_report/run_folder.h"
#include "fuzz/run_report/run_page.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/finding.h"
#include "gtest/gtest.h"
#include "input/bytes.h"

namespace vmafuzz::run_report {
namespace {

namespace fs = std::filesystem;

class RunReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ =
        fs::path(::testing::TempDir()) /
        absl::StrCat("vmafuzz-", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_ / "found");
  }
  void TearDown() override { fs::remove_all(root_); }

  void copy_sample() {
    const fs::path source(VMAFUZZ_SOURCE_DIR);
    for (const char* name : {"status.json", "events.jsonl"}) {
      fs::copy_file(source / "tests/fuzz/sample-run" / name, root_ / name);
    }
    for (const char* name :
         {"v1-wrong-uprobe", "suren-rfc-wrong-uprobe", "plan-a-e-use-after-free",
          "suren-rfc-use-after-free", "peter-sketch-livelock", "nhit-data-race"}) {
      copy_found(name, name);
    }
  }
  void copy_found(const std::string& repro, const std::string& name) {
    fs::copy_file(fs::path(VMAFUZZ_SOURCE_DIR) / "repro" / (repro + ".repro"),
                  root_ / "found" / (name + ".repro"), fs::copy_options::overwrite_existing);
  }
  void write(const std::string& name, const std::string& content) {
    std::ofstream(root_ / name, std::ios::binary) << content;
  }
  std::string content_of(const std::string& name) {
    std::ifstream file(root_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  RunFolder folder() {
    absl::StatusOr<RunFolder> run = read_run_folder(root_.string());
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *std::move(run) : RunFolder();
  }
  static std::string page(const RunFolder& run) {
    std::vector<Finding> findings;
    for (const Bucket& bucket : run.buckets) findings.push_back(finding_of(bucket));
    return run_page(run, findings, "test");
  }
  static bool misses(const RunFolder& run, absl::string_view words) {
    for (const std::string& sentence : run.missing) {
      if (absl::StrContains(sentence, words)) return true;
    }
    return false;
  }

  fs::path root_;
};

// The simulated machine's execution of it is drawn, but is not what shows it.
TEST_F(RunReportTest, WhatOnlyThreadSanitizerShowsIsReplayedThere) {
  copy_sample();
  write("status.json",
        absl::StrReplaceAll(content_of("status.json"),
                            {{R"("name": "nhit-data-race",)",
                              R"("name": "nhit-data-race", "shows_on": "tsan-fibres",)"}}));
  copy_found("v1-wrong-uprobe", "nhit-data-race");  // which ends in something else there
  const RunFolder run = folder();
  const auto bucket = std::find_if(run.buckets.begin(), run.buckets.end(),
                                   [](const Bucket& b) { return b.name == "nhit-data-race"; });
  ASSERT_NE(bucket, run.buckets.end());
  const Finding finding = finding_of(*bucket);
  EXPECT_EQ(finding.problem, "");
  ASSERT_TRUE(finding.report.has_value());
  EXPECT_EQ(finding.report->timeline.failure.verdict, "data-race");
  EXPECT_TRUE(absl::StrContains(finding.report->sentence, "ends in wrong-uprobe"))
      << finding.report->sentence;
  const std::string text = report::explain(*finding.report);
  EXPECT_TRUE(absl::StrContains(text, "./vmafuzz replay --tsan ")) << text;
  EXPECT_FALSE(absl::StrContains(text, "***")) << "no step of it is where it happened\n" << text;
  EXPECT_TRUE(absl::StrContains(page(run), "./vmafuzz replay --tsan "));
}

TEST_F(RunReportTest, WholeRun) {
  copy_sample();
  const RunFolder run = folder();
  EXPECT_TRUE(run.missing.empty()) << run.missing[0];
  EXPECT_EQ(run.state, "stopped");
  EXPECT_EQ(run.seconds, 28800);
  EXPECT_EQ(run.groups.size(), 10u);
  EXPECT_EQ(run.groups[0].name, "libfuzzer/v1");
  ASSERT_EQ(run.buckets.size(), 6u);
  EXPECT_EQ(run.buckets[0].name, "v1-wrong-uprobe");
  EXPECT_EQ(run.buckets[0].hits, 12804);
  EXPECT_EQ(run.buckets[0].first_seconds, 12.4);
  EXPECT_EQ(run.buckets[0].repro, (root_ / "found/v1-wrong-uprobe.repro").string());
  EXPECT_GT(run.executions_along_time.size(), 15u);
  // The curve of all groups ends at the sum of what status.json says of each.
  double edges = 0;
  for (const Group& group : run.groups) edges += group.edges;
  EXPECT_EQ(run.edges_along_time.back().second, edges);

  const std::string html = page(run);
  EXPECT_TRUE(absl::StrContains(html, "<h1>vmafuzz: 6 buckets in 8h</h1>"));
  EXPECT_TRUE(absl::StrContains(html, "not caught yet for wrong-uprobe"));
  EXPECT_TRUE(absl::StrContains(html, "silent, as it must be"));
  EXPECT_TRUE(absl::StrContains(html, "12.8k times, first after 12s and 34.7k executions"));
  EXPECT_FALSE(absl::StrContains(html, "What is missing here"));
  EXPECT_FALSE(absl::StrContains(html, "Run again"));
}

TEST_F(RunReportTest, OnlyFoundIsAReportThatSaysWhatIsMissing) {
  copy_found("v1-wrong-uprobe", "v1-wrong-uprobe-lookup_v1");
  const RunFolder run = folder();
  EXPECT_TRUE(misses(run, "There is no status.json"));
  EXPECT_TRUE(misses(run, "There is no events.jsonl"));
  ASSERT_EQ(run.buckets.size(), 1u);
  const Finding finding = finding_of(run.buckets[0]);
  EXPECT_EQ(finding.problem, "");
  EXPECT_EQ(finding.bucket.kernel, "v1");
  EXPECT_EQ(finding.bucket.verdict, "wrong-uprobe");
  const std::string html = page(run);
  EXPECT_TRUE(absl::StrContains(html, "There is no status.json"));
  EXPECT_TRUE(absl::StrContains(html, "svg"));
  EXPECT_TRUE(absl::StrContains(html, "./vmafuzz replay "));
}

TEST_F(RunReportTest, OnlyEventsKnowGroupsCurvesAndBuckets) {
  copy_sample();
  fs::remove(root_ / "status.json");
  fs::remove_all(root_ / "found");
  const RunFolder run = folder();
  EXPECT_TRUE(misses(run, "There is no folder found/"));
  EXPECT_EQ(run.groups.size(), 10u);
  EXPECT_GT(run.groups[0].edges, 0);
  ASSERT_EQ(run.buckets.size(), 6u);
  EXPECT_EQ(run.buckets[5].name, "nhit-data-race");
  EXPECT_EQ(run.buckets[5].first_seconds, 7300.1);
  const Finding finding = finding_of(run.buckets[5]);
  EXPECT_FALSE(finding.report.has_value());
  EXPECT_TRUE(absl::StrContains(finding.problem, "Neither a minimal program nor the input"));
  EXPECT_TRUE(absl::StrContains(page(run), "data-race"));
}

TEST_F(RunReportTest, DamagedFilesCostOnlyWhatIsDamaged) {
  copy_sample();
  const std::string events = content_of("events.jsonl");
  write("events.jsonl", "not json\n[1]\n" + events.substr(0, events.size() - 30));
  write("status.json", content_of("status.json").substr(0, 2000));
  write("found/v1-wrong-uprobe.repro", "# vmafuzz repro v1\nsetup:\n  mma");
  write("found/v1-wrong-uprobe.txt", "<i>what the run said</i>");
  const RunFolder run = folder();
  EXPECT_TRUE(misses(run, "status.json is no JSON object"));
  EXPECT_TRUE(misses(run, "3 lines of events.jsonl did not parse"));
  const std::string html = page(run);
  EXPECT_TRUE(absl::StrContains(html, "The program cannot be run again: "));
  EXPECT_TRUE(absl::StrContains(html, "&lt;i&gt;what the run said&lt;/i&gt;"));
  EXPECT_FALSE(absl::StrContains(html, "<i>"));
}

// Keys that hold another kind of value than they should, in every place.
TEST_F(RunReportTest, ForeignJsonIsPassedOver) {
  write("status.json", R"({"state":1,"command":"x","seconds":"y","groups":[1,{"name":5},{"name":"g",
    "expected":{},"bugs":[1,"b"]}],"buckets":[null,{"name":"../../etc/passwd"},{"name":".x"},
    {"name":"b","hits":"many","first_seconds":null}],"warnings":{"a":1}})");
  write("events.jsonl", R"({"event":"progress","groups":7}
{"event":"bucket","name":["x"]}
{"event":7}
{}
)");
  const RunFolder run = folder();
  ASSERT_EQ(run.groups.size(), 1u);
  EXPECT_EQ(run.groups[0].bugs, std::vector<std::string>{"b"});
  ASSERT_EQ(run.buckets.size(), 1u);
  EXPECT_EQ(run.buckets[0].name, "b");
  EXPECT_FALSE(page(run).empty());
}

TEST_F(RunReportTest, ProgramThatShowsSomethingElseIsNotShownAsTheFinding) {
  copy_sample();
  // The bucket says wrong-uprobe.
  write("found/v1-wrong-uprobe.repro",
        "# vmafuzz repro v1\nkernel: 6.18\nsetup:\n"
        "  mmap mm0 page=1 len=2 file=f0 prot=rx private\n");
  write("found/v1-wrong-uprobe.txt", "as it was");
  const RunFolder run = folder();
  const Finding finding = finding_of(run.buckets[0]);
  EXPECT_EQ(finding.problem,
            "Run again on the simulated machine, the program gives no verdict, not wrong-uprobe.");
  EXPECT_TRUE(absl::StrContains(page(run), "as it was"));
}

// As the supervisor writes it: the input, and what is known of it, until triage is done.
supervisor::Finding waiting_finding(const char* kernel, const char* verdict, std::string input) {
  supervisor::Finding finding;
  finding.target.kernel = kernel;
  finding.verdict = verdict;
  finding.bucket = absl::StrCat(verdict, ":speculative:munmap");
  finding.engine = "libfuzzer";
  finding.first_seconds = 42;
  finding.execution = 1000;
  finding.input = std::move(input);
  return finding;
}

TEST_F(RunReportTest, InputThatWaitsRunsOnTheKernelOfItsBucket) {
  const absl::StatusOr<input::Program> program =
      command::read_program(absl::StrCat(VMAFUZZ_SOURCE_DIR, "/repro/v1-wrong-uprobe.repro"));
  ASSERT_TRUE(program.ok()) << program.status();
  const std::vector<uint8_t> bytes = input::encode(*program);
  // Nothing else of the run is left.
  write("found/v1-waits.json",
        to_json(waiting_finding("v1", "wrong-uprobe", {bytes.begin(), bytes.end()})));
  const RunFolder run = folder();
  ASSERT_EQ(run.buckets.size(), 1u);
  EXPECT_EQ(run.buckets[0].state, "new");
  EXPECT_EQ(run.buckets[0].first_seconds, 42);
  EXPECT_TRUE(misses(run, "1 finding was still waiting to be minimised"));
  const Finding finding = finding_of(run.buckets[0]);
  EXPECT_EQ(finding.problem, "");
  ASSERT_TRUE(finding.report.has_value());
  EXPECT_EQ(finding.report->kernel, "v1");
  EXPECT_EQ(finding.report->timeline.failure.verdict, "wrong-uprobe");
}

TEST_F(RunReportTest, InputThatKilledAWorkerIsNotRunAgain) {
  write("found/6.18-harness-crash.json",
        to_json(waiting_finding("6.18", "harness-crash", "bytes")));
  const RunFolder run = folder();
  const Finding finding = finding_of(run.buckets[0]);
  EXPECT_FALSE(finding.report.has_value());
  EXPECT_TRUE(absl::StrContains(page(run), "The worker itself died or hung"));
}

TEST_F(RunReportTest, AFindingThatCannotBeReadIsNamed) {
  write("found/v1-damaged.json", "{");
  EXPECT_TRUE(misses(folder(), "found/v1-damaged.json is not a finding"));
}

TEST_F(RunReportTest, FindingsThatWaitForTheMinimiserAreNotLost) {
  write("status.json", R"({"command":["--for","8 h"],"buckets":[
    {"name":"a","kernel":"v1","verdict":"wrong-uprobe","bucket":"wrong-uprobe:x","state":"new"},
    {"name":"b","state":"new"},{"name":"c","state":"minimal"}]})");
  const RunFolder run = folder();
  EXPECT_TRUE(misses(run, "2 findings were still waiting to be minimised"));
  EXPECT_TRUE(misses(run, "Neither found/c.repro"));
  EXPECT_FALSE(misses(run, "Neither found/a.repro"));
  const std::string html = page(run);
  EXPECT_TRUE(absl::StrContains(html, ">wrong-uprobe:x</a>"));
  EXPECT_TRUE(absl::StrContains(html, "./vmafuzz fuzz --for &#39;8 h&#39;"));
}

TEST_F(RunReportTest, WhatIsNoRunIsRefused) {
  EXPECT_FALSE(read_run_folder((root_ / "nothing").string()).ok());
  fs::remove_all(root_ / "found");
  const absl::Status status = read_run_folder(root_.string()).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "holds nothing of a run")) << status;
}

TEST_F(RunReportTest, SilentKernelWithAFindingIsAnAlarm) {
  copy_found("v1-wrong-uprobe", "6.18-wrong-uprobe");
  write("status.json",
        R"({"groups":[{"name":"libfuzzer/6.18","kernel":"6.18","expected":[]}],
            "buckets":[{"name":"6.18-wrong-uprobe","kernel":"6.18","verdict":"wrong-uprobe"}]})");
  EXPECT_TRUE(absl::StrContains(
      page(folder()), "<td class=\"words verdict\">must be silent, but: wrong-uprobe</td>"));
}

TEST_F(RunReportTest, AGroupThatNeverRanIsNotSilent) {
  write("status.json",
        R"({"groups":[{"name":"afl/6.18","kernel":"6.18","expected":[],"executions":0}]})");
  const std::string html = page(folder());
  EXPECT_TRUE(absl::StrContains(html, "did not run"));
  EXPECT_FALSE(absl::StrContains(html, "silent, as it must be"));
}

TEST_F(RunReportTest, OptionsMakeAnotherTarget) {
  copy_found("v1-wrong-uprobe", "v1+counter-bits=8-wrong-uprobe");
  write("status.json",
        R"({"groups":[{"name":"libfuzzer/v1","kernel":"v1","expected":["wrong-uprobe"],
                       "executions":1}],
            "buckets":[{"name":"v1+counter-bits=8-wrong-uprobe","kernel":"v1",
                        "options":["counter-bits=8"],"verdict":"wrong-uprobe"}]})");
  EXPECT_TRUE(absl::StrContains(page(folder()), "not caught yet for wrong-uprobe"));
}

TEST_F(RunReportTest, ARunThatNobodyHoldsHasEnded) {
  write("status.json", R"({"state":"running"})");
  EXPECT_FALSE(folder().killed) << "a copy without the lock tells nothing";
  {
    supervisor::LockFile lock;
    ASSERT_TRUE(lock.take((root_ / "lock").string()).ok());
    EXPECT_FALSE(folder().killed);
  }
  EXPECT_TRUE(absl::StrContains(page(folder()), "ended without a word (killed?)"));
  supervisor::LockFile again;
  EXPECT_TRUE(again.take((root_ / "lock").string()).ok()) << "a report keeps no lock";
  write("status.json", R"({"state":"running","host":"another.example"})");
  EXPECT_FALSE(folder().killed) << "locks of another machine may not be seen here";
}

TEST_F(RunReportTest, ARunThatSaidThatItStoppedWasNotKilled) {
  write("status.json", R"({"state":"stopped"})");
  write("lock", "");
  EXPECT_FALSE(folder().killed);
}

TEST_F(RunReportTest, NoMinimiserIsBlamedForAProgramThatNoneSaw) {
  supervisor::Finding finding = waiting_finding("6.18", "harness-crash", "bytes");
  finding.state = supervisor::State::kWhole;
  write("found/6.18-harness-crash.json", to_json(finding));
  const std::string html = page(folder());
  EXPECT_TRUE(absl::StrContains(html, "no minimiser can run it"));
  EXPECT_FALSE(absl::StrContains(html, "budget"));
}

}  // namespace
}  // namespace vmafuzz::run_report
