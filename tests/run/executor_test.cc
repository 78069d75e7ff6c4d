// One input decides everything: the same execution every time, and again from what was recorded.
#include "run/executor.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "input/mutate.h"
#include "input/text.h"
#include "run/reduce.h"

namespace vmafuzz::run {
namespace {

class ExecutorTest : public ::testing::Test {
 protected:
  void use(const char* kernel) {
    ASSERT_TRUE(executor_.set_target({variants::find_kernel(kernel), {}, {}}).ok());
  }
  static input::Program random_program(uint64_t seed) {
    input::Rng rng(seed);
    input::Program program = input::random_scenario(rng);
    for (int i = 0; i < 3; ++i) input::mutate(program, rng);
    program.header.strategy = input::Strategy::kPortfolio;
    program.header.seed = static_cast<uint32_t>(seed);
    return program;
  }
  static input::Program parse(const char* text) {
    absl::StatusOr<input::Program> program = input::parse_text(text);
    EXPECT_TRUE(program.ok()) << program.status();
    return *program;
  }

  Executor executor_;
};

constexpr char kSplit[] = R"(# vmafuzz repro v1
setup:
  mmap mm0 page=4 len=4 file=f0 prot=rx private
  register inode=i0 pgoff=1
  register inode=i0 pgoff=3
cpu0:
  munmap mm0 page=6 len=1
cpu1:
  hit mm0 page=7
)";

// One munmap() that splits what is looked up, and other sections after it, all within the lookup.
std::string sections_within_a_lookup(int sections) {
  std::string text = R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=2 file=f0 prot=rx private
  register   inode=i0 pgoff=0
  register   inode=i0 pgoff=1
cpu0:
  munmap     mm0 page=1 len=1
    @1 preempt cpu1
)";
  if (sections > 1) absl::StrAppend(&text, "  brk        mm0 page=0 times=", sections - 1, "\n");
  return text + "cpu1:\n  hit        mm0 page=1\n    @17 preempt cpu0\n";
}

// Beginning and end of a section count one each.
TEST_F(ExecutorTest, ACounterComesBackAfterHalfAsManySectionsAsItHasValues) {
  const auto found = [&](int bits, int sections) {
    const Target target{variants::find_kernel("v2-int"), {}, {absl::StrCat("counter-bits=", bits)}};
    EXPECT_TRUE(executor_.set_target(target).ok());
    Outcome outcome;
    executor_.run(parse(sections_within_a_lookup(sections).c_str()), {}, &outcome);
    if (outcome.found) EXPECT_EQ(outcome.verdict, "wrong-uprobe") << outcome.what;
    return outcome.found;
  };
  for (int bits = 2; bits <= 8; ++bits) {
    const int enough = 1 << (bits - 1);
    EXPECT_FALSE(found(bits, enough - 1)) << bits;
    EXPECT_TRUE(found(bits, enough)) << bits;
    EXPECT_FALSE(found(bits, enough + 1)) << bits;
  }
  for (const int bits : {9, 32, 64}) {
    for (int sections = 1; sections <= 129; ++sections) ASSERT_FALSE(found(bits, sections)) << bits;
  }
}

// By the operation that left it: the place is the judge's for all of them.
TEST_F(ExecutorTest, WrongLayoutsOfTwoOperationsAreTwoBuckets) {
  const auto bucket = [&](const char* bug, const char* text) {
    EXPECT_TRUE(executor_.set_target({variants::find_kernel("6.18"), {bug}, {}}).ok());
    Outcome outcome;
    executor_.run(parse(text), {}, &outcome);
    return outcome.bucket;
  };
  EXPECT_EQ(bucket("munmap-whole-vma",
                   "# vmafuzz repro v1\ncpu0:\n  mmap mm0 page=0 len=2 prot=rx private\n"
                   "  munmap mm0 page=0 len=1\n"),
            "layout:munmap");
  EXPECT_EQ(bucket("mprotect-skips-holes",
                   "# vmafuzz repro v1\ncpu0:\n  mmap mm0 page=0 len=1 prot=r private\n"
                   "  mmap mm0 page=2 len=1 prot=r private\n  mprotect mm0 page=0 len=3 prot=rx\n"),
            "layout:mprotect");
}

