// A line parser written by hand: the form is small, and every message shall say line, column and
// what was expected there.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "input/text.h"
#include "input/text_line.h"

namespace vmafuzz::input {
namespace {

constexpr absl::string_view kSections[] = {"setup", "cpu0",    "cpu1", "cpu2",
                                           "cpu3",  "kworker", "rcu",  "timer"};
constexpr int kFirstContextSection = kCpuCount + 1;
static_assert(std::size(kSections) == kFirstContextSection + kContextCount);

constexpr absl::string_view kHeaderKeys[] = {"kernel", "bugs", "options", "expect", "search"};
enum HeaderKey { kKernel, kBugs, kOptions, kExpect, kSearch };

// Position of `text` in `words`, or nothing.
template <typename Words>
std::optional<int> index_of(const Words& words, absl::string_view text) {
  const auto it = std::find(std::begin(words), std::end(words), text);
  if (it == std::end(words)) return std::nullopt;
  return static_cast<int>(it - std::begin(words));
}

class Parser {
 public:
  Parser(absl::string_view text, const ParseOptions& options) : rest_(text), options_(options) {}

  absl::StatusOr<Program> run();

 private:
  using Check = ParseOptions::Check;

  absl::string_view take_line();
  absl::Status version_line();
  absl::Status body_line(absl::string_view raw);
  absl::Status header_or_section(TextLine& line, const Token& key);
  absl::Status section_line(TextLine& line, const Token& key, int section);
  absl::Status header_line(TextLine& line, const Token& key, int header);

  absl::Status single_name(TextLine& line, const Check& check, absl::string_view what,
                           std::string& out);
  absl::Status bug_list(TextLine& line);
  absl::Status option_list(TextLine& line);
  absl::Status search(TextLine& line);
  absl::Status search_item(TextLine& line, const Token& item, std::vector<std::string>& seen);
  absl::Status search_number(TextLine& line, const Token& item, absl::string_view value,
                             uint32_t max, uint8_t& out);

  absl::Status op_line(TextLine& line, const Token& name);
  absl::Status directive_line(TextLine& line, const Token& at);
  absl::Status directive_arg(TextLine& line, Directive& directive);
  absl::Status check(const TextLine& line, const Check& check, const Token& token);

