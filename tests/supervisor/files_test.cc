#include "fuzz/supervisor/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/supervisor/finding.h"
#include "fuzz/supervisor/order.h"
#include "fuzz/supervisor/stats.h"
#include "tests/supervisor/folder.h"
#include "tests/supervisor/recorded_calls.h"

namespace vmafuzz::supervisor {
namespace {

TEST(Files, AreReplacedAsAWholeAndLeaveNothingBeside) {
  const Folder folder;
  ASSERT_TRUE(write_durably(folder / "a", "one").ok());
  ASSERT_TRUE(write_durably(folder / "a", "two, longer").ok());
  ASSERT_TRUE(write_atomically(folder / "a", "three").ok());
  EXPECT_EQ(get_file(folder / "a"), "three");
  EXPECT_EQ(sorted_files(folder.path()), std::vector<std::string>{"a"});
  EXPECT_TRUE(absl::IsNotFound(write_durably(folder / "no/such", "x")));
}

// Who has the old file open goes on reading the old content.
TEST(Files, AreNeverChangedInPlace) {
  const Folder folder;
  ASSERT_TRUE(write_durably(folder / "a", "one").ok());
  ASSERT_EQ(link((folder / "a").c_str(), (folder / "reader").c_str()), 0);
  ASSERT_TRUE(write_durably(folder / "a", "two").ok());
  EXPECT_EQ(get_file(folder / "reader"), "one");
  EXPECT_EQ(get_file(folder / "a"), "two");
}

TEST(Files, AreOnTheDiskBeforeTheyHaveTheirNameAndTheNameIsBeforeTheCallReturns) {
  const Folder folder;
  take_recorded_calls();
  ASSERT_TRUE(write_durably(folder / "a", "one").ok());
  const std::vector<std::string> calls = take_recorded_calls();
  ASSERT_EQ(calls.size(), 3u);
  const std::string temporary = calls[0].substr(calls[0].find('/'));
  EXPECT_EQ(calls[0], "fsync " + temporary);
  EXPECT_EQ(calls[1], "rename " + temporary + " " + (folder / "a"));
  EXPECT_EQ(calls[2], "fsync " + folder.path());

  LineLog log;
  ASSERT_TRUE(log.open(folder / "log").ok());
  ASSERT_TRUE(log.append("line", /*sync=*/true).ok());
  EXPECT_EQ(take_recorded_calls(), std::vector<std::string>{"fdatasync " + (folder / "log")});
}

TEST(Files, ThatFindNoRoomLeaveTheOldOneAndNothingBeside) {
  const Folder folder;
  ASSERT_TRUE(write_durably(folder / "a", "old").ok());
  {
    const FileSizeLimit full(10);
    EXPECT_FALSE(write_durably(folder / "a", "longer than there is room").ok());
    EXPECT_FALSE(write_atomically(folder / "b", "longer than there is room").ok());
  }
  EXPECT_EQ(get_file(folder / "a"), "old");
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++count;
  EXPECT_EQ(count, 1u) << "hidden files count";
}

// /dev/full takes no byte, as a full disk.
TEST(Files, SayThatTheDiskIsFull) {
  const Folder folder;
  LineLog log;
  ASSERT_TRUE(log.open("/dev/full").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(log.append("line", true)));
}

TEST(Files, AreReadOnlyIfTheyAreRegularAndNotTooLarge) {
  const Folder folder;
  put_file(folder / "small", "1234");
  EXPECT_EQ(*read_file_whole(folder / "small", 4), "1234");
  EXPECT_TRUE(absl::IsInvalidArgument(read_file_whole(folder / "small", 3).status()));
  EXPECT_TRUE(absl::IsNotFound(read_file_whole(folder / "none").status()));
  EXPECT_FALSE(read_file_whole(folder.path()).ok());
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0666), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(read_file_whole(folder / "fifo").status()));
  EXPECT_EQ(sorted_files(folder.path()), std::vector<std::string>{"small"});
}

