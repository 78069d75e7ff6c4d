#include "input/mutate.h"

#include <algorithm>
#include <utility>

#include "input/bytes.h"
#include "input/exchange.h"
#include "input/reversal.h"
#include "input/scenario.h"
#include "input/suggest.h"

namespace vmafuzz::input {
namespace {

constexpr int kMaxStacked = 6;   // elementary mutations per call
constexpr int kMaxAttempts = 8;  // to get something that differs

size_t pick(size_t count, Rng& rng) { return rng.below(count); }

// Adds operation `index` of `from`, with its directives, to the end of `to`.
void append_with_directives(Program& to, const Program& from, size_t index) {
  const auto new_index = static_cast<uint16_t>(to.ops.size());
  to.ops.push_back(from.ops[index]);
  for (Directive directive : directives_of(from, static_cast<uint16_t>(index))) {
    directive.op = new_index;
    to.directives.push_back(directive);
  }
}

class Mutator {
 public:
  Mutator(Program& program, Rng& rng, const MutateOptions& options, const OpWeights& weights)
      : program_(program), rng_(rng), options_(options), weights_(weights) {}

  // One elementary mutation; may change nothing where it does not apply.
  void step();

 private:
  bool empty() const { return program_.ops.empty(); }
  size_t any_op() { return pick(program_.ops.size(), rng_); }

  // An operation mutation
  void insert_suggested();
  void duplicate_op();
  void repeat_op();
  void take_back_op();
  void move_op();
  void retarget_op();
  void change_arg();
  void nudge_arg();
  void exchange_cpus();
  // A directive mutation
  void add_directive();
  void duplicate_directive();
  void move_directive();
  void shift_access();
  void change_directive();
  // A header mutation
  void change_header();

  void place(const Op& op, const std::vector<Directive>& directives, size_t index);
  Directive& any_directive() { return program_.directives[pick(program_.directives.size(), rng_)]; }

