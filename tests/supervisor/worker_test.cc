// What a worker process leaves in its page, in whichever of its processes a bucket is met.
#include "fuzz/engine/worker.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>

#include "folder.h"
#include "gtest/gtest.h"
#include "input/bytes.h"
#include "input/text.h"

namespace vmafuzz::engine {
namespace {

using supervisor::kMaxBuckets;
using supervisor::MappedPage;
using supervisor::SeenPage;
using supervisor::StatsPage;

class WorkerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    stats_ = *MappedPage<StatsPage>::make(folder_ / "stats");
    seen_ = *MappedPage<SeenPage>::make(folder_ / "seen");
    order_.target.kernel = "v1";
    order_.executor = "sim";
    order_.stats = folder_ / "stats";
    order_.seen = folder_ / "seen";
    const auto program = input::parse_text(
        supervisor::get_file(std::string(VMAFUZZ_SOURCE_DIR) + "/repro/v1-wrong-uprobe.repro"));
    ASSERT_TRUE(program.ok()) << program.status();
    input_ = input::encode(*program);
  }

  // The wait status of a process that does this.
  static int in_a_process(const std::function<void()>& work) {
    const pid_t pid = fork();
    if (pid == 0) {
      work();
      _exit(77);
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return status;
  }

  void fill_page() {
    for (uint32_t i = 0; i < kMaxBuckets; ++i) {
      snprintf(stats_->buckets[i].name, sizeof stats_->buckets[i].name, "other:%u", i);
    }
    stats_->bucket_count = kMaxBuckets;
  }

  void expect_input_is_kept() {
    EXPECT_EQ(stats_->running, 1u) << "it looks as if nothing was going on";
    ASSERT_EQ(stats_->input_size, input_.size());
    EXPECT_TRUE(std::equal(input_.begin(), input_.end(), stats_->input));
  }

  supervisor::Folder folder_;
  MappedPage<StatsPage> stats_;
  MappedPage<SeenPage> seen_;
  supervisor::WorkerOrder order_;
  std::vector<uint8_t> input_;
};

// First of all, since workers elsewhere in this process would take its process for a forked target.
TEST_F(WorkerTest, EndsCleanlyOnAFullPageWithItsInputInIt) {
  fill_page();
  const int status = in_a_process([this] {
    Worker worker(order_);
    if (worker.start().ok()) worker.run(input_);
  });
  ASSERT_TRUE(WIFEXITED(status)) << "died by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  expect_input_is_kept();
}

// As AFL++ runs it: the server process is started once, and what it forks runs a few inputs each.
TEST_F(WorkerTest, CountsABucketOnceInWhicheverForkedProcessItIsMet) {
  Worker server(order_);
  ASSERT_TRUE(server.start().ok());
  for (const int runs : {2, 1, 1}) {
    const int status = in_a_process([&] {
      for (int i = 0; i < runs; ++i) server.run(input_);
    });
    EXPECT_EQ(WEXITSTATUS(status), 77);
  }
  EXPECT_EQ(stats_->executions, 4u);
  ASSERT_EQ(stats_->bucket_count, 1u);
  EXPECT_EQ(stats_->buckets[0].hits, 4u);
  EXPECT_EQ(stats_->buckets[0].first_execution, 1u);
  EXPECT_EQ(stats_->running, 0u);
}

// Its engine keeps inputs that a target dies of, and none that it exits with.
TEST_F(WorkerTest, AForkedTargetDiesOfABucketThatAFullPageCannotHold) {
  Worker server(order_);
  ASSERT_TRUE(server.start().ok());
  fill_page();
  const int status = in_a_process([&] { server.run(input_); });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
  expect_input_is_kept();
}

}  // namespace
}  // namespace vmafuzz::engine
