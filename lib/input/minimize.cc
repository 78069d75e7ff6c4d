#include "input/minimize.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "input/bytes.h"
#include "input/minimizer.h"

namespace vmafuzz::input {
namespace {

// How far an argument is from the value that says least.
uint32_t arg_weight(const ArgSchema& arg, uint8_t value) {
  return value == arg.simplest ? 0 : 1u + value - arg.min;
}

uint32_t op_weight(const Op& op) {
  uint32_t weight = op.cpu;
  const OpSchema& row = schema(op.kind);
  for (size_t i = 0; i < row.args.size(); i++) weight += arg_weight(row.args[i], op.arg[i]);
  return weight;
}

// "hold end" asks the reader to count nothing.
uint32_t directive_weight(const Directive& directive) {
  const bool counts = directive.kind == DirectiveKind::kHold && directive.arg != kHoldEnd;
  return counts ? directive.arg : 0;
}

}  // namespace

Size measure(const Program& program) {
  Size size;
  size.ops = program.ops.size();
  size.directives = program.directives.size();
  for (const Op& op : program.ops) size.weight += op_weight(op);
  for (const Directive& directive : program.directives) {
    if (directive.kind == DirectiveKind::kStale) size.staleness += directive.arg;
    if (directive.kind == DirectiveKind::kPreempt && directive.access != 1) size.off_boundary++;
    size.weight += directive_weight(directive);
  }
  return size;
}

bool Minimizer::adopt(Program candidate) {
  canonicalize(candidate);
  if (!(measure(candidate) < measure(current_))) return false;
  const std::vector<uint8_t> bytes = encode(candidate);
  std::string key(bytes.begin(), bytes.end());
  if (rejected_.contains(key)) {
    stats_.duplicates++;
    return false;
  }
  if (stats_.executions >= options_.max_executions || left_in_total() <= 0) {
    stats_.out_of_budget = true;
    return false;
  }
  stats_.executions++;
  if (!reproduce_(candidate)) {
    rejected_.insert(std::move(key));
    return false;
  }
  current_ = std::move(candidate);
  return true;
}

bool Minimizer::search(const Program& program, size_t max_directives, int executions) {
  // Of these operations once is enough: what other directives hint at is no other place to look.
  Program bare = program;
  bare.directives.clear();
  const std::vector<uint8_t> bytes = encode(bare);
  Searched& in_vain = searched_[std::string(bytes.begin(), bytes.end())];
  if (in_vain.max_directives >= max_directives && in_vain.executions >= executions) return false;

  // What a search finds is executed once more, to be believed.
  const int left =
      std::min(options_.max_search_executions - stats_.search_executions, left_in_total() - 1);
  if (left <= 0 || stats_.executions >= options_.max_executions) {
    stats_.out_of_budget = true;
    return false;
  }
  stats_.searches++;
  const SearchResult result =
      search_({program, max_directives, current_.directives.size(), std::min(left, executions),
               options_.seed + static_cast<uint64_t>(stats_.searches)});
  stats_.search_executions += result.executions;
  if (result.found.has_value() && result.found->replay_form()) {
    // Only the test is the search's; the story around it stays.
    Program candidate = current_;
    candidate.ops = result.found->ops;
    candidate.directives = result.found->directives;
    if (adopt(std::move(candidate))) {
      stats_.search_successes++;
      return true;
    }
  }
  in_vain = {max_directives, executions};
  return false;
}

// One less: a search with at most so many meets those with fewer as often as one that allows no
// more than these. None at all is what drop_directives() tries first.
bool Minimizer::search_with_fewer_directives() {
  const size_t now = current_.directives.size();
  return now >= 2 && search(current_, std::min(now - 1, options_.max_search_directives),
                            options_.executions_per_search);
}

// Without an operation the interleaving that showed the bug may be gone although another one shows
// it, perhaps with many more directives: operations count before directives, and what is too many
// is dropped afterwards. Several at once first: where all of them only take time, a schedule for
// what is left is found sooner than one for all but one of them.
bool Minimizer::search_with_fewer_ops() {
  for (size_t chunk = current_.ops.size() / 2; chunk > 0; chunk /= 2) {
    if (search_without(chunk)) return true;
  }
  return false;
}

// On it goes from where some were left out: those behind were tried.
bool Minimizer::search_without(size_t chunk) {
  bool changed = false;
  for (size_t end = current_.ops.size(); end >= chunk;) {
    std::vector<size_t> indices(chunk);
    std::iota(indices.begin(), indices.end(), end - chunk);
    const int share = options_.executions_without_ops / static_cast<int>(current_.ops.size());
    const int most = chunk == 1 ? std::max(share, 1) : options_.executions_without_several;
    changed |= search(without_ops(indices), kMaxDirectives, most);
    end = std::min(end - chunk, current_.ops.size());
  }
  return changed;
}

// What comes after a repetition that is left out has other numbers then: a lookup that only the
// second of two hits shows may as well be the first.
bool Minimizer::search_with_fewer_repetitions() {
  const size_t bound = std::min(current_.directives.size(), options_.max_search_directives);
  for (size_t i = 0; i < current_.ops.size(); i++) {
    const int times = current_.ops[i].get(ArgId::kTimes);
    if (arg_slot(current_.ops[i].kind, ArgId::kTimes) < 0) continue;
    for (const int fewer : std::set<int>{1, times - 1}) {
      if (fewer < 1 || fewer >= times) continue;
      Program candidate = current_;
      candidate.ops[i].set(ArgId::kTimes, static_cast<uint8_t>(fewer));
      if (search(candidate, bound, options_.executions_per_search)) return true;
    }
  }
  return false;
}

bool Minimizer::search_again() {
  return search_ && (search_with_fewer_directives() || search_with_fewer_ops() ||
                     search_with_fewer_repetitions());
}

// Every candidate here was executed in the last round already, so this asks the memory; it would
// also catch a pass that forgot one.
bool Minimizer::verify_one_minimal() {
  const bool budget_before = std::exchange(stats_.out_of_budget, false);
  bool smaller = false;
  for (size_t i = 0; i < current_.ops.size() && !smaller; i++) smaller = adopt(without_ops({i}));
  for (size_t i = 0; i < current_.directives.size() && !smaller; i++) {
    smaller = adopt(without_directives({i}));
  }
  stats_.one_minimal = !smaller && !stats_.out_of_budget;
  stats_.out_of_budget |= budget_before;
  return !smaller;
}

Program Minimizer::run() {
  do {
    while (round() || search_again() || trade_ops()) {
    }
  } while (!verify_one_minimal());
  return std::move(current_);
}

absl::StatusOr<MinimizeResult> minimize(const Program& program, const Reproduce& reproduce,
                                        const Search& search, const MinimizeOptions& options) {
  if (!program.replay_form()) {
    return absl::InvalidArgumentError(
        "only a program in replay form can be minimised: record the search first");
  }
  MinimizeResult result;
  Program start = program;
  canonicalize(start);
  result.stats.before = measure(start);
  result.stats.executions = 1;
  if (!reproduce(start)) {
    return absl::FailedPreconditionError("the program does not show the bug");
  }
  Minimizer minimizer(std::move(start), reproduce, search, options, result.stats);
  result.program = minimizer.run();
  result.stats.after = measure(result.program);
  return result;
}

}  // namespace vmafuzz::input
