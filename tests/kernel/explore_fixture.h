// What tests of the primitives share: every execution of a few small CPUs, and the set of outcomes.
#ifndef VMAFUZZ_TESTS_KERNEL_EXPLORE_FIXTURE_H_
#define VMAFUZZ_TESTS_KERNEL_EXPLORE_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sim/arena.h"
#include "sim/explore.h"

namespace vmafuzz {

using Outcomes = std::set<std::string>;

// What a test declares to be enumerated. An outcome is a verdict's name, or what the registers hold
// that were set, as digits.
class Exhaustive : public ::testing::Test {
 protected:
  static constexpr int kRegisters = 8;

  // New objects for an execution; arena and caches are reset already.
  virtual void make() = 0;
  // Runs alone, before and after the concurrent part.
  virtual void prepare() {}
  virtual void check() {}

  Outcomes outcomes(std::vector<std::function<void()>> cpus, sim::Bounds bounds = {}) {
    sim::Body body;
    body.report_races = report_races_;
    body.reset = [this] {
      sim::arena.reset();
      for (int& value : r) value = -1;
      make();
    };
    body.set_up = [this] { prepare(); };
    body.cpus = std::move(cpus);
    Outcomes result;
    last_ = sim::explore(body, bounds, [&] {
      if (!sim::machine.verdict()) sim::machine.run_alone(&run_check, this);
      if (sim::machine.verdict()) {
        result.insert(sim::machine.verdict().name);
        what_ = sim::machine.verdict().what;
      } else {
        result.insert(registers());
      }
      return true;
    });
    EXPECT_TRUE(last_.complete);
    return result;
  }

  int r[kRegisters];
  bool report_races_ = true;
  sim::Exploration last_;
  std::string what_;  // of the last verdict

 private:
  static void run_check(void* self) { static_cast<Exhaustive*>(self)->check(); }
  std::string registers() const {
    std::string text;
    for (int value : r) {
      if (value >= 0) text += std::to_string(value);
    }
    return text;
  }
};

}  // namespace vmafuzz

#endif  // VMAFUZZ_TESTS_KERNEL_EXPLORE_FIXTURE_H_
