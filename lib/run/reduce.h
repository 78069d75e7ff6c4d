// From a finding to its smallest form: record, thin out, minimise.
#ifndef VMAFUZZ_RUN_REDUCE_H_
#define VMAFUZZ_RUN_REDUCE_H_

#include "absl/status/statusor.h"
#include "input/minimize.h"
#include "run/executor.h"

namespace vmafuzz::run {

// The smallest program in replay form that ends in the same bucket on the executor's target. Fails
// if `program` (in any form) does not end in `bucket` itself.
absl::StatusOr<input::MinimizeResult> reduce(Executor& executor, const input::Program& program,
                                             const std::string& bucket,
                                             const input::MinimizeOptions& options = {});

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_REDUCE_H_
