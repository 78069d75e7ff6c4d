// A finding looked for again under other schedules of the same operations.
#include "run/find_again.h"

#include <gtest/gtest.h>

#include "input/text.h"
#include "run/reduce.h"

namespace vmafuzz::run {
namespace {

// The count is read and written by both, and one hit is lost only if they meet in between.
constexpr char kTwoHits[] = R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  hit        mm0 page=0
cpu1:
  hit        mm0 page=0
)";

class FindAgainTest : public ::testing::Test {
 protected:
  void use(const char* kernel) {
    ASSERT_TRUE(executor_.set_target({variants::find_kernel(kernel), {}, {}}).ok());
  }
  static input::Program parse(const char* text) {
    absl::StatusOr<input::Program> program = input::parse_text(text);
    EXPECT_TRUE(program.ok()) << program.status();
    return *program;
  }
  Executor executor_;
};

TEST_F(FindAgainTest, TheSameBugWhicheverSideCameFirst) {
  EXPECT_TRUE(same_bug("data-race:a:b", "data-race:b:a"));
  EXPECT_TRUE(same_bug("data-race:a", "data-race:a"));
  EXPECT_FALSE(same_bug("data-race:a:b", "data-race:a:c"));
  EXPECT_FALSE(same_bug("data-race:a:a", "data-race:a"));
  EXPECT_FALSE(same_bug("use-after-free:a:b", "data-race:a:b"));
  EXPECT_FALSE(same_bug("a:data-race", "data-race:a")) << "the verdict is no side";
}

TEST_F(FindAgainTest, WhatShowsAsItIsIsNotSearched) {
  use("nhit");
  const FoundAgain shown =
      find_again(executor_, parse(kTwoHits), "data-race:count_hit:count_hit", 1000);
  ASSERT_TRUE(shown.found);
  EXPECT_EQ(shown.executions, 1u);
  EXPECT_EQ(shown.program, parse(kTwoHits));
}

TEST_F(FindAgainTest, FindsTheScheduleThatABugNeeds) {
  use("nhit-marked");
  const input::Program bare = parse(kTwoHits);
  input::Program meeting = bare;
  meeting.directives = {{.op = 2, .access = 30, .kind = input::DirectiveKind::kPreempt, .arg = 1}};
  Outcome outcome;
  executor_.run(meeting, {}, &outcome);
  ASSERT_EQ(outcome.verdict, "lost-update");
  const std::string bucket = outcome.bucket;
  executor_.run(bare, {}, &outcome);
  ASSERT_FALSE(outcome.found) << "it needs no schedule: " << outcome.what;
  const FoundAgain shown = find_again(executor_, bare, bucket, 20000);
  ASSERT_TRUE(shown.found);
  EXPECT_GT(shown.executions, 1u);
  EXPECT_EQ(shown.program.ops, bare.ops) << "the operations are the finding's";
  executor_.run(shown.program, {}, &outcome);
  EXPECT_EQ(outcome.bucket, shown.outcome.bucket) << "what was found is replayed";
  EXPECT_TRUE(reduce(executor_, shown.program, shown.outcome.bucket).ok());
  const FoundAgain again = find_again(executor_, bare, bucket, 20000);
  EXPECT_EQ(again.executions, shown.executions);
  EXPECT_EQ(again.program, shown.program);
}

TEST_F(FindAgainTest, EndsWhereItIsToldTo) {
  use("6.18");
  const FoundAgain shown =
      find_again(executor_, parse(kTwoHits), "data-race:count_hit:count_hit", 500);
  EXPECT_FALSE(shown.found);
  EXPECT_GE(shown.executions, 500u);
  EXPECT_LE(shown.executions, 501u);
}

}  // namespace
}  // namespace vmafuzz::run
