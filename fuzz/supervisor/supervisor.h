// The loop of `vmafuzz fuzz`: see README.md for what a run is.
//
// One thread, one asio loop. Everything that may be interrupted by a crash, a signal or a full disk
// is in an order that the next start goes on with.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_SUPERVISOR_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_SUPERVISOR_H_

#include "fuzz/supervisor/plan.h"

namespace vmafuzz::supervisor {

// Runs the plan to its end and returns the exit status (fuzz/command.h): 1 if the run has any
// bucket, 0 if it has none, 2 or 3 if it could not begin.
int supervise(Plan plan);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_SUPERVISOR_H_
