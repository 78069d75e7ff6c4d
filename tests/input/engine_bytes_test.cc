#include "input/engine_bytes.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "input/bytes.h"
#include "random_program.h"

namespace vmafuzz::input {
namespace {

TEST(EngineBytes, MutateInPlaceIsDeterministicAndFits) {
  Rng rng(1);
  for (int i = 0; i < 2000; i++) {
    const size_t max_size = rng.below(400);
    const std::vector<uint8_t> input = random_bytes(rng, max_size);
    const auto seed = static_cast<uint32_t>(rng.next());
    const auto mutated = [&] {
      std::vector<uint8_t> data(max_size);  // exact, for the sanitizer
      std::copy(input.begin(), input.end(), data.begin());
      data.resize(mutate_bytes(data.data(), input.size(), max_size, seed));
      return data;
    };
    const std::vector<uint8_t> result = mutated();
    ASSERT_LE(result.size(), max_size);
    ASSERT_EQ(result, mutated());
    if (result.size() >= kHeaderBytes) ASSERT_EQ(encode(decode(result)), result);
  }
}

TEST(EngineBytes, CrossOverFitsTheBuffer) {
  Rng rng(2);
  for (int i = 0; i < 2000; i++) {
    const std::vector<uint8_t> a = random_bytes(rng, 300);
    const std::vector<uint8_t> b = random_bytes(rng, 300);
    std::vector<uint8_t> out(rng.below(400));
    const auto seed = static_cast<uint32_t>(rng.next());
    const size_t size = cross_over_bytes(a, b, out, seed);
    ASSERT_LE(size, out.size());
    std::vector<uint8_t> again(out.size());
    ASSERT_EQ(cross_over_bytes(a, b, again, seed), size);
    ASSERT_EQ(again, out);
  }
}

TEST(EngineBytes, AnEmptyInputBecomesAScenario) {
  Rng rng(3);
  const std::vector<uint8_t> bytes = mutant_of({}, {}, 4096, rng);
  const Program program = decode(bytes);
  EXPECT_FALSE(program.ops.empty());
  EXPECT_FALSE(program.replay_form());
}

TEST(EngineBytes, MutantsCanHoldOperationsOfTheOtherInput) {
  Program a;
  a.ops = {simplest_op(OpKind::kHit, 1)};
  Program b;
  for (int i = 0; i < 4; i++) b.ops.push_back(simplest_op(OpKind::kGrowStack, 2));
  Rng rng(4);
  int with_both = 0;
  for (int i = 0; i < 400; i++) {
    const Program child = decode(mutant_of(encode(a), encode(b), 4096, rng));
    const auto has = [&child](OpKind kind) {
      return std::any_of(child.ops.begin(), child.ops.end(),
                         [kind](const Op& op) { return op.kind == kind; });
    };
    with_both += has(OpKind::kHit) && has(OpKind::kGrowStack);
  }
  EXPECT_GT(with_both, 20);
}

}  // namespace
}  // namespace vmafuzz::input
