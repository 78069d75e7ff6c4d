// The pool of real threads: whoever waits is woken when an execution ends, whatever it was about to
// do then.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "kernel/rcupdate.h"
#include "native/machine.h"
#include "sim/director.h"

namespace vmafuzz::native {
namespace {

struct Meeting {
  std::atomic<bool> reading{false};
  std::atomic<bool> waiting{false};
  std::atomic<bool> failing{false};
};

void await(const std::atomic<bool>& flag) {
  while (!flag.load()) std::this_thread::yield();
}

// Holds CPU 0 at the beginning of synchronize_rcu(), after it has seen that the execution goes on,
// until CPU 1 has ended the execution.
class Holds : public sim::Director {
 public:
  explicit Holds(Meeting& meeting) : meeting_(meeting) {}
  uint16_t next_point(int cpu, uint16_t, uint16_t after) override {
    return cpu == 0 ? static_cast<uint16_t>(after + 1) : uint16_t{0xffff};
  }
  sim::Decision decide(const sim::Point& point) override {
    if (point.cpu == 0 && point.kind == sim::AccessKind::kGrace) {
      meeting_.waiting.store(true);
      await(meeting_.failing);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // for fail() to return
    }
    return {};
  }

 private:
  Meeting& meeting_;
};

void synchronizes(void* arg) {
  Meeting& meeting = *static_cast<Meeting*>(arg);
  await(meeting.reading);
  machine.begin_op(0);
  kernel::synchronize_rcu();
  machine.end_op();
}

void fails_inside_a_reader(void* arg) {
  Meeting& meeting = *static_cast<Meeting*>(arg);
  machine.begin_op(1);
  kernel::rcu_read_lock();
  meeting.reading.store(true);
  await(meeting.waiting);
  meeting.failing.store(true);
  machine.fail("test", "the reader never leaves");
}

// Is still at work when CPU 0 waits: it is not that one's business to find that nobody runs.
void leaves_last(void* arg) {
  await(static_cast<Meeting*>(arg)->failing);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
}

// It slept until its turn came, and nobody was left to give it one: found as a search that did not
// end, of uprobe-freed-at-once.
TEST(Threads, WhoBeginsToWaitWhenTheExecutionHasEndedEndsToo) {
  Meeting meeting;
  Holds holds(meeting);
  machine.use(Executor::kThreads);
  machine.begin({}, &holds);
  machine.start(0, &synchronizes, &meeting);
  machine.start(1, &fails_inside_a_reader, &meeting);
  machine.start(2, &leaves_last, &meeting);
  EXPECT_FALSE(machine.run());
  EXPECT_EQ(std::string(machine.verdict().name), "test");
}

}  // namespace
}  // namespace vmafuzz::native
