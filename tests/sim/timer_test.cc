// Timers: when they expire, what deleting one promises, and what it does not.
#include "kernel/timer.h"

#include "fixture.h"

namespace vmafuzz::sim {
namespace {

using namespace kernel;  // NOLINT: model code

struct Alarm {
  timer_base base;
  timer_list first, second;
  Shared<int> data;
  Shared<int> calls;
  Shared<int> last;  // which of them was called last
  template <class V>
  void visit(V&& v) {
    v("base", base);
    v("first", first);
    v("second", second);
    v("data", data);
    v("calls", calls);
    v("last", last);
  }
};
Alarm* alarm_now = nullptr;

void count_call(timer_list* self) {
  WRITE_ONCE(alarm_now->calls, READ_ONCE(alarm_now->calls) + 1);
  WRITE_ONCE(alarm_now->last, self == &alarm_now->first ? 1 : 2);
}

constexpr uint16_t kTimerOp = kFirstContextOp + kTimerCpu - kWorkCpu;

class TimerTest : public MachineTest {
 protected:
  void reset() override {
    MachineTest::reset();
    a = alarm_now = new_global<Alarm>("alarm", "alarm");
    timer_setup(&a->first, &a->base, &count_call);
    timer_setup(&a->second, &a->base, &count_call);
  }
  static Directive expire_at(uint16_t access, uint16_t op = 0) {
    return {op, access, DirectiveKind::kExpire, 0};
  }
  // What body comes to with a timer expiring before each of cpu0's accesses in turn, and with none.
  std::set<std::string> with_expire_anywhere(const std::vector<Body>& bodies,
                                             const std::function<std::string()>& report) {
    std::set<std::string> outcomes;
    for (uint16_t access = 0; access < 60; ++access) {
      run(bodies,
          access == 0 ? std::vector<Directive>{} : std::vector<Directive>{expire_at(access)});
      outcomes.insert(machine.verdict() ? machine.verdict().name : report());
    }
    return outcomes;
  }

