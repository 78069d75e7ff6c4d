// Directives say exactly what deviates; what is recorded replays.
#include "fixture.h"

namespace vmafuzz::sim {
namespace {

using namespace kernel;  // NOLINT: bodies read like kernel code

class DirectiveTest : public MachineTest {};

TEST_F(DirectiveTest, WithoutDirectivesCpusRunOneAfterTheOther) {
  std::string order;
  const auto body = [&](char name) {
    return [&, name] {
      for (int i = 0; i < 3; ++i) {
        WRITE_ONCE(g->x, i);
        order += name;
      }
    };
  };
  ASSERT_TRUE(run({body('a'), body('b')}, {}));
  EXPECT_EQ(order, "aaabbb");
  EXPECT_TRUE(machine.recorded().empty());
}

TEST_F(DirectiveTest, PreemptionTakesPlaceBeforeItsAccess) {
  std::string order;
  const auto body = [&](char name) {
    return [&, name] {
      for (int i = 0; i < 3; ++i) {
        WRITE_ONCE(g->x, i);
        order += name;
      }
    };
  };
  // Access 1 is the operation's beginning; access 3 the second store.
  ASSERT_TRUE(run({body('a'), body('b')}, {{0, 3, DirectiveKind::kPreempt, 1}}));
  EXPECT_EQ(order, "abbbaa");
  ASSERT_EQ(machine.recorded().size(), 1u);
  EXPECT_EQ(machine.recorded()[0], (Directive{0, 3, DirectiveKind::kPreempt, 1}));
}

TEST_F(DirectiveTest, StaleReadsSoManyStoresBack) {
  int seen = -1;
  const auto writer = [&] {
    for (int i = 1; i <= 4; ++i) WRITE_ONCE(g->x, i);
  };
  const auto reader = [&] { seen = READ_ONCE(g->x); };
  for (uint8_t back = 0; back <= 4; ++back) {
    ASSERT_TRUE(run({writer, reader}, {{1, 2, DirectiveKind::kStale, back}}));
    EXPECT_EQ(seen, 4 - back);
    EXPECT_EQ(machine.recorded().size(), back == 0 ? 0u : 1u);
  }
  ASSERT_TRUE(run({writer, reader}, {{1, 2, DirectiveKind::kStale, 9}}));
  EXPECT_EQ(seen, 0) << "more than there are: the oldest";
  ASSERT_EQ(machine.recorded().size(), 1u);
  EXPECT_EQ(machine.recorded()[0].arg, 4) << "it went as far as it could";
}

TEST_F(DirectiveTest, StaleIsRefusedWhereTheCpuIsBoundToKnow) {
  int seen = -1;
  const auto writer = [&] {
    WRITE_ONCE(g->x, 1);
    smp_store_release(g->y, 1);
  };
  const auto reader = [&] {
    smp_load_acquire(g->y);
    seen = READ_ONCE(g->x);
  };
  ASSERT_TRUE(run({writer, reader}, {{1, 3, DirectiveKind::kStale, 1}}));
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(machine.recorded().empty());
}

TEST_F(DirectiveTest, TornLoadMixesHalves) {
  int seen = 0;
  const auto writer = [&] { g->x.set(0x00020001); };
  const auto set_up = [&] { g->x.set(0x00040003); };
  ASSERT_TRUE(run({writer, [&] { seen = data_race(g->x); }}, {{1, 2, DirectiveKind::kTear, 0}}, {},
                  set_up));
  EXPECT_EQ(seen, 0x00040001);
  ASSERT_TRUE(run({writer, [&] { seen = READ_ONCE(g->x); }}, {{1, 2, DirectiveKind::kTear, 0}}, {},
                  set_up));
  EXPECT_EQ(seen, 0x00020001) << "marked loads do not tear";
}

// Every set of up to three directives of all kinds: what a writer of one location and a reader of
// it can come to. The values differ in both halves.
class CompilerTest : public DirectiveTest {
 protected:
  static constexpr int kOld = 0x00040003, kNew = 0x00020001, kTorn = 0x00040001;

