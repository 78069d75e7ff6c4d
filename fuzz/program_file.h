// Program files as commands take them: text (.repro) or bytes, told apart by what is in them, or by
// the file's name.
#ifndef VMAFUZZ_FUZZ_PROGRAM_FILE_H_
#define VMAFUZZ_FUZZ_PROGRAM_FILE_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "input/program.h"
#include "run/executor.h"

namespace vmafuzz::command {

// Runs on this where nothing names a kernel.
inline constexpr absl::string_view kDefaultKernel = "6.18";

// The content of a file, or of standard input for "-"; reading stops soon after `most` bytes.
// NotFound names the file and the reason.
absl::StatusOr<std::string> read_file(const std::string& path, size_t most = SIZE_MAX);

// True for what somebody wrote, whether it is a program or not: every byte string can be decoded,
// so that a text with something amiss would silently be another program, which finds nothing.
// Engines practically never make bytes without a control character and with a word in them; what is
// no longer than the header of such bytes is never text.
bool is_text(absl::string_view content);

// Text is parsed with every name checked (kernels, bugs, options, verdicts); anything else is
// decoded. Errors name file, line and column. Fails on what is larger than a program can be.
absl::StatusOr<input::Program> read_program(const std::string& path);

// Where the repository's own `name` (a file or folder of it) is: in $VMAFUZZ_ROOT, or here.
std::string in_repository(absl::string_view name);

// Every *.repro of a folder, by name. NotFound if there is none.
absl::StatusOr<std::vector<input::Program>> read_scenarios(const std::string& folder);

// What the program is to be run on: `kernel` if it is not empty, else the program's own, else
// kDefaultKernel. Fails on unknown names.
absl::StatusOr<run::Target> target_of(const input::Program& program, absl::string_view kernel);

// Whether runs of the program ended as its file says: `found` are the verdicts that came out, of
// one run or of several, not all of which need find something. The program expects nothing to be
// found if it says "expect: none" or says nothing.
bool as_expected(const input::Program& program, const std::set<std::string>& found);

}  // namespace vmafuzz::command

#endif  // VMAFUZZ_FUZZ_PROGRAM_FILE_H_