  Alarm* a = nullptr;
};

TEST_F(TimerTest, ExpiresWhenNothingElseRunsAndOnce) {
  int during = -1;
  EXPECT_TRUE(run({[&] {
                     EXPECT_FALSE(mod_timer(&a->first, 5));
                     for (int i = 0; i < 50; ++i) READ_ONCE(a->calls);
                   },
                   [&] { during = READ_ONCE(a->calls); }},
                  {}));
  EXPECT_EQ(during, 0);
  EXPECT_EQ(a->calls.peek(), 1);
  EXPECT_FALSE(a->first.pending.peek());
}

TEST_F(TimerTest, TheEarlierOneExpiresFirst) {
  for (const bool first_is_earlier : {false, true}) {
    EXPECT_TRUE(run({[&] {
                      mod_timer(&a->first, first_is_earlier ? 3 : 8);
                      mod_timer(&a->second, 5);
                    }},
                    {}));
    EXPECT_EQ(a->calls.peek(), 2);
    EXPECT_EQ(a->last.peek(), first_is_earlier ? 2 : 1);
  }
}

TEST_F(TimerTest, AnExpireDirectiveMakesItRunBeforeItsAccess) {
  std::set<int> seen;
  for (uint16_t access = 1; access < 30; ++access) {
    int calls = 0;
    EXPECT_TRUE(run({[&] {
                      mod_timer(&a->first, 5);
                      for (int i = 0; i < 10; ++i) calls += READ_ONCE(a->calls);
                    }},
                    {expire_at(access)}));
    seen.insert(calls);
    EXPECT_EQ(a->calls.peek(), 1) << access;
    // Before it is armed, and behind the end, there is nothing to expire.
    if (access < 3) EXPECT_EQ(machine.recorded().size(), 0u);
    if (calls > 0) EXPECT_EQ(machine.recorded().size(), 1u);
  }
  // Before each of the ten loads, and before none.
  EXPECT_EQ(seen, (std::set<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST_F(TimerTest, RecordedExpiryReplaysToTheSameHash) {
  const std::vector<Body> bodies = {[&] {
    mod_timer(&a->first, 5);
    for (int i = 0; i < 10; ++i) READ_ONCE(a->calls);
  }};
  EXPECT_TRUE(run(bodies, {expire_at(12)}));
  const uint64_t hash = machine.trace_hash();
  const std::vector<Directive> recorded = machine.recorded();
  EXPECT_EQ(recorded, (std::vector<Directive>{expire_at(12)}));
  EXPECT_TRUE(run(bodies, recorded));
  EXPECT_EQ(machine.trace_hash(), hash);
  EXPECT_TRUE(run(bodies, {}));
  EXPECT_NE(machine.trace_hash(), hash);
}

TEST_F(TimerTest, AHeldTimerDoesNotExpireBeforeItsTime) {
  // The access at which the timer is armed, which is where it can be held.
  uint16_t armed_at = 0;
  const auto calls_of = [&](uint8_t hold, uint16_t expire) {
    int calls = 0;
    const Directive held{0, armed_at, DirectiveKind::kHold, hold};
    EXPECT_TRUE(run({[&] {
                      mod_timer(&a->first, 5);
                      for (int i = 0; i < 20; ++i) calls += READ_ONCE(a->calls);
                    }},
                    {held, expire_at(expire)}));
    EXPECT_EQ(a->calls.peek(), 1);
    return calls;
  };
  for (uint16_t access = 1; access < 10 && armed_at == 0; ++access) {
    run({[&] { mod_timer(&a->first, 5); }}, {{0, access, DirectiveKind::kHold, 1}});
    if (!machine.recorded().empty()) armed_at = access;
  }
  ASSERT_NE(armed_at, 0);
  EXPECT_GT(calls_of(1, 14), 0);
  EXPECT_EQ(calls_of(30, 14), 0);
  EXPECT_EQ(calls_of(kHoldToEnd, 14), 0);
  EXPECT_GT(calls_of(6, 20), 0);
}

TEST_F(TimerTest, ADeletedTimerIsNotCalled) {
  for (const bool sync : {false, true}) {
    bool deleted = false;
    const std::set<std::string> outcomes = with_expire_anywhere(
        {[&] {
          mod_timer(&a->first, 5);
          deleted = sync ? timer_delete_sync(&a->first) : timer_delete(&a->first);
        }},
        [&] { return std::to_string(deleted) + std::to_string(a->calls.peek()); });
    // Deleted and never called, or called before: nothing else.
    EXPECT_EQ(outcomes, (std::set<std::string>{"10", "01"})) << sync;
  }
}

TEST_F(TimerTest, ArmedAnewItExpiresOnceMore) {
  bool was_pending = false;
  const std::set<std::string> outcomes = with_expire_anywhere(
      {[&] {
        mod_timer(&a->first, 5);
        was_pending = mod_timer(&a->first, 9);
      }},
      [&] { return std::to_string(was_pending) + std::to_string(a->calls.peek()); });
  EXPECT_EQ(outcomes, (std::set<std::string>{"11", "02"}));
}

// What the function has begun may go on beside whoever has deleted the timer, unless deleting it
// waits.
TEST_F(TimerTest, OnlySyncWaitsForAFunctionThatRuns) {
  for (const bool sync : {false, true}) {
    std::set<std::string> outcomes;
    for (uint16_t expire = 1; expire < 30; ++expire) {
      for (uint16_t away = 1; away < 30; ++away) {
        int before = 0, after = 0;
        run({[&] {
              mod_timer(&a->first, 5);
              READ_ONCE(a->data);
              sync ? timer_delete_sync(&a->first) : timer_delete(&a->first);
              before = a->calls.peek();
              for (int i = 0; i < 3; ++i) READ_ONCE(a->data);
              after = a->calls.peek();
            }},
            {expire_at(expire), {kTimerOp, away, DirectiveKind::kPreempt, 0}});
        // Back to the timer where cpu0 has done all it had to do.
        outcomes.insert(verdict() + std::to_string(before) + std::to_string(after) +
                        std::to_string(a->calls.peek()));
      }
    }
    EXPECT_TRUE(outcomes.contains("000"));       // deleted in time
    EXPECT_TRUE(outcomes.contains("111"));       // called before
    EXPECT_EQ(outcomes.contains("001"), !sync);  // still running after timer_delete()
    EXPECT_EQ(outcomes.size(), sync ? 2u : 3u);
  }
}

// Whoever has taken a timer back may free what its function uses.
TEST_F(TimerTest, WhatWasStoredBeforeArmingIsSeenByTheFunctionAndBack) {
  static int seen = 0;
  seen = -1;
  for (int stale = 0; stale < 2; ++stale) {
    for (uint16_t access = 1; access < 40; ++access) {
      std::vector<Directive> directives = {expire_at(access)};
      for (uint16_t t = 1; stale != 0 && t < 20; ++t) {
        directives.push_back({kTimerOp, t, DirectiveKind::kStale, 1});
      }
      int after = 0;
      EXPECT_TRUE(run({[&] {
                        timer_setup(&a->first, &a->base, [](timer_list*) {
                          seen = alarm_now->data.get();
                          alarm_now->data.set(2);
                        });
                        a->data.set(1);
                        mod_timer(&a->first, 5);
                        if (!timer_delete_sync(&a->first)) after = a->data.get();
                      }},
                      directives))
          << machine.verdict().what;
      if (after != 0) EXPECT_EQ(after, 2);
      if (after != 0) EXPECT_EQ(seen, 1);
    }
  }
  EXPECT_EQ(seen, 1);
}

TEST_F(TimerTest, WithoutSyncThatIsARace) {
  const std::set<std::string> outcomes = with_expire_anywhere(
      {[&] {
        timer_setup(&a->first, &a->base, [](timer_list*) { alarm_now->data.set(2); });
        mod_timer(&a->first, 5);
        READ_ONCE(a->calls);
        timer_delete(&a->first);
        a->data.get();
      }},
      [&] { return std::string(); });
  EXPECT_TRUE(outcomes.contains("data-race"));
}

TEST_F(TimerTest, WaitingForItselfIsADeadlock) {
  run({[&] {
        timer_setup(&a->first, &a->base, [](timer_list* self) { timer_delete_sync(self); });
        mod_timer(&a->first, 5);
      }},
      {});
  EXPECT_EQ(verdict(), "deadlock");
}

TEST_F(TimerTest, ATimerWakesWhoeverWaitsForIt) {
  EXPECT_TRUE(run({[&] {
                    mod_timer(&a->first, 5);
                    while (READ_ONCE(a->calls) == 0) cpu_relax();
                  }},
                  {}));
}

TEST_F(TimerTest, OneArmedInSetUpWaitsForTheConcurrentPart) {
  int calls = 0;
  EXPECT_TRUE(run({[&] {
                    for (int i = 0; i < 5; ++i) calls += READ_ONCE(a->calls);
                  }},
                  {expire_at(3)}, {}, [&] {
                    mod_timer(&a->first, 5);
                    EXPECT_EQ(a->calls.peek(), 0);
                  }));
  EXPECT_GT(calls, 0);
  EXPECT_EQ(a->calls.peek(), 1);
}

TEST_F(TimerTest, AFunctionMayArmItsTimerAgain) {
  EXPECT_TRUE(run({[&] {
                    timer_setup(&a->first, &a->base, [](timer_list* self) {
                      count_call(self);
                      if (alarm_now->calls.peek() < 3) mod_timer(self, 5);
                    });
                    mod_timer(&a->first, 5);
                  }},
                  {}));
  EXPECT_EQ(a->calls.peek(), 3);
}

}  // namespace
}  // namespace vmafuzz::sim
