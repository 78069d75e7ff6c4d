#include "random_program.h"

#include <string>

namespace vmafuzz::input {
namespace {

uint8_t random_byte(Rng& rng) { return static_cast<uint8_t>(rng.below(256)); }

Header random_header(Rng& rng) {
  Header header;
  header.strategy = static_cast<Strategy>(rng.below(kStrategyCount));
  header.policy = static_cast<ReadPolicy>(rng.below(kReadPolicyCount));
  header.eager = rng.chance(1, 2);
  header.policy_arg = static_cast<uint8_t>(rng.below(kMaxPolicyArg + 1));
  header.depth = static_cast<uint8_t>(rng.below(kMaxDepth + 1));
  header.permutation = static_cast<uint8_t>(rng.below(kPermutationCount));
  header.seed = static_cast<uint32_t>(rng.next());
  return header;
}

Op random_op(Rng& rng) {
  Op op;
  op.kind = static_cast<OpKind>(rng.below(kOpKindCount));
  op.cpu = static_cast<uint8_t>(rng.below(kCpuCount + 1));
  for (uint8_t& arg : op.arg) arg = random_byte(rng);
  return op;
}

Directive random_directive(Rng& rng, size_t op_count) {
  Directive directive;
  directive.op = rng.chance(1, 8) ? static_cast<uint16_t>(kFirstContext + rng.below(kContextCount))
                                  : static_cast<uint16_t>(rng.below(op_count + 1));
  // Few different access numbers, so that several directives share one.
  directive.access = static_cast<uint16_t>(rng.chance(1, 4) ? rng.next() : rng.below(6));
  directive.kind = static_cast<DirectiveKind>(rng.below(kDirectiveKindCount));
  directive.arg = random_byte(rng);
  return directive;
}

std::string random_name(Rng& rng) {
  static constexpr char kFirst[] = "abcxyzABC0129";
  static constexpr char kRest[] = "abcxyzABC0129._+-";
  std::string name(1, kFirst[rng.below(sizeof(kFirst) - 1)]);
  for (uint32_t n = rng.below(8); n > 0; n--) name += kRest[rng.below(sizeof(kRest) - 1)];
  return name;
}

}  // namespace

Program random_program(Rng& rng) {
  Program program;
  program.header = random_header(rng);
  for (uint32_t n = rng.below(kMaxOps + 4); n > 0; n--) program.ops.push_back(random_op(rng));
  for (uint32_t n = rng.below(rng.chance(1, 8) ? kMaxDirectives + 4 : 24); n > 0; n--) {
    program.directives.push_back(random_directive(rng, program.ops.size()));
  }
  canonicalize(program);
  return program;
}

Program random_text_program(Rng& rng) {
  Program program = random_program(rng);
  static const char* const kStories[] = {
      "", "A line of story.", "  indented # with a hash", "kernel: not a header", "\ttab", "#"};
  for (uint32_t n = rng.below(4); n > 0; n--) {
    program.story.emplace_back(kStories[rng.below(std::size(kStories))]);
  }
  if (rng.chance(3, 4)) program.kernel = random_name(rng);
  if (rng.chance(1, 2)) program.expect = random_name(rng);
  for (uint32_t n = rng.below(4); n > 0; n--) {
    program.bugs.push_back(random_name(rng) + std::to_string(n));
    program.options.push_back(random_name(rng) + std::to_string(n) + "=" + random_name(rng));
  }
  return program;
}

std::vector<uint8_t> random_bytes(Rng& rng, size_t max_size) {
  std::vector<uint8_t> bytes(rng.below(max_size + 1));
  for (uint8_t& byte : bytes) byte = random_byte(rng);
  return bytes;
}

}  // namespace vmafuzz::input
