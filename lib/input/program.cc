#include "input/program.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace vmafuzz::input {
namespace {

constexpr absl::string_view kStrategyNames[] = {"none", "sticky", "urw", "surw",
                                                "pos",  "pct",    "rr",  "portfolio"};
constexpr absl::string_view kPolicyNames[] = {"newest", "newest-stale", "oldest-fresh", "geometric",
                                              "uniform"};
constexpr absl::string_view kDirectiveNames[] = {"preempt", "stale", "tear",  "reload",
                                                 "fail",    "hold",  "expire"};
constexpr absl::string_view kTargetNames[] = {"cpu0",    "cpu1", "cpu2", "cpu3",
                                              "kworker", "rcu",  "timer"};
static_assert(std::size(kStrategyNames) == kStrategyCount);
static_assert(std::size(kPolicyNames) == kReadPolicyCount);
static_assert(std::size(kDirectiveNames) == kDirectiveKindCount);
static_assert(std::size(kTargetNames) == kSwitchTargetCount);

bool earlier(const Directive& a, const Directive& b) {
  return a.op != b.op ? a.op < b.op : a.access < b.access;
}

// Sorts operations by cpu, keeping the order within each, and renumbers `directives` to follow.
void group_by_cpu(std::vector<Op>& ops, std::vector<Directive>& directives) {
  const auto by_cpu = [](const Op& a, const Op& b) { return a.cpu < b.cpu; };
  if (std::is_sorted(ops.begin(), ops.end(), by_cpu)) return;
  std::array<Op, kMaxOps> sorted;
  std::array<uint16_t, kMaxOps> new_index{};
  uint16_t next = 0;
  for (uint8_t cpu = 0; cpu <= kCpuCount; cpu++) {
    for (size_t i = 0; i < ops.size(); i++) {
      if (ops[i].cpu != cpu) continue;
      sorted[next] = ops[i];
      new_index[i] = next++;
    }
  }
  std::copy_n(sorted.begin(), ops.size(), ops.begin());
  for (Directive& directive : directives) {
    if (!directive.of_context()) directive.op = new_index[directive.op];
  }
}

// Stable insertion sort: nearly sorted input is the rule, and nothing is allocated.
void sort_directives(std::vector<Directive>& directives) {
  const auto begin = directives.begin();
  for (auto it = begin; it != directives.end(); ++it) {
    if (it == begin || !earlier(*it, *(it - 1))) continue;
    std::rotate(std::upper_bound(begin, it, *it, earlier), it, it + 1);
  }
}

}  // namespace

std::array<uint8_t, kCpuCount> cpu_order(uint8_t permutation) {
  std::array<uint8_t, kCpuCount> order{};
  for (uint8_t i = 0; i < kCpuCount; i++) order[i] = i;
  for (int i = permutation % kPermutationCount; i > 0; i--) {
    std::next_permutation(order.begin(), order.end());
  }
  return order;
}

absl::string_view strategy_name(Strategy strategy) {
  return kStrategyNames[static_cast<size_t>(strategy)];
}

absl::string_view read_policy_name(ReadPolicy policy) {
  return kPolicyNames[static_cast<size_t>(policy)];
}

bool takes_arg(ReadPolicy policy) {
  return policy == ReadPolicy::kNewestStale || policy == ReadPolicy::kOldestFresh;
}

DirectiveArgRange arg_range(DirectiveKind kind) {
  switch (kind) {
    case DirectiveKind::kPreempt:
      return {0, kSwitchTargetCount - 1};
    case DirectiveKind::kStale:
      return {1, kMaxStale};
    case DirectiveKind::kHold:
      return {1, kHoldEnd};
    case DirectiveKind::kTear:
    case DirectiveKind::kReload:
    case DirectiveKind::kFail:
    case DirectiveKind::kExpire:
      return {0, 0};
  }
  return {0, 0};
}

absl::string_view directive_name(DirectiveKind kind) {
  return kDirectiveNames[static_cast<size_t>(kind)];
}

absl::string_view switch_target_name(SwitchTarget target) {
  return kTargetNames[static_cast<size_t>(target)];
}

