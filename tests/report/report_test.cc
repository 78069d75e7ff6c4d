// Whole reports of programs: what is in them, that they are the same each time, and never too wide.
#include "report/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "input/text.h"
#include "report/directives.h"
#include "report/html.h"
#include "scene.h"

namespace vmafuzz::report {
namespace {

// Split by munmap while a lookup is between vm_start and vm_pgoff: found by search, kept as a
// search so that a change of the model cannot make the directives meaningless.
constexpr char kSplitUnderHit[] = R"(# vmafuzz repro v1
setup:
  mmap mm0 page=4 len=4 file=f0 pgoff=0 prot=rx private
  register inode=i0 pgoff=1
  register inode=i0 pgoff=2
  register inode=i0 pgoff=3
cpu0:
  munmap mm0 page=5 len=1
cpu1:
  hit mm0 page=6
)";

class ReportTest : public ::testing::Test {
 protected:
  void target(absl::string_view kernel) {
    run::Target target;
    target.kernel = variants::find_kernel(kernel);
    ASSERT_NE(target.kernel, nullptr);
    ASSERT_TRUE(executor_.set_target(target).ok());
  }

  // The first seed that ends in `verdict`, in replay form.
  input::Program search(const std::string& verdict) {
    input::Program program = *input::parse_text(kSplitUnderHit);
    program.header.strategy = input::Strategy::kPortfolio;
    program.header.policy = input::ReadPolicy::kUniform;
    run::RunOptions options;
    options.record = true;
    run::Outcome outcome;
    for (uint32_t seed = 0; seed < 5000; ++seed) {
      program.header.seed = seed;
      executor_.run(program, options, &outcome);
      if (outcome.verdict == verdict) return run::Executor::as_replay(program, outcome);
    }
    ADD_FAILURE() << "no seed ends in " << verdict;
    return program;
  }

