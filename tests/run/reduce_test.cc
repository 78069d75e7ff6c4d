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

// What fuzzing found, and programs in which no operation can be left out that are larger than need
// be all the same: without one, the bug asks for another schedule or another argument.
struct Stuck {
  const char* name;
  const char* kernel;
  size_t ops;  // by hand
  const char* text;
};

void PrintTo(const Stuck& stuck, std::ostream* out) { *out << stuck.name; }

// Seven mmap()s that only take up time.
constexpr char kIdleMappings[] = R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=1 len=2 file=f1 prot=rx private
  register   inode=i1 pgoff=0
  mmap       mm0 page=10 len=4 file=f5 prot=rx private
  register   inode=i1 pgoff=1
  register   inode=i1 pgoff=2
  register   inode=i1 pgoff=3
cpu0:
  mmap       mm0 page=0 len=1 prot=rx private
    @18 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private fixed
    @1 preempt cpu1
    @16 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private
    @18 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private
    @12 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private
    @20 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private
    @23 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private
    @23 preempt cpu1
  mmap       mm0 page=11 len=1 prot=rx private fixed
    @1 preempt cpu1
    @69 preempt cpu1
    @125 preempt cpu1
cpu1:
  hit        mm0 page=13 times=3
    @46 preempt cpu2
    @139 preempt cpu0
    @153 preempt cpu0
    @153 stale 1
    @162 stale 1
cpu2:
  munmap     mm0 page=2 len=1
    @44 preempt cpu0
    @399 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private
    @43 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private
    @24 preempt cpu1
)";

// As found: two offsets are probed in vain.
constexpr char kIdleProbes[] = R"(# vmafuzz repro v1
search: rr oldest-fresh=4 order=1203 seed=0x252ee86
setup:
  mmap       mm1 page=26 len=7 file=f4 pgoff=11 prot=rx private fixed
  close      file=f4
  register   inode=i0 pgoff=12
  register   inode=i0 pgoff=13
  register   inode=i0 pgoff=14
  register   inode=i0 pgoff=15
  mprotect   mm1 page=26 len=1 prot=r
cpu0:
  hit        mm1 page=30
  hit        mm1 page=29 times=3
cpu1:
  mprotect   mm1 page=26 len=7 prot=r
  mprotect   mm1 page=26 len=7 prot=rx
cpu2:
  mprotect   mm1 page=29 len=4 prot=r
  mprotect   mm1 page=29 len=4 prot=rx
  mprotect   mm1 page=26 len=1 prot=rx
  mmap       mm1 page=28 len=1 file=f4 pgoff=15 prot=rx private fixed
)";

// The mapping that is hit lies where it does because another one is in its way.
constexpr char kPlacedByAnother[] = R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=1 prot=rx private
  register   inode=i0 pgoff=1
  register   inode=i0 pgoff=2
  mmap       mm0 page=0 len=2 file=f0 prot=rx private
cpu0:
  munmap     mm0 page=2 len=1
    @1 preempt cpu2
cpu1:
  mmap       mm0 page=0 len=1 prot=rx private
cpu2:
  hit        mm0 page=2
    @19 preempt cpu0
    @20 stale 1
    @28 stale 4
)";

// What is unmapped is mapped anew, which could have been so from the beginning.
constexpr char kMappedAnew[] = R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=2 len=1 file=f0 prot=rx private
  register   inode=i0 pgoff=0
  register   inode=i0 pgoff=2
cpu0:
  hit        mm0 page=2
    @5 preempt cpu1
    @20 stale 1
cpu1:
  munmap     mm0 page=1 len=2
  mmap       mm0 page=1 len=2 file=f0 prot=rx private
  munmap     mm0 page=2 len=1
    @105 preempt cpu0
)";

// Two writers that take turns: where the first is to be interrupted depends on every mapping that
// is there.
constexpr char kTakingTurns[] = R"(# vmafuzz repro v1
search: pct geometric eager depth=5 order=2031 seed=0x891579ff
setup:
  mmap       mm1 page=26 len=3 file=f5 pgoff=2 prot=rx private fixed
  close      file=f5
  register   inode=i1 pgoff=2
  register   inode=i1 pgoff=3
  register   inode=i1 pgoff=4
  mmap       mm1 page=29 len=3 file=f1 pgoff=1 prot=rx private fixed
  register   inode=i1 pgoff=1
cpu0:
  mprotect   mm1 page=31 len=2 prot=r
cpu1:
  hit        mm1 page=30
  hit        mm1 page=31
cpu2:
  close      file=f1
  brk        mm1 page=6
)";

class LocalMinimum : public ::testing::TestWithParam<Stuck> {};

TEST_P(LocalMinimum, EndsAtMostOneOperationAboveTheMinimumByHand) {
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel(GetParam().kernel), {}, {}}).ok());
  const absl::StatusOr<input::Program> program = input::parse_text(GetParam().text);
  ASSERT_TRUE(program.ok()) << program.status();
  Outcome outcome;
  executor.run(*program, {}, &outcome);
  ASSERT_EQ(outcome.verdict, "wrong-uprobe");
  const absl::StatusOr<input::MinimizeResult> result = reduce(executor, *program, outcome.bucket);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->stats.one_minimal);
  EXPECT_LE(result->program.ops.size(), GetParam().ops + 1) << input::print_text(result->program);
  EXPECT_LT(result->stats.executions + result->stats.search_executions, 60000);
}

INSTANTIATE_TEST_SUITE_P(
    Findings, LocalMinimum,
    ::testing::Values(Stuck{"idle mappings", "v1-acquire-at-end", 5, kIdleMappings},
                      Stuck{"idle probes", "v1-release-at-begin", 6, kIdleProbes},
                      Stuck{"placed by another", "v1-acquire-at-end", 5, kPlacedByAnother},
                      Stuck{"taking turns", "v1-acquire-at-end", 5, kTakingTurns},
                      Stuck{"mapped anew", "aug02-draft", 5, kMappedAnew}));

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
