// The commands of `vmafuzz`: how one is described, how its command line is parsed, how it is run.
//
// A command is one file fuzz/commands/NAME.cc that defines one `const Command`, and one line in
// fuzz/commands/table.cc. Everything a user sees of its command line (help, defaults, errors)
// comes from that description, so that no command parses or prints flags itself:
//
//     constexpr Flag kFlags[] = {
//         {"for", FlagKind::kDuration, "TIME", "", "stop after TIME, such as 90s or 8h"},
//         {"json", FlagKind::kSwitch, "", "", "print one JSON object"},
//     };
//     int run(const Arguments& args) { if (args.has("for")) ... args.duration("for") ... }
//     const Command kFuzz = {.name = "fuzz", ..., .flags = kFlags, .run = run};
//
// Flags may stand before or after operands, as --name=VALUE or --name VALUE; `--` ends them.
// Values are checked against the kind of their flag before the command runs, so reading one
// cannot fail. Not thread-safe, and used before any thread starts.
#ifndef VMAFUZZ_FUZZ_COMMAND_H_
#define VMAFUZZ_FUZZ_COMMAND_H_

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace vmafuzz::command {

// What the process ends with; scripts rely on these numbers.
enum ExitStatus : int {
  kExitOk = 0,           // nothing found, or the verdict that was expected
  kExitBugFound = 1,     // a bug was found
  kExitUsage = 2,        // the command line or an input file is wrong
  kExitEnvironment = 3,  // the machine lacks something; the output names it
};

enum class FlagKind {
  kSwitch,    // present or not, takes no value
  kText,      // any text
  kNumber,    // an unsigned integer, decimal or 0x...
  kDuration,  // a number with a unit, as absl::ParseDuration reads it: 90s, 1h30m
  kList,      // comma-separated texts; giving the flag again appends
};

struct Flag {
  const char* name;  // without the dashes
  FlagKind kind;
  const char* value_name;     // stands for the value in help and errors; "" for a switch
  const char* default_value;  // in the form a user would write; "" if there is none
  const char* help;           // one line, no full stop
};

class Arguments;

struct Command {
  const char* name;
  const char* summary;      // one line for the list of commands, no full stop
  const char* operands;     // what may follow the flags, as help shows it: "FILE..."; "" for none
  const char* description;  // sentences, wrapped at 90 columns or less
  const char* examples;     // command lines, one a line, each beginning with ./vmafuzz
  absl::Span<const Flag> flags;
  size_t min_operands;
  size_t max_operands;  // kAnyNumber if there is no limit
  int (*run)(const Arguments& args);
};

inline constexpr size_t kAnyNumber = SIZE_MAX;

// The parsed command line of one command. Asking for a flag that the command does not declare, or
// as another kind, is a mistake in the program and ends it.
class Arguments {
 public:
  // Fails with kInvalidArgument, and a message that names the argument and what to write instead.
  static absl::StatusOr<Arguments> parse(const Command& command,
                                         absl::Span<const std::string> words);

  // True if the user gave the flag, or it has a default.
  bool has(absl::string_view flag) const;

  // The values; zero, empty or false if there is neither a value nor a default.
  bool on(absl::string_view flag) const;
  std::string text(absl::string_view flag) const;
  uint64_t number(absl::string_view flag) const;
  absl::Duration duration(absl::string_view flag) const;
  std::vector<std::string> list(absl::string_view flag) const;

  const std::vector<std::string>& operands() const { return operands_; }
  // As they were given, without the command's name.
  const std::vector<std::string>& words() const { return words_; }

 private:
  explicit Arguments(const Command& command) : command_(&command) {}

  absl::Status add_flag(absl::string_view word, absl::Span<const std::string> words, size_t* next);
  absl::Status check_operands() const;
  const std::string* value_of(absl::string_view flag, FlagKind kind) const;

  const Command* command_;
  std::map<std::string, std::string, std::less<>> values_;  // checked, by name of the flag
  std::vector<std::string> operands_;
  std::vector<std::string> words_;
};

// Every command, in the order in which help lists them (fuzz/commands/table.cc).
absl::Span<const Command* const> all_commands();

// Runs the command that `words` (the command line without the program's name) names, or prints
// help. Help that was asked for goes to `out`, errors go to `err`. Returns the exit status.
int dispatch(absl::Span<const Command* const> commands, const std::vector<std::string>& words,
             std::ostream& out, std::ostream& err);

// What main() does: dispatch() on the standard streams. What could not be written to standard
// output is told, and makes kExitOk kExitEnvironment.
int run_program(absl::Span<const Command* const> commands, int argc, char** argv);

}  // namespace vmafuzz::command

#endif  // VMAFUZZ_FUZZ_COMMAND_H_
