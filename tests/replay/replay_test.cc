// The files of repro/ and corpus/, run on the kernels that they speak of and on those that must
// stay silent. One case a file, so that a failure names it.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "input/program.h"
#include "input/text.h"
#include "run/executor.h"
#include "variants/variants.h"

namespace vmafuzz {
namespace {

// As merged: upstream's lookup with each of the two VMA locks, and the latest mm.
constexpr std::array<absl::string_view, 3> kSilentKernels = {"6.14", "6.15", "6.18"};
constexpr uint32_t kSeeds = 20;

// Names of a folder's .repro files without the ending, sorted.
std::vector<std::string> names_in(const char* folder) {
  std::vector<std::string> names;
  std::error_code error;
  const auto path = std::filesystem::path(VMAFUZZ_SOURCE_DIR) / folder;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.path().extension() == ".repro") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// GoogleTest takes letters, digits and '_': "split-under-hit" becomes SplitUnderHit.
std::string case_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name;
  bool upper = true;
  for (const char c : info.param) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      name += upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
      upper = false;
    } else {
      upper = true;
      if (c == '.') name += '_';
    }
  }
  return name;
}

input::ParseOptions checked_names(const std::string& file) {
  input::ParseOptions options;
  options.file = file;
  options.check_kernel = variants::check_kernel;
  options.check_bug = variants::check_bug;
  options.check_option = variants::check_option;
  return options;
}

absl::StatusOr<input::Program> read(const char* folder, const std::string& name) {
  const std::string file = absl::StrCat(folder, "/", name, ".repro");
  std::ifstream stream(absl::StrCat(VMAFUZZ_SOURCE_DIR, "/", file));
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return input::parse_text(text, checked_names(file));
}

// The machine is one to a process, and so is what runs programs on it.
run::Outcome run_on(const input::Program& program, absl::string_view kernel) {
  static run::Executor executor;
  run::Outcome outcome;
  const run::Target target{variants::find_kernel(kernel), program.bugs, program.options};
  if (target.kernel == nullptr) {
    ADD_FAILURE() << "no kernel " << std::string(kernel);
    return outcome;
  }
  const absl::Status ready = executor.set_target(target);
  EXPECT_TRUE(ready.ok()) << ready.message();
  run::RunOptions options;
  options.record = true;
  executor.run(program, options, &outcome);
  return outcome;
}

void expect_silence(const input::Program& program, absl::string_view kernel) {
  const run::Outcome outcome = run_on(program, kernel);
  EXPECT_FALSE(outcome.found) << std::string(kernel) << ", seed " << program.header.seed << ": "
                              << outcome.verdict << ": " << outcome.what;
  EXPECT_FALSE(outcome.gave_up) << std::string(kernel) << ", seed " << program.header.seed;
}

void expect_silence_under_any_strategy(input::Program program) {
  program.directives.clear();
  program.header.strategy = input::Strategy::kPortfolio;
  for (const absl::string_view kernel : kSilentKernels) {
    for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
      program.header.seed = seed;
      expect_silence(program, kernel);
    }
  }
}

// ---- repro/
// --------------------------------------------------------------------------------------

class Repro : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    absl::StatusOr<input::Program> program = read("repro", GetParam());
    ASSERT_TRUE(program.ok()) << program.status().message();
    program_ = *std::move(program);
  }

  input::Program program_;
};

TEST_P(Repro, IsNamedForItsKernelAndVerdictAndTellsItsStory) {
  ASSERT_FALSE(program_.kernel.empty());
  ASSERT_FALSE(program_.expect.empty());
  EXPECT_TRUE(absl::StartsWith(GetParam(), absl::StrCat(program_.kernel, "-", program_.expect)));
  EXPECT_FALSE(program_.story.empty());
  EXPECT_TRUE(program_.replay_form());
}