TEST(Files, TemporariesOfTheDeadAreRemoved) {
  const Folder folder;
  put_file(folder / ".a.123.tmp", "half");
  put_file(folder / "a.tmp", "whole");
  remove_temporaries(folder.path());
  EXPECT_NE(access((folder / ".a.123.tmp").c_str(), F_OK), 0);
  EXPECT_EQ(get_file(folder / "a.tmp"), "whole");
}

TEST(Files, AreNamedByContentAsLibFuzzerDoes) {
  EXPECT_EQ(sha1_name(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_name("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(LineLog, EndsALineThatADeadProcessLeftOpen) {
  const Folder folder;
  put_file(folder / "log", "whole\nha");
  LineLog log;
  ASSERT_TRUE(log.open(folder / "log").ok());
  ASSERT_TRUE(log.append("next", true).ok());
  EXPECT_EQ(get_file(folder / "log"), "whole\nha\nnext\n");
}

TEST(LineLog, TakesBackAHalfLineAndWritesItWhenThereIsRoom) {
  const Folder folder;
  LineLog log;
  ASSERT_TRUE(log.open(folder / "log").ok());
  ASSERT_TRUE(log.append("first", true).ok());
  {
    const FileSizeLimit full(10);
    EXPECT_FALSE(log.append("second line", true).ok());
    EXPECT_EQ(get_file(folder / "log"), "first\n");
    EXPECT_FALSE(log.append("third", true).ok());
  }
  ASSERT_TRUE(log.append("fourth", true).ok());
  EXPECT_EQ(get_file(folder / "log"), "first\nsecond line\nthird\nfourth\n");
}

TEST(LockFile, IsHeldByOneAndGivenBack) {
  const Folder folder;
  {
    LockFile one;
    ASSERT_TRUE(one.take(folder / "lock").ok());
    LockFile two;
    EXPECT_TRUE(absl::IsFailedPrecondition(two.take(folder / "lock")));
  }
  LockFile three;
  EXPECT_TRUE(three.take(folder / "lock").ok());
}

TEST(MappedPage, KeepsWhatWasThereAndRefusesWhatIsNone) {
  const Folder folder;
  {
    auto page = MappedPage<StatsPage>::make(folder / "stats");
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ((*page)->executions.load(), 0u);
    (*page)->executions = 42;
  }
  auto again = MappedPage<StatsPage>::make(folder / "stats");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->executions.load(), 42u);

  put_file(folder / "short", "abc");
  EXPECT_TRUE(absl::IsInvalidArgument(MappedPage<StatsPage>::open(folder / "short").status()));
  put_file(folder / "wrong", std::string(sizeof(StatsPage), 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(MappedPage<StatsPage>::open(folder / "wrong").status()));
  auto mended = MappedPage<StatsPage>::make(folder / "wrong");
  ASSERT_TRUE(mended.ok());
  EXPECT_EQ((*mended)->executions.load(), 0u);
}

// A page of holes would be a SIGBUS when the disk is full, in the middle of a worker's execution.
TEST(MappedPage, IsReservedBeforeItIsMapped) {
  const Folder folder;
  {
    const NoRoomToReserve full;
    EXPECT_TRUE(absl::IsResourceExhausted(MappedPage<StatsPage>::make(folder / "stats").status()));
  }
  EXPECT_NE(access((folder / "stats").c_str(), F_OK), 0);
  EXPECT_TRUE(MappedPage<StatsPage>::make(folder / "stats").ok());
}

Finding some_finding() {
  Finding finding;
  finding.target = {"v1", {"no-odd-test"}, {"counter-bits=8"}};
  finding.engine = "afl";
  finding.executor = "sim";
  finding.worker = 7;
  finding.execution = 1234567890123;
  finding.first_seconds = 1.5;
  finding.verdict = "wrong-uprobe";
  finding.bucket = "wrong-uprobe:speculative:munmap";
  finding.input = std::string("\0\xff\x80 any bytes", 13);
  finding.state = State::kSmall;
  finding.what = "not UTF-8: \xff";
  finding.tries = 3;
  return finding;
}

TEST(Finding, SurvivesItsFile) {
  const Finding finding = some_finding();
  const absl::StatusOr<Finding> read = finding_from_json(to_json(finding));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->input, finding.input);
  EXPECT_EQ(read->execution, finding.execution);
  EXPECT_EQ(read->state, State::kSmall);
  EXPECT_EQ(target_name(read->target), "v1+no-odd-test+counter-bits=8");
}

TEST(Finding, RefusesWhatIsNone) {
  EXPECT_FALSE(finding_from_json("").ok());
  EXPECT_FALSE(finding_from_json("{}").ok());
  EXPECT_FALSE(finding_from_json("[1]").ok());
  const std::string good = to_json(some_finding());
  std::string odd = good;
  odd.replace(odd.find("\"00ff"), 5, "\"0ff");
  EXPECT_FALSE(finding_from_json(odd).ok());
  std::string other = good;
  other.replace(other.find("small"), 5, "SMALL");
  EXPECT_FALSE(finding_from_json(other).ok());
  for (size_t size = 0; size + 2 < good.size(); size += 7)
    EXPECT_FALSE(finding_from_json(good.substr(0, size)).ok()) << size;
}

TEST(Finding, BucketsHaveFilesOfTheirOwn) {
  const TargetNames target = {"v1", {}, {}};
  EXPECT_EQ(bucket_file_name(target, "wrong-uprobe:speculative:munmap"),
            "v1-wrong-uprobe-speculative-munmap");
  // What differs only in what a file name cannot hold still differs.
  const std::string slash = bucket_file_name(target, "leak:a/b");
  EXPECT_NE(slash, bucket_file_name(target, "leak:a b"));
  EXPECT_EQ(slash.find('/'), std::string::npos);
  const std::string long_name(400, 'x');
  EXPECT_LT(bucket_file_name(target, long_name).size(), 230u);
  EXPECT_NE(bucket_file_name(target, long_name + "1"), bucket_file_name(target, long_name + "2"));
  EXPECT_EQ(verdict_of_bucket("leak"), "leak");
  EXPECT_EQ(verdict_of_bucket("leak:x:y"), "leak");
}

TEST(WorkerOrder, SurvivesItsFileAndRefusesWhatIsNone) {
  WorkerOrder order;
  order.worker = 9;
  order.target = {"6.18", {"plain-nhit"}, {}};
  order.stats = "/a \"b\"/stats";
  order.swarm = UINT64_MAX;
  const absl::StatusOr<WorkerOrder> read = order_from_json(to_json(order));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->stats, order.stats);
  EXPECT_EQ(read->swarm, UINT64_MAX);
  EXPECT_EQ(read->target.bugs, order.target.bugs);
  EXPECT_FALSE(order_from_json("{\"worker\": 9}").ok());
}

TEST(Swarm, IsAFunctionOfItsNumberAndKeepsWhatLookupsNeed) {
  const input::MutateOptions none = swarm_options(0);
  EXPECT_EQ(none.max_ops, input::MutateOptions().max_ops);
  bool differ = false;
  for (uint64_t swarm = 1; swarm < 40; ++swarm) {
    const input::MutateOptions one = swarm_options(swarm);
    const input::MutateOptions two = swarm_options(swarm);
    EXPECT_EQ(one.max_ops, two.max_ops);
    EXPECT_EQ(one.weights, two.weights);
    EXPECT_LE(one.max_ops, input::kMaxOps);
    EXPECT_LE(one.max_directives, input::kMaxDirectives);
    EXPECT_GE(one.cpus, 2);
    EXPECT_LE(one.cpus, input::kCpuCount);
    EXPECT_GT(one.weights[static_cast<size_t>(input::OpKind::kHit)], 0);
    differ = differ || one.weights != none.weights;
  }
  EXPECT_TRUE(differ);
}

}  // namespace
}  // namespace vmafuzz::supervisor
