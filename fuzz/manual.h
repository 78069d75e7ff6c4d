// The man page and the completion of the command line, made from the table of commands, so that
// they say what --help says.
#ifndef VMAFUZZ_FUZZ_MANUAL_H_
#define VMAFUZZ_FUZZ_MANUAL_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "fuzz/command.h"

namespace vmafuzz::command {

// What vmafuzz is for, and what its exit status means; also what `vmafuzz help` begins and ends
// with.
extern const char kPurpose[];
extern const char kExitStatusHelp[];

// A command that the launcher runs by itself.
struct LauncherCommand {
  const char* name;
  const char* summary;
};
absl::Span<const LauncherCommand> launcher_commands();

// vmafuzz(1) in the language of groff's man macros. `version` is named in the footer.
std::string man_page(absl::Span<const Command* const> commands, absl::string_view version);

// A script for bash. `values`: what may follow a flag of that name, whichever command it belongs
// to.
std::string bash_completion(absl::Span<const Command* const> commands,
                            const std::map<std::string, std::vector<std::string>>& values);

}  // namespace vmafuzz::command

#endif  // VMAFUZZ_FUZZ_MANUAL_H_
