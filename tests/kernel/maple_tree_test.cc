// The VMA tree by itself: against a flat array, its shape, its nodes' lifetime, its failure point.
#include "kernel/maple_tree.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "sim/machine.h"

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

// Makes the chosen fallible step fail.
class FailDirector : public sim::Director {
 public:
  uint16_t next_point(int, uint16_t, uint16_t after) override { return after + 1; }
  sim::Decision decide(const sim::Point& point) override {
    sim::Decision decision;
    decision.fail = point.kind == sim::AccessKind::kFallible && fail_all;
    return decision;
  }
  bool fail_all = true;
};

void call(void* arg) { (*static_cast<std::function<void()>*>(arg))(); }

class MapleTree : public ::testing::Test {
 protected:
  static constexpr int kEntries = 24;

  // Runs body on cpu 0 with a new tree; the verdict's name, or "".
  std::string on_cpu(std::function<void()> body, sim::Director* director = nullptr) {
    sim::Options options;
    options.limits.op_steps = 30000;
    sim::machine.begin(options, director);
    sim::arena.reset();
    maple_tree_init();
    mt = sim::new_global<maple_tree>("maple_tree", "mm_mt");
    lock = sim::new_global<rw_semaphore>("rw_semaphore", "mmap_lock", "mmap_lock");
    mt_set_in_rcu(mt);
    for (auto& entry : entries) entry = sim::new_global<Entry>("entry", nullptr);
    std::function<void()> op = [&] {
      sim::machine.begin_op(1);
      body();
      sim::machine.end_op();
    };
    sim::machine.start(0, &call, &op);
    sim::machine.run();
    return sim::machine.verdict() ? sim::machine.verdict().name : "";
  }

  void store(unsigned long first, unsigned long last, void* entry) {
    MA_STATE(mas, mt, first, last);
    ASSERT_EQ(mas_store_gfp(&mas, entry), 0);
  }

  maple_tree* mt = nullptr;
  rw_semaphore* lock = nullptr;
  Entry* entries[kEntries];
};

// A map of `size` indices, the last of which stands for everything up to ULONG_MAX.
class FlatMap {
 public:
  explicit FlatMap(int size) : slots_(size, nullptr) {}
  void store(int first, int last, void* entry) {
    for (int i = first; i <= last; ++i) slots_[i] = entry;
  }
  void* load(int index) const { return slots_[index]; }
  int size() const { return static_cast<int>(slots_.size()); }
  unsigned long last_index(int i) const { return i + 1 == size() ? ULONG_MAX : i; }

  int next(int from, int to) const {
    for (int i = from; i <= to; ++i) {
      if (slots_[i] != nullptr) return i;
    }
    return -1;
  }
  // The boundaries of the slot that i belongs to, where neighbours with equal entries are one.
  int start(int i) const {
    while (i > 0 && slots_[i - 1] == slots_[i]) --i;
    return i;
  }
  int end(int i) const {
    while (i + 1 < size() && slots_[i + 1] == slots_[i]) ++i;
    return i;
  }

 private:
  std::vector<void*> slots_;
};

void expect_same(const maple_tree* mt, const FlatMap& flat) {
  ASSERT_STREQ(mt_check(mt), nullptr);
  for (int i = 0; i < flat.size(); ++i) {
    unsigned long first, last;
    ASSERT_EQ(mt_peek(mt, flat.last_index(i), &first, &last), flat.load(i)) << i;
  }
}

