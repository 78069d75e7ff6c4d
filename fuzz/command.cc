#include "fuzz/command.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "fuzz/nearest.h"

namespace vmafuzz::command {
namespace {

const Flag* find_flag(const Command& command, absl::string_view name) {
  for (const Flag& flag : command.flags) {
    if (name == flag.name) return &flag;
  }
  return nullptr;
}

// "did you mean --json?" or "see vmafuzz help doctor": what to do about a flag nobody knows.
std::string flag_remedy(const Command& command, absl::string_view name) {
  std::vector<std::string> known;
  for (const Flag& flag : command.flags) known.push_back(flag.name);
  const std::string near = nearest(name, known);
  if (!near.empty()) return absl::StrCat("did you mean --", near, "?");
  return absl::StrCat("`vmafuzz help ", command.name, "` lists its flags");
}

// Digits, or 0x and hexadecimal digits; no sign and no white space, which absl would allow.
bool parse_number(absl::string_view text, uint64_t* number) {
  if (absl::StartsWithIgnoreCase(text, "0x")) return absl::SimpleHexAtoi(text, number);
  return text.find_first_not_of("0123456789") == text.npos && absl::SimpleAtoi(text, number);
}

absl::Status check_value(const Flag& flag, absl::string_view value) {
  const char* expected = nullptr;
  absl::Duration duration;
  uint64_t number;
  if (value.empty()) {
    expected = "a value";
  } else if (flag.kind == FlagKind::kNumber && !parse_number(value, &number)) {
    expected = "a number from 0 to 2^64-1, such as 4 or 0x10";
  } else if (flag.kind == FlagKind::kDuration &&
             !(absl::ParseDuration(std::string(value), &duration) &&
               duration >= absl::ZeroDuration())) {
    expected = "a time with its unit, such as 90s, 30m or 8h";
  }
  if (expected == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", flag.name, ": \"", value, "\" is not ",
                                                 flag.value_name, "; it takes ", expected));
}

[[noreturn]] void wrong_use(absl::string_view command, absl::string_view flag) {
  std::fprintf(stderr, "vmafuzz: command %s reads flag --%s, which it does not declare so\n",
               std::string(command).c_str(), std::string(flag).c_str());
  std::abort();
}

}  // namespace

absl::StatusOr<Arguments> Arguments::parse(const Command& command,
                                           absl::Span<const std::string> words) {
  Arguments args(command);
  args.words_.assign(words.begin(), words.end());
  bool flags_ended = false;
  for (size_t next = 0; next < words.size();) {
    const absl::string_view word = words[next++];
    // A lone "-" is an operand: by custom, standard input.
    if (flags_ended || !absl::StartsWith(word, "-") || word == "-") {
      args.operands_.emplace_back(word);
    } else if (word == "--") {
      flags_ended = true;
    } else if (absl::Status status = args.add_flag(word, words, &next); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = args.check_operands(); !status.ok()) return status;
  return args;
}

absl::Status Arguments::add_flag(absl::string_view word, absl::Span<const std::string> words,
                                 size_t* next) {
  const size_t equals = word.find('=');
  absl::string_view name = word.substr(0, equals);
  const bool has_value = equals != word.npos;
  if (!absl::ConsumePrefix(&name, "--")) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown flag ", word,
                     ": flags are written out, as in --help; after -- an "
                     "argument that begins with - is no flag"));
  }
  const Flag* flag = find_flag(*command_, name);
  if (flag == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown flag --", name, ": ", flag_remedy(*command_, name)));
  }
  if (flag->kind == FlagKind::kSwitch) {
    if (has_value) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, " takes no value: leave out \"", word.substr(equals), "\""));
    }
    values_[flag->name] = "yes";
    return absl::OkStatus();
  }
  if (!has_value && *next == words.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", name, " needs a value: --", name, "=", flag->value_name));
  }
  const std::string value(has_value ? word.substr(equals + 1)
                                    : absl::string_view(words[(*next)++]));
  if (absl::Status status = check_value(*flag, value); !status.ok()) return status;
  std::string& stored = values_[flag->name];
  const bool append = flag->kind == FlagKind::kList && !stored.empty();
  stored = append ? absl::StrCat(stored, ",", value) : value;
  return absl::OkStatus();
}

absl::Status Arguments::check_operands() const {
  const size_t count = operands_.size();
  if (count < command_->min_operands) {
    return absl::InvalidArgumentError(
        absl::StrCat("too few arguments: it needs ", command_->operands));
  }
  if (count > command_->max_operands) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument \"", operands_[command_->max_operands], "\""));
  }
  return absl::OkStatus();
}

bool Arguments::has(absl::string_view name) const {
  const Flag* flag = find_flag(*command_, name);
  if (flag == nullptr) wrong_use(command_->name, name);
  return value_of(name, flag->kind) != nullptr || *flag->default_value != '\0';
}

const std::string* Arguments::value_of(absl::string_view name, FlagKind kind) const {
  const Flag* flag = find_flag(*command_, name);
  if (flag == nullptr || flag->kind != kind) wrong_use(command_->name, name);
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

bool Arguments::on(absl::string_view name) const {
  return value_of(name, FlagKind::kSwitch) != nullptr;
}

std::string Arguments::text(absl::string_view name) const {
  const std::string* value = value_of(name, FlagKind::kText);
  return value != nullptr ? *value : find_flag(*command_, name)->default_value;
}

uint64_t Arguments::number(absl::string_view name) const {
  const std::string* value = value_of(name, FlagKind::kNumber);
  uint64_t number = 0;
  parse_number(value != nullptr ? *value : find_flag(*command_, name)->default_value, &number);
  return number;
}

absl::Duration Arguments::duration(absl::string_view name) const {
  const std::string* value = value_of(name, FlagKind::kDuration);
  absl::Duration duration;
  absl::ParseDuration(value != nullptr ? *value : find_flag(*command_, name)->default_value,
                      &duration);
  return duration;
}

std::vector<std::string> Arguments::list(absl::string_view name) const {
  const std::string* value = value_of(name, FlagKind::kList);
  const std::string text = value != nullptr ? *value : find_flag(*command_, name)->default_value;
  return absl::StrSplit(text, ',', absl::SkipEmpty());
}

}  // namespace vmafuzz::command