// Nothing in a file that people are to read is there for nothing.
void expect_one_minimal(const input::Program& program) {
  const std::string bucket = run_on(program, program.kernel).bucket;
  for (size_t i = 0; i < program.ops.size(); ++i) {
    input::Program less = program;
    remove_op(less, i);
    EXPECT_NE(run_on(less, program.kernel).bucket, bucket) << "without operation " << i;
  }
  for (size_t i = 0; i < program.directives.size(); ++i) {
    input::Program less = program;
    less.directives.erase(less.directives.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_NE(run_on(less, program.kernel).bucket, bucket) << "without directive " << i;
  }
}

TEST_P(Repro, IsOneMinimal) { expect_one_minimal(program_); }

TEST_P(Repro, GivesItsVerdictAndMeetsItsDirectives) {
  const run::Outcome outcome = run_on(program_, program_.kernel);
  EXPECT_TRUE(outcome.found);
  EXPECT_EQ(outcome.verdict, program_.expect) << outcome.what;
  EXPECT_EQ(outcome.idle, 0u);
}

TEST_P(Repro, GivesTheSameExecutionTwice) {
  const run::Outcome first = run_on(program_, program_.kernel);
  const run::Outcome second = run_on(program_, program_.kernel);
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.steps, second.steps);
  EXPECT_EQ(first.what, second.what);
}

// A schedule without which the same comes out says nothing about how. But data races are told by
// happens-before, from any schedule, and speculation is refused where everything is quiet.
TEST_P(Repro, NeedsItsDirectives) {
  input::Program program = program_;
  program.directives.clear();
  const run::Outcome outcome = run_on(program, program_.kernel);
  const bool by_itself = program_.expect == "data-race" || program_.expect == "fallback-forever";
  EXPECT_EQ(outcome.found, by_itself) << outcome.what;
}

TEST_P(Repro, FindsNothingOnKernelsAsMerged) {
  for (const absl::string_view kernel : kSilentKernels) expect_silence(program_, kernel);
}

// Directives name accesses by number, and another lookup has others there.
TEST_P(Repro, FindsNothingOnKernelsAsMergedUnderAnyStrategy) {
  expect_silence_under_any_strategy(program_);
}

TEST_P(Repro, IsWhatItsKernelMustBeCaughtFor) {
  const variants::Kernel* kernel = variants::find_kernel(program_.kernel);
  ASSERT_NE(kernel, nullptr);
  const auto expected = [&](const variants::Caught& c) { return c.verdict == program_.expect; };
  EXPECT_TRUE(std::any_of(kernel->caught.begin(), kernel->caught.end(), expected));
}

INSTANTIATE_TEST_SUITE_P(Files, Repro, ::testing::ValuesIn(names_in("repro")), case_name);

TEST(Repros, CoverEveryKernelThatMustBeCaught) {
  std::set<std::string> shown;
  for (const std::string& name : names_in("repro")) {
    const absl::StatusOr<input::Program> program = read("repro", name);
    ASSERT_TRUE(program.ok()) << program.status().message();
    shown.insert(program->kernel);
  }
  for (const variants::Kernel& kernel : variants::kernels()) {
    EXPECT_EQ(shown.count(std::string(kernel.name)), kernel.must_be_silent() ? 0u : 1u)
        << std::string(kernel.name);
  }
}

// ---- repro/bugs/
// ---------------------------------------------------------------------------------

// One file a bug switch, named for it: on its kernel the switch makes the difference. A second one
// may be on that by itself gives nothing (two things that each hide the other's absence).
class BugRepro : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    absl::StatusOr<input::Program> program = read("repro/bugs", GetParam());
    ASSERT_TRUE(program.ok()) << program.status().message();
    program_ = *std::move(program);
  }

  input::Program program_;
};

TEST_P(BugRepro, TurnsOnTheSwitchThatItIsNamedForAndTellsItsStory) {
  ASSERT_FALSE(program_.bugs.empty());
  EXPECT_EQ(program_.bugs[0], GetParam());
  EXPECT_FALSE(program_.kernel.empty());
  EXPECT_FALSE(program_.story.empty());
  EXPECT_TRUE(program_.replay_form());
}