TEST_F(MapleTree, AgreesWithAFlatMapOverRandomStores) {
  std::mt19937 random(20240802);
  int highest = 0;
  for (int round = 0; round < 300; ++round) {
    const int size = 8 + static_cast<int>(random() % 120);
    const int longest = 1 + static_cast<int>(random() % (round % 3 == 0 ? size : 8));
    const std::string verdict = on_cpu([&] {
      if (round % 2 != 0) mt_clear_in_rcu(mt);
      FlatMap flat(size);
      for (int step = 0; step < 60; ++step) {
        const int first = static_cast<int>(random() % size);
        const int last = std::min<int>(size - 1, first + random() % longest);
        void* entry = random() % 3 == 0 ? nullptr : entries[random() % kEntries];
        store(first, flat.last_index(last), entry);
        flat.store(first, last, entry);
        expect_same(mt, flat);
        const int index = static_cast<int>(random() % size);
        ASSERT_EQ(mtree_load(mt, index), flat.load(index));
        highest = std::max(highest, mt_height(mt));
        ASSERT_EQ(maple_live_nodes(), mt_count_nodes(mt)) << "nodes leak or are freed too early";
        if (::testing::Test::HasFatalFailure()) return;
      }
      __mt_destroy(mt);
    });
    ASSERT_EQ(verdict, "") << sim::machine.verdict().what << " in round " << round;
    if (HasFatalFailure()) FAIL() << "round " << round;
    ASSERT_EQ(maple_live_nodes(), 0);
  }
  EXPECT_GE(highest, 4);
}

TEST_F(MapleTree, HandfulOfRangesMakesThreeLevels) {
  EXPECT_EQ(on_cpu([&] {
              for (unsigned long i = 0; i < 7; ++i) store(i * 8 + 2, i * 8 + 5, entries[i]);
              EXPECT_EQ(mt_height(mt), 3);
            }),
            "");
}

TEST_F(MapleTree, IteratesLikeAFlatMap) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const std::string verdict = on_cpu([&] {
      FlatMap flat(40);
      for (int step = 0; step < 14; ++step) {
        // Entries are used once, so that equal neighbours are one range in both.
        const int first = static_cast<int>(random() % 38), last = first + 1;
        store(first, last, entries[step]);
        flat.store(first, last, entries[step]);
      }
      for (unsigned long from = 0; from < 40; from += 3) {
        MA_STATE(mas, mt, from, from);
        int at = static_cast<int>(from);
        while (void* entry = mas_find(&mas, 38)) {
          at = flat.next(at, 38);
          ASSERT_GE(at, 0);
          ASSERT_EQ(entry, flat.load(at));
          ASSERT_EQ(mas.index, static_cast<unsigned long>(flat.start(at)));
          ASSERT_EQ(mas.last, static_cast<unsigned long>(flat.end(at)));
          at = flat.end(at) + 1;
        }
        ASSERT_LT(at > 38 ? -1 : flat.next(at, 38), 0);
        unsigned long index = from;
        const int next = flat.next(static_cast<int>(from), 30);
        void* found = mt_find(mt, &index, 30);
        ASSERT_EQ(found, next < 0 ? nullptr : flat.load(next));
        ASSERT_EQ(index, next < 0 ? from : static_cast<unsigned long>(flat.end(next)) + 1);

        const int start = flat.start(static_cast<int>(from));
        int before = start - 1;
        while (before >= 5 && flat.load(before) == nullptr) --before;
        void* expected = before >= 5 ? flat.load(before) : nullptr;
        ASSERT_EQ(mt_prev(mt, from, 5), from <= 5 ? nullptr : expected) << from;
      }
    });
    ASSERT_EQ(verdict, "") << sim::machine.verdict().what;
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST_F(MapleTree, IteratorTurnsRoundAtItsEnds) {
  EXPECT_EQ(on_cpu([&] {
              store(4, 7, entries[0]);
              store(8, 9, entries[1]);
              store(20, 29, entries[2]);
              MA_STATE(mas, mt, 5, 5);
              EXPECT_EQ(mas_walk(&mas), entries[0]);
              EXPECT_EQ(mas_prev(&mas, 0), nullptr);  // underflow
              EXPECT_EQ(mas_next(&mas, 100), entries[0]);
              EXPECT_EQ(mas_next(&mas, 100), entries[1]);
              EXPECT_EQ(mas_next_range(&mas, 100), nullptr);
              EXPECT_EQ(mas.index, 10u);
              EXPECT_EQ(mas.last, 19u);
              EXPECT_EQ(mas_next(&mas, 100), entries[2]);
              EXPECT_EQ(mas_next(&mas, 100), nullptr);  // overflow
              EXPECT_EQ(mas_prev(&mas, 0), entries[2]);
              mas_pause(&mas);
              EXPECT_EQ(mas_find(&mas, 100), nullptr);
              mas_set(&mas, 8);
              EXPECT_EQ(mas_prev(&mas, 0), entries[0]);
              EXPECT_EQ(mas_prev(&mas, 4), nullptr);
            }),
            "");
}

