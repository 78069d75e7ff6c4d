#include "run/reduce.h"

#include <algorithm>
#include <iterator>

namespace vmafuzz::run {

void SparseDirector::begin(uint64_t seed, size_t deviations, uint32_t steps,
                           uint32_t stale_choices) {
  rng_ = input::Rng(seed);
  deviations = std::min(deviations, kMost);
  stales_ = stale_choices == 0 ? 0 : rng_.below(deviations + 1);
  switches_ = deviations - stales_;
  for (size_t i = 0; i < switches_; ++i) switch_at_[i] = rng_.below(std::max(1u, steps));
  for (size_t i = 0; i < stales_; ++i) stale_at_[i] = rng_.below(std::max(1u, stale_choices));
  step_ = choice_ = 0;
}

sim::Decision SparseDirector::decide(const sim::Point& point) {
  sim::Decision decision;
  const uint32_t step = step_++;
  for (size_t i = 0; i < switches_; ++i) {
    if (switch_at_[i] != step) continue;
    const unsigned others = point.runnable & ~(1u << point.cpu);
    if (others == 0) return decision;
    unsigned pick = rng_.below(static_cast<uint64_t>(__builtin_popcount(others)));
    unsigned rest = others;
    for (; pick > 0; --pick) rest &= rest - 1;
    decision.preempt = static_cast<int8_t>(__builtin_ctz(rest));
    return decision;
  }
  return decision;
}

int SparseDirector::pick_store(const sim::Point&, int count) {
  const uint32_t choice = choice_++;
  for (size_t i = 0; i < stales_; ++i) {
    if (stale_at_[i] == choice)
      return 1 + static_cast<int>(rng_.below(static_cast<uint64_t>(count - 1)));
  }
  return 0;
}

namespace {

// The program in replay form. A strategy that switches at every access makes more decisions than a
// program has room for; then another execution of the same operations is looked for, by strategies
// that switch less, that ends in the same bucket.
input::Program replay_form(Executor& executor, const input::Program& program,
                           const std::string& bucket) {
  constexpr input::Strategy kSparing[] = {input::Strategy::kSticky, input::Strategy::kPct,
                                          input::Strategy::kSurw, input::Strategy::kUrw,
                                          input::Strategy::kPos};
  constexpr input::ReadPolicy kPolicies[] = {
      input::ReadPolicy::kNewest, input::ReadPolicy::kNewestStale, input::ReadPolicy::kOldestFresh};
  constexpr uint32_t kTries = 30000;
  RunOptions recorded;
  recorded.record = true;
  Outcome outcome;
  executor.run(program, recorded, &outcome);
  input::Program first = Executor::as_replay(program, outcome);
  if (outcome.directives.size() <= input::kMaxDirectives) return first;
  input::Program other = program;
  for (uint32_t i = 0; i < kTries; ++i) {
    input::Header& header = other.header;
    header.strategy = kSparing[i % std::size(kSparing)];
    header.policy = kPolicies[i / std::size(kSparing) % std::size(kPolicies)];
    header.policy_arg = takes_arg(header.policy) ? static_cast<uint8_t>(1 + i % 4) : uint8_t{0};
    header.permutation = static_cast<uint8_t>(i % input::kPermutationCount);
    header.seed = i;
    executor.run(other, recorded, &outcome);
    if (outcome.found && outcome.bucket == bucket &&
        outcome.directives.size() <= input::kMaxDirectives) {
      return Executor::as_replay(other, outcome);
    }
  }
  return first;
}

}  // namespace

absl::StatusOr<input::MinimizeResult> reduce(Executor& executor, const input::Program& program,
                                             const std::string& bucket,
                                             const input::MinimizeOptions& options) {
  Outcome outcome;
  RunOptions recorded;
  recorded.record = true;
  const input::Program replay =
      program.replay_form() ? program : replay_form(executor, program, bucket);
  const auto reproduce = [&](const input::Program& candidate) {
    executor.run(candidate, {}, &outcome);
    return outcome.found && outcome.bucket == bucket;
  };
  SparseDirector sparse;
  const auto search = [&](const input::SearchRequest& request) {
    input::SearchResult result;
    input::Program bare = request.program;
    bare.header = input::Header{};
    // Failures and the like are not drawn again: they belong to what is looked for.
    std::erase_if(bare.directives, [](const input::Directive& d) {
      return d.kind == input::DirectiveKind::kPreempt || d.kind == input::DirectiveKind::kStale;
    });
    if (!bare.directives.empty()) return result;
    uint32_t steps = 64;
    uint32_t choices = 8;
    for (; result.executions < request.max_executions; ++result.executions) {
      sparse.begin(request.seed + static_cast<uint64_t>(result.executions), request.max_directives,
                   steps, choices);
      executor.run(bare, recorded, &outcome, &sparse);
      steps = std::max(steps, sparse.steps());
      choices = std::max(choices, sparse.stale_choices());
      if (!outcome.found || outcome.bucket != bucket) continue;
      if (outcome.directives.size() > request.max_directives) continue;
      ++result.executions;
      result.found = Executor::as_replay(bare, outcome);
      break;
    }
    return result;
  };
  return input::minimize(replay, reproduce, search, options);
}

}  // namespace vmafuzz::run