// In every kernel, whatever strategy and policy the portfolio draws.
TEST_F(ExecutorTest, SearchIsRepeatableAndItsRecordReplaysToTheSameHash) {
  for (const char* kernel : {"6.18", "6.14", "aug02-draft", "v1"}) {
    use(kernel);
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      const input::Program program = random_program(seed);
      RunOptions record;
      record.record = true;
      Outcome first, again, replayed;
      executor_.run(program, record, &first);
      executor_.run(program, {}, &again);
      ASSERT_EQ(first.trace_hash, again.trace_hash) << kernel << " seed " << seed;
      if (first.directives.size() > input::kMaxDirectives)
        continue;  // more than a program can hold
      const input::Program replay = Executor::as_replay(program, first);
      executor_.run(replay, record, &replayed);
      ASSERT_EQ(first.trace_hash, replayed.trace_hash) << kernel << " seed " << seed;
      EXPECT_EQ(first.verdict, replayed.verdict);
      EXPECT_EQ(replayed.idle, 0u) << kernel << " seed " << seed;
    }
  }
}

TEST_F(ExecutorTest, TracingChangesNothing) {
  use("6.18");
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const input::Program program = random_program(seed);
    RunOptions traced;
    traced.trace = true;
    traced.coverage = true;
    Outcome plain, watched;
    executor_.run(program, {}, &plain);
    executor_.run(program, traced, &watched);
    EXPECT_EQ(plain.trace_hash, watched.trace_hash) << seed;
  }
}

TEST_F(ExecutorTest, TheDraftOfAugustIsCaughtAndTheMergedKernelIsNot) {
  input::Program program = parse(kSplit);
  const auto hits = [&](const char* kernel) {
    use(kernel);
    int wrong = 0;
    for (uint32_t seed = 1; seed <= 400; ++seed) {
      program.header.strategy = input::Strategy::kPortfolio;
      program.header.seed = seed;
      Outcome outcome;
      executor_.run(program, {}, &outcome);
      if (outcome.found) {
        EXPECT_EQ(outcome.verdict, "wrong-uprobe") << kernel << ": " << outcome.what;
        ++wrong;
      }
    }
    return wrong;
  };
  EXPECT_GT(hits("aug02-draft"), 0);
  EXPECT_EQ(hits("6.14"), 0);
  EXPECT_EQ(hits("6.18"), 0);
}

// A shared mapping of the same page replaces the private one that the lookup had found: what it
// returned was right in the first of two versions in its window.
TEST_F(ExecutorTest, AnswerThatFitsAnOlderVersionOfTheWindowIsRight) {
  use("suren-rfc-wrap");
  Outcome outcome;
  executor_.run(parse(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  mmap       mm0 page=0 len=1 file=f0 prot=rx shared fixed
    @1 preempt cpu1
cpu1:
  hit        mm0 page=0 times=2
    @58 preempt cpu0
)"),
                {}, &outcome);
  EXPECT_EQ(outcome.verdict, "") << outcome.what;
}

// docs/findings.md: accepted by name on merged kernels, and reported where it is not.
TEST_F(ExecutorTest, MovedMappingIsAnAcceptedFindingByName) {
  const input::Program program = parse(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=4 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  mremap     mm0 page=0 len=4 newlen=4 newpage=4 maymove dontunmap
    @18 preempt cpu1
cpu1:
  unregister inode=i0 pgoff=0
)");
  Outcome outcome;
  use("6.18");
  executor_.run(program, {}, &outcome);
  EXPECT_EQ(outcome.verdict, "") << outcome.what;
  const Target strict{variants::find_kernel("6.18"), {}, {"report=moved-mapping"}};
  ASSERT_TRUE(executor_.set_target(strict).ok());
  executor_.run(program, {}, &outcome);
  EXPECT_EQ(outcome.verdict, "spurious-breakpoint");
}