  Program& program_;
  Rng& rng_;
  const MutateOptions& options_;
  const OpWeights& weights_;
};

// Inserts an operation with directives (whose `op` is ignored) before `index`.
void Mutator::place(const Op& op, const std::vector<Directive>& directives, size_t index) {
  insert_op(program_, index, op);
  for (Directive directive : directives) {
    directive.op = static_cast<uint16_t>(index);
    program_.directives.push_back(directive);
  }
}

void Mutator::insert_suggested() {
  if (program_.ops.size() >= options_.max_ops) return;
  Op op = suggest_op(program_, suggest_cpu(options_, rng_), weights_, rng_);
  if (rng_.chance(1, 2)) aim(program_, op, rng_);
  insert_op(program_, pick(program_.ops.size() + 1, rng_), op);
}

void Mutator::duplicate_op() {
  if (program_.ops.size() >= options_.max_ops) return;
  const size_t index = any_op();
  const auto source = directives_of(program_, static_cast<uint16_t>(index));
  std::vector<Directive> directives(source.begin(), source.end());
  if (rng_.chance(1, 2)) directives.clear();
  Op op = program_.ops[index];
  if (rng_.chance(1, 2)) op.cpu = suggest_cpu(options_, rng_);
  place(op, directives, index + 1);
}

void Mutator::repeat_op() { repeat(program_, any_op(), options_, rng_); }

void Mutator::take_back_op() {
  if (program_.ops.size() >= options_.max_ops) return;
  const size_t index = any_op();
  std::optional<Op> back = reversal_of(program_, program_.ops[index]);
  if (!back.has_value()) return;
  if (back->cpu == 0 || rng_.chance(1, 4)) back->cpu = suggest_cpu(options_, rng_);
  insert_op(program_, index + 1, *back);
}

void Mutator::move_op() {
  const size_t index = any_op();
  const auto source = directives_of(program_, static_cast<uint16_t>(index));
  std::vector<Directive> directives(source.begin(), source.end());
  const Op op = program_.ops[index];
  remove_op(program_, index);
  place(op, directives, pick(program_.ops.size() + 1, rng_));
}

void Mutator::retarget_op() { program_.ops[any_op()].cpu = suggest_cpu(options_, rng_); }

void Mutator::change_arg() {
  Op& op = program_.ops[any_op()];
  const size_t slot = pick(schema(op.kind).args.size(), rng_);
  op.arg[slot] = suggest_arg(program_, op, slot, rng_);
}

void Mutator::nudge_arg() {
  Op& op = program_.ops[any_op()];
  const size_t slot = pick(schema(op.kind).args.size(), rng_);
  const ArgSchema& arg = schema(op.kind).args[slot];
  const int value = op.arg[slot] + (rng_.chance(1, 2) ? 1 : -1);
  op.arg[slot] = static_cast<uint8_t>(std::clamp<int>(value, arg.min, arg.max()));
}

void Mutator::exchange_cpus() {
  const auto a = static_cast<uint8_t>(1 + pick(kCpuCount, rng_));
  const auto b = static_cast<uint8_t>(1 + pick(kCpuCount, rng_));
  if (std::max(a, b) > options_.cpus) return;
  input::exchange_cpus(program_, a, b);
}

void Mutator::add_directive() {
  if (program_.directives.size() >= options_.max_directives) return;
  program_.directives.push_back(suggest_directive(program_, rng_));
}

// A second one of the same kind at another access: what was worth doing once may be needed twice.
void Mutator::duplicate_directive() {
  if (program_.directives.size() >= options_.max_directives) return;
  Directive copy = any_directive();
  copy.access = suggest_access(program_, rng_);
  program_.directives.push_back(copy);
}

void Mutator::move_directive() { any_directive().op = static_cast<uint16_t>(any_op()); }

void Mutator::shift_access() {
  Directive& directive = any_directive();
  const int distance = 1 << rng_.below(5);
  const int access = directive.access + (rng_.chance(1, 2) ? distance : -distance);
  directive.access = static_cast<uint16_t>(std::clamp<int>(access, 1, kMaxAccess));
}

void Mutator::change_directive() {
  Directive& directive = any_directive();
  if (rng_.chance(1, 3)) directive.kind = suggest_directive(program_, rng_).kind;
  directive.arg = suggest_directive_arg(program_, directive, rng_);
}

void Mutator::change_header() {
  if (!options_.mutate_header) return;
  Header& header = program_.header;
  if (program_.replay_form()) {
    header = suggest_header(rng_);
    return;
  }
  const Header fresh = suggest_header(rng_);
  switch (rng_.below(12)) {
    case 0:
      header = fresh;
      break;
    case 1:
      header.strategy = fresh.strategy;
      break;
    case 2:
      header.policy = fresh.policy;
      header.policy_arg = fresh.policy_arg;
      break;
    case 3:
      header.eager = !header.eager;
      break;
    case 4:
      header.depth = fresh.depth;
      break;
    case 5:
      header.permutation = fresh.permutation;
      break;
    case 6:
      // To replay form: only what the directives say.
      if (rng_.chance(1, 4) && !program_.directives.empty()) header = Header{};
      break;
    default:
      // Another seed is another interleaving of the same operations.
      header.seed = fresh.seed;
  }
}

void Mutator::step() {
  struct Entry {
    uint8_t weight;
    bool needs_directive;
    void (Mutator::*run)();
  };
  static constexpr Entry kEntries[] = {{8, false, &Mutator::insert_suggested},
                                       {2, false, &Mutator::duplicate_op},
                                       {2, false, &Mutator::repeat_op},
                                       {3, false, &Mutator::take_back_op},
                                       {2, false, &Mutator::move_op},
                                       {2, false, &Mutator::retarget_op},
                                       {8, false, &Mutator::change_arg},
                                       {3, false, &Mutator::nudge_arg},
                                       {1, false, &Mutator::exchange_cpus},
                                       {4, false, &Mutator::add_directive},
                                       {1, true, &Mutator::duplicate_directive},
                                       {2, true, &Mutator::move_directive},
                                       {4, true, &Mutator::shift_access},
                                       {3, true, &Mutator::change_directive},
                                       {8, false, &Mutator::change_header}};
  static constexpr uint32_t kDeleteOp = 5;
  static constexpr uint32_t kDeleteDirective = 3;
  static constexpr uint32_t kTotal = [] {
    uint32_t total = kDeleteOp + kDeleteDirective;
    for (const Entry& entry : kEntries) total += entry.weight;
    return total;
  }();

  if (empty()) return insert_suggested();
  uint32_t ticket = rng_.below(kTotal);
  for (const Entry& entry : kEntries) {
    if (ticket >= entry.weight) {
      ticket -= entry.weight;
      continue;
    }
    if (!entry.needs_directive || !program_.directives.empty()) (this->*entry.run)();
    return;
  }
  if (ticket < kDeleteOp) {
    remove_op(program_, any_op());
  } else if (!program_.directives.empty()) {
    const auto at = static_cast<ptrdiff_t>(pick(program_.directives.size(), rng_));
    program_.directives.erase(program_.directives.begin() + at);
  }
}

// Operations alone, without a schedule, are how people write scenarios: whoever runs one draws
// schedules for it (fuzz/engine: a session hundreds). A mutant that lost its last directive, or
// comes from a scenario, would cost as much each time.
void ensure_schedule(Program& program, Rng& rng, const MutateOptions& options) {
  if (!options.mutate_header || !program.replay_form() || !program.directives.empty()) return;
  program.header = suggest_header(rng);
}

bool same_test(const Program& a, const Program& b) {
  return a.header == b.header && a.ops == b.ops && a.directives == b.directives;
}

}  // namespace

void mutate(Program& program, Rng& rng, const MutateOptions& options) {
  enforce_limits(program, options);
  const Program parent = program;
  // Every other one begins anew, as empty programs do: what grows by small steps alone drifts away
  // from scenarios in which a lookup meets a writer. One in four keeps the operations and has
  // another schedule: most of what there is to find in them is found by schedules.
  const uint32_t kind = rng.below(8);
  if ((program.ops.empty() || kind < 4) && options.max_ops > 0) {
    Program scenario = random_scenario(rng, options);
    program.ops = std::move(scenario.ops);
    program.directives = std::move(scenario.directives);
    if (options.mutate_header) program.header = scenario.header;
  } else if (kind < 6 && options.mutate_header) {
    if (program.replay_form() || rng.chance(1, 2)) {
      program.header = suggest_header(rng);
    } else {
      program.header.seed = static_cast<uint32_t>(rng.next() >> 32);
    }
  }
  const OpWeights weights =
      options.swarm && rng.chance(1, 2) ? swarm_weights(rng) : options.weights;
  for (int attempt = 0; attempt < kMaxAttempts && same_test(program, parent); attempt++) {
    Mutator mutator(program, rng, options, weights);
    int steps = 1;
    while (steps < kMaxStacked && rng.chance(1, 2)) steps++;
    for (int i = 0; i < steps; i++) {
      mutator.step();
      enforce_limits(program, options);
    }
  }
  ensure_schedule(program, rng, options);
}

Program cross_over(const Program& a, const Program& b, Rng& rng, const MutateOptions& options) {
  Program child = a;
  child.ops.clear();
  child.directives.clear();
  if (options.mutate_header && rng.chance(1, 2)) child.header = b.header;

  const auto add_all = [&child](const Program& from, auto&& wanted) {
    for (size_t i = 0; i < from.ops.size(); i++) {
      if (wanted(i)) append_with_directives(child, from, i);
    }
  };
  switch (rng.below(3)) {
    case 0: {  // each cpu, or setup, from one parent
      const uint32_t from_b = rng.below(1u << (kCpuCount + 1));
      add_all(a, [&](size_t i) { return (from_b >> a.ops[i].cpu & 1) == 0; });
      add_all(b, [&](size_t i) { return (from_b >> b.ops[i].cpu & 1) != 0; });
      break;
    }
    case 1: {  // the beginning of a, the end of b, for every cpu
      const size_t cut_a = pick(a.ops.size() + 1, rng);
      const size_t cut_b = pick(b.ops.size() + 1, rng);
      add_all(a, [&](size_t i) { return a.ops[i].cpu == 0 || i < cut_a; });
      add_all(b, [&](size_t i) { return b.ops[i].cpu != 0 && i >= cut_b; });
      break;
    }
    default: {  // a few operations in a row of b, put into a
      const size_t at = pick(a.ops.size() + 1, rng);
      const size_t first = pick(b.ops.size() + 1, rng);
      const size_t last = std::min(b.ops.size(), first + 1 + rng.below(4));
      add_all(a, [&](size_t i) { return i < at; });
      add_all(b, [&](size_t i) { return i >= first && i < last; });
      add_all(a, [&](size_t i) { return i >= at; });
    }
  }
  for (const Directive& directive : a.directives) {
    if (directive.of_context()) child.directives.push_back(directive);
  }
  enforce_limits(child, options);
  ensure_schedule(child, rng, options);
  return child;
}

void fit_to_bytes(Program& program, size_t max_bytes) {
  canonicalize(program);
  const size_t records = max_bytes < kHeaderBytes ? 0 : (max_bytes - kHeaderBytes) / kRecordBytes;
  while (program.ops.size() + program.directives.size() > records) {
    if (program.directives.size() > program.ops.size()) {
      program.directives.pop_back();
    } else {
      remove_op(program, program.ops.size() - 1);
    }
  }
}

}  // namespace vmafuzz::input
