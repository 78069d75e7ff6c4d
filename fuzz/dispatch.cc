// Help, and the way from a command line to the command that it names.
#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "fuzz/command.h"
#include "fuzz/manual.h"
#include "fuzz/nearest.h"

namespace vmafuzz::command {
namespace {

const Command* find_command(absl::Span<const Command* const> commands, absl::string_view name) {
  for (const Command* command : commands) {
    if (name == command->name) return command;
  }
  return nullptr;
}

void print_overview(absl::Span<const Command* const> commands, std::ostream& out) {
  out << "usage: ./vmafuzz COMMAND [ARGUMENT...]\n\n" << kPurpose << "\n";
  for (const Command* command : commands) {
    out << absl::StrFormat("  %-12s %s\n", command->name, command->summary);
  }
  for (const LauncherCommand& command : launcher_commands()) {
    out << absl::StrFormat("  %-12s %s\n", command.name, command.summary);
  }
  out << "\n" << kExitStatusHelp;
}

std::string flag_line(const Flag& flag) {
  std::string left = absl::StrCat("--", flag.name);
  if (flag.kind != FlagKind::kSwitch) absl::StrAppend(&left, " ", flag.value_name);
  std::string line = absl::StrFormat("  %-18s %s", left, flag.help);
  if (*flag.default_value != '\0') absl::StrAppend(&line, " (default ", flag.default_value, ")");
  return line;
}

void print_help(const Command& command, std::ostream& out) {
  out << "usage: ./vmafuzz " << command.name << (command.flags.empty() ? "" : " [FLAG...]")
      << (*command.operands != '\0' ? " " : "") << command.operands << "\n\n"
      << absl::StripTrailingAsciiWhitespace(command.description) << "\n";
  if (!command.flags.empty()) out << "\n";
  for (const Flag& flag : command.flags) out << flag_line(flag) << "\n";
  out << "\nexamples:\n";
  for (absl::string_view line : absl::StrSplit(command.examples, '\n', absl::SkipEmpty())) {
    out << "  " << line << "\n";
  }
}

int unknown_command(absl::Span<const Command* const> commands, absl::string_view name,
                    std::ostream& err) {
  if (name == "test") {
    err << "vmafuzz: `test` is the launcher's, which builds what it tests: ./vmafuzz test, in the "
           "repository\n";
    return kExitUsage;
  }
  std::vector<std::string> names = {"help", "test"};
  for (const Command* command : commands) names.push_back(command->name);
  const std::string near = nearest(name, names);
  err << "vmafuzz: unknown command \"" << name << "\": "
      << (near.empty() ? "`./vmafuzz help` lists the commands"
                       : absl::StrCat("did you mean `./vmafuzz ", near, "`?"))
      << "\n";
  return kExitUsage;
}

int help(absl::Span<const Command* const> commands, absl::Span<const std::string> words,
         std::ostream& out, std::ostream& err) {
  if (words.empty() || words[0] == "help") {
    print_overview(commands, out);
    return kExitOk;
  }
  const Command* command = find_command(commands, words[0]);
  if (command == nullptr) return unknown_command(commands, words[0], err);
  print_help(*command, out);
  return kExitOk;
}

}  // namespace

int dispatch(absl::Span<const Command* const> commands, const std::vector<std::string>& words,
             std::ostream& out, std::ostream& err) {
  if (words.empty()) {
    print_overview(commands, err);
    return kExitUsage;
  }
  const absl::Span<const std::string> rest = absl::MakeConstSpan(words).subspan(1);
  if (words[0] == "help") return help(commands, rest, out, err);
  if (words[0] == "--help" || words[0] == "-h") return help(commands, {}, out, err);
  if (words[0] == "--version") return dispatch(commands, {"version"}, out, err);

  const Command* command = find_command(commands, words[0]);
  if (command == nullptr) return unknown_command(commands, words[0], err);
  const auto end_of_flags = std::find(rest.begin(), rest.end(), "--");
  for (auto word = rest.begin(); word != end_of_flags; ++word) {
    if (*word == "--help" || *word == "-h") {
      print_help(*command, out);
      return kExitOk;
    }
  }
  const absl::StatusOr<Arguments> args = Arguments::parse(*command, rest);
  if (!args.ok()) {
    err << "vmafuzz " << command->name << ": " << args.status().message() << "\n";
    return kExitUsage;
  }
  return command->run(*args);
}

}  // namespace vmafuzz::command