TEST_P(BugRepro, GivesAVerdictThatTheSwitchDeclares) {
  const run::Outcome outcome = run_on(program_, program_.kernel);
  EXPECT_EQ(outcome.verdict, program_.expect) << outcome.what;
  EXPECT_EQ(outcome.idle, 0u);
  const variants::Bug* bug = variants::find_bug(GetParam());
  ASSERT_NE(bug, nullptr);
  EXPECT_NE(std::find(bug->verdicts.begin(), bug->verdicts.end(), program_.expect),
            bug->verdicts.end());
}

TEST_P(BugRepro, IsOneMinimal) { expect_one_minimal(program_); }

TEST_P(BugRepro, FindsNothingWithoutTheSwitch) {
  program_.bugs.erase(program_.bugs.begin());
  expect_silence(program_, program_.kernel);
  program_.bugs.clear();
  for (const absl::string_view kernel : kSilentKernels) expect_silence(program_, kernel);
}

INSTANTIATE_TEST_SUITE_P(Files, BugRepro, ::testing::ValuesIn(names_in("repro/bugs")), case_name);

TEST(BugRepros, AreOneForEachSwitch) {
  const std::vector<std::string> names = names_in("repro/bugs");
  for (const variants::Bug& bug : variants::bugs()) {
    EXPECT_EQ(std::count(names.begin(), names.end(), std::string(bug.name)), 1)
        << std::string(bug.name);
  }
}

// ---- repro/findings/
// -----------------------------------------------------------------------------

// What merged kernels are known for: reported by name, and silent otherwise.
class FindingRepro : public ::testing::TestWithParam<std::string> {};

TEST_P(FindingRepro, IsReportedOnlyWhereItIsNotAccepted) {
  absl::StatusOr<input::Program> program = read("repro/findings", GetParam());
  ASSERT_TRUE(program.ok()) << program.status().message();
  EXPECT_EQ(program->options, std::vector<std::string>{absl::StrCat("report=", GetParam())});
  EXPECT_FALSE(program->story.empty());
  for (const absl::string_view kernel : kSilentKernels) {
    const run::Outcome outcome = run_on(*program, kernel);
    EXPECT_EQ(outcome.verdict, program->expect) << std::string(kernel) << ": " << outcome.what;
  }
  EXPECT_EQ(run_on(*program, program->kernel).idle, 0u);
  program->options.clear();
  for (const absl::string_view kernel : kSilentKernels) expect_silence(*program, kernel);
}

INSTANTIATE_TEST_SUITE_P(Files, FindingRepro, ::testing::ValuesIn(names_in("repro/findings")),
                         case_name);

TEST(FindingRepros, AreOneForEachFinding) {
  std::vector<std::string> findings;
  for (int i = 0; i < oracle::kFindings; ++i) {
    findings.emplace_back(oracle::finding_name(static_cast<oracle::Finding>(i)));
  }
  std::sort(findings.begin(), findings.end());
  EXPECT_EQ(names_in("repro/findings"), findings);
}

// ---- corpus/
// -------------------------------------------------------------------------------------

class Corpus : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    absl::StatusOr<input::Program> program = read("corpus", GetParam());
    ASSERT_TRUE(program.ok()) << program.status().message();
    program_ = *std::move(program);
  }

  input::Program program_;
};

TEST_P(Corpus, LeavesScheduleAndKernelOpen) {
  EXPECT_TRUE(program_.replay_form());
  EXPECT_TRUE(program_.directives.empty());
  EXPECT_TRUE(program_.kernel.empty());
  EXPECT_EQ(program_.story.size(), 1u);
}

TEST_P(Corpus, FindsNothingOneCpuAfterTheOther) {
  for (const absl::string_view kernel : kSilentKernels) expect_silence(program_, kernel);
}

TEST_P(Corpus, FindsNothingUnderAnyStrategyOnKernelsAsMerged) {
  expect_silence_under_any_strategy(program_);
}

INSTANTIATE_TEST_SUITE_P(Files, Corpus, ::testing::ValuesIn(names_in("corpus")), case_name);

TEST(Scenarios, AreAtLeastForty) { EXPECT_GE(names_in("corpus").size(), 40u); }

}  // namespace
}  // namespace vmafuzz
