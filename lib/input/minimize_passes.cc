// The passes of minimize.h that remove or simplify; see there for their order and reasons.

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "input/exchange.h"
#include "input/minimizer.h"

namespace vmafuzz::input {
namespace {

bool is_switch(const Directive& directive) { return directive.kind == DirectiveKind::kPreempt; }

// The operation that runs after `index` on the same cpu, or nothing.
std::optional<size_t> successor(const Program& program, size_t index) {
  const size_t next = index + 1;
  if (next >= program.ops.size() || program.ops[next].cpu != program.ops[index].cpu) {
    return std::nullopt;
  }
  return next;
}

// Values to try in place of `value`, simplest first.
std::vector<uint8_t> simpler_values(const ArgSchema& arg, uint8_t value) {
  std::vector<uint8_t> values = {arg.simplest, arg.min};
  if (value > arg.min) {
    values.push_back(static_cast<uint8_t>(arg.min + (value - arg.min) / 2));
    values.push_back(static_cast<uint8_t>(value - 1));
  }
  return values;
}

// Operations that do a little else: one argument is another one near it, or the kind is.
std::vector<Op> variants_of(const Op& op) {
  constexpr int kNear = kMaxLenPages;  // what is in the way is so long at most
  std::vector<Op> variants;
  const OpSchema& row = schema(op.kind);
  for (size_t slot = 0; slot < row.args.size(); slot++) {
    const ArgSchema& arg = row.args[slot];
    const int value = op.arg[slot];
    for (int other = std::max<int>(arg.min, value - kNear);
         other <= std::min<int>(arg.max(), value + kNear); other++) {
      if (other == value) continue;
      variants.push_back(op);
      variants.back().arg[slot] = static_cast<uint8_t>(other);
    }
  }
  for (int kind = 0; kind < kOpKindCount; kind++) {
    if (static_cast<OpKind>(kind) == op.kind) continue;
    Op other = simplest_op(static_cast<OpKind>(kind), op.cpu);
    for (const ArgSchema& arg : schema(other.kind).args) {
      const uint8_t value = op.get(arg.id);
      const bool fits = arg_slot(op.kind, arg.id) >= 0 && value >= arg.min && value <= arg.max();
      if (fits) other.set(arg.id, value);
    }
    variants.push_back(other);
  }
  return variants;
}

}  // namespace

bool Minimizer::round() {
  stats_.rounds++;
  // All passes run in each round: a later one often makes room for an earlier one.
  bool changed = drop_cpus();
  changed |= drop_ops(/*setup=*/false);
  changed |= drop_for_repetition();
  changed |= drop_directives();
  changed |= lower_staleness();
  changed |= simplify_args();
  changed |= move_to_boundaries();
  changed |= drop_ops(/*setup=*/true);
  return changed;
}

Program Minimizer::without_ops(const std::vector<size_t>& indices) const {
  Program candidate = current_;
  std::vector<bool> keep(candidate.ops.size(), true);
  for (const size_t index : indices) keep[index] = false;
  keep_ops(candidate, keep);
  return candidate;
}

Program Minimizer::without_directives(const std::vector<size_t>& indices) const {
  Program candidate = current_;
  for (size_t i = indices.size(); i-- > 0;) {
    candidate.directives.erase(candidate.directives.begin() + static_cast<ptrdiff_t>(indices[i]));
  }
  return candidate;
}

bool Minimizer::drop_chunks(const std::function<std::vector<size_t>()>& remaining,
                            const std::function<Program(const std::vector<size_t>&)>& without) {
  bool changed = false;
  std::vector<size_t> all = remaining();
  // All, then powers of two: what takes a whole number of operations, such as a counter that wraps,
  // is lost by removing any other number of them.
  const auto smaller = [](size_t chunk) {
    const size_t power = std::bit_floor(chunk);
    return power < chunk ? power : chunk / 2;
  };
  for (size_t chunk = all.size(); chunk > 0; chunk = smaller(chunk)) {
    // From the end: later operations depend on earlier ones more often than the other way round.
    size_t end = all.size();
    while (end > 0) {
      const size_t begin = end > chunk ? end - chunk : 0;
      const std::vector<size_t> part(all.begin() + static_cast<ptrdiff_t>(begin),
                                     all.begin() + static_cast<ptrdiff_t>(end));
      if (adopt(without(part))) {
        changed = true;
        all = remaining();
      }
      end = std::min(begin, all.size());
    }
  }
  return changed;
}

// ---- Removing ----------------------------------------------------------------------------------

bool Minimizer::drop_cpus() {
  bool changed = false;
  for (uint8_t cpu = kCpuCount; cpu >= 1; cpu--) {
    std::vector<size_t> indices;
    for (size_t i = 0; i < current_.ops.size(); i++) {
      if (current_.ops[i].cpu == cpu) indices.push_back(i);
    }
    if (indices.empty()) continue;
    Program candidate = without_ops(indices);
    std::erase_if(candidate.directives, [cpu](const Directive& directive) {
      return is_switch(directive) && directive.arg + 1 == cpu;
    });
    changed |= adopt(std::move(candidate));
  }
  return changed;
}

bool Minimizer::drop_ops(bool setup) {
  const auto remaining = [this, setup] {
    std::vector<size_t> indices;
    for (size_t i = 0; i < current_.ops.size(); i++) {
      if ((current_.ops[i].cpu == 0) == setup) indices.push_back(i);
    }
    return indices;
  };
  bool changed = drop_chunks(remaining, [this](const auto& part) { return without_ops(part); });
  for (size_t i = current_.ops.size(); i-- > 0;) {
    if (i < current_.ops.size() && (current_.ops[i].cpu == 0) == setup) changed |= drop_one_op(i);
  }
  return changed;
}

// Drops the operation but keeps its switches, at the beginning of the operation after it.
bool Minimizer::drop_one_op(size_t index) {
  const std::optional<size_t> next = successor(current_, index);
  if (!next) return false;
  Program candidate = current_;
  bool moved = false;
  for (Directive& directive : candidate.directives) {
    if (directive.op != index || !is_switch(directive)) continue;
    directive.op = static_cast<uint16_t>(*next);
    directive.access = 1;
    moved = true;
  }
  if (!moved) return false;
  remove_op(candidate, index);
  return adopt(std::move(candidate));
}

bool Minimizer::drop_directives() {
  const auto remaining = [this] {
    std::vector<size_t> indices(current_.directives.size());
    for (size_t i = 0; i < indices.size(); i++) indices[i] = i;
    return indices;
  };
  return drop_chunks(remaining, [this](const auto& part) { return without_directives(part); });
}

// ---- Simplifying -------------------------------------------------------------------------------

// 1 first: one store back is what a reader of the report expects.
bool Minimizer::lower_staleness() {
  bool changed = false;
  for (size_t i = 0; i < current_.directives.size(); i++) {
    if (current_.directives[i].kind != DirectiveKind::kStale) continue;
    for (uint8_t stale = 1; stale < current_.directives[i].arg; stale++) {
      Program candidate = current_;
      candidate.directives[i].arg = stale;
      if (!adopt(std::move(candidate))) continue;
      changed = true;
      break;
    }
  }
  return changed;
}

bool Minimizer::simplify_args() {
  bool changed = join_cpus();
  changed |= compact_cpus();
  changed |= move_to_setup();
  for (int id = 0; id < kArgIdCount; id++) changed |= simplify_together(static_cast<ArgId>(id));
  changed |= shift_pages();
  changed |= shift_probes();
  for (size_t op = 0; op < current_.ops.size(); op++) {
    const size_t slots = schema(current_.ops[op].kind).args.size();
    for (size_t slot = 0; slot < slots; slot++) changed |= simplify_one_arg(op, slot);
  }
  changed |= simplify_holds();
  return changed;
}

bool Minimizer::simplify_one_arg(size_t op, size_t slot) {
  const ArgSchema& arg = schema(current_.ops[op].kind).args[slot];
  const uint8_t value = current_.ops[op].arg[slot];
  for (const uint8_t simpler : simpler_values(arg, value)) {
    Program candidate = current_;
    candidate.ops[op].arg[slot] = simpler;
    if (adopt(std::move(candidate))) return true;
  }
  return false;
}

// mm1 becomes mm0 wherever it stands, f3 becomes f0, and so on: one by one each change would tear
// apart operations that must agree.
bool Minimizer::simplify_together(ArgId id) {
  bool changed = false;
  std::array<bool, 256> seen{};
  for (const Op& op : std::vector<Op>(current_.ops)) {
    const int slot = arg_slot(op.kind, id);
    if (slot < 0 || std::exchange(seen[op.arg[static_cast<size_t>(slot)]], true)) continue;
    const uint8_t value = op.arg[static_cast<size_t>(slot)];
    const ArgSchema& arg = schema(op.kind).args[static_cast<size_t>(slot)];
    for (const uint8_t simpler : simpler_values(arg, value)) {
      Program candidate = current_;
      for (Op& other : candidate.ops) {
        if (arg_slot(other.kind, id) >= 0 && other.get(id) == value) other.set(id, simpler);
      }
      if (!adopt(std::move(candidate))) continue;
      changed = true;
      break;
    }
  }
  return changed;
}

// Closes the gaps between the pages that are named: everything from one of them upwards moves down
// together, so that what lies where in a range stays. The same for offsets within files.
bool Minimizer::shift_pages() {
  const bool moved = close_gaps({ArgId::kPage, ArgId::kNewPage});
  return close_gaps({ArgId::kPgoff}) || moved;
}

bool Minimizer::close_gaps(std::initializer_list<ArgId> ids) {
  bool changed = false;
  int below = 0;  // the highest named value under `from`
  for (int from = 1; from < kPageCount; from++) {
    const auto move_down = [&](uint8_t distance) {
      Program candidate = current_;
      for (Op& op : candidate.ops) {
        for (const ArgId id : ids) {
          if (op.get(id) >= from) op.set(id, static_cast<uint8_t>(op.get(id) - distance));
        }
      }
      return adopt(std::move(candidate));
    };
    const bool named = std::any_of(current_.ops.begin(), current_.ops.end(), [&](const Op& op) {
      return std::any_of(ids.begin(), ids.end(), [&](ArgId id) { return op.get(id) == from; });
    });
    if (!named) continue;
    int at = from;
    for (int distance = from - below; distance > 0; distance /= 2) {
      if (!move_down(static_cast<uint8_t>(distance))) continue;
      changed = true;
      at -= distance;
      break;
    }
    below = at;
  }
  return changed;
}

// A probe is hit where the mapping puts its file offset, so pages and offsets from some value up
// can often only move together.
bool Minimizer::shift_probes() {
  const auto move_down = [this](int from_page, int from_pgoff) {
    Program candidate = current_;
    for (Op& op : candidate.ops) {
      const uint8_t page = op.get(ArgId::kPage);
      const uint8_t pgoff = op.get(ArgId::kPgoff);
      if (page >= from_page) op.set(ArgId::kPage, static_cast<uint8_t>(page - 1));
      if (pgoff >= from_pgoff) op.set(ArgId::kPgoff, static_cast<uint8_t>(pgoff - 1));
    }
    return adopt(std::move(candidate));
  };
  bool changed = false;
  for (const int page : named_values(ArgId::kPage)) {
    for (const int pgoff : named_values(ArgId::kPgoff)) {
      // Each success lowers the two values themselves.
      for (int step = 0; step < std::min(page, pgoff); step++) {
        if (!move_down(page - step, pgoff - step)) break;
        changed = true;
      }
    }
  }
  return changed;
}

std::vector<uint8_t> Minimizer::named_values(ArgId id) const {
  std::vector<uint8_t> values;
  for (const Op& op : current_.ops) {
    if (arg_slot(op.kind, id) >= 0) values.push_back(op.get(id));
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

// One cpu for two that take turns, in either order: switches between them are needed no more, whose
// places depend on all that is around them.
bool Minimizer::join_cpus() {
  bool changed = false;
  const auto join = [&](Program candidate, uint8_t from, uint8_t to) {
    for (Op& op : candidate.ops) {
      if (op.cpu == from) op.cpu = to;
    }
    std::erase_if(candidate.directives, [from](const Directive& directive) {
      return is_switch(directive) && directive.arg + 1 == from;
    });
    changed |= adopt(std::move(candidate));
  };
  for (uint8_t from = kCpuCount; from >= 1; from--) {
    for (uint8_t to = 1; to <= kCpuCount; to++) {
      if (from == to) continue;
      join(current_, from, to);
      Program exchanged = current_;
      exchange_cpus(exchanged, from, to);
      canonicalize(exchanged);  // their operations in the other order
      join(std::move(exchanged), from, to);
    }
  }
  return changed;
}

// Renumbers the cpus that are used to cpu0, cpu1..., keeping their order.
bool Minimizer::compact_cpus() {
  std::array<uint8_t, kCpuCount + 1> renumbered{};
  uint8_t used = 0;
  for (const Op& op : current_.ops) {
    if (op.cpu != 0 && renumbered[op.cpu] == 0) renumbered[op.cpu] = ++used;
  }
  Program candidate = current_;
  for (Op& op : candidate.ops) op.cpu = renumbered[op.cpu];
  for (Directive& directive : candidate.directives) {
    if (!is_switch(directive) || directive.arg >= kCpuCount) continue;
    const uint8_t target = renumbered[directive.arg + 1u];
    if (target != 0) directive.arg = static_cast<uint8_t>(target - 1);
  }
  return adopt(std::move(candidate));
}

// What happens before everything else needs no schedule. Of a cpu's operations the first come
// first: the longest row of them that can go ahead.
bool Minimizer::move_to_setup() {
  bool changed = false;
  for (uint8_t cpu = 1; cpu <= kCpuCount; cpu++) {
    const auto on_cpu = [cpu](const Op& op) { return op.cpu == cpu; };
    for (auto n = std::count_if(current_.ops.begin(), current_.ops.end(), on_cpu); n > 0; n--) {
      Program candidate = current_;
      auto op = std::find_if(candidate.ops.begin(), candidate.ops.end(), on_cpu);
      for (auto moved = n; moved > 0; moved--) (op++)->cpu = 0;
      if (!adopt(std::move(candidate))) continue;
      changed = true;
      break;
    }
  }
  return changed;
}

bool Minimizer::simplify_holds() {
  bool changed = false;
  for (size_t i = 0; i < current_.directives.size(); i++) {
    if (current_.directives[i].kind != DirectiveKind::kHold) continue;
    for (const uint8_t arg : {kHoldEnd, uint8_t{1}}) {
      Program candidate = current_;
      candidate.directives[i].arg = arg;
      if (!adopt(std::move(candidate))) continue;
      changed = true;
      break;
    }
  }
  return changed;
}

// A switch between two operations needs no line number to be understood.
bool Minimizer::move_to_boundaries() {
  bool changed = false;
  for (size_t i = 0; i < current_.directives.size(); i++) {
    const Directive directive = current_.directives[i];
    if (!is_switch(directive) || directive.access == 1 || directive.of_context()) continue;
    Program earlier = current_;
    earlier.directives[i].access = 1;
    if (adopt(std::move(earlier))) {
      changed = true;
      continue;
    }
    const std::optional<size_t> next = successor(current_, directive.op);
    if (!next) continue;
    Program later = current_;
    later.directives[i].op = static_cast<uint16_t>(*next);
    later.directives[i].access = 1;
    changed |= adopt(std::move(later));
  }
  return changed;
}

// ---- Trading -----------------------------------------------------------------------------------

// Drops an operation where another one, done so much more often, does as well: a write section more
// of a long run, a lookup more.
bool Minimizer::drop_for_repetition() {
  bool changed = false;
  for (size_t i = current_.ops.size(); i-- > 0;) {
    const int more = std::max<int>(current_.ops[i].get(ArgId::kTimes), 1);
    Program without = without_ops({i});
    for (size_t j = without.ops.size(); j-- > 0;) {
      const int slot = arg_slot(without.ops[j].kind, ArgId::kTimes);
      if (slot < 0) continue;
      const int times = without.ops[j].get(ArgId::kTimes) + more;
      if (times > schema(without.ops[j].kind).args[static_cast<size_t>(slot)].max()) continue;
      Program candidate = without;
      candidate.ops[j].set(ArgId::kTimes, static_cast<uint8_t>(times));
      if (!adopt(std::move(candidate))) continue;
      changed = true;
      break;
    }
  }
  return changed;
}

// Drops an operation for a change in another one: where mmap() puts a mapping, an argument can say
// as well as another mapping that is in the way. One at a time: what it makes room for, the other
// passes drop in far fewer executions.
bool Minimizer::trade_ops() {
  for (size_t i = current_.ops.size(); i-- > 0;) {
    if (trade_op(i)) return true;
  }
  return false;
}

bool Minimizer::trade_op(size_t index) {
  const Program without = without_ops({index});
  for (size_t i = 0; i < without.ops.size(); i++) {
    for (const Op& other : variants_of(without.ops[i])) {
      if (trading_ >= options_.max_executions / 4) {
        stats_.out_of_budget = true;
        return false;
      }
      Program candidate = without;
      candidate.ops[i] = other;
      const int before = stats_.executions;
      const bool adopted = adopt(std::move(candidate));
      trading_ += stats_.executions - before;
      if (adopted) return true;
    }
  }
  return false;
}

}  // namespace vmafuzz::input
