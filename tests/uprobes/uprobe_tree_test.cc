// The tree of uprobes by enumeration: lookups against insertion and erasure, and lifetimes.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "kernel/bugs.h"
#include "sim/explore.h"
#include "uprobes/internal.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: model code

constexpr loff_t offset_of(int key) {
  return (static_cast<loff_t>(key) << PAGE_SHIFT) + kProbeOffset;
}

class UprobeTree : public ::testing::Test {
 protected:
  void SetUp() override { rules = kernel_rules{}; }
  void TearDown() override { rules = kernel_rules{}; }

  // Before each execution: a tree with these keys, all of one inode.
  std::function<void()> world(std::vector<int> keys) {
    return [this, keys] {
      sim::arena.reset();
      fs_reset();
      uprobes_reset();
      found_ = nullptr;
      keys_ = keys;
    };
  }
  std::function<void()> insert_keys() {
    return [this] {
      inode_ = iget(1);
      for (int key : keys_) probes_[key] = alloc_uprobe(inode_, offset_of(key));
    };
  }
  std::function<void()> find(int key) {
    return [this, key] {
      rcu_read_lock_trace();
      found_ = find_uprobe_rcu(inode_, offset_of(key));
      if (found_ != nullptr) EXPECT_EQ(found_->offset.peek(), offset_of(key));
      rcu_read_unlock_trace();
    };
  }

  struct Result {
    std::set<std::string> verdicts;
    std::string what;  // of the last verdict
    bool missed = false, found = false, complete = false;
    uint64_t executions = 0;
  };
  Result explore(std::vector<int> keys, std::vector<std::function<void()>> cpus,
                 sim::Bounds bounds) {
    sim::Body body;
    body.reset = world(std::move(keys));
    body.set_up = insert_keys();
    body.cpus = std::move(cpus);
    Result result;
    const sim::Exploration e = sim::explore(body, bounds, [&] {
      if (const auto& verdict = sim::machine.verdict()) {
        // With its preemptions used up, an exploration leaves a reader spinning on an odd count.
        if (std::string_view(verdict.name) == "livelock") return true;
        result.verdicts.insert(verdict.name);
        result.what = verdict.what;
      } else {
        (found_ == nullptr ? result.missed : result.found) = true;
      }
      return true;
    });
    result.complete = e.complete;
    result.executions = e.executions;
    return result;
  }

  inode* inode_ = nullptr;
  uprobe* found_ = nullptr;
  uprobe* probes_[16] = {};
  std::vector<int> keys_;
};

sim::Bounds bounds(int preemptions, int stale) {
  sim::Bounds b;
  b.max_preemptions = preemptions;
  b.max_stale = stale;
  b.max_executions = 400'000;
  return b;
}

// Inserting 6 into 1..5 rotates what is above 3, 4 and 5.
TEST_F(UprobeTree, InsertionNeverHidesAnotherUprobe) {
  for (int key : {3, 4, 5}) {
    const Result r = explore(
        {1, 2, 3, 4, 5, 7}, {find(key), [&] { alloc_uprobe(inode_, offset_of(6)); }}, bounds(2, 1));
    EXPECT_TRUE(r.complete);
    EXPECT_TRUE(r.verdicts.empty()) << r.what;
    EXPECT_TRUE(r.found);
    EXPECT_FALSE(r.missed);
  }
}

TEST_F(UprobeTree, WithoutRetryAnInsertionHidesAnotherUprobe) {
  rules.bugs = bug_bit(Bug::lookup_not_retried);
  bool missed = false;
  for (int key : {1, 2, 3, 4, 5, 7}) {
    missed |= explore({1, 2, 3, 4, 5, 7}, {find(key), [&] { alloc_uprobe(inode_, offset_of(6)); }},
                      bounds(2, 1))
                  .missed;
  }
  EXPECT_TRUE(missed);
}

TEST_F(UprobeTree, ErasureNeverHidesAnotherUprobe) {
  for (int key : {3, 4, 5}) {
    const Result r =
        explore({1, 2, 3, 4, 5}, {find(key), [&] { put_uprobe(probes_[1]); }}, bounds(2, 1));
    EXPECT_TRUE(r.complete);
    EXPECT_TRUE(r.verdicts.empty()) << r.what;
    EXPECT_FALSE(r.missed);
  }
}

TEST_F(UprobeTree, ErasureOutsideOfTheSeqcountHidesAnotherUprobe) {
  rules.bugs = bug_bit(Bug::erase_without_seqcount);
  bool missed = false;
  for (int key : {2, 3, 4, 5}) {
    missed |=
        explore({1, 2, 3, 4, 5}, {find(key), [&] { put_uprobe(probes_[1]); }}, bounds(2, 1)).missed;
  }
  EXPECT_TRUE(missed);
}