TEST_F(ExecutorTest, ReducedProgramKeepsTheBucketAndLosesItWithoutAnyOfItsParts) {
  use("aug02-draft");
  input::Program program = parse(kSplit);
  program.header.strategy = input::Strategy::kPortfolio;
  Outcome outcome;
  for (program.header.seed = 1; !outcome.found; ++program.header.seed) {
    ASSERT_LT(program.header.seed, 2000u);
    executor_.run(program, {}, &outcome);
  }
  --program.header.seed;
  const std::string bucket = outcome.bucket;
  const absl::StatusOr<input::MinimizeResult> result = reduce(executor_, program, bucket);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->stats.one_minimal);
  EXPECT_LE(result->program.ops.size(), 5u);
  EXPECT_LE(result->program.directives.size(), 1u);
  executor_.run(result->program, {}, &outcome);
  EXPECT_EQ(outcome.bucket, bucket);
  for (size_t i = 0; i < result->program.ops.size(); ++i) {
    input::Program smaller = result->program;
    remove_op(smaller, i);
    executor_.run(smaller, {}, &outcome);
    EXPECT_NE(outcome.bucket, bucket) << "operation " << i;
  }
}

// Round robin switches at every access: more decisions than a program in replay form has room for.
// The bug is found again with fewer.
TEST_F(ExecutorTest, ReducesWhatDecidedMoreThanAProgramCanSay) {
  use("aug02-draft");
  input::Program program = parse(R"(# vmafuzz repro v1
search: rr uniform eager depth=5 order=2013 seed=0x1
setup:
  mmap       mm0 page=4 len=4 file=f0 pgoff=0 prot=rx private
    @1 preempt cpu1
  register   inode=i0 pgoff=1
    @12 preempt cpu0
  register   inode=i0 pgoff=2
  register   inode=i0 pgoff=3
cpu0:
  madvise    mm0 page=5 len=2 advice=dontfork
cpu1:
  hit        mm0 page=7 times=4
  hit        mm0 page=7
    @10 fail
)");
  RunOptions recorded;
  recorded.record = true;
  Outcome outcome;
  for (int tries = 0; tries < 2000 && !outcome.found; ++tries) {
    ++program.header.seed;
    executor_.run(program, recorded, &outcome);
  }
  ASSERT_TRUE(outcome.found);
  ASSERT_GT(outcome.directives.size(), input::kMaxDirectives);
  const std::string bucket = outcome.bucket;
  const absl::StatusOr<input::MinimizeResult> result = reduce(executor_, program, bucket);
  ASSERT_TRUE(result.ok()) << result.status();
  executor_.run(result->program, {}, &outcome);
  EXPECT_EQ(outcome.bucket, bucket);
}

// Registration visits every mapping of the inode: as long as an operation can be.
TEST_F(ExecutorTest, AnOperationThatVisitsAsManyMappingsAsAProgramCanMakeIsNoLivelock) {
  std::string text = "# vmafuzz repro v1\nsetup:\n";
  for (size_t i = 0; i + 2 < input::kMaxOps; ++i) {
    text += "  mmap mm" + std::to_string(i % 2) + " page=" + std::to_string(i / 2) +
            " len=1 file=f0 prot=rx private fixed\n";
  }
  text += "  register inode=i0 pgoff=0\ncpu0:\n  unregister inode=i0 pgoff=0\n";
  const input::Program program = parse(text.c_str());
  ASSERT_EQ(program.ops.size(), input::kMaxOps);
  for (const variants::Kernel& kernel : variants::kernels()) {
    use(std::string(kernel.name).c_str());
    Outcome outcome;
    executor_.run(program, {}, &outcome);
    EXPECT_NE(outcome.verdict, "livelock") << std::string(kernel.name);
    EXPECT_FALSE(outcome.gave_up) << std::string(kernel.name);
    EXPECT_GT(outcome.steps, 20000u) << std::string(kernel.name);
  }
}

// Each of its calls is one: two heaps' ends that two CPUs draw hither and thither move every time.
TEST_F(ExecutorTest, AnOperationThatMakesItsCallManyTimesIsNoLivelock) {
  const input::Program program = parse(R"(# vmafuzz repro v1
search: rr seed=5
cpu0:
  brk mm0 page=30 times=128
cpu1:
  brk mm0 page=26 times=128
)");
  for (const char* name : {"locked", "6.14", "6.15", "6.18"}) {
    use(name);
    Outcome outcome;
    executor_.run(program, {}, &outcome);
    EXPECT_EQ(outcome.verdict, "") << name << ": " << outcome.what;
    EXPECT_GT(outcome.steps, 12000u) << name << ": no call moved anything";
  }
}

