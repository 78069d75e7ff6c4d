#include "fuzz/manual.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace vmafuzz::command {

const char kPurpose[] =
    "Finds stale uprobes, and other races of lockless VMA lookups, in the Linux kernel's\n"
    "protocols; replays them exactly, makes them small, and explains them.\n";

const char kExitStatusHelp[] =
    "Exit status: 0 nothing found, or the verdict that was expected; 1 a bug was found;\n"
    "2 wrong command line or input; 3 the machine lacks something, and the output names it.\n";

namespace {

constexpr LauncherCommand kLauncherCommands[] = {
    {"test", "builds with sanitizers and runs every test (by the launcher)"},
    {"help", "explains a command: ./vmafuzz help COMMAND"},
};

// Flags and variables of the launcher: the script `vmafuzz` says the same in its help.
constexpr struct {
  const char* name;
  const char* help;
} kLauncherFlags[] =
    {
        {"--no-install",
         "install nothing: name what is missing and the line that installs it, exit 3"},
        {"--preset NAME", "run the command from this CMake preset (dev, fuzz, release...)"},
},
  kVariables[] = {
      {"VMAFUZZ_NO_INSTALL=1", "as --no-install"},
      {"VMAFUZZ_CXX=COMPILER",
       "build with another compiler, clang 19 or newer (default clang++-19)"},
      {"VMAFUZZ_JOBS=N", "compile and test this many at a time (default: all CPUs)"},
};

// Text as text: what groff would take for a request, an escape or a typographic hyphen is not one.
std::string roff(absl::string_view text) {
  std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"},
                                                   {"-", "\\-"},
                                                   {"'", "\\(aq"},
                                                   {"`", "\\(ga"},
                                                   {"^", "\\(ha"},
                                                   {"~", "\\(ti"}});
  if (!escaped.empty() && escaped[0] == '.') escaped.insert(0, "\\&");
  return escaped;
}

// Sentences that were wrapped for a terminal, to be filled anew. Every line is escaped by itself.
std::string paragraph(absl::string_view text) {
  std::string filled;
  for (absl::string_view line : absl::StrSplit(absl::StripAsciiWhitespace(text), '\n')) {
    absl::StrAppend(&filled, line.empty() ? ".PP" : roff(line), "\n");
  }
  return filled;
}

std::string item(const std::string& name, const std::string& help) {
  return absl::StrCat(".TP\n.B ", roff(name), "\n", paragraph(help));
}

std::string flag_name(const Flag& flag) {
  return flag.kind == FlagKind::kSwitch ? absl::StrCat("--", flag.name)
                                        : absl::StrCat("--", flag.name, " ", flag.value_name);
}

std::string flag_help(const Flag& flag) {
  return *flag.default_value == '\0'
             ? flag.help
             : absl::StrCat(flag.help, " (default ", flag.default_value, ")");
}

std::string examples(absl::string_view lines) {
  std::string text = ".PP\nExamples:\n.PP\n.RS 4\n.nf\n";
  for (absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&text, roff(line), "\n");
  }
  return text + ".fi\n.RE\n";
}

std::string section(const Command& command) {
  std::string usage = command.name;
  if (!command.flags.empty()) usage += " [FLAG...]";
  if (*command.operands != '\0') absl::StrAppend(&usage, " ", command.operands);
  std::string text = absl::StrCat(".SS ", roff(usage), "\n", paragraph(command.description));
  for (const Flag& flag : command.flags) {
    absl::StrAppend(&text, item(flag_name(flag), flag_help(flag)));
  }
  return text + examples(command.examples);
}

// A word of bash between single quotes.
std::string quoted(absl::string_view word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

std::string words_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) absl::StrAppend(&text, text.empty() ? "" : " ", word);
  return quoted(text);
}

// What bash is to complete a value or an operand with: words, files, folders, or nothing.
std::string value_completion(const Flag& flag,
                             const std::map<std::string, std::vector<std::string>>& values) {
  const auto known = values.find(flag.name);
  const absl::string_view name = flag.value_name;
  if (known != values.end()) {
    return absl::StrCat(flag.kind == FlagKind::kList ? "list" : "words", " ",
                        words_of(known->second));
  }
  if (name == "FILE") return "files";
  if (name == "DIR" || name == "RUN") return "folders";
  return "nothing";
}

// "min|add PATH...": one of these words, and then paths.
std::string operand_completion(absl::string_view operands) {
  const std::vector<std::string> parts = absl::StrSplit(operands, absl::MaxSplits(' ', 1));
  if (absl::ascii_islower(static_cast<unsigned char>(parts[0][0]))) {
    return absl::StrCat("first ", words_of(absl::StrSplit(parts[0], '|')), " || _vmafuzz_",
                        operand_completion(parts.size() > 1 ? parts[1] : ""));
  }
  if (operands == "RUN" || operands == "DIR") return "folders";
  return operands.empty() ? "nothing" : "files";
}

constexpr char kCompletionHead[] =
    R"BASH(# bash completion of vmafuzz, made by `vmafuzz completion`.

