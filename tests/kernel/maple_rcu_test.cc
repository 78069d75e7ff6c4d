// The VMA tree under readers without its lock: every execution of one store and a few loads.
#include "explore_fixture.h"
#include "kernel/maple_tree.h"
#include "kernel/rules.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: reads like the model

struct Entry {
  Shared<int> id;
  template <class V>
  void visit(V&& v) {
    v("id", id);
  }
};

struct Range {
  unsigned long first, last;
  int id;  // 0 erases
};

class MapleRcu : public Exhaustive {
 protected:
  static constexpr int kEntries = 10;

  void TearDown() override { rules = kernel_rules(); }
  void make() override {
    maple_tree_init();
    mt = sim::new_global<maple_tree>("maple_tree", "mm_mt");
    mt_set_in_rcu(mt);
    for (auto& entry : entries) entry = sim::new_global<Entry>("entry", nullptr);
  }
  void prepare() override {
    for (const Range& range : initial) store(range);
    nodes = mt_count_nodes(mt);
  }
  // Whatever happened, the tree is sound in the end and no node is lost.
  void check() override {
    mt_validate(mt);
    if (maple_live_nodes() != mt_count_nodes(mt)) {
      sim::machine.fail("leak", "maple_node", Site::current());
    }
  }

  void store(const Range& range) {
    Entry* entry = range.id == 0 ? nullptr : entries[range.id];
    if (entry != nullptr && entry->id.peek() == 0) entry->id.set(range.id);
    MA_STATE(mas, mt, range.first, range.last);
    ASSERT_EQ(mas_store_gfp(&mas, entry), 0);
  }
  // Reads the entry too: it must be initialised for whoever finds it.
  int load(unsigned long index) {
    const rcu_guard guard;
    const auto* entry = static_cast<Entry*>(mtree_load(mt, index));
    return entry == nullptr ? 0 : entry->id.get();
  }
  // One store against one reader of each index, one at a time.
  Outcomes seen(const Range& range, unsigned long index) {
    return outcomes({[=, this] { store(range); }, [=, this] { r[0] = load(index); }}, bounds);
  }
  Outcomes seen(const Range& range, unsigned long index, unsigned long next) {
    return outcomes({[=, this] { store(range); },
                     [=, this] {
                       r[0] = load(index);
                       r[1] = load(next);
                     }},
                    bounds);
  }

  maple_tree* mt = nullptr;
  Entry* entries[kEntries];
  std::vector<Range> initial;
  int nodes = 0;
  // Three levels are too many executions for all of them: then no more than two preemptions.
  sim::Bounds bounds{.max_stale = 3};
};

// 0 | 1 1 1 1 | 2 2 2 2 | 0: one leaf, full.
const std::vector<Range> kOneLeaf{{4, 7, 1}, {8, 11, 2}};
// 0 | 1 | 0 | 2 | 0 | 3 | 0 | 4 | 0 | 5 | 0 | 6 | 0 | 7 | 0: three levels.
const std::vector<Range> kThreeLevels{{2, 5, 1},   {10, 13, 2}, {18, 21, 3}, {26, 29, 4},
                                      {34, 37, 5}, {42, 45, 6}, {50, 53, 7}};

TEST_F(MapleRcu, ExactFitIsSeenAtOnce) {
  initial = kOneLeaf;
  EXPECT_EQ(seen({4, 7, 3}, 4), (Outcomes{"1", "3"}));
  EXPECT_EQ(seen({4, 7, 3}, 4, 7), (Outcomes{"11", "13", "33"}));
  EXPECT_EQ(seen({4, 7, 3}, 8), (Outcomes{"2"}));
}

TEST_F(MapleRcu, MovingOneBoundaryIsSeenInTwoSteps) {
  initial = kOneLeaf;
  // 3 replaces 1 and takes 8 and 9 from 2. Whoever looks at 9 may find the new boundary and the old
  // entry, which never was there: neither half is ordered before the other.
  EXPECT_EQ(seen({4, 9, 3}, 4), (Outcomes{"1", "3"}));
  EXPECT_EQ(seen({4, 9, 3}, 9), (Outcomes{"1", "2", "3"}));
  EXPECT_EQ(seen({4, 9, 3}, 10), (Outcomes{"2"}));
  // Both orders of the halves: new entry with the old boundary, new boundary with the old entry.
  EXPECT_TRUE(seen({4, 9, 3}, 4, 9).contains("32"));
  EXPECT_TRUE(seen({4, 9, 3}, 9, 4).contains("11"));
  // The same from the other side.
  EXPECT_EQ(seen({6, 11, 3}, 6), (Outcomes{"1", "2", "3"}));
  EXPECT_EQ(seen({6, 11, 3}, 8), (Outcomes{"2", "3"}));
  EXPECT_EQ(seen({6, 11, 3}, 5), (Outcomes{"1"}));
  // The boundary alone: shrinking 2 at its end, growing 1 at its beginning.
  EXPECT_EQ(seen({10, 11, 0}, 10), (Outcomes{"0", "2"}));
  EXPECT_EQ(seen({2, 7, 1}, 3), (Outcomes{"0", "1"}));
}

