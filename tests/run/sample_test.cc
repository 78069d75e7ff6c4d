#include "run/sample.h"

#include <gtest/gtest.h>

#include <set>

#include "input/mutate.h"
#include "input/rng.h"
#include "input/text.h"

namespace vmafuzz::run {
namespace {

std::vector<input::Program> scenarios() {
  input::Rng rng(1);
  return {input::random_scenario(rng), input::random_scenario(rng)};
}

TEST(Sample, IsAFunctionOfSeedAndNumber) {
  const Sample one(scenarios(), 5), same(scenarios(), 5), other(scenarios(), 6);
  int different = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    // In another order: inputs do not depend on those asked for before.
    const SampleInput a = one.input(i), b = same.input(i), c = other.input(99 - i);
    EXPECT_EQ(input::print_text(a.program), input::print_text(b.program)) << i;
    EXPECT_EQ(a.target.kernel, b.target.kernel);
    EXPECT_EQ(a.target.bugs, b.target.bugs);
    different += input::print_text(a.program) != input::print_text(c.program);
  }
  EXPECT_GT(different, 90);
}

TEST(Sample, MeetsEveryKernelBugStrategyAndDirective) {
  const Sample sample(scenarios(), 1);
  std::set<std::string> kernels, bugs;
  std::set<int> strategies, directives;
  for (uint64_t i = 0; i < 4000; ++i) {
    const SampleInput input = sample.input(i);
    kernels.insert(std::string(input.target.kernel->name));
    bugs.insert(input.target.bugs.begin(), input.target.bugs.end());
    strategies.insert(static_cast<int>(input.program.header.strategy));
    for (const auto& d : input.program.directives) directives.insert(static_cast<int>(d.kind));
    EXPECT_TRUE(Executor().set_target(input.target).ok());
  }
  EXPECT_EQ(kernels.size(), variants::kernels().size());
  EXPECT_EQ(bugs.size(), variants::bugs().size());
  EXPECT_EQ(strategies.size(), static_cast<size_t>(input::kStrategyCount));
  EXPECT_EQ(directives.size(), static_cast<size_t>(input::kDirectiveKindCount));
}

}  // namespace
}  // namespace vmafuzz::run
