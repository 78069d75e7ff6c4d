// Diagnosis: which order, check or lifetime would have prevented a finding?
//
// A minimal program is executed with one thing made stronger at a time: a barrier before each
// access of its trace (pairs of a write and a read barrier where no single one helps), and each
// rule in which its kernel differs from the merged one taken back, or what its mails asked for put
// in (pairs of rules likewise; the merged lookup as a whole where nothing else helps). A change
// counts if the finding is not met again, neither by the program itself nor by executions near it
// (nearby.h), of which so many are tried that the unchanged kernel would have shown it several
// times; and if it does not come down to refusing every lookup. That is evidence, not proof, and
// says how much there is of it.
#ifndef VMAFUZZ_RUN_DIAGNOSE_H_
#define VMAFUZZ_RUN_DIAGNOSE_H_

#include <string>
#include <vector>

#include "run/executor.h"

namespace vmafuzz::run {

struct DiagnoseOptions {
  int control = 2000;   // executions that tell how often the unchanged kernel shows it
  int most = 6000;      // executions of one change at most
  int confidence = 8;   // times that the unchanged kernel would have shown it
  int most_pairs = 60;  // pairs of barriers that are tried in full
  uint64_t seed = 1;
};

struct Diagnosis {
  int shown = 0;  // of `control` executions near the program
  int control = 0;
  int tried = 0;                      // executions of each change
  bool sequential = false;            // also where every load reads the newest store
  std::vector<std::string> barriers;  // each makes it disappear, alone or as a pair
  std::vector<std::string> rules;     // the same
  std::string after_marking;  // data races: what shows if the accesses are marked; "" nothing
  std::string verdict;        // that is diagnosed; "" none

  // For people, one finding a line.
  std::vector<std::string> lines() const;
};

// Of the finding that `program` shows on the executor's target; empty if it shows none, or is not
// in replay form. The executor is left as it was.
Diagnosis diagnose(Executor& executor, const input::Program& program,
                   const DiagnoseOptions& options = {});

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_DIAGNOSE_H_