TEST_F(MapleRcu, CopiedNodeIsSeenAtOnce) {
  initial = kOneLeaf;
  // 1 is split in three: the leaf too, under a new root.
  const Range split{5, 6, 3};
  EXPECT_EQ(seen(split, 4), (Outcomes{"1"}));
  EXPECT_EQ(seen(split, 5), (Outcomes{"1", "3"}));
  EXPECT_EQ(seen(split, 7), (Outcomes{"1"}));
  EXPECT_EQ(seen(split, 9), (Outcomes{"2"}));
  EXPECT_EQ(seen(split, 5, 6), (Outcomes{"11", "13", "33"}));
  // Two ranges become one: the leaf has fewer slots.
  EXPECT_EQ(seen({4, 11, 3}, 5, 10), (Outcomes{"12", "13", "33"}));
  // Everything goes.
  EXPECT_EQ(seen({4, 11, 0}, 5, 10), (Outcomes{"00", "10", "12"}));
}

TEST_F(MapleRcu, FirstRangeIsSeenAtOnce) {
  EXPECT_EQ(seen({4, 7, 1}, 5), (Outcomes{"0", "1"}));
  EXPECT_EQ(seen({4, 7, 1}, 5, 6), (Outcomes{"00", "01", "11"}));
}

TEST_F(MapleRcu, SpanningStoreIsSeenAtOnce) {
  initial = kThreeLevels;
  bounds = {.max_preemptions = 2, .max_stale = 1};
  const Range wide{4, 47, 8};
  for (const auto& [index, before] :
       std::vector<std::pair<unsigned long, int>>{{5, 1}, {20, 3}, {43, 6}}) {
    EXPECT_EQ(seen(wide, index), (Outcomes{std::to_string(before), "8"})) << index;
  }
  EXPECT_EQ(seen(wide, 2), (Outcomes{"1"}));
  EXPECT_EQ(seen(wide, 51), (Outcomes{"7"}));
  EXPECT_EQ(seen(wide, 5, 43), (Outcomes{"16", "18", "88"}));
}

// Only a part of the tree is copied, and a slot of a node that stays is swapped.
TEST_F(MapleRcu, StoreInOneBranchIsSeenAtOnce) {
  initial = kThreeLevels;
  bounds = {.max_preemptions = 2, .max_stale = 1};
  for (const Range& range : {kThreeLevels[0], kThreeLevels[3], kThreeLevels[6]}) {
    const std::string id = std::to_string(range.id);
    EXPECT_EQ(seen({range.first + 1, range.first + 1, 8}, range.first + 1), (Outcomes{id, "8"}));
    EXPECT_EQ(seen({range.first + 1, range.first + 1, 8}, range.last), (Outcomes{id}));
    EXPECT_EQ(seen({range.first, range.last, 0}, range.first), (Outcomes{"0", id}));
  }
}

TEST_F(MapleRcu, ErasingAcrossLeavesIsSeenAtOnce) {
  initial = kThreeLevels;
  bounds = {.max_preemptions = 2, .max_stale = 1};
  const Range wide{10, 37, 0};
  EXPECT_EQ(seen(wide, 11, 35), (Outcomes{"00", "20", "25"}));
  EXPECT_EQ(seen(wide, 43), (Outcomes{"6"}));
}

TEST_F(MapleRcu, IterationUnderRcuFindsWhatStays) {
  initial = kOneLeaf;
  const auto find = [&] {
    const rcu_guard guard;
    MA_STATE(mas, mt, 0, 0);
    for (int i = 0; i < 4; ++i) {
      const auto* entry = static_cast<Entry*>(mas_find(&mas, 100));
      if (entry == nullptr) return;
      r[i] = entry->id.get();
    }
  };
  bounds.max_stale = 1;
  // 2 stays; of 1 and 3 there is what was, what is, or, from the parts of both that have passed,
  // either.
  for (const std::string& got : outcomes({[&] { store({5, 6, 3}); }, find}, bounds)) {
    EXPECT_TRUE(got == "12" || got == "1312" || got == "112" || got == "312") << got;
  }
}

// What a dead node holds is garbage: its rcu_head lies over the first two pivots, so that any index
// is looked for in the second slot.
TEST_F(MapleRcu, DeadNodesAreNoticed) {
  initial = kOneLeaf;
  const Range split{5, 6, 3};
  EXPECT_EQ(seen(split, 9), (Outcomes{"2"}));
  // What a walk without the check would take for pivots and slots is the node's rcu_head by then.
  rules.maple_dead_check = false;
  EXPECT_TRUE(seen(split, 9).contains("tree-corrupt"));
}

TEST_F(MapleRcu, DeadNodeCheckNeedsBothBarriers) {
  initial = kOneLeaf;
  const Range split{5, 6, 3};
  rules.maple_dead_rmb = false;
  EXPECT_TRUE(seen(split, 9).contains("tree-corrupt"));
  rules.maple_dead_rmb = true;
  rules.maple_dead_wmb = false;
  EXPECT_TRUE(seen(split, 9).contains("tree-corrupt"));
}

TEST_F(MapleRcu, ReaderOutsideOfRcuTouchesFreedNodes) {
  initial = kOneLeaf;
  const auto careless = [&] {
    MA_STATE(mas, mt, 9, 9);
    r[0] = mas_walk(&mas) == entries[2] ? 2 : 9;
  };
  EXPECT_TRUE(outcomes({[&] { store({5, 6, 3}); }, careless}, bounds).contains("use-after-free"));
}

TEST_F(MapleRcu, TreeOutOfRcuModeHasNoReadersWithoutTheLock) {
  initial = kOneLeaf;
  const auto writer = [&] { store({5, 6, 3}); };
  const auto clear = [&](std::function<void()> body) {
    return [=, this] {
      mt_clear_in_rcu(mt);
      body();
    };
  };
  const Outcomes got = outcomes({clear(writer), clear([&] { r[0] = load(9); })}, bounds);
  EXPECT_TRUE(got.contains("data-race") || got.contains("use-after-free"));
}

}  // namespace
}  // namespace vmafuzz
