// Searches for findings as the measurements do: scenarios of the corpus under drawn schedules, some
// of them mutated first. A function of the seed, but for the clock that may end it.
#ifndef VMAFUZZ_FUZZ_MEASURE_SEARCH_H_
#define VMAFUZZ_FUZZ_MEASURE_SEARCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "input/program.h"
#include "run/executor.h"

namespace vmafuzz::measure {

struct SearchLimits {
  uint64_t executions = UINT64_MAX;
  double seconds = 1e9;
};

struct SearchResult {
  uint64_t executions = 0;
  double seconds = 0;
  bool found = false;
  run::Outcome outcome;    // of the finding
  input::Program program;  // that has it
};

// Ends at the first finding for which wanted() says yes.
SearchResult search(run::Executor& executor, const std::vector<input::Program>& corpus,
                    uint64_t seed, const SearchLimits& limits,
                    const std::function<bool(const run::Outcome&)>& wanted);

// `count` programs of exactly `ops` operations each, the same ones every time: what rates are
// measured on.
std::vector<input::Program> programs_of_size(size_t ops, size_t count);

struct Rate {
  uint64_t executions = 0;
  uint64_t accesses = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // of this process, all threads
  int64_t grown_kb = 0;    // peak memory, since every program had its turn
};
// Each program again and again, each time with another seed.
Rate measure_rate(run::Executor& executor, const std::vector<input::Program>& programs,
                  double seconds);

}  // namespace vmafuzz::measure

#endif  // VMAFUZZ_FUZZ_MEASURE_SEARCH_H_
