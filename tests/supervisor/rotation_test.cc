#include "fuzz/supervisor/rotation.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace vmafuzz::supervisor {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

Candidate uncaught() { return {.must_be_caught = true}; }
Candidate caught() { return {.must_be_caught = true, .caught = true}; }
Candidate silent() { return {}; }

// Who gets how many of `rounds` slices of one second.
std::vector<int> play(std::vector<Candidate> candidates, int rounds) {
  std::vector<int> turns(candidates.size());
  for (int i = 0; i < rounds; ++i) {
    const std::optional<size_t> next = next_group(candidates);
    if (!next) break;
    candidates[*next].seconds += 1;
    ++turns[*next];
  }
  return turns;
}

TEST(Rotation, BeginsWithWhatMustBeCaught) {
  EXPECT_EQ(next_group(std::vector{silent(), caught(), uncaught()}), 2u);
  EXPECT_EQ(next_group(std::vector{uncaught(), uncaught()}), 0u);
}

TEST(Rotation, GivesTimeByWeightAndStarvesNobody) {
  const std::vector<int> turns = play({uncaught(), silent(), caught()}, 1300);
  EXPECT_EQ(turns, (std::vector<int>{800, 400, 100}));
}

TEST(Rotation, AnEnginesShareIsOfItsKernelsTime) {
  Candidate check = uncaught();
  Candidate most = uncaught();
  most.share = 4;
  EXPECT_EQ(play({check, most}, 1000), (std::vector<int>{200, 800}));
  EXPECT_EQ(play({check, most}, 2), (std::vector<int>{1, 1})) << "each has its turn at first";
}

TEST(Rotation, PassesOverWhatIsDoneOrBroken) {
  Candidate done = uncaught();
  done.done = true;
  Candidate broken = silent();
  broken.broken = true;
  EXPECT_EQ(next_group(std::vector{done, broken, caught()}), 2u);
  EXPECT_EQ(next_group(std::vector{done, broken}), std::nullopt);
  EXPECT_EQ(next_group({}), std::nullopt);
}

TEST(Rotation, SlicesGrowWithTheRunAndEndWithIt) {
  EXPECT_EQ(slice_seconds(uncaught(), 20, 0, kForever), 10);
  EXPECT_GT(slice_seconds(uncaught(), 20, 3600, kForever), 60);
  EXPECT_EQ(slice_seconds(uncaught(), 20, 1e6, kForever), 600);
  EXPECT_EQ(slice_seconds(uncaught(), 20, 3600, 7), 7);
  EXPECT_EQ(slice_seconds(uncaught(), 1, 0, kForever), 600) << "alone, there is nobody to wait for";
  Candidate slow = uncaught();
  slow.least_seconds = 30;
  EXPECT_EQ(slice_seconds(slow, 20, 0, kForever), 30);
}

}  // namespace
}  // namespace vmafuzz::supervisor
