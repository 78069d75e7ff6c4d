// `vmafuzz explain`: what happens in an execution, and why its result is wrong.
#include <filesystem>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "fuzz/version.h"
#include "report/directives.h"
#include "report/html.h"
#include "report/interleaving.h"
#include "report/mail.h"
#include "report/report.h"
#include "report/svg.h"
#include "run/diagnose.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"kernel", FlagKind::kText, "KERNEL", "", "run on KERNEL instead of the one in the file"},
    {"full", FlagKind::kSwitch, "", "", "draw every access, not only those that matter"},
    {"width", FlagKind::kNumber, "COLUMNS", "", "width of the text; else 79, or what it takes"},
    {"json", FlagKind::kSwitch, "", "", "print one JSON object, with the whole trace"},
    {"mail", FlagKind::kSwitch, "", "", "plain text below 80 columns, for a mailing list"},
    {"svg", FlagKind::kSwitch, "", "", "the interleaving as a picture"},
    {"narrow", FlagKind::kSwitch, "", "", "with --svg: for 390 pixels instead of 1160"},
    {"html", FlagKind::kSwitch, "", "", "everything as one page for a browser"},
};

constexpr uint64_t kUsualWidth = 79;
constexpr uint64_t kNarrowest = 40;
constexpr uint64_t kWidest = 1000;

int refuse(const absl::Status& status) {
  std::cerr << "vmafuzz explain: " << status.message() << "\n";
  return kExitUsage;
}

uint64_t width_of(const Arguments& args) {
  return args.has("width") ? args.number("width") : kUsualWidth;
}

absl::Status check(const Arguments& args) {
  const uint64_t width = width_of(args);
  if (width < kNarrowest || width > kWidest) {
    return absl::InvalidArgumentError("--width takes a number from 40 to 1000");
  }
  std::vector<std::string> forms;
  for (const char* form : {"json", "mail", "svg", "html"}) {
    if (args.on(form)) forms.push_back(absl::StrCat("--", form));
  }
  if (forms.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(absl::StrJoin(forms, " and "), ": one form of output at a time"));
  }
  if (args.on("narrow") && !args.on("svg")) {
    return absl::InvalidArgumentError("--narrow is for --svg; pages fit every width");
  }
  return absl::OkStatus();
}

std::string picture(const report::Report& report, const Arguments& args) {
  report::SvgOptions options;
  options.standalone = true;
  options.narrow = args.on("narrow");
  if (options.narrow) options.width = report::kNarrowWidth;
  options.title = report.sentence.empty() ? "Nothing found" : report.sentence;
  return report::svg_interleaving(
      report::interleaving_of(report.timeline, report::operation_names(report.program),
                              args.on("full")),
      options);
}

std::string page(const report::Report& report, const Arguments& args, const std::string& file) {
  report::FindingOptions options;
  options.file = file;
  options.full = args.on("full");
  options.facts = {{"vmafuzz", version_and_commit()}};
  const std::string& verdict = report.timeline.failure.verdict;
  const std::string title =
      absl::StrCat(verdict.empty() ? "nothing found" : verdict, " on ", report.kernel);
  return report::html_page(title, report::html_finding(report, options));
}

std::string letter(const report::Report& report, const run::Target& target,
                   const std::string& file) {
  report::MailOptions options;
  options.file = std::filesystem::path(file).filename().string();
  options.version = version_and_commit();
  options.source = std::string(target.kernel->source);
  return report::mail(report, options);
}

int print_text(const report::Report& report, const Arguments& args, const std::string& file) {
  report::ExplainOptions options;
  options.diagram.full = args.on("full");
  options.diagram.width = static_cast<int>(width_of(args));
  options.file = file;
  // Who did not ask for a width gets what it takes.
  const int least = report::least_width(report, options);
  if (args.has("width") && least > options.diagram.width) {
    return refuse(absl::InvalidArgumentError(
        absl::StrCat("--width ", options.diagram.width, ": this execution takes ", least,
                     " columns; give --width ", least, " or more, or --mail, which is below 80")));
  }
  std::cout << report::explain(report, options);
  return kExitOk;
}

// Whether `replay FILE` shows the same, and FILE holds what is printed: not if the kernel is only
// named on the command line, and not if it is bytes. A search form explores anew on each kernel.
bool replays_alone(const std::string& file, const input::Program& program,
                   const run::Target& target) {
  std::error_code error;
  if (!program.replay_form() || !std::filesystem::is_regular_file(file, error)) return false;
  const absl::StatusOr<run::Target> alone = target_of(program, "");
  if (!alone.ok() || alone->kernel != target.kernel) return false;
  const absl::StatusOr<std::string> content = read_file(file);
  return content.ok() && (is_text(*content) || absl::EndsWith(file, ".repro"));
}

int run(const Arguments& args) {
  if (absl::Status status = check(args); !status.ok()) return refuse(status);
  const std::string& file = args.operands()[0];
  const absl::StatusOr<input::Program> program = read_program(file);
  if (!program.ok()) return refuse(program.status());
  const absl::StatusOr<run::Target> target = target_of(*program, args.text("kernel"));
  if (!target.ok()) return refuse(target.status());
  run::Executor executor;
  if (absl::Status status = executor.set_target(*target); !status.ok()) return refuse(status);

  report::Report report =
      report::report_of(executor, *program, run::diagnose(executor, *program).lines());
  if (target->kernel->name != program->kernel) {
    const std::string& verdict = report.timeline.failure.verdict;
    report.program.kernel = std::string(target->kernel->name);
    report.program.expect = verdict.empty() ? "none" : verdict;
  }
  const std::string replays = replays_alone(file, *program, *target) ? file : "";
  if (args.on("json")) {
    std::cout << report::to_json(report);
  } else if (args.on("mail")) {
    std::cout << letter(report, *target, replays);
  } else if (args.on("svg")) {
    std::cout << picture(report, args);
  } else if (args.on("html")) {
    std::cout << page(report, args, replays);
  } else {
    return print_text(report, args, replays);
  }
  return kExitOk;
}

}  // namespace

const Command kExplain = {
    .name = "explain",
    .summary = "draws an execution as CPU0 | CPU1 and says why its result is wrong",
    .operands = "FILE",
    .description =
        "Runs the program in FILE (text or bytes; - is standard input) and prints the verdict,\n"
        "why it is wrong, the address space before and after, the accesses that matter in columns\n"
        "by CPU with the sequence counter along time, what deviates in words, and how to replay\n"
        "it. A stale load is marked with the store that it missed. Ends with 0 whatever the\n"
        "verdict: use replay to test. --html and --svg draw the same with arrows from the stores\n"
        "to the loads that read them, and with bands while mmap_lock is held.",
    .examples =
        "./vmafuzz explain repro/v1-wrong-uprobe.repro\n"
        "./vmafuzz explain --full --width 120 crash-1234\n"
        "./vmafuzz explain --html repro/v1-wrong-uprobe.repro > v1.html\n"
        "./vmafuzz explain --mail repro/v1-wrong-uprobe.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
