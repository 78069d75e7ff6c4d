#include "report/mail.h"

#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "input/text.h"
#include "report/directives.h"
#include "report/interleaving.h"
#include "report/listing.h"

namespace vmafuzz::report {
namespace {

constexpr size_t kWidth = 79;
constexpr char kAnyName[] = "finding.repro";
constexpr size_t kMostColumns = 2;  // of CPUs side by side

void paragraph(std::string* text, absl::string_view words, size_t indent = 0) {
  for (const std::string& line : wrap_text(std::string(words), kWidth, indent)) {
    absl::StrAppend(text, line, "\n");
  }
}

void fact(std::string* text, absl::string_view name, absl::string_view words) {
  if (words.empty()) return;
  constexpr size_t kNames = 10;
  std::vector<std::string> lines = wrap_text(std::string(words), kWidth - kNames, 0);
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string left = i == 0 ? absl::StrCat(name, ":") : "";
    absl::StrAppend(text, left, std::string(kNames - left.size(), ' '), lines[i], "\n");
  }
}

// "2 preemptions, 1 stale load": what makes the difference to running one CPU after the other.
std::string depth(const Report& report) {
  std::map<input::DirectiveKind, int> counts;
  for (const input::Directive& directive : report.program.directives) ++counts[directive.kind];
  std::vector<std::string> parts;
  for (const auto& [kind, count] : counts) {
    absl::string_view one = "?";
    switch (kind) {
      case input::DirectiveKind::kPreempt:
        one = "preemption";
        break;
      case input::DirectiveKind::kStale:
        one = "stale load";
        break;
      case input::DirectiveKind::kTear:
        one = "torn load";
        break;
      case input::DirectiveKind::kReload:
        one = "repeated load";
        break;
      case input::DirectiveKind::kFail:
        one = "failing step";
        break;
      case input::DirectiveKind::kHold:
        one = "delayed callback";
        break;
      case input::DirectiveKind::kExpire:
        one = "timer";
        break;
    }
    parts.push_back(absl::StrCat(count, " ", one, count == 1 ? "" : "s"));
  }
  if (report.idle > 0) parts.push_back(absl::StrCat(report.idle, " of them without effect"));
  return parts.empty() ? "nothing but the order of the operations" : absl::StrJoin(parts, ", ");
}

void append_diagram(const Report& report, std::string* text) {
  const std::vector<std::string> operations = operation_names(report.program);
  const Interleaving picture = interleaving_of(report.timeline, operations);
  *text += '\n';
  if (picture.lanes.size() <= kMostColumns) {
    absl::StrAppend(text, diagram(report.timeline, operations));
  } else {
    absl::StrAppend(text, listing(picture, kWidth));
  }
}

void append_list(absl::string_view title, const std::vector<std::string>& items,
                 std::string* text) {
  if (items.empty()) return;
  absl::StrAppend(text, "\n", title, "\n");
  for (const std::string& item : items) paragraph(text, absl::StrCat("  - ", item), 4);
}

bool is_prose(absl::string_view line) {
  return line.size() > 2 && line[0] == '#' && line[2] != ' ';
}

// A comment that is too wide is filled anew, with what follows it; other lines are as they are.
std::string program_text(const input::Program& program) {
  const std::string printed = input::print_text(program);
  const std::vector<absl::string_view> lines =
      absl::StrSplit(absl::StripSuffix(printed, "\n"), '\n');
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].size() <= kWidth || !is_prose(lines[i])) {
      absl::StrAppend(&text, lines[i], "\n");
      continue;
    }
    std::string words;
    for (; i < lines.size() && is_prose(lines[i]); ++i) absl::StrAppend(&words, lines[i].substr(1));
    --i;
    for (const std::string& part : wrap_text(words, kWidth - 1, 1)) {
      absl::StrAppend(&text, "#", part, "\n");
    }
  }
  return text;
}

// Real threads meet when they happen to meet: no run is the same as the one before.
std::string how_it_replays(const Report& report) {
  if (!report.by_chance()) return "To replay it, on any machine, to the last access";
  if (report.share.empty()) {
    return "To replay it on real threads, which show it in some runs and not in others";
  }
  return absl::StrCat("To replay it on real threads, which showed it in ", report.share,
                      " where it was found; how often elsewhere depends on the machine");
}

void append_replay(const Report& report, const MailOptions& options, std::string* text) {
  std::string file = options.file.empty() ? kAnyName : options.file;
  std::string command = absl::StrCat("  ./vmafuzz replay ", report.replay_flags);
  // A command must be one line; what the reader calls the program is of no importance.
  if (command.size() + file.size() > kWidth) file = kAnyName;
  *text += '\n';
  paragraph(text, how_it_replays(report));
  absl::StrAppend(text, command, file, "\n");
  paragraph(text, absl::StrCat("where ", file, " holds"));
  absl::StrAppend(text, "\n---8<---\n", program_text(report.program), "--->8---\n");
}

}  // namespace

std::string mail(const Report& report, const MailOptions& options) {
  const Failure& failure = report.timeline.failure;
  const bool found = !failure.verdict.empty();
  std::string text;
  paragraph(&text,
            absl::StrCat("Subject: vmafuzz: ", found ? failure.verdict : "nothing found", " on ",
                         report.kernel),
            1);
  text += '\n';
  fact(&text, "kernel", report.kernel);
  fact(&text, "source", options.source);
  fact(&text, "verdict", found ? absl::StrCat(failure.verdict, ": ", failure.what) : "none");
  if (found) fact(&text, "needs", depth(report));
  fact(&text, "found", options.found);
  fact(&text, "vmafuzz", options.version);
  if (found) {
    text += '\n';
    paragraph(&text, report.sentence);
  }
  if (!report.picture.empty()) {
    absl::StrAppend(&text, "\nThe address space of mm", report.mm, "\n",
                    draw(report.picture, report.marked_page));
  }
  append_diagram(report, &text);
  append_list("What deviates from running one CPU after the other", report.deviations, &text);
  append_list("Diagnosis", report.diagnosis, &text);
  append_replay(report, options, &text);
  return text;
}

}  // namespace vmafuzz::report
