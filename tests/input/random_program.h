// Random canonical programs for property tests.
#ifndef VMAFUZZ_TESTS_INPUT_RANDOM_PROGRAM_H_
#define VMAFUZZ_TESTS_INPUT_RANDOM_PROGRAM_H_

#include <cstdint>
#include <vector>

#include "input/program.h"
#include "input/rng.h"

namespace vmafuzz::input {

// Every field that bytes carry drawn uniformly; text-only fields empty.
Program random_program(Rng& rng);

// The same with story, kernel, bugs, options and expect.
Program random_text_program(Rng& rng);

std::vector<uint8_t> random_bytes(Rng& rng, size_t max_size);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_TESTS_INPUT_RANDOM_PROGRAM_H_
