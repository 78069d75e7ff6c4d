// The red-black tree: against a sorted set, and what readers without the lock may find.
#include "kernel/rbtree.h"

#include <random>
#include <set>
#include <tuple>

#include "explore_fixture.h"
#include "kernel/rcupdate.h"
#include "kernel/seqlock.h"
#include "kernel/spinlock.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: reads like the model

struct Thing {
  Shared<int> key;
  struct rb_node node;
  template <class V>
  void visit(V&& v) {
    v("key", key);
    v("node", node);
  }
};
struct Globals {
  rb_root root;
  seqcount_t seq;
  spinlock_t lock;
  template <class V>
  void visit(V&& v) {
    v("root", root);
    v("seq", seq);
    v("lock", lock);
  }
};

Thing* thing_of(const rb_node* node) { return rb_entry(node, Thing, node); }
int cmp_node(rb_node* a, const rb_node* b) {
  const int x = thing_of(a)->key.get(), y = thing_of(b)->key.get();
  return x < y ? -1 : x > y;
}
int cmp_key(const void* key, const rb_node* b) {
  const int x = *static_cast<const int*>(key), y = thing_of(b)->key.get();
  return x < y ? -1 : x > y;
}
bool less_peek(const rb_node* a, const rb_node* b) {
  return thing_of(a)->key.peek() < thing_of(b)->key.peek();
}

class RbTree : public Exhaustive {
 protected:
  static constexpr int kThings = 40;

  void make() override {
    g = sim::new_global<Globals>("globals", "g");
    for (auto& thing : things) thing = sim::new_global<Thing>("thing", nullptr);
  }
  void prepare() override {
    for (int key : initial) add(key);
    rb_validate(&g->root, &less_peek);
  }
  void check() override { rb_validate(&g->root, &less_peek); }

  bool add(int key) {
    things[key]->key.set(key);
    return rb_find_add_rcu(&things[key]->node, &g->root, &cmp_node) == nullptr;
  }
  // A writer as uprobes.c has it: everything under the lock and inside of the sequence counter.
  void insert(int key) {
    things[key]->key.set(key);
    spin_lock(g->lock);
    write_seqcount_begin(g->seq);
    rb_find_add_rcu(&things[key]->node, &g->root, &cmp_node);
    write_seqcount_end(g->seq);
    spin_unlock(g->lock);
  }
  void erase(int key) {
    spin_lock(g->lock);
    write_seqcount_begin(g->seq);
    rb_erase(&things[key]->node, &g->root);
    RB_CLEAR_NODE(&things[key]->node);
    write_seqcount_end(g->seq);
    spin_unlock(g->lock);
  }
  // 1 found, 0 not; -1 if the reader would have to try again. Never waits.
  int find(int key, bool retry = true) {
    unsigned seq = 0;
    const rcu_guard guard;
    if (retry && !raw_seqcount_try_begin(g->seq, &seq)) return 2;
    const rb_node* node = rb_find_rcu(&key, &g->root, &cmp_key);
    if (node != nullptr) return thing_of(node) == things[key] ? 1 : 9;
    return retry && read_seqcount_retry(g->seq, seq) ? 2 : 0;
  }

  Globals* g = nullptr;
  Thing* things[kThings];
  std::vector<int> initial;
};