TEST_F(MapleTree, FailedPreallocationChangesNothingAndTakesNothing) {
  FailDirector director;
  EXPECT_EQ(on_cpu(
                [&] {
                  director.fail_all = false;
                  store(4, 7, entries[0]);
                  const int nodes = maple_live_nodes();
                  director.fail_all = true;
                  MA_STATE(mas, mt, 5, 6);
                  EXPECT_EQ(mas_preallocate(&mas, entries[1]), -ENOMEM);
                  EXPECT_EQ(maple_live_nodes(), nodes);
                  EXPECT_EQ(mtree_load(mt, 5), entries[0]);
                  // One boundary moves, or none: no node is needed, so that it cannot fail.
                  mas_set_range(&mas, 4, 9);
                  EXPECT_EQ(mas_preallocate(&mas, entries[0]), 0);
                  mas_store_prealloc(&mas, entries[0]);
                  mas_set_range(&mas, 4, 9);
                  EXPECT_EQ(mas_preallocate(&mas, entries[2]), 0);
                  mas_store_prealloc(&mas, entries[2]);
                  EXPECT_EQ(mtree_load(mt, 9), entries[2]);
                },
                &director),
            "");
}

TEST_F(MapleTree, UnusedPreallocatedNodesAreGivenBack) {
  EXPECT_EQ(on_cpu([&] {
              store(4, 7, entries[0]);
              MA_STATE(mas, mt, 5, 6);
              EXPECT_EQ(mas_preallocate(&mas, entries[1]), 0);
              EXPECT_GT(maple_live_nodes(), mt_count_nodes(mt));
              mas_set_range(&mas, 4, 7);
              mas_store_prealloc(&mas, entries[1]);
              EXPECT_EQ(maple_live_nodes(), mt_count_nodes(mt));
            }),
            "");
}

TEST_F(MapleTree, StoreWithoutItsNodesIsAVerdict) {
  EXPECT_EQ(on_cpu([&] {
              store(4, 7, entries[0]);
              MA_STATE(mas, mt, 5, 6);
              mas_store_prealloc(&mas, entries[1]);
            }),
            "tree-corrupt");
}

TEST_F(MapleTree, StoreWithoutItsLockIsAVerdict) {
  EXPECT_EQ(on_cpu([&] {
              mt_set_external_lock(mt, lock);
              down_read(*lock);
              store(4, 7, entries[0]);
            }),
            "lock-imbalance");
}

TEST_F(MapleTree, CheckNoticesWhatIsWrong) {
  const auto node = [&] {
    return reinterpret_cast<maple_node*>(reinterpret_cast<uintptr_t>(mt->ma_root.peek()) & ~63ul);
  };
  const auto broken = [&](std::function<void()> break_it) {
    return on_cpu([&] {
      store(4, 7, entries[0]);
      store(8, 9, entries[1]);
      break_it();
      mt_validate(mt);
    });
  };
  EXPECT_EQ(broken([] {}), "");
  EXPECT_EQ(broken([&] { node()->pivot[1].set(2); }), "tree-corrupt");
  EXPECT_EQ(broken([&] { node()->slot[1].set(nullptr); }), "tree-corrupt");
  EXPECT_EQ(broken([&] { node()->parent.set(node()); }), "tree-corrupt");
}

}  // namespace
}  // namespace vmafuzz
