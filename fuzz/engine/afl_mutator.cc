// AFL++'s custom-mutator interface over lib/input's mutator: a shared library that afl-fuzz loads
// (AFL_CUSTOM_MUTATOR_LIBRARY), so that it mutates programs as libFuzzer does here.
//
// The functions' names and arguments are AFL++'s (docs/custom_mutators.md there). afl-fuzz calls
// them from one thread. The name that describe() gives ends up in the file names of its queue.
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "fuzz/supervisor/order.h"
#include "input/bytes.h"
#include "input/engine_bytes.h"

namespace vmafuzz {
namespace {

struct Mutator {
  explicit Mutator(unsigned int seed) : rng(seed) {}

  input::Rng rng;
  input::MutateOptions options;
  std::vector<uint8_t> parent;
  std::vector<uint8_t> mutant;
  std::string description;
};

// What the child has that its parent has not, in one word: "hit", "preempt", "strategy", "-munmap".
std::string difference(const input::Program& parent, const input::Program& child) {
  const auto op_name = [](const input::Op& op) { return std::string(input::schema(op.kind).name); };
  for (size_t i = 0; i < child.ops.size(); ++i) {
    if (i >= parent.ops.size() || !(child.ops[i] == parent.ops[i])) return op_name(child.ops[i]);
  }
  if (parent.ops.size() > child.ops.size()) return "-" + op_name(parent.ops[child.ops.size()]);
  for (size_t i = 0; i < child.directives.size(); ++i) {
    if (i >= parent.directives.size() || !(child.directives[i] == parent.directives[i]))
      return std::string(input::directive_name(child.directives[i].kind));
  }
  if (parent.directives.size() > child.directives.size()) return "-directive";
  return std::string(input::strategy_name(child.header.strategy));
}

}  // namespace
}  // namespace vmafuzz

extern "C" {

void* afl_custom_init(void* /*afl*/, unsigned int seed) {
  auto* mutator = new vmafuzz::Mutator(seed);
  const auto order = vmafuzz::supervisor::order_from_environment();
  if (order.ok()) mutator->options = vmafuzz::supervisor::swarm_options(order->swarm);
  return mutator;
}

size_t afl_custom_fuzz(void* data, uint8_t* buffer, size_t size, uint8_t** out, uint8_t* other,
                       size_t other_size, size_t max_size) {
  auto& mutator = *static_cast<vmafuzz::Mutator*>(data);
  mutator.parent.assign(buffer, buffer + size);
  const std::span<const uint8_t> second =
      other == nullptr ? std::span<const uint8_t>() : std::span<const uint8_t>(other, other_size);
  mutator.mutant =
      vmafuzz::input::mutant_of(mutator.parent, second, max_size, mutator.rng, mutator.options);
  *out = mutator.mutant.data();
  return mutator.mutant.size();
}

const char* afl_custom_describe(void* data, size_t max_size) {
  auto& mutator = *static_cast<vmafuzz::Mutator*>(data);
  mutator.description = vmafuzz::difference(vmafuzz::input::decode(mutator.parent),
                                            vmafuzz::input::decode(mutator.mutant));
  if (mutator.description.size() > max_size) mutator.description.resize(max_size);
  return mutator.description.c_str();
}

void afl_custom_deinit(void* data) { delete static_cast<vmafuzz::Mutator*>(data); }

}  // extern "C"
