// What strategies find, however they found it, becomes a program of which nothing can be left out.
#include "run/reduce.h"

#include <string>

#include "gtest/gtest.h"
#include "input/text.h"

namespace vmafuzz::run {
namespace {

constexpr char kSplit[] = R"(# vmafuzz repro v1
setup:
  mmap mm0 page=4 len=4 file=f0 prot=rx private
  register inode=i0 pgoff=0
  register inode=i0 pgoff=1
  register inode=i0 pgoff=2
  register inode=i0 pgoff=3
cpu0:
  brk mm0 page=20
  munmap mm0 page=5 len=1
  mprotect mm0 page=7 len=1 prot=r
cpu1:
  hit mm0 page=6
  hit mm0 page=7
cpu2:
  hit mm0 page=4
)";

struct Case {
  const char* kernel;
  const char* verdict;
  input::Strategy strategy;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.kernel << " " << c.verdict << " " << std::string(input::strategy_name(c.strategy));
}

class Reduce : public ::testing::TestWithParam<Case> {};

TEST_P(Reduce, NothingCanBeLeftOut) {
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel(GetParam().kernel), {}, {}}).ok());
  absl::StatusOr<input::Program> program = input::parse_text(kSplit);
  ASSERT_TRUE(program.ok()) << program.status();
  program->header.strategy = GetParam().strategy;
  Outcome outcome;
  for (uint32_t seed = 1; outcome.verdict != GetParam().verdict; ++seed) {
    ASSERT_LT(seed, 20000u);
    program->header.seed = seed;
    program->header.policy = static_cast<input::ReadPolicy>(seed % input::kReadPolicyCount);
    program->header.eager = seed / 2 % 2 != 0;
    program->header.permutation = static_cast<uint8_t>(seed / 3 % input::kPermutationCount);
    executor.run(*program, {}, &outcome);
  }
  const std::string bucket = outcome.bucket;
  const absl::StatusOr<input::MinimizeResult> result = reduce(executor, *program, bucket);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->stats.one_minimal);
  const input::Program& minimal = result->program;
  EXPECT_LT(minimal.ops.size(), program->ops.size());
  executor.run(minimal, {}, &outcome);
  EXPECT_EQ(outcome.bucket, bucket);
  for (size_t i = 0; i < minimal.ops.size(); ++i) {
    input::Program smaller = minimal;
    remove_op(smaller, i);
    executor.run(smaller, {}, &outcome);
    EXPECT_NE(outcome.bucket, bucket) << "operation " << i;
  }
  for (size_t i = 0; i < minimal.directives.size(); ++i) {
    input::Program smaller = minimal;
    smaller.directives.erase(smaller.directives.begin() + static_cast<ptrdiff_t>(i));
    executor.run(smaller, {}, &outcome);
    EXPECT_NE(outcome.bucket, bucket) << "directive " << i;
  }
}

// A round robin switches at every access, and a loop that never ends makes thousands.
INSTANTIATE_TEST_SUITE_P(
    Findings, Reduce,
    ::testing::Values(Case{"peter-sketch", "livelock", input::Strategy::kRoundRobin},
                      Case{"peter-sketch", "livelock", input::Strategy::kUrw},
                      Case{"aug02-draft", "wrong-uprobe", input::Strategy::kSurw},
                      Case{"aug02-draft", "wrong-uprobe", input::Strategy::kSticky},
                      Case{"plan-a-e", "wrong-uprobe", input::Strategy::kUrw},
                      Case{"v1", "wrong-uprobe", input::Strategy::kUrw},
                      Case{"v2-no-patch1", "wrong-uprobe", input::Strategy::kPos}));

// The budget of a loop that never ends runs out wherever it happens to be. While that place was
// part of the bucket, nothing could be left out here: every operation less moved it.
TEST(Reduction, ALivelockIsTheSameWhereverItsBudgetEnds) {
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel("peter-sketch"), {}, {}}).ok());
  const absl::StatusOr<input::Program> program = input::parse_text(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=1 len=1 file=f1 prot=rx private
  register   inode=i1 pgoff=0
  mmap       mm0 page=0 len=2 prot=rx private
  mmap       mm0 page=2 len=1 file=f0 prot=rx private fixed
cpu0:
  hit        mm0 page=1
    @23 preempt cpu1
cpu1:
  mmap       mm0 page=0 len=1 prot=rx private
)");
  ASSERT_TRUE(program.ok()) << program.status();
  Outcome outcome;
  executor.run(*program, {}, &outcome);
  EXPECT_EQ(outcome.bucket, "livelock:hit");
  const absl::StatusOr<input::MinimizeResult> result = reduce(executor, *program, outcome.bucket);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LE(result->program.ops.size(), 4u);
}

TEST(Reduction, RefusesAProgramThatEndsElsewhere) {
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel("6.18"), {}, {}}).ok());
  const absl::StatusOr<input::Program> program = input::parse_text(kSplit);
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(reduce(executor, *program, "livelock:x").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace vmafuzz::run
