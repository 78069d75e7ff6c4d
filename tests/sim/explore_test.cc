// What exploration leaves out, it must leave out without loss.
#include <array>
#include <random>

#include "fixture.h"

namespace vmafuzz::sim {
namespace {

using namespace kernel;  // NOLINT: bodies read like kernel code

struct Thing {
  Shared<int> id;
  template <class V>
  void visit(V&& v) {
    v("id", id);
  }
};

KmemCache<Thing> things("thing", false);

class ExploreTest : public MachineTest {
 protected:
  void reset() override {
    MachineTest::reset();
    things.reset(false);
    thing_ = nullptr;
    log_ = {};
  }
  Thing* thing_ = nullptr;
  std::array<std::string, 3> log_;
};

// The free is no step of its own: it belongs to the store before it, which commutes with everything
// that the other CPU does.
TEST_F(ExploreTest, SeesAFreeBetweenTwoAccesses) {
  const auto outcomes = explore_all(
      {[&] {
         (void)READ_ONCE(g->y);
         (void)READ_ONCE(thing_->id);
       },
       [&] {
         WRITE_ONCE(g->x, 1);
         things.free(thing_);
       }},
      [] { return "fine"; }, {}, [&] { thing_ = things.alloc_nofail(); });
  EXPECT_EQ(outcomes, (std::set<std::string>{"fine", "use-after-free"}));
}

TEST_F(ExploreTest, SeesMemoryThatIsReusedBetweenTwoAccesses) {
  const auto outcomes = explore_all(
      {[&] {
         (void)READ_ONCE(g->y);
         log_[0] = things.alloc_nofail() == thing_ ? "reused" : "fresh";
       },
       [&] {
         WRITE_ONCE(g->x, 1);
         things.free(thing_);
       }},
      [&] { return log_[0]; }, {}, [&] { thing_ = things.alloc_nofail(); });
  EXPECT_EQ(outcomes, (std::set<std::string>{"fresh", "reused"}));
}

// Random programs of a few statements on three variables, a lock and an object, explored with sleep
// sets and, under a bound that nothing reaches, without: the same outcomes.
class RandomPrograms : public ExploreTest, public testing::WithParamInterface<int> {
 protected:
  void statement(int cpu, int number) {
    const auto note = [&](int value) { log_[cpu] += std::to_string(value); };
    Shared<int>* const words[] = {&g->x, &g->y, &g->z};
    switch (number) {
      case 0:
      case 1:
      case 2:
        return WRITE_ONCE(*words[number], cpu + 1);
      case 3:
      case 4:
      case 5:
        return note(READ_ONCE(*words[number - 3]));
      case 6:
        return note(atomic_add_return(1, g->a));
      case 7:
        return atomic_inc(g->a);
      case 8:
        return smp_mb();
      case 9:
        return smp_wmb();
      case 10:
        if (spin_trylock(g->lock)) {
          note(READ_ONCE(g->x));
          spin_unlock(g->lock);
        }
        return;
      case 11:
        return things.free(thing_);
      case 12:
        return note(READ_ONCE(thing_->id));
      default:
        return note(things.alloc_nofail() == thing_);
    }
  }
  static constexpr int kStatements = 14;
};

TEST_P(RandomPrograms, HaveTheSameOutcomesWithoutSleepSets) {
  std::mt19937 random(GetParam());  // the same numbers everywhere, unlike distributions
  std::vector<std::vector<int>> programs(2 + random() % 2);
  for (auto& program : programs) {
    program.resize(programs.size() == 2 ? 4 : 3);
    for (int& number : program) number = static_cast<int>(random() % kStatements);
  }
  std::vector<Body> bodies;
  for (size_t cpu = 0; cpu < programs.size(); ++cpu) {
    bodies.push_back([&, cpu] {
      for (const int number : programs[cpu]) statement(static_cast<int>(cpu), number);
    });
  }
  const auto report = [&] {
    std::string text = log_[0] + "/" + log_[1] + "/" + log_[2];
    for (const auto* word : {&g->x, &g->y, &g->z}) text += " " + std::to_string(word->peek());
    return text;
  };
  const Body set_up = [&] { thing_ = things.alloc_nofail(); };
  Bounds unreachable;
  unreachable.max_preemptions = 1000;
  EXPECT_EQ(explore_all(bodies, report, {}, set_up),
            explore_all(bodies, report, unreachable, set_up));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, testing::Range(0, 150));

}  // namespace
}  // namespace vmafuzz::sim
