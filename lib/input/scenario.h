// What programs begin as and are cut to, shared by all that makes new ones. random_scenario()
// itself is declared in mutate.h.
#ifndef VMAFUZZ_INPUT_SCENARIO_H_
#define VMAFUZZ_INPUT_SCENARIO_H_

#include <cstddef>

#include "input/mutate.h"
#include "input/program.h"
#include "input/rng.h"

namespace vmafuzz::input {

// Repeats an operation until there are 2 to 16 like it, mostly a power of two; those count that
// change the mappings of the same mm, if it is such a one, where they can come during one lookup.
// Or, for such a one, until there are 8 to 128 write sections of the mm, by a brk() that moves
// nothing: then true.
bool repeat(Program& program, size_t index, const MutateOptions& options, Rng& rng);

// Makes a program canonical and no longer than the options allow.
void enforce_limits(Program& program, const MutateOptions& options);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_SCENARIO_H_
