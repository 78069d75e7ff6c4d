// What all fuzz targets that run programs have in common: LLVMFuzzerTestOneInput, as a worker of
// `vmafuzz fuzz` (worker.h) or alone, and the mutator, for any engine that speaks these names
// (target.cc). A program links it and says what is its own.
#ifndef VMAFUZZ_FUZZ_ENGINE_TARGET_H_
#define VMAFUZZ_FUZZ_ENGINE_TARGET_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "run/executor.h"

namespace vmafuzz::engine {

// --- defined by the program

// From now on inputs run on this executor (supervisor/engines.h). NotFound: this program has none
// of that name.
absl::Status use_executor(absl::string_view name);
// Without a supervisor: once, with the words of the command line, and for each input.
void start_alone(int argc, char** argv);
void run_alone(std::span<const uint8_t> bytes);

// --- for the program

// Ends it, as wrong usage does.
[[noreturn]] void refuse(const std::string& message);
// The kernel of that name; ends the program if there is none.
const variants::Kernel* kernel_or_refuse(const std::string& name);
// $NAME, or `otherwise` if it is not set.
std::string environment(const char* name, absl::string_view otherwise);
std::vector<std::string> split_list(absl::string_view text);  // "a,b"

}  // namespace vmafuzz::engine

#endif  // VMAFUZZ_FUZZ_ENGINE_TARGET_H_
