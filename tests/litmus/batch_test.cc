#include "litmus/batch.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace vmafuzz::litmus {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMessagePassing =
    "C mp\n(* Result: Sometimes *)\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); WRITE_ONCE(*y, 1); "
    "}\n"
    "P1(int *x, int *y) { int r0; int r1; r0 = READ_ONCE(*y); r1 = READ_ONCE(*x); }\n"
    "exists (1:r0=1 /\\ 1:r1=0)\n";

class Batch : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) /
        absl::StrCat("litmus-", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "below");
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  fs::path folder_;
};

using Strings = std::vector<std::string>;

TEST_F(Batch, FindsFilesAndWhatIsBelowFolders) {
  const std::string a = write("b.litmus", ""), b = write("below/a.litmus", ""),
                    other = write("c.txt", "");
  const auto all = find_tests({folder_.string(), other});
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(*all, (Strings{a, b, other}));
  EXPECT_EQ(find_tests({"/nonexistent"}).status().message(), "/nonexistent: not found");
  fs::remove(a);
  fs::remove(b);
  EXPECT_EQ(find_tests({folder_.string()}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(Batch, SaysWhatAnEmptyFileLacks) {
  const std::string path = write("empty.litmus", "");
  EXPECT_EQ(run_file(path, RunOptions{}, nullptr).error,
            path + ":1:1: expected 'C NAME', the header of a C test");
  const std::string folder = folder_.string();
  EXPECT_EQ(run_file(folder, RunOptions{}, nullptr).error, folder + ": cannot read");
}

TEST_F(Batch, ReportsInOrderFromSeveralProcesses) {
  Strings paths;
  for (int i = 0; i < 40; ++i) paths.push_back(absl::StrCat("t", i));
  Strings seen;
  const auto run = [](const std::string& path) {
    FileReport report;
    report.path = report.name = path;
    report.error = "as told";
    return report;
  };
  ASSERT_TRUE(run_batch(paths, 3, run, [&](const FileReport& r) { seen.push_back(r.path); }).ok());
  EXPECT_EQ(seen, paths);
  EXPECT_TRUE(run_batch({}, 3, run, [](const FileReport&) { FAIL(); }).ok());
}

TEST_F(Batch, SurvivesTheDeathOfItsChildren) {
  const auto run = [](const std::string& path) {
    if (path == "killed") raise(SIGKILL);
    if (path == "gone") _exit(7);
    FileReport report;
    report.path = path;
    return report;
  };
  Strings errors;
  ASSERT_TRUE(run_batch({"killed", "a", "gone", "b"}, 1, run, [&](const FileReport& report) {
                errors.push_back(absl::StrCat(report.path, ": ", report.error));
              }).ok());
  EXPECT_EQ(errors, (Strings{"killed: its process died of Killed",
                             "a: ", "gone: its process ended with status 7", "b: "}));
}

TEST_F(Batch, RunsATestAndComparesIt) {
  const std::string path = write("mp.litmus", kMessagePassing);
  const auto expected =
      parse_expected("e", R"({"name":"mp","quantifier":"exists","verdict":"Sometimes",)"
                          R"("lkmm":["1:r0=0; 1:r1=0;","1:r0=0; 1:r1=1;","1:r0=1; 1:r1=1;"],)"
                          R"("append":["1:r0=1; 1:r1=1;","1:r0=2; 1:r1=1;"],"inorder":[]})");
  ASSERT_TRUE(expected.ok()) << expected.status();
  const FileReport report = run_file(path, RunOptions{}, &*expected);
  EXPECT_EQ(report.outcome, FileOutcome::kExplored) << report.error;
  EXPECT_EQ(report.observation.states.size(), 4u);
  EXPECT_EQ(report.comparison.unsound, Strings{"1:r0=1; 1:r1=0;"});
  EXPECT_EQ(report.comparison.missing, Strings{"1:r0=2; 1:r1=1;"});
  EXPECT_FALSE(report.contradicts_header());

  // What the child writes is what the parent reads.
  const auto back = report_from_json(report_to_json(report));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(format_report(*back), format_report(report));
  EXPECT_EQ(report_to_json(*back), report_to_json(report));
  EXPECT_NE(format_report(report).find("Unsound 1\n  1:r0=1; 1:r1=0;\n    by P0@2 preempt P1"),
            std::string::npos);
}

// As herd7 does; the file's name is told where it is another.
TEST_F(Batch, CallsATestAsItsHeaderDoes) {
  const FileReport same = run_file(write("mp.litmus", kMessagePassing), RunOptions{}, nullptr);
  EXPECT_EQ(format_report(same).find("Test mp Allowed\n"), 0u);
  EXPECT_EQ(format_report(same).find("File "), std::string::npos);
  const FileReport other = run_file(write("copy.litmus", kMessagePassing), RunOptions{}, nullptr);
  EXPECT_EQ(other.name, "copy");
  EXPECT_EQ(format_report(other), absl::StrCat(format_report(same), "File ", other.path, "\n"));
}

TEST_F(Batch, TellsWhyATestWasNotRun) {
  const FileReport malformed =
      run_file(write("bad.litmus", "C bad {} P0( {}"), RunOptions{}, nullptr);
  EXPECT_EQ(malformed.outcome, FileOutcome::kUnsupported);
  EXPECT_EQ(format_report(malformed),
            absl::StrCat("Test bad unsupported: ", malformed.path,
                         ":1:14: expected the type of a parameter, met '{'\n"));
  EXPECT_FALSE(report_from_json("{}").ok());
  EXPECT_FALSE(report_from_json("no json").ok());

  RunOptions few;
  few.max_executions = 2;
  const FileReport cut = run_file(write("mp.litmus", kMessagePassing), few, nullptr);
  EXPECT_EQ(cut.outcome, FileOutcome::kCutOff);
  EXPECT_NE(format_report(cut).find("Cut off after"), std::string::npos);
}

TEST_F(Batch, ChecksWhatTheHeaderSays) {
  std::string text = kMessagePassing;
  text.replace(text.find("Sometimes"), 9, "Never");
  const FileReport report = run_file(write("mp.litmus", text), RunOptions{}, nullptr);
  EXPECT_TRUE(report.contradicts_header());
  EXPECT_NE(format_report(report).find("Header says Never\n"), std::string::npos);
}

}  // namespace
}  // namespace vmafuzz::litmus
