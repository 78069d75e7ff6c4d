#include "input/suggest.h"

#include <algorithm>
#include <array>

namespace vmafuzz::input {
namespace {

// The index of a weight, drawn in proportion. REQUIRES: some weight is not 0.
template <typename Weights>
size_t draw(const Weights& weights, Rng& rng) {
  uint32_t total = 0;
  for (const auto weight : weights) total += static_cast<uint32_t>(weight);
  uint32_t ticket = rng.below(total);
  for (size_t i = 0; i < std::size(weights); i++) {
    if (ticket < static_cast<uint32_t>(weights[i])) return i;
    ticket -= static_cast<uint32_t>(weights[i]);
  }
  return 0;
}

uint8_t uniform(const ArgSchema& arg, Rng& rng) {
  return static_cast<uint8_t>(arg.min + rng.below(arg.count));
}

bool has(const Op& op, ArgId id) { return arg_slot(op.kind, id) >= 0; }

// A random operation of the program that has the argument, or null.
const Op* other_with(const Program& program, ArgId id, Rng& rng) {
  if (program.ops.empty()) return nullptr;
  const size_t start = rng.below(program.ops.size());
  for (size_t i = 0; i < program.ops.size(); i++) {
    const Op& op = program.ops[(start + i) % program.ops.size()];
    if (has(op, id)) return &op;
  }
  return nullptr;
}

constexpr int kAnyMm = -1;

// A random mapping of a file, into a given mm or any, or null.
const Op* file_mapping(const Program& program, int mm, Rng& rng) {
  if (program.ops.empty()) return nullptr;
  const size_t start = rng.below(program.ops.size());
  for (size_t i = 0; i < program.ops.size(); i++) {
    const Op& op = program.ops[(start + i) % program.ops.size()];
    if (op.kind != OpKind::kMmap || op.get(ArgId::kFile) == kFileNone) continue;
    if (mm == kAnyMm || op.get(ArgId::kMm) == mm) return &op;
  }
  return nullptr;
}

// The inode of a file slot: that of the last `open` in the program, else the default.
uint8_t inode_of(const Program& program, uint8_t file) {
  uint8_t inode = default_inode(file);
  for (const Op& op : program.ops) {
    if (op.kind == OpKind::kOpen && op.get(ArgId::kFile) == file) inode = op.get(ArgId::kInode);
  }
  return inode;
}

// A page of `mapping` at which it shows a registered offset, each as likely as the others, or -1.
int probed_page(const Program& program, const Op& mapping, Rng& rng) {
  const uint8_t inode = inode_of(program, mapping.get(ArgId::kFile));
  int chosen = -1;
  uint32_t count = 0;
  for (const Op& probe : program.ops) {
    if (probe.kind != OpKind::kRegister || probe.get(ArgId::kInode) != inode) continue;
    const int delta = probe.get(ArgId::kPgoff) - mapping.get(ArgId::kPgoff);
    const int page = mapping.get(ArgId::kPage) + delta;
    if (delta < 0 || delta >= mapping.get(ArgId::kLen) || page >= kPageCount) continue;
    if (rng.below(++count) == 0) chosen = page;
  }
  return chosen;
}

// A page at an edge of what another operation names, or -1.
int edge_page(const Program& program, Rng& rng) {
  const Op* other = other_with(program, ArgId::kPage, rng);
  if (other == nullptr) return -1;
  const bool moved = has(*other, ArgId::kNewPage) && rng.chance(1, 2);
  const int page = other->get(moved ? ArgId::kNewPage : ArgId::kPage);
  const int len = other->get(moved ? ArgId::kNewLen : ArgId::kLen);
  switch (rng.below(6)) {
    case 0:
    case 1:
      return page;
    case 2:
      return page + len;
    case 3:
      return page + std::max(len - 1, 0);
    case 4:
      return page - 1;
    default:
      return page + static_cast<int>(rng.below(static_cast<uint64_t>(len) + 1));
  }
}

// A page below a stack, or -1.
int page_below_stack(const Program& program, const Op& op, Rng& rng) {
  for (const Op& other : program.ops) {
    if (other.get(ArgId::kGrowsDown) == 0 || other.get(ArgId::kMm) != op.get(ArgId::kMm)) continue;
    return other.get(ArgId::kPage) - 1 - static_cast<int>(rng.below(4));
  }
  return -1;
}

int suggest_page(const Program& program, const Op& op, Rng& rng) {
  const bool faults = op.kind == OpKind::kGrowStack || op.kind == OpKind::kFault;
  if (faults && rng.chance(3, 4)) {
    const int page = page_below_stack(program, op, rng);
    if (page >= 0) return page;
  }
  const uint32_t wants_probe = op.kind == OpKind::kHit ? 3 : 1;
  if (rng.chance(wants_probe, 4)) {
    const Op* mapping = file_mapping(program, op.get(ArgId::kMm), rng);
    const int page = mapping == nullptr ? -1 : probed_page(program, *mapping, rng);
    if (page >= 0) return page;
  }
  return edge_page(program, rng);
}

int suggest_len(const Program& program, const Op& op, Rng& rng) {
  const Op* other = other_with(program, ArgId::kLen, rng);
  if (other == nullptr || rng.chance(1, 2)) return 1 + static_cast<int>(rng.below(4));
  if (rng.chance(1, 2)) return other->get(ArgId::kLen);
  // Up to the other's end.
  return other->get(ArgId::kPage) + other->get(ArgId::kLen) - op.get(ArgId::kPage);
}

int suggest_inode(const Program& program, Rng& rng) {
  const Op* mapping = file_mapping(program, kAnyMm, rng);
  if (mapping != nullptr) return inode_of(program, mapping->get(ArgId::kFile));
  const Op* other = other_with(program, ArgId::kInode, rng);
  return other == nullptr ? 0 : other->get(ArgId::kInode);
}

int suggest_file(const Program& program, Rng& rng) {
  const Op* other = other_with(program, ArgId::kFile, rng);
  return other == nullptr ? static_cast<int>(rng.below(2)) : other->get(ArgId::kFile);
}

int suggest_pgoff(const Program& program, const Op& op, Rng& rng) {
  const Op* mapping = file_mapping(program, kAnyMm, rng);
  if (op.kind != OpKind::kMmap && mapping != nullptr) {
    return mapping->get(ArgId::kPgoff) + static_cast<int>(rng.below(mapping->get(ArgId::kLen)));
  }
  // A mapping that continues another one can merge with it.
  if (mapping != nullptr && rng.chance(1, 2)) {
    return mapping->get(ArgId::kPgoff) + op.get(ArgId::kPage) - mapping->get(ArgId::kPage);
  }
  return static_cast<int>(rng.below(4));
}

// What goes round with a counter of some bits, together with a call or a few that change something.
int near_power_of_two(Rng& rng) {
  return (1 << (1 + rng.below(7))) - static_cast<int>(rng.below(4));
}

// Related values; -1 or out of range: no suggestion.
int related_value(const Program& program, const Op& op, ArgId id, Rng& rng) {
  switch (id) {
    case ArgId::kMm:
      return rng.chance(3, 4) ? 0 : -1;
    case ArgId::kPage:
    case ArgId::kNewPage:
      return suggest_page(program, op, rng);
    case ArgId::kLen:
    case ArgId::kNewLen:
      return suggest_len(program, op, rng);
    case ArgId::kFile:
      return suggest_file(program, rng);
    case ArgId::kInode:
      return suggest_inode(program, rng);
    case ArgId::kPgoff:
      return suggest_pgoff(program, op, rng);
    case ArgId::kProt: {
      // Mappings that can be probed, and calls that change something about them.
      const bool rx = op.kind == OpKind::kMprotect ? rng.chance(1, 3) : rng.chance(2, 3);
      return static_cast<int>(rx ? Prot::kRx : Prot::kR);
    }
    case ArgId::kPlacement:
      return static_cast<int>(Placement::kFixed);
    case ArgId::kSharing:
    case ArgId::kConsumer:
    case ArgId::kBacking:
      return rng.chance(2, 3) ? 0 : -1;
    case ArgId::kTimes:
      return rng.chance(7, 8) ? 1 : near_power_of_two(rng);
    case ArgId::kGrowsDown: {
      // Of a file or shared it is refused.
      const bool shared = op.get(ArgId::kSharing) == static_cast<uint8_t>(Sharing::kShared);
      return op.get(ArgId::kFile) == kFileNone && !shared && rng.chance(1, 2) ? 1 : 0;
    }
    case ArgId::kMayMove:
    case ArgId::kFixed:
    case ArgId::kDontUnmap:
    case ArgId::kAdvice:
    case ArgId::kWrite:
      return -1;
  }
  return -1;
}

// cpus that have operations, as a bit per Op::cpu.
unsigned used_cpus(const Program& program) {
  unsigned used = 0;
  for (const Op& op : program.ops) used |= 1u << op.cpu;
  return used;
}

// Another cpu than the directive's own that has something to do, or a context.
uint8_t suggest_target(const Program& program, const Directive& directive, Rng& rng) {
  if (rng.chance(1, 8)) return static_cast<uint8_t>(kCpuCount + rng.below(kContextCount));
  const int own = directive.of_context() ? 0 : program.ops[directive.op].cpu;
  const unsigned used = used_cpus(program);
  const uint8_t start = static_cast<uint8_t>(rng.below(kCpuCount));
  for (uint8_t i = 0; i < kCpuCount; i++) {
    const uint8_t target = static_cast<uint8_t>((start + i) % kCpuCount);
    if (target + 1 != own && (used & 1u << (target + 1)) != 0) return target;
  }
  return start;
}

}  // namespace

uint8_t suggest_arg(const Program& program, const Op& op, size_t slot, Rng& rng) {
  const ArgSchema& arg = schema(op.kind).args[slot];
  // Most numbers of times are large, and so are what executions cost of which they are the most.
  if (rng.chance(1, arg.id == ArgId::kTimes ? 16 : 4)) return uniform(arg, rng);
  const int value = related_value(program, op, arg.id, rng);
  return value >= arg.min && value <= arg.max() ? static_cast<uint8_t>(value) : uniform(arg, rng);
}

namespace {

// A page of the mapping that some operation hits, or -1.
int hit_page(const Program& program, const Op& mapping, Rng& rng) {
  const size_t start = rng.below(program.ops.size());
  for (size_t i = 0; i < program.ops.size(); i++) {
    const Op& hit = program.ops[(start + i) % program.ops.size()];
    if (hit.kind != OpKind::kHit || hit.get(ArgId::kMm) != mapping.get(ArgId::kMm)) continue;
    const int page = hit.get(ArgId::kPage) - mapping.get(ArgId::kPage);
    if (page >= 0 && page < mapping.get(ArgId::kLen)) return hit.get(ArgId::kPage);
  }
  return -1;
}

// A range of the mapping: anywhere in it; in every other case it begins no later than what is hit,
// and in half of these ends before it. What is cut off below moves the beginning of what is hit.
void aim_range(const Program& program, const Op& mapping, Op& op, Rng& rng) {
  const uint32_t first = mapping.get(ArgId::kPage);
  const int hit = rng.chance(1, 2) ? hit_page(program, mapping, rng) : -1;
  const uint32_t begins =
      hit < 0 ? mapping.get(ArgId::kLen) : static_cast<uint32_t>(hit) - first + 1;
  const bool below = hit > static_cast<int>(first) && rng.chance(1, 2);
  const uint32_t page = std::min<uint32_t>(first + rng.below(begins - below), kPageCount - 1);
  op.set(ArgId::kPage, static_cast<uint8_t>(page));
  if (!below) return;
  const uint32_t longest = std::min<uint32_t>(static_cast<uint32_t>(hit) - page, kMaxLenPages);
  op.set(ArgId::kLen, static_cast<uint8_t>(1 + rng.below(longest)));
}

}  // namespace

bool aim(const Program& program, Op& op, Rng& rng) {
  const Op* mapping = file_mapping(program, kAnyMm, rng);
  if (mapping == nullptr) return false;
  if (op.kind == OpKind::kHit) {
    const int page = probed_page(program, *mapping, rng);
    if (page < 0) return false;
    op.set(ArgId::kMm, mapping->get(ArgId::kMm));
    op.set(ArgId::kPage, static_cast<uint8_t>(page));
    return true;
  }
  if (has(op, ArgId::kMm)) {
    op.set(ArgId::kMm, mapping->get(ArgId::kMm));
    if (!has(op, ArgId::kLen)) return true;
    if (rng.chance(1, 3)) {  // the whole of it
      op.set(ArgId::kPage, mapping->get(ArgId::kPage));
      op.set(ArgId::kLen, mapping->get(ArgId::kLen));
      return true;
    }
    aim_range(program, *mapping, op, rng);
    return true;
  }
  if (op.kind != OpKind::kRegister && op.kind != OpKind::kUnregister) return false;
  const uint32_t pgoff = mapping->get(ArgId::kPgoff) + rng.below(mapping->get(ArgId::kLen));
  op.set(ArgId::kInode, inode_of(program, mapping->get(ArgId::kFile)));
  op.set(ArgId::kPgoff, static_cast<uint8_t>(std::min<uint32_t>(pgoff, kPgoffCount - 1)));
  return true;
}

Op suggest_op_of(const Program& program, OpKind kind, uint8_t cpu, Rng& rng) {
  Op op = simplest_op(kind, cpu);
  for (size_t i = 0; i < schema(kind).args.size(); i++) {
    op.arg[i] = suggest_arg(program, op, i, rng);
  }
  return op;
}

Op suggest_op(const Program& program, uint8_t cpu, const OpWeights& weights, Rng& rng) {
  return suggest_op_of(program, static_cast<OpKind>(draw(weights, rng)), cpu, rng);
}

uint8_t suggest_cpu(const MutateOptions& options, Rng& rng) {
  if (rng.chance(1, 6)) return 0;
  const auto cpus = static_cast<uint32_t>(std::clamp(options.cpus, 1, kCpuCount));
  return static_cast<uint8_t>(1 + std::min(rng.below(cpus), rng.below(cpus)));
}

uint16_t suggest_access(const Program& program, Rng& rng) {
  if (rng.chance(1, 8)) return 1;  // before the operation does anything
  if (!program.directives.empty() && rng.chance(1, 4)) {
    const int near = program.directives[rng.below(program.directives.size())].access;
    return static_cast<uint16_t>(
        std::clamp<int>(near + static_cast<int>(rng.below(7)) - 3, 1, kMaxAccess));
  }
  return static_cast<uint16_t>(1 + rng.below(1u << rng.below(9)));
}

uint8_t suggest_directive_arg(const Program& program, const Directive& directive, Rng& rng) {
  switch (directive.kind) {
    case DirectiveKind::kPreempt:
      return suggest_target(program, directive, rng);
    case DirectiveKind::kStale: {
      uint8_t stores = 1;
      while (stores < kMaxStale && rng.chance(1, 3)) stores++;
      return stores;
    }
    case DirectiveKind::kHold:
      return rng.chance(1, 2) ? kHoldEnd : static_cast<uint8_t>(1 + rng.below(1u << rng.below(8)));
    case DirectiveKind::kTear:
    case DirectiveKind::kReload:
    case DirectiveKind::kFail:
    case DirectiveKind::kExpire:
      return 0;
  }
  return 0;
}

Directive suggest_directive(const Program& program, Rng& rng) {
  static constexpr std::array<uint8_t, kDirectiveKindCount> kWeights = {8, 6, 1, 1, 2, 2, 1};
  Directive directive;
  directive.op = rng.chance(1, 24) ? static_cast<uint16_t>(kFirstContext + rng.below(kContextCount))
                                   : static_cast<uint16_t>(rng.below(program.ops.size()));
  directive.access = suggest_access(program, rng);
  directive.kind = static_cast<DirectiveKind>(draw(kWeights, rng));
  directive.arg = suggest_directive_arg(program, directive, rng);
  return directive;
}

Header suggest_header(Rng& rng) {
  static constexpr std::array<uint8_t, kStrategyCount> kStrategies = {0, 2, 5, 2, 2, 6, 1, 2};
  static constexpr std::array<uint8_t, kReadPolicyCount> kPolicies = {1, 2, 4, 1, 1};
  Header header;
  header.strategy = static_cast<Strategy>(draw(kStrategies, rng));
  header.policy = static_cast<ReadPolicy>(draw(kPolicies, rng));
  header.eager = rng.chance(2, 3);
  header.policy_arg = static_cast<uint8_t>(1 + rng.below(4));
  header.depth = static_cast<uint8_t>(rng.chance(1, 2) ? 0 : 1 + rng.below(6));
  header.permutation = static_cast<uint8_t>(rng.below(kPermutationCount));
  header.seed = static_cast<uint32_t>(rng.next() >> 32);
  canonicalize(header);
  return header;
}

OpWeights default_weights() {
  OpWeights weights{};
  const auto set = [&weights](OpKind kind, uint8_t weight) {
    weights[static_cast<size_t>(kind)] = weight;
  };
  set(OpKind::kMmap, 10);
  set(OpKind::kMunmap, 8);
  set(OpKind::kMprotect, 6);
  set(OpKind::kMremap, 8);
  set(OpKind::kBrk, 2);
  set(OpKind::kMadvise, 4);
  set(OpKind::kGrowStack, 2);
  set(OpKind::kFault, 3);
  set(OpKind::kOpen, 3);
  set(OpKind::kClose, 3);
  set(OpKind::kRegister, 8);
  set(OpKind::kUnregister, 5);
  set(OpKind::kHit, 14);
  return weights;
}

OpWeights swarm_weights(Rng& rng) {
  OpWeights weights = default_weights();
  for (size_t i = 0; i < weights.size(); i++) {
    const auto kind = static_cast<OpKind>(i);
    const bool needed = kind == OpKind::kMmap || kind == OpKind::kRegister || kind == OpKind::kHit;
    if (!needed && rng.chance(1, 2)) {
      weights[i] = 0;
    } else {
      weights[i] = static_cast<uint8_t>(weights[i] * (1 + rng.below(8)));
    }
  }
  return weights;
}

}  // namespace vmafuzz::input