absl::string_view context_name(uint16_t context) {
  return kTargetNames[kCpuCount + (context - kFirstContext)];
}

std::string directive_text(const Directive& directive) {
  const absl::string_view name = directive_name(directive.kind);
  switch (directive.kind) {
    case DirectiveKind::kPreempt:
      return absl::StrCat(name, " ", switch_target_name(static_cast<SwitchTarget>(directive.arg)));
    case DirectiveKind::kStale:
      return absl::StrCat(name, " ", static_cast<int>(directive.arg));
    case DirectiveKind::kHold:
      if (directive.arg == kHoldEnd) return absl::StrCat(name, " end");
      return absl::StrCat(name, " ", static_cast<int>(directive.arg));
    case DirectiveKind::kTear:
    case DirectiveKind::kReload:
    case DirectiveKind::kFail:
    case DirectiveKind::kExpire:
      break;
  }
  return std::string(name);
}

void canonicalize(Header& header) {
  header.strategy = static_cast<Strategy>(static_cast<int>(header.strategy) % kStrategyCount);
  if (header.strategy == Strategy::kNone) {
    header = Header{};
    return;
  }
  header.policy = static_cast<ReadPolicy>(static_cast<int>(header.policy) % kReadPolicyCount);
  header.policy_arg = takes_arg(header.policy) ? header.policy_arg & kMaxPolicyArg : 0;
  header.depth &= kMaxDepth;
  header.permutation %= kPermutationCount;
}

void wrap(Directive& directive) {
  directive.kind =
      static_cast<DirectiveKind>(static_cast<int>(directive.kind) % kDirectiveKindCount);
  if (directive.access == 0) directive.access = 1;
  const DirectiveArgRange range = arg_range(directive.kind);
  if (directive.arg < range.min || directive.arg > range.max) {
    directive.arg = static_cast<uint8_t>(range.min + directive.arg % (range.max - range.min + 1));
  }
}

void canonicalize(Program& program) {
  canonicalize(program.header);
  auto& ops = program.ops;
  auto& directives = program.directives;
  if (ops.size() > kMaxOps) ops.resize(kMaxOps);
  for (Op& op : ops) wrap(op);
  std::erase_if(directives, [&](const Directive& directive) {
    return !directive.of_context() && directive.op >= ops.size();
  });
  for (Directive& directive : directives) wrap(directive);
  group_by_cpu(ops, directives);
  sort_directives(directives);
  if (directives.size() > kMaxDirectives) directives.resize(kMaxDirectives);
}

bool is_canonical(const Program& program) {
  Program copy = program;
  canonicalize(copy);
  return copy == program;
}

void remove_op(Program& program, size_t index) {
  std::vector<bool> keep(program.ops.size(), true);
  keep[index] = false;
  keep_ops(program, keep);
}

void keep_ops(Program& program, const std::vector<bool>& keep) {
  std::vector<uint16_t> new_index(keep.size());
  uint16_t next = 0;
  for (size_t i = 0; i < keep.size(); i++) {
    new_index[i] = next;
    if (!keep[i]) continue;
    program.ops[next++] = program.ops[i];
  }
  program.ops.resize(next);
  std::erase_if(program.directives, [&](const Directive& directive) {
    return !directive.of_context() && !keep[directive.op];
  });
  for (Directive& directive : program.directives) {
    if (!directive.of_context()) directive.op = new_index[directive.op];
  }
}

void insert_op(Program& program, size_t index, const Op& op) {
  program.ops.insert(program.ops.begin() + static_cast<ptrdiff_t>(index), op);
  for (Directive& directive : program.directives) {
    if (!directive.of_context() && directive.op >= index) directive.op++;
  }
}

std::span<const Directive> directives_of(const Program& program, uint16_t op) {
  const auto& all = program.directives;
  const auto first = std::find_if(all.begin(), all.end(),
                                  [op](const Directive& directive) { return directive.op == op; });
  const auto last = std::find_if(first, all.end(),
                                 [op](const Directive& directive) { return directive.op != op; });
  return {first, last};
}

}  // namespace vmafuzz::input
