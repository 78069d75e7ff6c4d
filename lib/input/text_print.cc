#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "input/text.h"

namespace vmafuzz::input {
namespace {

constexpr absl::string_view kSections[] = {"setup", "cpu0", "cpu1", "cpu2", "cpu3"};
static_assert(std::size(kSections) == kCpuCount + 1);

void append_story(std::string& text, const std::vector<std::string>& story) {
  for (const std::string& entry : story) {
    for (absl::string_view line : absl::StrSplit(entry, '\n')) {
      line = absl::StripTrailingAsciiWhitespace(line);
      absl::StrAppend(&text, line.empty() ? "#" : "# ", line, "\n");
    }
  }
}

std::string search_line(const Header& header) {
  std::string line = absl::StrCat("search: ", strategy_name(header.strategy));
  if (header.policy != ReadPolicy::kNewest) {
    absl::StrAppend(&line, " ", read_policy_name(header.policy));
    if (takes_arg(header.policy)) absl::StrAppend(&line, "=", static_cast<int>(header.policy_arg));
  }
  if (header.eager) absl::StrAppend(&line, " eager");
  if (header.depth != 0) absl::StrAppend(&line, " depth=", static_cast<int>(header.depth));
  if (header.permutation != 0) {
    absl::StrAppend(&line, " order=", absl::StrJoin(cpu_order(header.permutation), ""));
  }
  absl::StrAppend(&line, " seed=0x", absl::Hex(header.seed), "\n");
  return line;
}

void append_headers(std::string& text, const Program& program) {
  if (!program.kernel.empty()) absl::StrAppend(&text, "kernel: ", program.kernel, "\n");
  if (!program.bugs.empty()) {
    absl::StrAppend(&text, "bugs: ", absl::StrJoin(program.bugs, ", "), "\n");
  }
  if (!program.options.empty()) {
    absl::StrAppend(&text, "options: ", absl::StrJoin(program.options, " "), "\n");
  }
  if (!program.expect.empty()) absl::StrAppend(&text, "expect: ", program.expect, "\n");
  if (!program.replay_form()) text += search_line(program.header);
}

void append_directives(std::string& text, std::span<const Directive> directives,
                       absl::string_view indent) {
  for (const Directive& directive : directives) {
    absl::StrAppend(&text, indent, "@", directive.access, " ", directive_text(directive), "\n");
  }
}

// "mmap      mm0 page=4": the name padded, so that arguments of different operations line up.
std::string padded_op(const Op& op) {
  const std::string line = op_text(op);
  const auto space = line.find(' ');
  if (space == std::string::npos) return line;
  return absl::StrFormat("%-10s %s", line.substr(0, space), line.substr(space + 1));
}

}  // namespace

std::string print_text(const Program& program) {
  std::string text = absl::StrCat(kTextVersionLine, "\n");
  append_story(text, program.story);
  append_headers(text, program);
  int section = -1;
  for (size_t i = 0; i < program.ops.size(); i++) {
    const Op& op = program.ops[i];
    if (op.cpu != section) {
      section = op.cpu;
      absl::StrAppend(&text, kSections[section], ":\n");
    }
    absl::StrAppend(&text, "  ", padded_op(op), "\n");
    append_directives(text, directives_of(program, static_cast<uint16_t>(i)), "    ");
  }
  for (int i = 0; i < kContextCount; i++) {
    const auto context = static_cast<uint16_t>(kFirstContext + i);
    const auto directives = directives_of(program, context);
    if (directives.empty()) continue;
    absl::StrAppend(&text, context_name(context), ":\n");
    append_directives(text, directives, "  ");
  }
  return text;
}

}  // namespace vmafuzz::input