// Accesses of one operation have numbers of 16 bits: it ends before it has more.
TEST_F(ExecutorTest, AnOperationWithMoreAccessesThanHaveNumbersIsGivenUp) {
  use("6.18");
  RunOptions options;
  options.op_accesses = 1000;
  Outcome outcome;
  executor_.run(parse("# vmafuzz repro v1\ncpu0:\n  brk mm0 page=28 times=60\n"), options,
                &outcome);
  EXPECT_FALSE(outcome.gave_up);
  executor_.run(parse("# vmafuzz repro v1\ncpu0:\n  brk mm0 page=28 times=128\n"), options,
                &outcome);
  EXPECT_TRUE(outcome.gave_up);
  EXPECT_FALSE(outcome.found);
}

// The kernel would oops; the program that runs the model must not.
TEST_F(ExecutorTest, APointerIntoReusedMemoryThatIsNullIsAVerdict) {
  constexpr char kUnregisterUnderHit[] = R"(# vmafuzz repro v1
setup:
  mmap mm0 page=0 len=1 file=f0 prot=rx private
  register inode=i0 pgoff=0
cpu0:
  unregister inode=i0 pgoff=0
    @1 preempt cpu1
  register inode=i0 pgoff=0
    @%s preempt cpu1
cpu1:
  hit mm0 page=0
    @29 preempt cpu0
)";
  ASSERT_TRUE(
      executor_.set_target({variants::find_kernel("6.18"), {"unregister-without-sync"}, {}}).ok());
  const auto what_of = [&](const std::string& preempted_at) {
    std::string text = kUnregisterUnderHit;
    text.replace(text.find("%s"), 2, preempted_at);
    Outcome outcome;
    executor_.run(parse(text.c_str()), {}, &outcome);
    EXPECT_EQ(outcome.bucket, "null-dereference:handler_chain");
    return outcome.what;
  };
  EXPECT_EQ(what_of("8"), "a list leads to a null pointer: its entry's memory was reused");
  EXPECT_EQ(what_of("300"), "calls the handler of a consumer whose memory was reused");
}

// The registrant lets the inode go when it has unregistered, the work item that takes the uprobe
// out of the tree is late, and the next inode has the memory by which the tree knows the uprobe.
TEST_F(ExecutorTest, ADyingUprobeFoundForAnotherInodeIsTheNamedFinding) {
  constexpr char kLateWork[] = R"(# vmafuzz repro v1
setup:
  mmap mm0 page=1 len=1 file=f0 prot=rx private
  close file=f0
  register inode=i0 pgoff=0
cpu0:
  munmap mm0 page=1 len=1
    @1 preempt cpu1
  unregister inode=i0 pgoff=0
  mmap mm0 page=1 len=1 file=f1 prot=rx private
  munmap mm0 page=8 len=1
    @1 preempt cpu1
cpu1:
  hit mm0 page=1
    @3 preempt cpu0
kworker:
  @1 preempt cpu0
rcu:
  @%s preempt cpu0
)";
  const auto verdict_on = [&](const char* kernel, const std::vector<std::string>& options) {
    EXPECT_TRUE(executor_.set_target({variants::find_kernel(kernel), {}, options}).ok());
    std::string text = kLateWork;
    // VMAs are freed by RCU as well there.
    text.replace(text.find("%s"), 2, kernel == std::string("6.14") ? "4" : "2");
    Outcome outcome;
    executor_.run(parse(text.c_str()), {}, &outcome);
    return outcome.verdict;
  };
  for (const char* kernel : {"6.14", "6.15", "6.18"}) {
    EXPECT_EQ(verdict_on(kernel, {}), "") << kernel;
    EXPECT_EQ(verdict_on(kernel, {"report=dying-uprobe"}), "stale-uprobe") << kernel;
  }
}

