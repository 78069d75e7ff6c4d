// What strategies choose must be expressible as directives, and must not depend on the process.
#include "search/strategy.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace vmafuzz::search {
namespace {

// What a strategy decides at a hundred accesses of two CPUs to a location that is at `address`.
std::vector<int> decisions(const input::Program& program, const sim::Location* address) {
  StrategyDirector director;
  director.begin(program);
  std::vector<int> chosen;
  for (uint16_t i = 0; i < 100; ++i) {
    sim::Point point;
    point.cpu = i / 10 % 2;
    point.op = point.cpu;
    point.access = static_cast<uint16_t>(i + 1);
    point.kind = i % 3 == 0 ? sim::AccessKind::kReader : sim::AccessKind::kLoad;
    point.runnable = 3;
    point.location = address;
    chosen.push_back(director.decide(point).preempt);
  }
  return chosen;
}

// RCU domains are no objects of the machine; where the linker and the kernel put them must not
// matter. SURW once drew its subset by that address: one input in five then ran differently from
// process to process (found as a finding that its own minimiser could not reproduce).
TEST(Strategy, DecidesAlikeWhereverALocationOutsideOfTheArenaIs) {
  const auto locations = std::make_unique<sim::Location[]>(64);
  for (int strategy = 1; strategy < input::kStrategyCount; ++strategy) {
    for (uint32_t seed = 1; seed <= 8; ++seed) {
      input::Program program;
      program.header.strategy = static_cast<input::Strategy>(strategy);
      program.header.seed = seed;
      program.ops.resize(2);
      program.ops[0].cpu = 1;
      program.ops[1].cpu = 2;
      const std::vector<int> first = decisions(program, &locations[0]);
      for (int i = 1; i < 64; i += 7) {
        EXPECT_EQ(decisions(program, &locations[i]), first)
            << input::strategy_name(program.header.strategy) << " with seed " << seed;
      }
    }
  }
}

TEST(Strategy, ReadsNoFurtherBackThanADirectiveCanSay) {
  StrategyDirector director;
  for (int policy = 0; policy < input::kReadPolicyCount; ++policy) {
    input::Program program;
    program.header.strategy = input::Strategy::kPos;
    program.header.policy = static_cast<input::ReadPolicy>(policy);
    program.header.policy_arg = input::takes_arg(program.header.policy) ? 3 : 0;
    director.begin(program);
    for (int count = 2; count < 200; ++count) {
      const int back = director.pick_store({}, count);
      EXPECT_GE(back, 0);
      EXPECT_LT(back, count);
      EXPECT_LE(back, input::kMaxStale) << "policy " << policy << ", " << count << " stores";
    }
  }
}

}  // namespace
}  // namespace vmafuzz::search
