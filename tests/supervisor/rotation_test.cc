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

// Who gets how many of `rounds` turns of ten seconds.
std::vector<int> play(std::vector<Candidate> candidates, int rounds) {
  std::vector<int> turns(candidates.size());
  for (int i = 0; i < rounds; ++i) {
    const std::optional<size_t> next = next_group(candidates);
    if (!next) break;
    candidates[*next].seconds += 10;
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
  EXPECT_NEAR(turns[0], 800, 1);
  EXPECT_NEAR(turns[1], 400, 1);
  EXPECT_NEAR(turns[2], 100, 1);
}

TEST(Rotation, AnEnginesShareIsOfItsKernelsTime) {
  Candidate check = uncaught();
  Candidate most = uncaught();
  most.share = 4;
  const std::vector<int> turns = play({check, most}, 1000);
  EXPECT_NEAR(turns[0], 200, 1);
  EXPECT_NEAR(turns[1], 800, 1);
}

// Three engines on the kernels that must be caught: the turns of those that were would take more
// than a run of ten minutes has, if each came before a second one of the kernel that was not.
TEST(Rotation, FirstTurnsOfWhatIsCaughtDoNotComeBeforeWhatIsNot) {
  Candidate known = caught();
  known.least_seconds = 30;
  std::vector<Candidate> candidates(15, known);
  candidates.push_back(uncaught());
  const std::vector<int> turns = play(candidates, 40);
  EXPECT_GE(turns[15], 20);
  EXPECT_EQ(turns[0], 1) << "but they do come";
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
