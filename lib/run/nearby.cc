#include "run/nearby.h"

#include <algorithm>

#include "search/strategy.h"

namespace vmafuzz::run {

using input::Directive;
using input::DirectiveKind;

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

Nearby::Nearby(Executor& executor, const input::Program& around, size_t max_directives,
               uint64_t seed, bool sequential)
    : executor_(executor),
      bare_(around),
      around_(around),
      max_directives_(max_directives),
      sequential_(sequential),
      rng_(seed) {
  bare_.header = input::Header{};
  bare_.directives.clear();
  around_.header = input::Header{};
  if (sequential) {
    std::erase_if(around_.directives,
                  [](const Directive& d) { return d.kind == DirectiveKind::kStale; });
  }
}

const Outcome& Nearby::run() {
  if (around_.directives.empty() || max_directives_ == 0 || count_++ % 2 == 0) {
    run_sparse();
  } else {
    run_neighbour();
  }
  return outcome_;
}

void Nearby::execute(const input::Program& program, sim::Director* director) {
  RunOptions options = options_;
  options.record = true;
  if (strengthened_ != nullptr) {
    strengthened_->begin(director);
    director = strengthened_;
  }
  executor_.run(program, options, &outcome_, director);
}

void Nearby::run_sparse() {
  sparse_.begin(rng_.next(), max_directives_, steps_, sequential_ ? 0 : choices_);
  execute(bare_, &sparse_);
  steps_ = std::max(steps_, sparse_.steps());
  choices_ = std::max(choices_, sparse_.stale_choices());
}

void Nearby::run_neighbour() {
  candidate_ = around_;
  std::vector<Directive>& directives = candidate_.directives;
  while (directives.size() > max_directives_ || (directives.size() > 1 && rng_.chance(1, 6))) {
    directives.erase(directives.begin() + rng_.below(directives.size()));
  }
  for (Directive& d : directives) {
    if (rng_.chance(1, 2)) jitter(&d);
  }
  if (directives.size() < max_directives_ && !bare_.ops.empty() && rng_.chance(1, 2)) {
    directives.push_back(any_directive());
  }
  canonicalize(candidate_);
  replay_.begin(candidate_);
  execute(candidate_, &replay_);
}

void Nearby::jitter(Directive* directive) {
  const int distance = 1 + static_cast<int>(rng_.below(1u << rng_.below(6)));
  const int access = directive->access + (rng_.chance(1, 2) ? distance : -distance);
  directive->access = static_cast<uint16_t>(std::clamp<int>(access, 1, input::kMaxAccess));
  if (directive->kind == DirectiveKind::kStale && rng_.chance(1, 4)) {
    directive->arg = static_cast<uint8_t>(1 + rng_.below(3));
  }
}

// A preemption or a stale load anywhere.
Directive Nearby::any_directive() {
  Directive d;
  d.op = static_cast<uint16_t>(rng_.below(bare_.ops.size()));
  d.access = static_cast<uint16_t>(1 + rng_.below(search::expected_accesses(bare_.ops[d.op])));
  if (!sequential_ && rng_.chance(1, 2)) {
    d.kind = DirectiveKind::kStale;
    d.arg = static_cast<uint8_t>(1 + rng_.below(3));
  } else {
    d.arg = bare_.ops[rng_.below(bare_.ops.size())].cpu;
    d.arg = d.arg == 0 ? 0 : static_cast<uint8_t>(d.arg - 1);
  }
  return d;
}

}  // namespace vmafuzz::run