TEST_F(RbTree, AgreesWithASortedSetOverRandomInsertsAndErases) {
  std::mt19937 random(11);
  for (int round = 0; round < 150; ++round) {
    std::set<int> set;
    const auto body = [&] {
      for (int step = 0; step < 60; ++step) {
        const int key = static_cast<int>(random() % kThings);
        if (set.count(key) == 0 || random() % 3 == 0) {
          ASSERT_EQ(add(key), set.insert(key).second);
        } else {
          rb_erase(&things[key]->node, &g->root);
          RB_CLEAR_NODE(&things[key]->node);
          ASSERT_TRUE(RB_EMPTY_NODE(&things[key]->node));
          set.erase(key);
        }
        ASSERT_STREQ(rb_check(&g->root, &less_peek), nullptr);
        ASSERT_EQ(RB_EMPTY_ROOT(&g->root), set.empty());
        auto it = set.begin();
        for (rb_node* n = rb_first(&g->root); n != nullptr; n = rb_next(n), ++it) {
          ASSERT_TRUE(it != set.end() && thing_of(n) == things[*it]);
        }
        ASSERT_TRUE(it == set.end());
        auto back = set.rbegin();
        for (rb_node* n = rb_last(&g->root); n != nullptr; n = rb_prev(n), ++back) {
          ASSERT_TRUE(back != set.rend() && thing_of(n) == things[*back]);
        }
        ASSERT_TRUE(back == set.rend());
        for (int k = 0; k < kThings; ++k) {
          rb_node* n = rb_find(&k, &g->root, &cmp_key);
          ASSERT_EQ(n != nullptr, set.count(k) != 0);
          ASSERT_EQ(rb_find_rcu(&k, &g->root, &cmp_key), n);
        }
      }
    };
    std::function<void()> function = body;
    sim::machine.begin({}, nullptr);
    sim::arena.reset();
    make();
    sim::machine.run_alone([](void* f) { (*static_cast<std::function<void()>*>(f))(); }, &function);
    ASSERT_FALSE(sim::machine.verdict()) << sim::machine.verdict().what;
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

// Which key is inserted decides which rotation there is.
TEST_F(RbTree, ReaderFindsWhatIsThereOrTriesAgainWhileANodeIsInserted) {
  for (const auto& [before, inserted] : std::vector<std::pair<std::vector<int>, int>>{
           {{10, 20}, 30}, {{10, 20}, 15}, {{20, 10}, 5}, {{20, 10}, 15}, {{10}, 20}}) {
    initial = before;
    for (int wanted : before) {
      const Outcomes got =
          outcomes({[&] { insert(inserted); }, [&] { r[0] = find(wanted); }}, {.max_stale = 3});
      EXPECT_EQ(got.count("0"), 0u) << "lost " << wanted << " while inserting " << inserted;
      EXPECT_EQ(got.count("9"), 0u);
      EXPECT_EQ(got.count("1"), 1u);
      EXPECT_EQ(got.count("2"), 1u);
      EXPECT_EQ(got.size(), 2u);
    }
  }
}

TEST_F(RbTree, ReaderFindsWhatIsThereOrTriesAgainWhileANodeIsErased) {
  for (const auto& [before, erased] :
       std::vector<std::pair<std::vector<int>, int>>{{{10, 5, 20, 30}, 5},
                                                     {{10, 5, 20, 15}, 5},
                                                     {{20, 10, 30}, 20},
                                                     {{20, 10, 30, 25}, 20}}) {
    initial = before;
    for (int wanted : before) {
      if (wanted == erased) continue;
      const Outcomes got =
          outcomes({[&] { erase(erased); }, [&] { r[0] = find(wanted); }}, {.max_stale = 2});
      EXPECT_EQ(got, (Outcomes{"1", "2"})) << "wanted " << wanted << ", erased " << erased;
    }
  }
}

TEST_F(RbTree, ReaderWithoutTheCounterLosesANodeToARotation) {
  initial = {10, 20};
  const Outcomes got =
      outcomes({[&] { insert(30); }, [&] { r[0] = find(10, false); }}, {.max_stale = 3});
  EXPECT_EQ(got, (Outcomes{"0", "1"}));
}

TEST_F(RbTree, NewNodeIsInitialisedForWhoeverReachesIt) {
  // 15 rises to the top by two rotations, whose stores are not releases.
  initial = {10, 20};
  EXPECT_EQ(outcomes({[&] { insert(15); }, [&] { r[0] = find(15); }}, {.max_stale = 4}),
            (Outcomes{"0", "1", "2"}));
}

TEST_F(RbTree, LinkingPublishesByItself) {
  initial = {10};
  const auto writer = [&] {
    things[20]->key.set(20);
    rb_find_add_rcu(&things[20]->node, &g->root, &cmp_node);
  };
  EXPECT_EQ(outcomes({writer, [&] { r[0] = find(20, false); }}), (Outcomes{"0", "1"}));
}

TEST_F(RbTree, RotationsPublishOnlyWithTheCallersBarrier) {
  initial = {10, 20};
  const auto writer = [&](bool barrier) {
    things[15]->key.set(15);
    if (barrier) smp_wmb();
    rb_find_add_rcu(&things[15]->node, &g->root, &cmp_node);
  };
  const auto reader = [&] { r[0] = find(15, false); };
  EXPECT_EQ(outcomes({[&] { writer(true); }, reader}, {.max_stale = 4}), (Outcomes{"0", "1"}));
  // Without: the root leads to a node whose key is still 0 for the reader, who turns right.
  EXPECT_TRUE(outcomes({[&] { writer(false); }, reader}, {.max_stale = 4}).contains("data-race"));
}

TEST_F(RbTree, DescentEndsDuringTwoWritesAndFindsNoWrongNode) {
  initial = {10, 20, 30, 5};
  const Outcomes got = outcomes({[&] {
                                   erase(30);
                                   insert(7);
                                 },
                                 [&] { r[0] = find(20, false); }},
                                {.max_stale = 2});
  EXPECT_EQ(got.count("livelock"), 0u);
  EXPECT_EQ(got.count("9"), 0u);
  EXPECT_EQ(got.count("1"), 1u);
}

// No order of stores that a reader of the newest values could run round in.
TEST_F(RbTree, RotationsMakeNoLoop) {
  for (const auto& [before, inserted, key] :
       std::vector<std::tuple<std::vector<int>, int, int>>{{{10, 20}, 15, 12},
                                                           {{10, 20}, 15, 17},
                                                           {{20, 10}, 15, 12},
                                                           {{20, 10}, 15, 17},
                                                           {{10, 20}, 30, 15},
                                                           {{10, 20}, 30, 25},
                                                           {{20, 10}, 5, 15},
                                                           {{20, 10}, 5, 7}}) {
    initial = before;
    EXPECT_EQ(
        outcomes({[&] { insert(inserted); }, [&] { r[0] = find(key, false); }}, {.max_stale = 0}),
        (Outcomes{"0"}))
        << "key " << key << " while inserting " << inserted;
  }
  initial = {20, 10, 30, 25, 35, 27};
  for (const int key : {22, 26, 28, 32}) {
    EXPECT_EQ(outcomes({[&] { erase(10); }, [&] { r[0] = find(key, false); }}, {.max_stale = 0}),
              (Outcomes{"0"}))
        << "key " << key;
  }
}

TEST_F(RbTree, CheckNoticesWhatIsWrong) {
  initial = {10, 20, 30, 5};
  const auto broken = [&](std::function<void()> break_it) {
    return outcomes({[&] {
      break_it();
      rb_validate(&g->root, &less_peek);
    }});
  };
  EXPECT_EQ(broken([] {}), (Outcomes{""}));
  const Outcomes corrupt{"tree-corrupt"};
  EXPECT_EQ(broken([&] { things[20]->key.set(3); }), corrupt);
  EXPECT_EQ(broken([&] { things[20]->node.rb_left.set(nullptr); }), corrupt);
  EXPECT_EQ(broken([&] { things[5]->node.__rb_parent_color.set(&things[20]->node); }), corrupt);
  EXPECT_EQ(broken([&] { things[5]->node.rb_left.set(&things[20]->node); }), corrupt);
}

}  // namespace
}  // namespace vmafuzz
