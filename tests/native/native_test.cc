// The model on real memory: reports of ThreadSanitizer are verdicts, and only where they should be.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "input/mutate.h"
#include "input/text.h"
#include "native/machine.h"
#include "run/executor.h"
#include "run/reduce.h"
#include "sim/coverage.h"

namespace vmafuzz::run {
namespace {

constexpr char kTwoHits[] = R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  hit        mm0 page=0
cpu1:
  hit        mm0 page=0
)";

constexpr char kHitBesideUnmap[] = R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=2 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  munmap     mm0 page=1 len=1
cpu1:
  hit        mm0 page=0
)";

class NativeTest : public ::testing::Test {
 protected:
  void SetUp() override { native::machine.use(native::Executor::kFibres); }
  void use(const char* kernel, std::vector<std::string> bugs = {}) {
    ASSERT_TRUE(executor_.set_target({variants::find_kernel(kernel), std::move(bugs), {}}).ok());
  }
  static input::Program parse(const char* text) {
    absl::StatusOr<input::Program> program = input::parse_text(text);
    EXPECT_TRUE(program.ok()) << program.status();
    return *program;
  }
  static input::Program random_program(uint64_t seed) {
    input::Rng rng(seed);
    input::Program program = input::random_scenario(rng);
    for (int i = 0; i < 4; ++i) input::mutate(program, rng);
    program.directives.clear();
    program.header.strategy = input::Strategy::kPortfolio;
    program.header.seed = static_cast<uint32_t>(seed);
    return program;
  }

  Executor executor_;
  Outcome outcome_;
};

// Neither CPU meets the other's access in time: what counts is that nothing orders them.
TEST_F(NativeTest, APlainCounterIsAReportWithBothPlacesWhateverTheSchedule) {
  use("nhit");
  executor_.run(parse(kTwoHits), {}, &outcome_);
  EXPECT_EQ(outcome_.verdict, "data-race");
  EXPECT_EQ(outcome_.bucket, "data-race:count_hit:count_hit");
  EXPECT_NE(outcome_.what.find("plain load of trace_uprobe#1.nhit.0 by cpu1 (trace_uprobe.cc:"),
            std::string::npos)
      << outcome_.what;
  EXPECT_NE(outcome_.what.find("store to trace_uprobe#1.nhit.0 by cpu0 (trace_uprobe.cc:"),
            std::string::npos)
      << outcome_.what;
}

TEST_F(NativeTest, TheCanaryIsReportedByEveryExecutor) {
  use("canary");
  executor_.run(parse(kHitBesideUnmap), {}, &outcome_);
  EXPECT_EQ(outcome_.verdict, "data-race");
  // Threads run as they like, and ThreadSanitizer remembers four accesses of a place: now and then
  // a run shows nothing.
  native::machine.use(native::Executor::kThreads);
  int shown = 0;
  for (int i = 0; i < 50; ++i) {
    executor_.run(parse(kHitBesideUnmap), {}, &outcome_);
    shown += outcome_.verdict == "data-race" ? 1 : 0;
  }
  EXPECT_GT(shown, 0);
}

// Reads-from pairs guide engines; without directives there is no switch that would be one, too.
TEST_F(NativeTest, FibresTellEnginesWhatReadsFromWhat) {
  use("6.18");
  RunOptions options;
  options.coverage = true;
  const auto features = [&](const char* text) {
    std::fill_n(sim::coverage_map, sim::kCoverageBytes, uint8_t{0});
    executor_.run(parse(text), options, &outcome_);
    return std::vector<uint8_t>(sim::coverage_map, sim::coverage_map + sim::kCoverageBytes);
  };
  const auto count = [](const std::vector<uint8_t>& map) {
    return map.size() - static_cast<size_t>(std::count(map.begin(), map.end(), uint8_t{0}));
  };
  const std::vector<uint8_t> pairs = features(kHitBesideUnmap);
  EXPECT_GT(count(pairs), 5u);
  EXPECT_LT(count(features(kTwoHits)), count(pairs)) << "two readers read little of each other";
  EXPECT_EQ(features(kHitBesideUnmap), pairs);
}

TEST_F(NativeTest, AReportIsReplayedEveryTime) {
  use("nhit");
  const input::Program program = parse(kTwoHits);
  Outcome first;
  executor_.run(program, {}, &first);
  for (int i = 0; i < 10000; ++i) {
    executor_.run(i % 3 == 0 ? random_program(static_cast<uint64_t>(i)) : program, {}, &outcome_);
    if (i % 3 == 0) continue;  // what ran in between makes no difference
    ASSERT_EQ(outcome_.bucket, first.bucket) << i;
    ASSERT_EQ(outcome_.trace_hash, first.trace_hash) << i;
  }
}

TEST_F(NativeTest, CorrectKernelsAreSilent) {
  for (const char* kernel : {"6.14", "6.15", "6.18"}) {
    use(kernel);
    for (uint64_t seed = 1; seed <= 1000; ++seed) {
      executor_.run(random_program(seed), {}, &outcome_);
      ASSERT_FALSE(outcome_.found) << kernel << " seed " << seed << ": " << outcome_.what;
    }
  }
}

TEST_F(NativeTest, CorrectKernelsAreSilentOnThreads) {
  native::machine.use(native::Executor::kThreads);
  for (const char* kernel : {"6.14", "6.18"}) {
    use(kernel);
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      executor_.run(random_program(seed), {}, &outcome_);
      ASSERT_FALSE(outcome_.found) << kernel << " seed " << seed << ": " << outcome_.what;
    }
  }
}

