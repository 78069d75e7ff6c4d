// The operation that takes another one back: what a call has split it merges, what a call has
// unmapped it maps again, what a call has moved it moves home.
//
// Splits come by themselves, since most ranges end inside of a mapping; a merge needs two calls
// that fit. The kernel decides otherwise in the two: in a merge the survivor's fields and its
// neighbour's change one after the other, and VMAs go.
#ifndef VMAFUZZ_INPUT_REVERSAL_H_
#define VMAFUZZ_INPUT_REVERSAL_H_

#include <optional>

#include "input/program.h"

namespace vmafuzz::input {

// On the same cpu as `op`. Nothing where there is no such operation: for what leaves mappings
// alone, where no mmap of `program` covers the range, or where it would change nothing.
std::optional<Op> reversal_of(const Program& program, const Op& op);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_REVERSAL_H_