// The memory is the same uprobe's again, in the tree already, before its consumer is added: it is
// not the one whose last consumer has gone.
TEST_F(ExecutorTest, AUprobeThatIsRegisteredAgainIsNotTheOneThatWasDying) {
  ASSERT_TRUE(
      executor_.set_target({variants::find_kernel("6.18"), {}, {"report=dying-uprobe"}}).ok());
  Outcome outcome;
  executor_.run(parse(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  unregister inode=i0 pgoff=0
    @1 preempt cpu1
  register   inode=i0 pgoff=0
    @32 preempt cpu1
cpu1:
  hit        mm0 page=0
    @3 preempt cpu0
)"),
                {}, &outcome);
  EXPECT_EQ(outcome.verdict, "") << outcome.what;
}

// What the lookup returned was freed, and its memory is being made another uprobe.
TEST_F(ExecutorTest, AUprobeWhoseMemoryIsHandedOutAgainIsDead) {
  ASSERT_TRUE(
      executor_.set_target({variants::find_kernel("6.18"), {"uprobe-freed-at-once"}, {}}).ok());
  Outcome outcome;
  executor_.run(parse(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  mmap       mm0 page=0 len=1 file=f0 prot=rx shared fixed
    @1 preempt cpu1
  unregister inode=i0 pgoff=0
    @1 preempt cpu1
    @29 preempt cpu2
cpu1:
  hit        mm0 page=0
    @3 preempt cpu0
    @23 preempt cpu0
cpu2:
  register   inode=i0 pgoff=1
    @9 preempt cpu1
)"),
                {}, &outcome);
  EXPECT_EQ(outcome.verdict, "dead-uprobe") << outcome.what;
}

// A neighbour's list of anon_vmas is looked at without a lock, and only compared: a compiler may
// tear that load as it likes.
TEST_F(ExecutorTest, NobodyFollowsATornPointerToANeighboursAnonVmas) {
  constexpr char kFaults[] = R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=2 prot=rw private
  mprotect   mm0 page=1 len=1 prot=rwx
cpu0:
  fault      mm0 page=0 write
    @1 preempt cpu1
cpu1:
  fault      mm0 page=1 write
    @%d preempt cpu0
    @%d tear
)";
  for (const char* kernel : {"6.14", "6.15", "6.18"}) {
    ASSERT_TRUE(executor_.set_target({variants::find_kernel(kernel), {}, {}}).ok());
    for (int access = 2; access < 90; ++access) {
      Outcome outcome;
      executor_.run(parse(absl::StrFormat(kFaults, access, access + 1).c_str()), {}, &outcome);
      ASSERT_EQ(outcome.verdict, "") << kernel << " " << access << " " << outcome.what;
    }
  }
}

TEST_F(ExecutorTest, ADirectiveIsForItsOwnOperationAlone) {
  ASSERT_TRUE(executor_.set_target({variants::find_kernel("6.18"), {}, {}}).ok());
  const auto hash = [&](const char* directive) {
    Outcome outcome;
    executor_.run(parse(absl::StrCat(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
cpu0:
  close      file=f3
)",
                                     directive, "  munmap     mm0 page=0 len=1\n")
                            .c_str()),
                  {}, &outcome);
    return outcome.trace_hash;
  };
  // Nothing can fail there; an access of the same number comes in munmap(), and can.
  EXPECT_EQ(hash("    @2 fail\n"), hash(""));
}

// With an inode that nobody keeps, i0 and i1 have the same memory, one after the other, and their
// probes are one uprobe with two consumers. Both go again.
TEST_F(ExecutorTest, AUprobeOfAReusedInodeKeepsItsConsumers) {
  ASSERT_TRUE(executor_.set_target({variants::find_kernel("6.18"), {"inode-not-kept"}, {}}).ok());
  Outcome outcome;
  executor_.run(parse(R"(# vmafuzz repro v1
setup:
  register   inode=i0 pgoff=0
  register   inode=i1 pgoff=0
cpu0:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
)"),
                {}, &outcome);
  EXPECT_EQ(outcome.verdict, "") << outcome.what;
}

}  // namespace
}  // namespace vmafuzz::run
