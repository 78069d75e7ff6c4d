// What another program prints.
#ifndef VMAFUZZ_FUZZ_MEASURE_OUTPUT_OF_H_
#define VMAFUZZ_FUZZ_MEASURE_OUTPUT_OF_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vmafuzz::measure {

enum class Stream { kOutput, kErrors };

// Runs the program (words[0], by its path) to its end and returns what it wrote to its standard
// output, or to its standard error (its output then goes nowhere). It ends when this process does.
// Where it printed nothing, or a signal ended it: Unavailable if that says nothing about what it
// was asked (it cannot be started, lacks something, was killed by somebody else), Internal if it is
// its own fault.
absl::StatusOr<std::string> output_of(const std::vector<std::string>& words, Stream stream);

}  // namespace vmafuzz::measure

#endif  // VMAFUZZ_FUZZ_MEASURE_OUTPUT_OF_H_