# Each sets COMPREPLY to what may stand for $current.
_vmafuzz_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }
_vmafuzz_list() {
  local before=''
  [[ $current == *,* ]] && before=${current%,*},
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${current##*,}")
}
_vmafuzz_files() { mapfile -t COMPREPLY < <(compgen -f -- "$current"); }
_vmafuzz_folders() { mapfile -t COMPREPLY < <(compgen -d -- "$current"); }
_vmafuzz_nothing() { COMPREPLY=(); }
# The word after the command's, ${COMP_WORDS[i]}, is one of these; fails if one stands there already.
_vmafuzz_first() {
  local word
  for word in "${COMP_WORDS[@]:i + 1:COMP_CWORD - i - 1}"; do
    [[ " $1 " != *" $word "* ]] || return 1
  done
  _vmafuzz_words "$1"
}

# The value of a flag, given as "command --flag"; fails for flags without one.
_vmafuzz_value() {
  case $1 in
)BASH";

constexpr char kCompletionTail[] = R"BASH(
_vmafuzz() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' i
  # bash takes --flag=value for three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      --preset)
        [[ ${COMP_WORDS[++i]} != = ]] || ((++i))
        ;;
      -* | =) ;;
      *) command=${COMP_WORDS[i]} && break ;;
    esac
  done
  if [[ ! $command && $previous == --preset ]]; then
    _vmafuzz_words "$_vmafuzz_presets"
  elif [[ ! $command ]]; then
    _vmafuzz_words "$_vmafuzz_commands"
  elif [[ $previous == --* ]] && _vmafuzz_value "$command $previous"; then
    return
  elif [[ $current == -* ]]; then
    _vmafuzz_words "$(_vmafuzz_flags "$command")"
  else
    _vmafuzz_operand "$command"
  fi
}

complete -o filenames -F _vmafuzz vmafuzz
)BASH";

}  // namespace

absl::Span<const LauncherCommand> launcher_commands() { return kLauncherCommands; }

std::string man_page(absl::Span<const Command* const> commands, absl::string_view version) {
  std::string page = absl::StrCat(
      ".\\\" Made by `vmafuzz man` from the table of commands.\n.TH VMAFUZZ 1 \"\" \"vmafuzz ",
      roff(version),
      "\" \"User Commands\"\n.SH NAME\n"
      "vmafuzz \\- find races between VMA changes and lockless uprobe lookups\n"
      ".SH SYNOPSIS\n.B ./vmafuzz\n[\\-\\-no\\-install] [\\-\\-preset NAME]\n.I COMMAND\n"
      "[ARGUMENT...]\n.SH DESCRIPTION\n",
      paragraph(kPurpose),
      ".PP\nFlags may stand before or after operands, as \\-\\-name=VALUE or \\-\\-name VALUE;\n"
      "\\-\\- ends them. Every command takes \\-\\-help.\n.SH COMMANDS\n");
  for (const Command* command : commands) {
    absl::StrAppend(&page, item(command->name, command->summary));
  }
  for (const LauncherCommand& command : kLauncherCommands) {
    absl::StrAppend(&page, item(command.name, command.summary));
  }
  for (const Command* command : commands) absl::StrAppend(&page, section(*command));
  absl::StrAppend(&page, ".SH FLAGS OF THE LAUNCHER\n");
  for (const auto& flag : kLauncherFlags) absl::StrAppend(&page, item(flag.name, flag.help));
  absl::StrAppend(&page, ".SH ENVIRONMENT\n");
  for (const auto& variable : kVariables) {
    absl::StrAppend(&page, item(variable.name, variable.help));
  }
  return absl::StrCat(page, ".SH EXIT STATUS\n",
                      paragraph(absl::StripPrefix(kExitStatusHelp, "Exit status: ")));
}

std::string bash_completion(absl::Span<const Command* const> commands,
                            const std::map<std::string, std::vector<std::string>>& values) {
  std::vector<std::string> names = {"--help", "--version", "--no-install", "--preset"};
  std::string cases, flags, operands;
  for (const Command* command : commands) {
    names.emplace_back(command->name);
    std::vector<std::string> of_command = {"--help"};
    for (const Flag& flag : command->flags) {
      of_command.push_back(absl::StrCat("--", flag.name));
      if (flag.kind == FlagKind::kSwitch) continue;
      absl::StrAppend(&cases, "    ", quoted(absl::StrCat(command->name, " --", flag.name)),
                      ") _vmafuzz_", value_completion(flag, values), " ;;\n");
    }
    absl::StrAppend(&flags, "    ", command->name, ") echo ", words_of(of_command), " ;;\n");
    absl::StrAppend(&operands, "    ", command->name, ") _vmafuzz_",
                    operand_completion(command->operands), " ;;\n");
  }
  const auto known = values.find("preset");
  const std::vector<std::string> presets =
      known == values.end() ? std::vector<std::string>() : known->second;
  std::vector<std::string> topics;
  for (const Command* command : commands) topics.emplace_back(command->name);
  for (const LauncherCommand& command : kLauncherCommands) names.emplace_back(command.name);
  topics.emplace_back("test");
  return absl::StrCat(
      kCompletionHead, cases, "    *) return 1 ;;\n  esac\n}\n",
      "\n_vmafuzz_flags() {\n  case $1 in\n", flags,
      "  esac\n}\n\n_vmafuzz_operand() {\n  case $1 in\n", operands, "    help) _vmafuzz_words ",
      words_of(topics),
      " ;;\n    *) _vmafuzz_nothing ;;\n  esac\n}\n\n_vmafuzz_commands=", words_of(names),
      "\n_vmafuzz_presets=", words_of(presets), "\n", kCompletionTail);
}

}  // namespace vmafuzz::command
