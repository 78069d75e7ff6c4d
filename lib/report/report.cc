#include "report/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "input/text.h"
#include "report/condense.h"
#include "report/directives.h"

namespace vmafuzz::report {
namespace {

// Whose address space to draw: the lookup's, or that of the last operation that names one.
int mm_of(const input::Program& program, uint16_t op) {
  if (op >= program.ops.size()) return 0;
  return program.ops[op].get(input::ArgId::kMm);
}

int page_of(const input::Program& program, uint16_t op) {
  if (op >= program.ops.size() || input::arg_slot(program.ops[op].kind, input::ArgId::kPage) < 0) {
    return -1;
  }
  return program.ops[op].get(input::ArgId::kPage);
}

std::string kernel_name(const run::Target& target) {
  std::string name(target.kernel->name);
  if (!target.bugs.empty()) absl::StrAppend(&name, ", bugs: ", absl::StrJoin(target.bugs, ", "));
  if (!target.options.empty()) {
    absl::StrAppend(&name, ", options: ", absl::StrJoin(target.options, " "));
  }
  return name;
}

void paragraph(std::string* text, const std::string& words, size_t width, size_t indent = 0) {
  for (const std::string& line : wrap_text(words, width, indent)) {
    absl::StrAppend(text, line, "\n");
  }
}

void list(std::string* text, absl::string_view title, const std::vector<std::string>& items,
          size_t width) {
  if (items.empty()) return;
  *text += '\n';
  paragraph(text, std::string(title), width);
  for (const std::string& item : items) paragraph(text, absl::StrCat("  - ", item), width, 4);
}

constexpr size_t kFileIndent = 4;

void append_replay(const Report& report, const ExplainOptions& options, std::string* text) {
  absl::StrAppend(text, "\nReplay\n");
  if (!options.file.empty()) {
    const std::string command = absl::StrCat("  ./vmafuzz replay ", report.replay_flags);
    const bool fits =
        command.size() + options.file.size() <= static_cast<size_t>(options.diagram.width);
    // For a shell it is one line either way.
    const std::string next = fits ? "" : absl::StrCat("\\\n", std::string(kFileIndent, ' '));
    absl::StrAppend(text, command, next, options.file, "\n");
    return;
  }
  absl::StrAppend(text, "  ./vmafuzz replay ", report.replay_flags, "FILE, where FILE holds\n\n");
  for (absl::string_view line : absl::StrSplit(input::print_text(report.program), '\n')) {
    if (!line.empty()) absl::StrAppend(text, "    ", line, "\n");
  }
}

// What whoever found it has written down: "Real threads show this in 12 of 1000 runs:".
std::string share_of_threads(const std::vector<std::string>& story) {
  for (absl::string_view line : story) {
    if (!absl::ConsumePrefix(&line, "Real threads show this in ")) continue;
    absl::ConsumeSuffix(&line, ":");
    return std::string(line);
  }
  return {};
}

}  // namespace

Report report_of(run::Executor& executor, const input::Program& program,
                 std::vector<std::string> diagnosis) {
  run::Outcome outcome;
  run::RunOptions options;
  options.record = true;
  options.trace = true;
  executor.run(program, options, &outcome);
  Report report;
  report.program = program.replay_form() ? program : run::Executor::as_replay(program, outcome);
  report.kernel = kernel_name(executor.target());
  report.timeline =
      make_timeline(sim::machine.trace(), sim::machine.verdict(), sim::machine.recorded());
  report.trace_hash = outcome.trace_hash;
  report.steps = outcome.steps;
  report.idle = program.replay_form() ? outcome.idle : 0;
  report.diagnosis = std::move(diagnosis);
  Failure& failure = report.timeline.failure;
  if (const oracle::Judge::Culprit& culprit = executor.judge().culprit();
      outcome.found && culprit.valid) {
    failure.lookup = Suspect{culprit.cpu, culprit.op, culprit.speculative, culprit.first_step,
                             culprit.last_step};
    report.mm = culprit.mm;
    report.marked_page = static_cast<int>(culprit.page);
  } else {
    report.mm = mm_of(program, failure.op);
    if (outcome.found) report.marked_page = page_of(program, failure.op);
  }
  report.picture =
      picture_rows(executor.judge().history(report.mm), !outcome.found || report.timeline.at_rest);
  condense(&report.timeline);
  report.sentence = sentence(report.timeline);
  report.deviations = directives_in_words(report.program, outcome, report.timeline);
  return report;
}

void show_elsewhere(Report* report, const std::string& verdict, const std::string& what,
                    const std::string& replay_flags) {
  Failure& failure = report->timeline.failure;
  const std::string here = failure.verdict.empty()
                               ? "finds nothing"
                               : absl::StrCat("ends in ", failure.verdict, " (", failure.what, ")");
  report->sentence = absl::StrCat(
      "ThreadSanitizer says so on real memory. The simulated machine runs the same operations with "
      "the same directives and ",
      here, "; its execution is what is drawn here.");
  // No step of the drawn execution is where it happened.
  failure = Failure{};
  failure.verdict = verdict;
  failure.what = what;
  report->timeline.at_rest = false;
  report->diagnosis.clear();
  report->replay_flags = replay_flags;
  if (report->by_chance()) report->share = share_of_threads(report->program.story);
}

int least_width(const Report& report, const ExplainOptions& options) {
  const int drawing =
      least_width(report.timeline, operation_names(report.program), options.diagram);
  return std::max(drawing, static_cast<int>(kFileIndent + options.file.size()));
}

std::string explain(const Report& report, const ExplainOptions& options) {
  const auto width = static_cast<size_t>(options.diagram.width);
  const Failure& failure = report.timeline.failure;
  std::string text;
  if (failure.verdict.empty()) {
    paragraph(&text, absl::StrCat("Nothing found on ", report.kernel, "."), width);
  } else {
    paragraph(&text, absl::StrCat(failure.verdict, " on ", report.kernel, ": ", failure.what),
              width, 2);
    text += '\n';
    paragraph(&text, report.sentence, width);
  }
  if (!report.picture.empty()) {
    absl::StrAppend(&text, "\nThe address space of mm", report.mm, "\n",
                    draw(report.picture, report.marked_page));
  }
  absl::StrAppend(&text, "\n",
                  diagram(report.timeline, operation_names(report.program), options.diagram));
  list(&text, "What deviates from running one CPU after the other", report.deviations, width);
  list(&text, "Diagnosis", report.diagnosis, width);
  append_replay(report, options, &text);
  return text;
}

}  // namespace vmafuzz::report
