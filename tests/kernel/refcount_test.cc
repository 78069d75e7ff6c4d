// refcount_t: the last one out sees everything, nobody gets in after that, misuse is a verdict.
#include "kernel/refcount.h"

#include "explore_fixture.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: reads like the model

struct Globals {
  refcount_t ref;
  Shared<int> x, y;
  template <class V>
  void visit(V&& v) {
    v("ref", ref);
    v("x", x);
    v("y", y);
  }
};

class Refcount : public Exhaustive {
 protected:
  void make() override { g = sim::new_global<Globals>("globals", "g"); }
  void prepare() override { refcount_set(g->ref, initial); }
  Globals* g = nullptr;
  int initial = 2;
};

// Plain accesses to x and y: without release and acquire they would race.
TEST_F(Refcount, WhoeverIsLastSeesWhatTheOtherDid) {
  const auto put = [&](int reg, Shared<int> Globals::* mine, Shared<int> Globals::* other) {
    return [=, this] {
      (g->*mine).set(1);
      const bool last = refcount_dec_and_test(g->ref);
      r[reg] = last ? 2 + (g->*other).get() : 0;
    };
  };
  EXPECT_EQ(outcomes({put(0, &Globals::x, &Globals::y), put(1, &Globals::y, &Globals::x)}),
            (Outcomes{"03", "30"}));
}

TEST_F(Refcount, NobodyGetsInAfterTheLastIsOut) {
  initial = 1;
  const auto put = [&] { r[0] = refcount_dec_and_test(g->ref); };
  const auto get = [&] {
    r[1] = refcount_inc_not_zero(g->ref);
    if (r[1] != 0) r[2] = refcount_dec_and_test(g->ref);
  };
  EXPECT_EQ(outcomes({put, get}), (Outcomes{"011", "10", "110"}));
}

TEST_F(Refcount, AcquiringIncrementPairsWithReleasingSet) {
  initial = 0;
  const auto attach = [&] {
    g->x.set(1);
    refcount_set_release(g->ref, 1);
  };
  const auto get = [&] {
    int old = -1;
    r[0] = __refcount_inc_not_zero_limited_acquire(g->ref, &old, 8);
    if (r[0] != 0) r[1] = g->x.get();
  };
  EXPECT_EQ(outcomes({attach, get}), (Outcomes{"0", "11"}));
  const auto relaxed = [&] {
    r[0] = refcount_inc_not_zero(g->ref);
    if (r[0] != 0) r[1] = data_race(g->x);
  };
  EXPECT_EQ(outcomes({attach, relaxed}), (Outcomes{"0", "10", "11"}));
}

TEST_F(Refcount, LimitHolds) {
  initial = 8;
  EXPECT_EQ(outcomes({[&] {
              int old = 0;
              r[0] = __refcount_inc_not_zero_limited_acquire(g->ref, &old, 8);
              r[1] = old;
              r[2] = __refcount_inc_not_zero_limited_acquire(g->ref, &old, 9);
              r[3] = refcount_read(g->ref);
            }}),
            (Outcomes{"0819"}));
}

TEST_F(Refcount, FlagsAreAddedAndSubtracted) {
  constexpr int kFlag = 1 << 30;
  EXPECT_EQ(outcomes({[&] {
              EXPECT_TRUE(refcount_add_not_zero_acquire(kFlag, g->ref));
              EXPECT_EQ(refcount_read(g->ref), kFlag + 2);
              int old = 0;
              EXPECT_FALSE(__refcount_dec_and_test(g->ref, &old));
              EXPECT_EQ(old, kFlag + 2);
              EXPECT_FALSE(refcount_sub_and_test(kFlag, g->ref));
              EXPECT_TRUE(refcount_dec_and_test(g->ref));
              EXPECT_FALSE(refcount_add_not_zero(kFlag, g->ref));
            }}),
            (Outcomes{""}));
}

TEST_F(Refcount, MisuseIsAVerdict) {
  const Outcomes verdict{"refcount"};
  initial = 0;
  EXPECT_EQ(outcomes({[&] { refcount_inc(g->ref); }}), verdict);
  EXPECT_EQ(outcomes({[&] { refcount_dec_and_test(g->ref); }}), verdict);
  initial = 1;
  EXPECT_EQ(outcomes({[&] { refcount_dec(g->ref); }}), verdict);
  EXPECT_EQ(outcomes({[&] { refcount_sub_and_test(2, g->ref); }}), verdict);
  initial = INT_MAX;
  EXPECT_EQ(outcomes({[&] { refcount_inc(g->ref); }}), verdict);
  EXPECT_EQ(outcomes({[&] { refcount_inc_not_zero(g->ref); }}), verdict);
}

}  // namespace
}  // namespace vmafuzz