  run::Executor executor_;
};

TEST_F(ReportTest, NothingFoundIsDrawnAllTheSame) {
  target("6.18");
  const Report report = report_of(executor_, *input::parse_text(kSplitUnderHit));
  EXPECT_TRUE(report.timeline.failure.verdict.empty());
  const std::string text = explain(report);
  EXPECT_TRUE(absl::StartsWith(text, "Nothing found on 6.18.\n"));
  EXPECT_TRUE(absl::StrContains(text, "\n  before  ....AAAA.....\n  cpu0    ....A.AA.....\n"));
  EXPECT_TRUE(absl::StrContains(text, "munmap(mm0, page 5, len 1)"));
  EXPECT_TRUE(absl::StrContains(text, "mmap_write_lock(mm0)"));
  EXPECT_TRUE(absl::StrContains(text, "hit(mm0, page 6)"));
  EXPECT_TRUE(absl::StrContains(text, "mm0.mm_lock_seq = "));
}

TEST_F(ReportTest, WrongUprobeIsExplained) {
  target("aug02-draft");
  const input::Program program = search("wrong-uprobe");
  const Report report = report_of(executor_, program);
  ASSERT_EQ(report.timeline.failure.verdict, "wrong-uprobe");
  EXPECT_EQ(report.marked_page, 6);
  EXPECT_TRUE(absl::StrContains(report.sentence, "vm_lock_seq")) << report.sentence;
  const std::string text = explain(report);
  EXPECT_TRUE(absl::StartsWith(text, "wrong-uprobe on aug02-draft: "));
  EXPECT_TRUE(absl::StrContains(text, "*** wrong-uprobe"));
  EXPECT_TRUE(absl::StrContains(text, "\n                ^\n"));
  EXPECT_TRUE(absl::StrContains(text, "./vmafuzz replay FILE"));
}

TEST_F(ReportTest, PagesWithoutAFileSayWhatToReplay) {
  target("6.18");
  const Report report = report_of(executor_, *input::parse_text(kSplitUnderHit));
  FindingOptions options;
  const std::string words = "./vmafuzz replay FILE</code>, where FILE holds";
  EXPECT_TRUE(absl::StrContains(html_finding(report, options), words));
  options.file = "some.repro";
  EXPECT_FALSE(absl::StrContains(html_finding(report, options), words));
}

TEST_F(ReportTest, IsTheSameEveryTime) {
  target("aug02-draft");
  const input::Program program = search("wrong-uprobe");
  const Report first = report_of(executor_, program);
  const std::string text = explain(first);
  const std::string json = to_json(first);
  run::Outcome outcome;
  executor_.run(*input::parse_text(kSplitUnderHit), {}, &outcome);
  const Report second = report_of(executor_, program);
  EXPECT_EQ(explain(second), text);
  EXPECT_EQ(to_json(second), json);
  EXPECT_EQ(second.trace_hash, first.trace_hash);
}

TEST_F(ReportTest, SearchFormIsReportedAsWhatReplaysIt) {
  target("aug02-draft");
  input::Program program = *input::parse_text(kSplitUnderHit);
  program.header.strategy = input::Strategy::kRoundRobin;
  const Report report = report_of(executor_, program);
  EXPECT_TRUE(report.program.replay_form());
  EXPECT_FALSE(report.program.directives.empty());
  const Report again = report_of(executor_, report.program);
  EXPECT_EQ(again.trace_hash, report.trace_hash);
}

TEST_F(ReportTest, TwoCpusFitInEightyColumns) {
  input::Program program = *input::parse_text(kSplitUnderHit);
  program.header.strategy = input::Strategy::kPortfolio;
  program.header.policy = input::ReadPolicy::kUniform;
  for (const char* kernel : {"aug02-draft", "v1", "6.14", "6.18"}) {
    target(kernel);
    for (uint32_t seed = 0; seed < 8; ++seed) {
      program.header.seed = seed;
      const Report report = report_of(executor_, program);
      bool contexts = false;
      for (const Step& step : report.timeline.steps) {
        contexts = contexts || (step.shown && step.cpu >= sim::kUserCpus);
      }
      if (contexts) continue;
      ExplainOptions options;
      options.file = "some.repro";
      EXPECT_LT(widest_line(explain(report, options)), 80u);
    }
  }
}

TEST_F(ReportTest, JsonHasEveryStepAndTheProgram) {
  target("6.18");
  const input::Program program = *input::parse_text(kSplitUnderHit);
  const Report report = report_of(executor_, program, {"smp_rmb() before the last look"});
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_TRUE(json["verdict"].is_null());
  EXPECT_EQ(json["trace"].size(), report.timeline.steps.size());
  EXPECT_EQ(json["diagnosis"][0], "smp_rmb() before the last look");
  EXPECT_EQ(json["address_space"]["versions"].size(), 2u);
  EXPECT_EQ(json["program"], input::print_text(program));
  EXPECT_EQ(json["operations"][4], "munmap(mm0, page 5, len 1)");
}

TEST(Directives, AreSentences) {
  const input::Program program = *input::parse_text(absl::StrCat(
      "# vmafuzz repro v1\ncpu0:\n  munmap mm0 page=4 len=1\n    @12 preempt cpu1\n    @13 fail\n"
      "    @14 hold end\ncpu1:\n  hit mm0 page=6\n    @1 preempt cpu0\n    @2 stale 2\n    @3 "
      "tear\n"
      "    @4 reload\nrcu:\n  @5 preempt cpu0\n"));
  const std::vector<std::string> expected = {
      "cpu0 is preempted before its 12th access in munmap(mm0, page 4, len 1); cpu1 runs.",
      "the 13th access of cpu0 in munmap(mm0, page 4, len 1) fails.",
      "what the 14th access of cpu0 in munmap(mm0, page 4, len 1) leaves to be done is held back "
      "to "
      "the end.",
      "cpu0 runs before cpu1 begins in hit(mm0, page 6).",
      "the 2nd access of cpu1 in hit(mm0, page 6) reads 2 stores back from the newest.",
      "the 3rd access of cpu1 in hit(mm0, page 6) is torn: half old, half new.",
      "the 4th access of cpu1 in hit(mm0, page 6) is done twice by the compiler.",
      "rcu is preempted before its 5th access; cpu0 runs."};
  run::Outcome as_told;
  as_told.directives = program.directives;
  EXPECT_EQ(directives_in_words(program, as_told, Timeline()), expected);
}

// Only what was carried out is told as a fact.
TEST(Directives, ThatChangeNothingAreSaidToChangeNothing) {
  const input::Program program = *input::parse_text(
      "# vmafuzz repro v1\ncpu0:\n  munmap mm0 page=4 len=1\n    @12 preempt cpu1\n    @13 fail\n"
      "cpu1:\n  hit mm0 page=6\n    @2 stale 2\n    @3 tear\n");
  run::Outcome outcome;
  outcome.directives = {program.directives[0], program.directives[2]};
  outcome.directives[1].arg = 1;  // there was but one older store to read
  const std::vector<std::string> expected = {
      "cpu0 is preempted before its 12th access in munmap(mm0, page 4, len 1); cpu1 runs.",
      "fail at the 13th access of cpu0 in munmap(mm0, page 4, len 1) changes nothing.",
      "the 2nd access of cpu1 in hit(mm0, page 6) reads 1 store back from the newest.",
      "tear at the 3rd access of cpu1 in hit(mm0, page 6) changes nothing."};
  EXPECT_EQ(directives_in_words(program, outcome, Timeline()), expected);
  EXPECT_EQ(idle_directives_in_words(program, outcome, Timeline()),
            (std::vector<std::string>{expected[1], expected[3]}));
}

TEST(Directives, OrdinalsOfTeensEndInTh) {
  EXPECT_EQ(ordinal(1), "1st");
  EXPECT_EQ(ordinal(2), "2nd");
  EXPECT_EQ(ordinal(3), "3rd");
  EXPECT_EQ(ordinal(11), "11th");
  EXPECT_EQ(ordinal(112), "112th");
  EXPECT_EQ(ordinal(121), "121st");
}

TEST(OperationName, NamesArgumentsThatNeedIt) {
  input::Op op = input::simplest_op(input::OpKind::kMmap, 1);
  op.set(input::ArgId::kPage, 4);
  op.set(input::ArgId::kLen, 3);
  op.set(input::ArgId::kFile, 1);
  EXPECT_EQ(operation_name(op), "mmap(mm0, page 4, len 3, file f1, prot rx, private)");
  op = input::simplest_op(input::OpKind::kMremap, 1);
  op.set(input::ArgId::kMayMove, 1);
  EXPECT_EQ(operation_name(op), "mremap(mm0, page 0, len 1, newlen 1, newpage 0, maymove)");
}

}  // namespace
}  // namespace vmafuzz::report