  absl::string_view rest_;
  const ParseOptions& options_;
  int line_number_ = 0;
  bool in_story_ = true;
  int section_ = -1;
  int op_ = -1;                                    // in program_.ops, the last one of this section
  int header_lines_[std::size(kHeaderKeys)] = {};  // where each was seen, 0: not yet
  int section_lines_[std::size(kSections)] = {};
  Program program_;
};

absl::StatusOr<Program> Parser::run() {
  if (rest_.size() > kMaxTextBytes) {
    return TextLine("", options_.file, 1)
        .error(1, absl::StrCat("expected at most ", kMaxTextBytes, " bytes, found ", rest_.size()));
  }
  if (absl::Status status = version_line(); !status.ok()) return status;
  while (!rest_.empty()) {
    if (absl::Status status = body_line(take_line()); !status.ok()) return status;
  }
  canonicalize(program_);
  return std::move(program_);
}

absl::string_view Parser::take_line() {
  line_number_++;
  const size_t end = std::min(rest_.find('\n'), rest_.size());
  const absl::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return line;
}

absl::Status Parser::version_line() {
  const absl::string_view raw = absl::StripTrailingAsciiWhitespace(take_line());
  if (raw == kTextVersionLine) return absl::OkStatus();
  const absl::string_view prefix = kTextVersionLine.substr(0, kTextVersionLine.rfind('v'));
  TextLine line("", options_.file, line_number_);
  if (absl::StartsWith(raw, prefix)) {
    const Token version{raw.substr(prefix.size()), static_cast<int>(prefix.size()) + 1};
    return line.expected("version v1 (this program reads no other)", version);
  }
  return line.expected(absl::StrCat("the first line '", kTextVersionLine, "'"), Token{raw, 1});
}

absl::Status Parser::body_line(absl::string_view raw) {
  if (in_story_ && !raw.empty() && raw[0] == '#') {
    raw = absl::StripTrailingAsciiWhitespace(raw.substr(1));
    if (absl::StartsWith(raw, " ")) raw.remove_prefix(1);
    program_.story.emplace_back(raw);
    return absl::OkStatus();
  }
  TextLine line(raw, options_.file, line_number_);
  if (line.at_end()) return absl::OkStatus();
  in_story_ = false;
  if (line.peek().text[0] == '@') return directive_line(line, line.next());
  TextLine look_ahead = line;
  const Token key = look_ahead.next_until(':');
  if (absl::StartsWith(line.peek().text.substr(key.text.size()), ":") || key.text == ":") {
    return header_or_section(line, key);
  }
  return op_line(line, line.next());
}

absl::Status Parser::header_or_section(TextLine& line, const Token& key) {
  line.next_until(':');  // the key
  line.next_until(':');  // the colon
  if (const auto section = index_of(kSections, key.text)) {
    return section_line(line, key, *section);
  }
  if (const auto header = index_of(kHeaderKeys, key.text)) return header_line(line, key, *header);
  return line.expected(absl::StrCat("a header (", absl::StrJoin(kHeaderKeys, ", "),
                                    ") or a section (", absl::StrJoin(kSections, ", "), ")"),
                       key);
}

absl::Status Parser::section_line(TextLine& line, const Token& key, int section) {
  if (!line.at_end()) return line.expected("end of line", line.peek());
  if (section_lines_[section] != 0) {
    return line.error(key.column,
                      absl::StrCat("expected each section once, found '", key.text,
                                   "' again (first in line ", section_lines_[section], ")"));
  }
  section_lines_[section] = line_number_;
  section_ = section;
  op_ = -1;
  return absl::OkStatus();
}

absl::Status Parser::header_line(TextLine& line, const Token& key, int header) {
  if (section_ >= 0) {
    return line.error(key.column, absl::StrCat("expected header lines before the first section, "
                                               "found '",
                                               key.text, "' after it"));
  }
  if (header_lines_[header] != 0) {
    return line.error(key.column,
                      absl::StrCat("expected each header once, found '", key.text,
                                   "' again (first in line ", header_lines_[header], ")"));
  }
  header_lines_[header] = line_number_;
  switch (header) {
    case kKernel:
      return single_name(line, options_.check_kernel, "the name of a kernel", program_.kernel);
    case kBugs:
      return bug_list(line);
    case kOptions:
      return option_list(line);
    case kExpect:
      return single_name(line, options_.check_expect, "the name of a verdict, or none",
                         program_.expect);
    default:
      return search(line);
  }
}

absl::Status Parser::check(const TextLine& line, const Check& check, const Token& token) {
  if (!check) return absl::OkStatus();
  const absl::Status status = check(token.text);
  if (status.ok()) return status;
  return line.error(token.column, status.message());
}

// ---- Header lines ------------------------------------------------------------------------------

absl::Status Parser::single_name(TextLine& line, const Check& checker, absl::string_view what,
                                 std::string& out) {
  const Token name = line.next();
  if (!valid_name(name.text)) return line.expected(what, name);
  if (!line.at_end()) return line.expected("end of line", line.peek());
  out = std::string(name.text);
  return check(line, checker, name);
}

absl::Status Parser::bug_list(TextLine& line) {
  while (true) {
    const Token name = line.next_until(',');
    if (!valid_name(name.text)) return line.expected("the name of a bug", name);
    if (absl::Status status = check(line, options_.check_bug, name); !status.ok()) return status;
    if (index_of(program_.bugs, name.text)) return line.expected("each bug once", name);
    if (program_.bugs.size() == kMaxListedNames) {
      return line.expected(absl::StrCat("at most ", kMaxListedNames, " bugs"), name);
    }
    program_.bugs.emplace_back(name.text);
    if (line.at_end()) return absl::OkStatus();
    const Token comma = line.next_until(',');
    if (comma.text != ",") return line.expected("',' or end of line", comma);
  }
}

absl::Status Parser::option_list(TextLine& line) {
  constexpr absl::string_view kWanted = "options key=value, separated by spaces or commas";
  if (line.at_end()) return line.expected(kWanted, line.peek());
  std::vector<absl::string_view> keys;
  while (!line.at_end()) {
    const Token option = line.next_until(',');
    const size_t equals = std::min(option.text.find('='), option.text.size());
    const absl::string_view key = option.text.substr(0, equals);
    if (equals == option.text.size() || !valid_name(key) ||
        !valid_name(option.text.substr(equals + 1))) {
      return line.expected(kWanted, option);
    }
    if (index_of(keys, key)) return line.expected("each option once", option);
    if (keys.size() == kMaxListedNames) {
      return line.expected(absl::StrCat("at most ", kMaxListedNames, " options"), option);
    }
    if (absl::Status status = check(line, options_.check_option, option); !status.ok()) {
      return status;
    }
    keys.push_back(key);
    program_.options.emplace_back(option.text);
    if (absl::StartsWith(line.peek().text, ",")) line.next_until(',');
  }
  return absl::OkStatus();
}

std::string searching_strategies() {
  std::vector<absl::string_view> names;
  for (int i = 1; i < kStrategyCount; i++) names.push_back(strategy_name(static_cast<Strategy>(i)));
  return absl::StrJoin(names, ", ");
}

absl::Status Parser::search(TextLine& line) {
  const Token name = line.next();
  for (int i = 1; i < kStrategyCount; i++) {
    if (strategy_name(static_cast<Strategy>(i)) == name.text) {
      program_.header.strategy = static_cast<Strategy>(i);
    }
  }
  if (program_.replay_form()) {
    return line.expected(absl::StrCat("a strategy (", searching_strategies(), ")"), name);
  }
  std::vector<std::string> seen;
  while (!line.at_end()) {
    if (absl::Status status = search_item(line, line.next(), seen); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Parser::search_number(TextLine& line, const Token& item, absl::string_view value,
                                   uint32_t max, uint8_t& out) {
  const auto number = parse_decimal(value, max);
  const absl::string_view key = item.text.substr(0, item.text.find('='));
  if (!number) return line.expected(absl::StrCat(key, "=0..", max), item);
  out = static_cast<uint8_t>(*number);
  return absl::OkStatus();
}

std::optional<uint8_t> parse_cpu_order(absl::string_view digits) {
  for (uint8_t i = 0; i < kPermutationCount; i++) {
    if (absl::StrJoin(cpu_order(i), "") == digits) return i;
  }
  return std::nullopt;
}

absl::Status Parser::search_item(TextLine& line, const Token& item,
                                 std::vector<std::string>& seen) {
  Header& header = program_.header;
  const size_t equals = std::min(item.text.find('='), item.text.size());
  const absl::string_view key = item.text.substr(0, equals);
  const bool has_value = equals < item.text.size();
  const absl::string_view value = has_value ? item.text.substr(equals + 1) : "";

  std::optional<ReadPolicy> policy;
  for (int i = 0; i < kReadPolicyCount; i++) {
    if (read_policy_name(static_cast<ReadPolicy>(i)) == key) policy = static_cast<ReadPolicy>(i);
  }
  std::string slot = policy ? "read policy" : std::string(key);
  if (index_of(seen, slot)) return line.expected(absl::StrCat(slot, " at most once"), item);
  seen.push_back(std::move(slot));

  if (policy && has_value == takes_arg(*policy)) {
    header.policy = *policy;
    if (!has_value) return absl::OkStatus();
    return search_number(line, item, value, kMaxPolicyArg, header.policy_arg);
  }
  if (item.text == "eager") {
    header.eager = true;
    return absl::OkStatus();
  }
  if (key == "depth") return search_number(line, item, value, kMaxDepth, header.depth);
  if (key == "order") {
    const auto order = parse_cpu_order(value);
    if (!order) return line.expected("order= and the digits 0123 in some order", item);
    header.permutation = *order;
    return absl::OkStatus();
  }
  if (key == "seed") {
    const auto seed = parse_number(value);
    if (!seed) return line.expected("seed= and a number of 32 bits", item);
    header.seed = *seed;
    return absl::OkStatus();
  }
  return line.expected(
      "newest, newest-stale=D, oldest-fresh=D, geometric, uniform, eager, depth=N, order=DDDD or "
      "seed=N",
      item);
}

// ---- Operations --------------------------------------------------------------------------------

// "page=0..31", "mm0|mm1", "maymove".
std::string arg_hint(const ArgSchema& arg) {
  std::string values = arg.kind == ArgKind::kWord
                           ? absl::StrJoin(arg.words.begin(), arg.words.end(), "|")
                           : allowed_values(arg);
  if (arg.form == TextForm::kBare) return values;
  return absl::StrCat(arg.name, "=", values);
}

std::optional<uint8_t> parse_value(const ArgSchema& arg, absl::string_view text) {
  if (arg.kind == ArgKind::kNumber) {
    const auto number = parse_decimal(text, arg.max());
    if (!number || *number < arg.min) return std::nullopt;
    return static_cast<uint8_t>(*number);
  }
  const auto word = index_of(arg.words, text);
  if (!word) return std::nullopt;
  return static_cast<uint8_t>(*word);
}

// Arguments of one operation as they are read.
struct ArgReader {
  const OpSchema& row;
  Op& op;
  bool given[kMaxArgs] = {};

  // Hints for what may still come, or only for what must.
  std::string hints(bool required_only) const {
    std::vector<std::string> all;
    for (size_t i = 0; i < row.args.size(); i++) {
      if (!given[i] && !(required_only && row.args[i].optional)) {
        all.push_back(arg_hint(row.args[i]));
      }
    }
    return all.empty() ? "end of line" : absl::StrJoin(all, ", ");
  }

  absl::Status take(TextLine& line, const Token& token) {
    const size_t equals = std::min(token.text.find('='), token.text.size());
    const bool keyed = equals < token.text.size();
    for (size_t i = 0; i < row.args.size(); i++) {
      const ArgSchema& arg = row.args[i];
      std::optional<uint8_t> value;
      if (keyed) {
        if (arg.kind == ArgKind::kFlag || arg.name != token.text.substr(0, equals)) continue;
        value = parse_value(arg, token.text.substr(equals + 1));
        if (!value) return line.expected(arg_hint(arg), token);
      } else if (arg.kind == ArgKind::kFlag) {
        if (token.text == arg.name) value = 1;
      } else if (arg.form == TextForm::kBare) {
        value = parse_value(arg, token.text);
      }
      if (!value) continue;
      if (given[i]) return line.expected(absl::StrCat(arg.name, " at most once"), token);
      given[i] = true;
      op.arg[i] = *value;
      return absl::OkStatus();
    }
    return line.expected(hints(false), token);
  }
};

absl::Status Parser::op_line(TextLine& line, const Token& name) {
  const OpSchema* row = find_op(name.text);
  if (row == nullptr) {
    std::vector<absl::string_view> names;
    for (const OpSchema& op : all_ops()) names.push_back(op.name);
    return line.expected(absl::StrCat("an operation (", absl::StrJoin(names, ", "), ")"), name);
  }
  if (section_ < 0) {
    return line.expected("a section (setup:, cpu0: ...) before the first operation", name);
  }
  if (section_ >= kFirstContextSection) {
    return line.expected(
        absl::StrCat("a directive, '@N ...', as ", kSections[section_], " holds nothing else"),
        name);
  }
  if (program_.ops.size() == kMaxOps) {
    return line.expected(absl::StrCat("at most ", kMaxOps, " operations"), name);
  }
  Op op = simplest_op(row->kind, static_cast<uint8_t>(section_));
  ArgReader args{*row, op};
  while (!line.at_end()) {
    if (absl::Status status = args.take(line, line.next()); !status.ok()) return status;
  }
  for (size_t i = 0; i < row->args.size(); i++) {
    if (!args.given[i] && !row->args[i].optional) {
      return line.expected(args.hints(true), line.peek());
    }
  }
  op_ = static_cast<int>(program_.ops.size());
  program_.ops.push_back(op);
  return absl::OkStatus();
}

// ---- Directives --------------------------------------------------------------------------------

absl::Status Parser::directive_line(TextLine& line, const Token& at) {
  const bool in_context = section_ >= kFirstContextSection;
  if (op_ < 0 && !in_context) {
    return line.expected("an operation before its directives", at);
  }
  const auto access = parse_decimal(at.text.substr(1), kMaxAccess);
  if (!access || *access == 0) {
    return line.expected(absl::StrCat("an access number, '@1' to '@", kMaxAccess, "'"), at);
  }
  if (program_.directives.size() == kMaxDirectives) {
    return line.expected(absl::StrCat("at most ", kMaxDirectives, " directives"), at);
  }
  Directive directive;
  directive.op =
      static_cast<uint16_t>(in_context ? kFirstContext + (section_ - kFirstContextSection) : op_);
  directive.access = static_cast<uint16_t>(*access);
  const Token name = line.next();
  std::vector<absl::string_view> names;
  for (int i = 0; i < kDirectiveKindCount; i++) {
    names.push_back(directive_name(static_cast<DirectiveKind>(i)));
  }
  const auto kind = index_of(names, name.text);
  if (!kind) {
    return line.expected(absl::StrCat("a directive (", absl::StrJoin(names, ", "), ")"), name);
  }
  directive.kind = static_cast<DirectiveKind>(*kind);
  if (absl::Status status = directive_arg(line, directive); !status.ok()) return status;
  if (!line.at_end()) return line.expected("end of line", line.peek());
  program_.directives.push_back(directive);
  return absl::OkStatus();
}

absl::Status Parser::directive_arg(TextLine& line, Directive& directive) {
  const DirectiveArgRange range = arg_range(directive.kind);
  if (range.max == 0) return absl::OkStatus();
  const Token token = line.next();
  if (directive.kind == DirectiveKind::kPreempt) {
    std::vector<absl::string_view> names;
    for (int i = 0; i < kSwitchTargetCount; i++) {
      names.push_back(switch_target_name(static_cast<SwitchTarget>(i)));
    }
    const auto target = index_of(names, token.text);
    if (!target) return line.expected(absl::StrJoin(names, ", "), token);
    directive.arg = static_cast<uint8_t>(*target);
    return absl::OkStatus();
  }
  const bool hold = directive.kind == DirectiveKind::kHold;
  if (hold && token.text == "end") {
    directive.arg = kHoldEnd;
    return absl::OkStatus();
  }
  const uint32_t max = hold ? kHoldEnd - 1 : range.max;
  const auto number = parse_decimal(token.text, max);
  if (!number || *number < range.min) {
    return line.expected(hold ? absl::StrCat("a number of accesses 1..", max, ", or end")
                              : absl::StrCat("how many stores back, 1..", max),
                         token);
  }
  directive.arg = static_cast<uint8_t>(*number);
  return absl::OkStatus();
}

}  // namespace

bool valid_name(absl::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || !absl::ascii_isalnum(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '+' || c == '-';
  });
}

absl::StatusOr<Program> parse_text(absl::string_view text, const ParseOptions& options) {
  return Parser(text, options).run();
}

}  // namespace vmafuzz::input