  std::set<std::vector<int>> outcomes(const std::function<std::vector<int>()>& read) {
    std::vector<Directive> all;
    for (uint16_t access = 1; access <= 3; ++access) {
      all.push_back({0, access, DirectiveKind::kPreempt, 1});
      for (int kind = 0; kind < kDirectiveKinds; ++kind) {
        const auto which = static_cast<DirectiveKind>(kind);
        const uint8_t arg = which == DirectiveKind::kStale  ? 1
                            : which == DirectiveKind::kHold ? kHoldToEnd
                                                            : 0;
        all.push_back({1, access, which, arg});
      }
    }
    std::set<std::vector<int>> seen;
    const auto add = [&](const std::vector<Directive>& some) {
      std::vector<int> values;
      EXPECT_TRUE(run({[&] { g->x.set(kNew); }, [&] { values = read(); }}, some, {},
                      [&] { g->x.set(kOld); }));
      seen.insert(values);
    };
    add({});
    for (size_t i = 0; i < all.size(); ++i) {
      add({all[i]});
      for (size_t j = i + 1; j < all.size(); ++j) {
        add({all[i], all[j]});
        for (size_t k = j + 1; k < all.size(); ++k) add({all[i], all[j], all[k]});
      }
    }
    return seen;
  }
};

TEST_F(CompilerTest, AMarkedLoadIsWhole) {
  EXPECT_EQ(outcomes([&] { return std::vector<int>{READ_ONCE(g->x)}; }),
            (std::set<std::vector<int>>{{kOld}, {kNew}}));
}

TEST_F(CompilerTest, APlainLoadMayBeTorn) {
  EXPECT_EQ(outcomes([&] { return std::vector<int>{data_race(g->x)}; }),
            (std::set<std::vector<int>>{{kOld}, {kNew}, {kTorn}}));
}

// Whoever has read a half of the new value has seen the store: nothing older comes after it.
TEST_F(CompilerTest, NothingOlderIsReadAfterAHalfOfTheNewValue) {
  EXPECT_EQ(outcomes([&] {
              const int first = data_race(g->x);
              const int second = data_race(g->x);
              return std::vector<int>{first, second};
            }),
            (std::set<std::vector<int>>{
                {kOld, kOld}, {kOld, kNew}, {kOld, kTorn}, {kTorn, kNew}, {kNew, kNew}}));
}

// The second read counts, and the first is forgotten; a marked load is done once.
TEST_F(CompilerTest, AReloadReturnsTheNewestValue) {
  const auto load_of = [&](bool plain, std::vector<Directive> directives) {
    int seen = 0;
    EXPECT_TRUE(
        run({[&] { g->x.set(kNew); }, [&] { seen = plain ? data_race(g->x) : READ_ONCE(g->x); }},
            std::move(directives), {}, [&] { g->x.set(kOld); }));
    return seen;
  };
  const Directive stale{1, 2, DirectiveKind::kStale, 1};
  const Directive reload{1, 2, DirectiveKind::kReload, 0};
  EXPECT_EQ(load_of(true, {stale}), kOld);
  EXPECT_EQ(load_of(true, {stale, reload}), kNew);
  EXPECT_EQ(machine.recorded().size(), 2u);
  EXPECT_EQ(load_of(true, {reload}), kNew);
  EXPECT_TRUE(machine.recorded().empty()) << "reading the newest twice changes nothing";
  EXPECT_EQ(load_of(false, {stale, reload}), kOld);
}

TEST_F(DirectiveTest, TornPointerIsNeverDereferencedUnnoticed) {
  const auto writer = [&] { g->p.set(g); };
  const auto reader = [&] {
    Globals* p = data_race(g->p);
    if (p != nullptr) (void)READ_ONCE(p->x);
  };
  EXPECT_FALSE(run({writer, reader}, {{1, 2, DirectiveKind::kTear, 0}}));
  EXPECT_EQ(verdict(), "torn-pointer");
  EXPECT_TRUE(run({writer, reader}, {}));
}

TEST_F(DirectiveTest, FailureComesOnlyWhereItIsAsked) {
  int failures = 0;
  const auto body = [&] {
    for (int i = 0; i < 3; ++i) failures += machine.injected_failure(Site::current()) ? 1 << i : 0;
  };
  ASSERT_TRUE(run({body}, {{0, 3, DirectiveKind::kFail, 0}}));
  EXPECT_EQ(failures, 2);
}

// The hash depends on everything that happened, and a replay of what was recorded has the same one.
TEST_F(DirectiveTest, RecordedDirectivesReplayToTheSameHash) {
  const auto bodies = [&]() -> std::vector<Body> {
    return {[&] {
              spin_lock(g->lock);
              WRITE_ONCE(g->x, 1);
              spin_unlock(g->lock);
              WRITE_ONCE(g->y, 2);
            },
            [&] {
              (void)READ_ONCE(g->y);
              spin_lock(g->lock);
              WRITE_ONCE(g->x, READ_ONCE(g->x) + 1);
              spin_unlock(g->lock);
            }};
  };
  ASSERT_TRUE(run(bodies(), {}));
  const uint64_t plain = machine.trace_hash();
  for (uint16_t access = 1; access <= 4; ++access) {
    ASSERT_TRUE(run(bodies(), {{0, access, DirectiveKind::kPreempt, 1}}));
    const uint64_t hash = machine.trace_hash();
    EXPECT_NE(hash, plain) << access;
    const std::vector<Directive> recorded = machine.recorded();
    ASSERT_TRUE(run(bodies(), recorded));
    EXPECT_EQ(machine.trace_hash(), hash);
    Options traced;
    traced.trace = true;
    ASSERT_TRUE(run(bodies(), recorded, traced));
    EXPECT_EQ(machine.trace_hash(), hash) << "tracing changes nothing";
  }
}

// More than order: what comes before smp_mb() does not race with a CPU that has read a store after
// it. Without the barrier it does.
TEST_F(DirectiveTest, FullBarrierPublishesPlainStores) {
  const auto outcomes = [&](bool barrier) {
    return explore_all({[&, barrier] {
                          g->x.set(1);
                          if (barrier) smp_mb();
                          WRITE_ONCE(g->y, 1);
                        },
                        [&] {
                          if (smp_load_acquire(g->y) == 1) (void)g->x.get();
                        }},
                       [] { return "fine"; });
  };
  EXPECT_EQ(outcomes(true), (std::set<std::string>{"fine"}));
  EXPECT_TRUE(outcomes(false).contains("data-race"));
}

}  // namespace
}  // namespace vmafuzz::sim