TEST_F(UprobeTree, AUprobeBeingInsertedIsFoundWholeOrNotAtAll) {
  const Result r =
      explore({1, 3}, {find(2), [&] { alloc_uprobe(inode_, offset_of(2)); }}, bounds(2, 2));
  EXPECT_TRUE(r.verdicts.empty()) << r.what;
  EXPECT_TRUE(r.found);
  EXPECT_TRUE(r.missed);
}

TEST_F(UprobeTree, AUprobeWithoutHoldersStaysFindableUntilItsWorkRuns) {
  const auto result = explore({1, 2}, {[&] {
                                rcu_read_lock_trace();
                                put_uprobe(probes_[2]);
                                found_ = find_uprobe_rcu(inode_, offset_of(2));
                                rcu_read_unlock_trace();
                              }},
                              bounds(1, 0));
  EXPECT_TRUE(result.found);
  EXPECT_TRUE(result.missed);
  EXPECT_TRUE(result.verdicts.empty());
}

// What the reader found is touched until it leaves; the last holder goes meanwhile.
class Lifetime : public UprobeTree {
 protected:
  std::set<std::string> verdicts(uint64_t bugs) {
    rules.bugs = bugs;
    return explore({1, 2},
                   {[&] {
                      rcu_read_lock_trace();
                      found_ = find_uprobe_rcu(inode_, offset_of(2));
                      if (found_ != nullptr) READ_ONCE(found_->flags);
                      rcu_read_unlock_trace();
                    },
                    [&] { put_uprobe(probes_[2]); }},
                   bounds(2, 0))
        .verdicts;
  }
};

TEST_F(Lifetime, TasksTraceReadersKeepUprobesAlive) { EXPECT_TRUE(verdicts(0).empty()); }

TEST_F(Lifetime, FreeingAtOnceIsUseAfterFree) {
  EXPECT_TRUE(verdicts(bug_bit(Bug::uprobe_freed_at_once)).contains("use-after-free"));
}
TEST_F(Lifetime, NormalRcuDoesNotProtectTasksTraceReaders) {
  EXPECT_TRUE(verdicts(bug_bit(Bug::uprobe_freed_after_rcu)).contains("use-after-free"));
}
TEST_F(Lifetime, SrcuAloneDoesNotProtectTasksTraceReaders) {
  EXPECT_TRUE(verdicts(bug_bit(Bug::uprobe_freed_after_srcu)).contains("use-after-free"));
}

TEST_F(UprobeTree, RegisteringAgainReplacesADyingUprobe) {
  const Result r = explore({1, 2, 3},
                           {[&] { put_uprobe(probes_[2]); },
                            [&] {
                              uprobe* u = alloc_uprobe(inode_, offset_of(2));
                              found_ = u;
                              EXPECT_GT(u->ref.refs.peek(), 0);
                            }},
                           bounds(2, 0));
  EXPECT_TRUE(r.verdicts.empty()) << r.what;
}

TEST_F(UprobeTree, AReplacedNodeThatIsNotClearedIsErasedTwice) {
  rules.bugs = bug_bit(Bug::replaced_node_not_cleared);
  bool harm = false;
  // The second erasure takes the new uprobe's place with it, or walks into freed memory.
  sim::Body body;
  body.reset = world({1, 2, 3});
  body.set_up = insert_keys();
  uprobe* replacement = nullptr;
  body.cpus = {[&] { put_uprobe(probes_[2]); },
               [&] { replacement = alloc_uprobe(inode_, offset_of(2)); }};
  sim::explore(body, bounds(2, 0), [&] {
    harm |= sim::machine.verdict() || peek_uprobe(inode_, offset_of(2)) != replacement;
    return !harm;
  });
  EXPECT_TRUE(harm);
}

TEST_F(UprobeTree, CountingUpFromZeroResurrects) {
  rules.bugs = bug_bit(Bug::refcount_inc_on_zero);
  const Result r = explore({1, 2, 3},
                           {[&] { put_uprobe(probes_[2]); },
                            [&] {
                              uprobe* u = alloc_uprobe(inode_, offset_of(2));
                              READ_ONCE(u->flags);
                              put_uprobe(u);
                            }},
                           bounds(2, 0));
  EXPECT_FALSE(r.verdicts.empty());
}

}  // namespace
}  // namespace vmafuzz
