#include "fuzz/measure/search.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "fuzz/program_file.h"
#include "input/mutate.h"

namespace vmafuzz::measure {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

int64_t peak_memory_kb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

SearchResult search(run::Executor& executor, const std::vector<input::Program>& corpus,
                    uint64_t seed, const SearchLimits& limits,
                    const std::function<bool(const run::Outcome&)>& wanted) {
  SearchResult result;
  input::Rng rng(seed * 0x9E3779B97F4A7C15ull + 1);
  const Clock::time_point begin = Clock::now();
  while (result.executions < limits.executions) {
    if ((result.executions & 15) == 0 && since(begin) > limits.seconds) break;
    result.program = corpus[rng.below(static_cast<uint32_t>(corpus.size()))];
    if (rng.chance(1, 2)) {
      for (uint32_t i = 1 + rng.below(4); i > 0; --i) input::mutate(result.program, rng);
    }
    result.program.directives.clear();
    input::Header& header = result.program.header;
    header.strategy = input::Strategy::kPortfolio;
    header.seed = static_cast<uint32_t>(rng.next());
    header.policy = static_cast<input::ReadPolicy>(rng.below(input::kReadPolicyCount));
    header.policy_arg = static_cast<uint8_t>(1 + rng.below(4));
    executor.run(result.program, {}, &result.outcome);
    ++result.executions;
    if (result.outcome.found && wanted(result.outcome)) {
      result.found = true;
      break;
    }
  }
  result.seconds = since(begin);
  return result;
}

std::vector<input::Program> programs_of_size(size_t ops, size_t count) {
  input::Rng rng(16);
  input::MutateOptions options;
  options.max_ops = ops;
  std::vector<input::Program> programs;
  while (programs.size() < count) {
    input::Program program = input::random_scenario(rng, options);
    for (int i = 0; i < 1000 && program.ops.size() != ops; ++i) {
      input::mutate(program, rng, options);
    }
    if (program.ops.size() != ops) continue;
    program.directives.clear();
    program.header.strategy = input::Strategy::kPortfolio;
    program.header.policy = input::ReadPolicy::kNewest;
    programs.push_back(std::move(program));
  }
  return programs;
}

Rate measure_rate(run::Executor& executor, const std::vector<input::Program>& programs,
                  double seconds) {
  Rate rate;
  run::Outcome outcome;
  input::Program program;
  const Clock::time_point begin = Clock::now();
  const double cpu = cpu_seconds();
  int64_t peak = 0;
  do {
    for (const input::Program& each : programs) {
      program = each;
      program.header.seed = static_cast<uint32_t>(rate.executions);
      executor.run(program, {}, &outcome);
      ++rate.executions;
      rate.accesses += outcome.steps;
    }
    if (peak == 0) peak = peak_memory_kb();
    rate.seconds = since(begin);
  } while (rate.seconds < seconds);
  rate.grown_kb = peak_memory_kb() - peak;
  rate.cpu_seconds = cpu_seconds() - cpu;
  return rate;
}

}  // namespace vmafuzz::measure
