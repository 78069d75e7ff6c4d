#include "run/sample.h"

#include "input/bytes.h"
#include "input/mutate.h"
#include "input/rng.h"

namespace vmafuzz::run {
namespace {

constexpr uint32_t kMaxRandomBytes = 512;
constexpr uint32_t kMaxMutations = 8;

input::Program random_bytes(input::Rng& rng) {
  std::vector<uint8_t> bytes(rng.below(kMaxRandomBytes));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng.next());
  return input::decode(bytes);
}

Target random_target(input::Rng& rng) {
  Target target;
  const auto kernels = variants::kernels();
  target.kernel = &kernels[rng.below(kernels.size())];
  const auto bugs = variants::bugs();
  if (rng.chance(1, 4)) target.bugs.emplace_back(bugs[rng.below(bugs.size())].name);
  return target;
}

}  // namespace

SampleInput Sample::input(uint64_t number) const {
  input::Rng rng(seed_ * 0x9E3779B97F4A7C15ull + number);
  SampleInput result;
  result.target = random_target(rng);
  const auto any_scenario = [&]() -> const input::Program& {
    return scenarios_[rng.below(scenarios_.size())];
  };
  const uint64_t sort = number % 4;
  if (sort == 0) {
    result.program = random_bytes(rng);
  } else if (sort == 1 || scenarios_.empty()) {
    result.program = input::random_scenario(rng);
  } else {
    result.program = any_scenario();
    if (sort == 3) result.program = input::cross_over(result.program, any_scenario(), rng);
    for (uint32_t n = rng.below(kMaxMutations); n > 0; --n) input::mutate(result.program, rng);
  }
  return result;
}

}  // namespace vmafuzz::run
