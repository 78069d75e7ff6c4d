#include "run/schedules.h"

namespace vmafuzz::run {

Schedules::Schedules(Executor& executor, const input::Program& program, size_t near_directives,
                     uint64_t seed)
    : executor_(executor),
      rng_(seed),
      drawn_(program),
      nearby_(executor, program, near_directives, rng_.next()) {
  drawn_.directives.clear();
}

const Outcome& Schedules::run() {
  drawn_last_ = !drawn_last_;
  if (!drawn_last_) return nearby_.run();
  draw();
  RunOptions options;
  options.record = true;
  executor_.run(drawn_, options, &outcome_);
  return outcome_;
}

// As engines draw schedules, but for the operations.
void Schedules::draw() {
  input::Header& header = drawn_.header;
  header = input::Header{};
  header.strategy = input::Strategy::kPortfolio;
  header.seed = static_cast<uint32_t>(rng_.next());
  header.policy = static_cast<input::ReadPolicy>(rng_.below(input::kReadPolicyCount));
  header.policy_arg = static_cast<uint8_t>(1 + rng_.below(4));
  canonicalize(header);
}

}  // namespace vmafuzz::run
