#include "input/scenario.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "input/reversal.h"
#include "input/suggest.h"

namespace vmafuzz::input {
namespace {

// How often an operation comes in a row where once is not enough: what needs many, such as a
// counter that wraps, is never met by inserting one at a time. Counters wrap at powers of two.
uint32_t burst(Rng& rng) {
  static constexpr uint32_t kBursts[] = {4, 8, 8, 8, 16, 16};
  const uint32_t choice = rng.below(8);
  return choice < std::size(kBursts) ? kBursts[choice] : 2 + rng.below(15);
}

// Write sections that a counter of some bits comes round in; of one as wide as the narrowest
// integer, mostly.
uint32_t sections(Rng& rng) {
  const uint32_t choice = rng.below(20);
  return choice < 4 ? 8u << choice : 128;
}

// What changes mappings, and so makes others look again.
bool changes_mappings(OpKind kind) {
  switch (kind) {
    case OpKind::kMmap:
    case OpKind::kMunmap:
    case OpKind::kMprotect:
    case OpKind::kMremap:
    case OpKind::kBrk:
    case OpKind::kMadvise:
      return true;
    default:
      return false;
  }
}

bool hits(const Program& program, uint8_t cpu) {
  return std::any_of(program.ops.begin(), program.ops.end(),
                     [cpu](const Op& op) { return op.cpu == cpu && op.kind == OpKind::kHit; });
}

// One or two mapped files in whose pages most offsets are probed, so that a lookup that computes a
// wrong offset finds something there. Programs close a file once it is mapped, more often than not:
// then the mapping's reference is the last one.
void add_probed_mappings(Program& program, const OpWeights& weights, Rng& rng) {
  const auto add = [&](const Op& op) { program.ops.push_back(op); };
  const auto on = [&](OpKind kind) { return weights[static_cast<size_t>(kind)] != 0; };
  if (!on(OpKind::kMmap) || !on(OpKind::kRegister)) return;
  for (uint32_t n = 1 + rng.below(8) / 6; n > 0; n--) {
    Op mapping = suggest_op_of(program, OpKind::kMmap, 0, rng);
    const uint32_t file = rng.chance(1, 4)
                              ? kOrdinaryFileCount + rng.below(kFileCount - kOrdinaryFileCount)
                              : rng.below(2);
    mapping.set(ArgId::kFile, static_cast<uint8_t>(file));
    mapping.set(ArgId::kProt, static_cast<uint8_t>(Prot::kRx));
    mapping.set(ArgId::kSharing, static_cast<uint8_t>(Sharing::kPrivate));
    if (rng.chance(1, 2)) mapping.set(ArgId::kPgoff, static_cast<uint8_t>(rng.below(3)));
    add(mapping);
    if (on(OpKind::kClose) && rng.chance(1, 2)) {
      Op close = simplest_op(OpKind::kClose, 0);
      close.set(ArgId::kFile, static_cast<uint8_t>(file));
      add(close);
    }
    const uint8_t first = mapping.get(ArgId::kPgoff);
    const uint8_t len = mapping.get(ArgId::kLen);
    Op probe = simplest_op(OpKind::kRegister, 0);
    probe.set(ArgId::kInode, default_inode(static_cast<uint8_t>(file)));
    for (uint32_t offset = first; offset < std::min<uint32_t>(first + len, kPgoffCount); offset++) {
      if (rng.chance(1, 4)) continue;
      probe.set(ArgId::kPgoff, static_cast<uint8_t>(offset));
      add(probe);
    }
  }
}

// `weights` without the kinds that `wanted` refuses.
template <typename Wanted>
OpWeights restricted(OpWeights weights, Wanted&& wanted) {
  for (size_t i = 0; i < weights.size(); i++) {
    if (!wanted(static_cast<OpKind>(i))) weights[i] = 0;
  }
  return weights;
}

// What lookups are to meet: mostly something that changes mappings, on another cpu.
void add_changes(Program& program, const OpWeights& weights, uint32_t cpus, uint32_t hitter,
                 Rng& rng) {
  const OpWeights mappings = restricted(weights, changes_mappings);
  const OpWeights all = restricted(weights, [](OpKind kind) { return kind != OpKind::kHit; });
  for (uint32_t n = 1 + rng.below(4); n > 0; n--) {
    const OpWeights& some = rng.chance(1, 2) ? mappings : all;
    if (some == OpWeights{}) continue;
    uint32_t cpu = 1 + rng.below(std::min(cpus, 3u));
    if (cpu == hitter && rng.chance(1, 2)) cpu = 1 + hitter % std::min(cpus, 3u);
    Op op = suggest_op(program, static_cast<uint8_t>(cpu), some, rng);
    if (rng.chance(7, 8)) aim(program, op, rng);
    const std::optional<Op> back =
        rng.chance(5, 8) ? reversal_of(program, op) : std::optional<Op>();
    // What was there when everything began, lookups meet being taken back.
    if (back.has_value() && rng.chance(5, 8)) op.cpu = 0;
    program.ops.push_back(op);
    if (back.has_value()) program.ops.push_back(*back);
  }
}

// A long run of one kind beside the others: of one that changes mappings during lookups, mostly.
// Half of the time, and always where a counter is to come round, with the schedule that makes the
// most of it: all of it within one operation of another cpu.
void add_burst(Program& program, const MutateOptions& options, Rng& rng) {
  std::vector<size_t> sources;
  const bool any = rng.chance(1, 4);
  for (size_t i = 0; i < program.ops.size(); i++) {
    const Op& op = program.ops[i];
    if (op.cpu != 0 && (any || (changes_mappings(op.kind) && !hits(program, op.cpu))))
      sources.push_back(i);
  }
  if (sources.empty()) return;
  const bool round = repeat(program, sources[rng.below(sources.size())], options, rng);
  if (round || rng.chance(1, 2)) {
    program.header.strategy = Strategy::kPct;
    program.header.depth = 2;
  }
}

}  // namespace

bool repeat(Program& program, size_t index, const MutateOptions& options, Rng& rng) {
  Op op = program.ops[index];
  const auto counts = [&](const Op& other) {
    return other.cpu != 0 && changes_mappings(other.kind) &&
           other.get(ArgId::kMm) == op.get(ArgId::kMm) &&
           (other.cpu == op.cpu || !hits(program, other.cpu));
  };
  uint32_t have = counts(op) ? 0 : 1;
  for (const Op& other : program.ops) {
    if (!counts(op) || !counts(other)) continue;
    have += other.kind == OpKind::kBrk ? other.get(ArgId::kTimes) : 1;
  }
  const bool brks = options.weights[static_cast<size_t>(OpKind::kBrk)] != 0;
  if (brks && counts(op) && rng.chance(3, 4) && program.ops.size() < options.max_ops) {
    Op brk = simplest_op(OpKind::kBrk, op.cpu);
    brk.set(ArgId::kMm, op.get(ArgId::kMm));
    const uint32_t total = sections(rng);
    brk.set(ArgId::kTimes, static_cast<uint8_t>(total > have ? total - have : 1));
    insert_op(program, index + 1, brk);
    return true;
  }
  if (op.kind == OpKind::kBrk) op.set(ArgId::kTimes, 1);
  for (uint32_t n = burst(rng); n > have && program.ops.size() < options.max_ops; n--) {
    insert_op(program, index + 1, op);
  }
  return false;
}

namespace {

// Whoever has most besides lookups, set-up or a cpu, loses the last of that: without lookups there
// is nothing to find, and without something of each of the others neither.
size_t least_needed(const Program& program) {
  std::array<size_t, kCpuCount + 1> count{};
  std::array<size_t, kCpuCount + 1> last{};
  for (size_t i = 0; i < program.ops.size(); i++) {
    if (program.ops[i].kind == OpKind::kHit) continue;
    count[program.ops[i].cpu]++;
    last[program.ops[i].cpu] = i;
  }
  const auto most = std::max_element(count.begin(), count.end());
  return *most == 0 ? program.ops.size() - 1 : last[static_cast<size_t>(most - count.begin())];
}

}  // namespace

void enforce_limits(Program& program, const MutateOptions& options) {
  canonicalize(program);
  const size_t max_ops = std::min(options.max_ops, kMaxOps);
  const size_t max_directives = std::min(options.max_directives, kMaxDirectives);
  while (program.ops.size() > max_ops) remove_op(program, least_needed(program));
  if (program.directives.size() > max_directives) program.directives.resize(max_directives);
}

Program random_scenario(Rng& rng, const MutateOptions& options) {
  Program program;
  program.header = suggest_header(rng);
  const OpWeights weights = options.swarm ? swarm_weights(rng) : options.weights;
  add_probed_mappings(program, options.weights, rng);
  const auto cpus = static_cast<uint32_t>(std::clamp(options.cpus, 1, kCpuCount));
  // A lookup costs a tenth of what a writer does: some more on another cpu are cheap.
  const auto hitter = static_cast<uint8_t>(1 + rng.below(std::min(cpus, 2u)));
  for (uint32_t n = 1 + rng.below(3); n > 0; n--) {
    const uint32_t cpu = rng.chance(2, 3) ? hitter : 1 + rng.below(cpus);
    Op op = suggest_op_of(program, OpKind::kHit, static_cast<uint8_t>(cpu), rng);
    if (rng.chance(15, 16)) aim(program, op, rng);
    program.ops.push_back(op);
  }
  add_changes(program, weights, cpus, hitter, rng);
  if (rng.chance(1, 2)) add_burst(program, options, rng);
  enforce_limits(program, options);
  return program;
}

}  // namespace vmafuzz::input
