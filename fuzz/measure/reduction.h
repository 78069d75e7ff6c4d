// What `minimize` says and writes, on any executor.
#ifndef VMAFUZZ_FUZZ_MEASURE_REDUCTION_H_
#define VMAFUZZ_FUZZ_MEASURE_REDUCTION_H_

#include <string>

#include "absl/status/status.h"
#include "input/minimize.h"

namespace vmafuzz::measure {

// As --executions asks for it: candidates and searches together take no more.
input::MinimizeOptions at_most(uint64_t executions);

// "9 operations and 4 directives became 3 and 1 in 812 executions; removing any one loses the bug"
std::string in_words(const input::MinimizeStats& stats);

// Fails if write_program() would for want of a folder or of permission; leaves the file as it is.
absl::Status check_writable(const std::string& path);

// As text, to standard output if path is "".
absl::Status write_program(const input::Program& program, const std::string& path);

}  // namespace vmafuzz::measure

#endif  // VMAFUZZ_FUZZ_MEASURE_REDUCTION_H_