// What is stored under a lock comes, for CPUs that never take it, after what was stored under it
// before: linux-kernel.cat's po-unlock-lock-po, of which C11 knows nothing.
TEST_F(NativeTest, LockHandOverOrdersForThirdParties) {
  use("6.18");
  executor_.run(parse(R"(# vmafuzz repro v1
cpu0:
  fault      mm0 page=1
    @1 preempt cpu1
    @6 preempt cpu2
cpu1:
  mmap       mm0 page=1 len=1 file=f6 prot=rx private
cpu2:
  register   inode=i2 pgoff=0
    @102 preempt cpu0
)"),
                {}, &outcome_);
  EXPECT_FALSE(outcome_.found) << outcome_.what;
}

// Found by reusable_anon_vma() through a pointer that orders nothing, and locked: its memory is
// type-stable and constructed once. Written when it is handed out, it would be a report.
TEST_F(NativeTest, AnAnonVmaOfANeighbourThatWasJustMadeCanBeLocked) {
  use("6.18");
  RunOptions recorded;
  recorded.record = true;
  executor_.run(parse(R"(# vmafuzz repro v1
kernel: 6.18
setup:
  mmap       mm0 page=0 len=2 prot=rw private
cpu0:
  grow_stack mm0 page=1
    @1 preempt cpu2
    @52 preempt cpu1
cpu1:
  grow_stack mm0 page=0
cpu2:
  mprotect   mm0 page=0 len=1 prot=rwx
)"),
                recorded, &outcome_);
  EXPECT_EQ(outcome_.idle, 0u);
  EXPECT_FALSE(outcome_.found) << outcome_.what;
}

// docs/findings.md: "vma detach". The last reader leaves between the writer's two looks at
// vm_refcnt, the second of which is a relaxed load; the memory is the next VMA's at once.
TEST_F(NativeTest, AVmaThatItsLastReaderLeftIsReusedInOrder) {
  use("6.18");
  RunOptions recorded;
  recorded.record = true;
  executor_.run(parse(R"(# vmafuzz repro v1
kernel: 6.18
cpu0:
  mmap       mm0 page=1 len=5 prot=none private
    @1 preempt cpu2
  mremap     mm0 page=3 len=2 newlen=1 newpage=2 maymove fixed
    @1 preempt cpu2
    @58 preempt cpu1
    @65 preempt cpu1
    @216 preempt cpu1
cpu1:
  mprotect   mm0 page=4 len=2 prot=rx
    @9 preempt cpu0
  grow_stack mm0 page=1
    @1 preempt cpu0
    @15 preempt cpu0
    @21 preempt cpu0
cpu2:
  grow_stack mm0 page=0
    @1 preempt cpu0
    @8 preempt cpu1
)"),
                recorded, &outcome_);
  EXPECT_EQ(outcome_.idle, 0u);
  EXPECT_FALSE(outcome_.found) << outcome_.what;
}

TEST_F(NativeTest, FreedMemoryIsReportedAlsoBeforeItIsTouched) {
  use("6.18", {"uprobe-freed-at-once"});
  int found = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    executor_.run(random_program(seed), {}, &outcome_);
    if (!outcome_.found) continue;
    ++found;
    EXPECT_TRUE(outcome_.verdict == "data-race" || outcome_.verdict == "use-after-free" ||
                outcome_.verdict == "dead-uprobe")
        << outcome_.what;
  }
  EXPECT_GT(found, 0);
}

TEST_F(NativeTest, ANullPointerThatIsFollowedIsAVerdict) {
  use("6.18", {"vm-file-unchecked"});
  executor_.run(parse(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  hit        mm0 page=0
    @3 preempt cpu1
cpu1:
  mmap       mm0 page=0 len=1 prot=rx private fixed
)"),
                {}, &outcome_);
  EXPECT_EQ(outcome_.bucket, "null-dereference:lookup_merged");
  use("6.18", {"replaced-node-not-cleared"});
  executor_.run(parse(R"(# vmafuzz repro v1
setup:
  register   inode=i0 pgoff=3
  register   inode=i0 pgoff=1
  register   inode=i0 pgoff=4
  register   inode=i0 pgoff=0
  register   inode=i0 pgoff=2
cpu0:
  unregister inode=i0 pgoff=4
  register   inode=i0 pgoff=4
kworker:
  @1 preempt cpu0
)"),
                {}, &outcome_);
  EXPECT_EQ(outcome_.bucket, "null-dereference:rb_set_parent_color") << "a store";
}

TEST_F(NativeTest, MinimisingKeepsTheBucketOfAReport) {
  use("nhit");
  input::Program program = parse(kTwoHits);
  for (uint64_t seed = 1; outcome_.bucket != "data-race:count_hit:count_hit"; ++seed) {
    program = random_program(seed);
    executor_.run(program, {}, &outcome_);
  }
  const auto reduced = reduce(executor_, program, outcome_.bucket);
  ASSERT_TRUE(reduced.ok()) << reduced.status();
  EXPECT_LE(reduced->program.ops.size(), 4u);
  executor_.run(reduced->program, {}, &outcome_);
  EXPECT_EQ(outcome_.bucket, "data-race:count_hit:count_hit");
}

// Threads are given up in the middle of what they do, with locks held, and the next execution
// works.
TEST_F(NativeTest, ThreadsGoOnAfterFindings) {
  native::machine.use(native::Executor::kThreads);
  use("6.18", {"locked-lookup-without-lock", "plain-nhit"});
  int found = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    executor_.run(random_program(seed), {}, &outcome_);
    found += outcome_.found;
  }
  EXPECT_GT(found, 0);
  use("6.18");
  executor_.run(parse(kTwoHits), {}, &outcome_);
  EXPECT_FALSE(outcome_.found) << outcome_.what;
}

}  // namespace
}  // namespace vmafuzz::run
