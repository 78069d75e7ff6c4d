// The harness's side of the model: operations of a program as calls of the model's functions, and
// the consumers that registrations leave behind.
#ifndef VMAFUZZ_RUN_WORLD_H_
#define VMAFUZZ_RUN_WORLD_H_

#include "input/op.h"

namespace vmafuzz::run {

// The beginning of an execution, with arena and kernel::rules set: two empty address spaces,
// nothing open, nothing registered.
void world_reset();

// Performs one operation on the current CPU. Errors of the modelled system calls are outcomes like
// any other; their number is mixed into the trace hash.
void perform(const input::Op& op);

// Alone, at the end: unregisters, closes and unmaps everything, and fails with `leak` if anything
// that should be gone is not.
void world_tear_down();

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_WORLD_H_
