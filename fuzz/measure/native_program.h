// vmafuzz_tsan, the program that runs the model under ThreadSanitizer: where it is.
#ifndef VMAFUZZ_FUZZ_MEASURE_NATIVE_PROGRAM_H_
#define VMAFUZZ_FUZZ_MEASURE_NATIVE_PROGRAM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vmafuzz::measure {

// kMeasured: preset tsan's, if it is built. The model of an engine's build counts edges, which
// costs time.
enum class NativeBuild { kNewest, kMeasured };

// The one that was built last, of the presets that have it, below $VMAFUZZ_ROOT/build or beside
// this program's build folder. NotFound says how to build it.
absl::StatusOr<std::string> find_native_program(NativeBuild build = NativeBuild::kNewest);

// Runs it with the arguments and returns the first line that it prints, or all of it. Fails as
// output_of() does; Unavailable if there is none, too.
absl::StatusOr<std::string> first_line_of_native(const std::vector<std::string>& arguments,
                                                 NativeBuild build = NativeBuild::kNewest);
absl::StatusOr<std::string> output_of_native(const std::vector<std::string>& arguments,
                                             NativeBuild build = NativeBuild::kNewest);

// Becomes it. Returns only if that fails.
absl::Status become_native_program(const std::vector<std::string>& arguments);

}  // namespace vmafuzz::measure

#endif  // VMAFUZZ_FUZZ_MEASURE_NATIVE_PROGRAM_H_
