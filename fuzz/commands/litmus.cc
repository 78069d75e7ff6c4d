// `vmafuzz litmus`: litmus tests of the Linux memory model on the simulated machine.
#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "litmus/batch.h"
#include "litmus/self_check.h"

namespace vmafuzz::command {
namespace {

using litmus::FileOutcome;
using litmus::FileReport;

constexpr Flag kFlags[] = {
    {"expected", FlagKind::kText, "FILE", "", "compare the states with those in FILE (JSON lines)"},
    {"jobs", FlagKind::kNumber, "N", "2", "run N tests at a time, each in a process of its own"},
    {"json", FlagKind::kSwitch, "", "", "print one JSON object a line for each test"},
    {"brief", FlagKind::kSwitch, "", "", "print only tests with a problem, and the summary"},
    {"max-executions", FlagKind::kNumber, "N", "20000000", "give a test up after N executions"},
    {"loop-bound", FlagKind::kNumber, "N", "2",
     "drop executions in which loops go round more often"},
    {"self-check", FlagKind::kSwitch, "", "",
     "switch each rule of the machine off and show which test notices"},
};

constexpr const char* kOwnTests = "tests/litmus";

constexpr uint64_t kMaxJobs = 1024;
constexpr uint64_t kMaxLoopBound = 1000;

struct Counts {
  litmus::Summary summary;
  int contradicted = 0;  // headers that say another observation
  int cut_off = 0;
};

// With a reference, headers (which were written for other tools and models) are only counted.
bool has_problem(const FileReport& report, bool has_expected) {
  if (report.outcome != FileOutcome::kExplored) return true;
  if (!has_expected) return report.contradicts_header();
  return !report.has_reference || !report.comparison.sound() || !report.comparison.complete();
}

void count(const FileReport& report, bool has_expected, Counts* counts) {
  litmus::Summary& summary = counts->summary;
  ++summary.files;
  summary.unsupported += report.outcome == FileOutcome::kUnsupported;
  summary.failed +=
      report.outcome == FileOutcome::kFailed || report.outcome == FileOutcome::kCutOff;
  counts->contradicted += report.contradicts_header();
  if (report.has_reference) {
    summary.add(report.comparison);
  } else if (has_expected && report.explored()) {
    ++summary.unexpected;
  }
}

int finish(const Counts& counts, bool has_expected, bool json) {
  const litmus::Summary& summary = counts.summary;
  if (!json) {
    std::cout << summary.files << " tests, " << summary.unsupported << " unsupported, "
              << summary.failed << " failed or cut off, " << counts.contradicted
              << " contradict their header\n";
    if (has_expected) std::cout << summary.format();
  }
  const bool wrong = has_expected ? summary.sound != summary.tests : counts.contradicted != 0;
  if (wrong) return kExitBugFound;
  return summary.unsupported + summary.failed == 0 ? kExitOk : kExitUsage;
}

int check_rules(const Arguments& args, const std::vector<std::string>& files,
                const litmus::RunOptions& options, int jobs) {
  const bool json = args.on("json");
  if (!json) {
    std::cout << absl::StrFormat("%-22s %-62s %7s %10s  %s\n", "rule",
                                 "switched off, the machine says", "unsound", "incomplete",
                                 "first test that notices: a state that came (+) or went (-)");
  }
  int unnoticed = 0;
  const auto show = [&](const litmus::RuleCheck& check) {
    unnoticed += !check.noticed();
    if (json) {
      std::cout << litmus::rule_check_to_json(check) << std::endl;
      return;
    }
    std::cout << absl::StrFormat(
                     "%-22s %-62s %7d %10d  %s", sim::rule_name(check.rule),
                     sim::rule_change(check.rule), check.unsound, check.incomplete,
                     check.noticed()
                         ? absl::StrCat(check.first, ": ", check.first_is_unsound ? "+ " : "- ",
                                        check.state)
                         : "NOT NOTICED")
              << std::endl;
  };
  const absl::Status status = litmus::self_check(files, jobs, options, show);
  if (!status.ok()) {
    std::cerr << "vmafuzz litmus: " << status.message() << "\n";
    return status.code() == absl::StatusCode::kInvalidArgument ? kExitUsage : kExitEnvironment;
  }
  if (!json) {
    std::cout << static_cast<int>(sim::Rule::kCount) - 1 << " rules, " << unnoticed
              << " not noticed by " << files.size() << " tests\n";
  }
  return unnoticed == 0 ? kExitOk : kExitBugFound;
}

int run(const Arguments& args) {
  const bool self_check = args.on("self-check");
  std::vector<std::string> paths = args.operands();
  if (paths.empty() && self_check) paths = {in_repository(kOwnTests)};
  if (paths.empty()) {
    std::cerr << "vmafuzz litmus: which tests? A .litmus file or a folder of them, such as "
              << kOwnTests << "\n";
    return kExitUsage;
  }
  const auto files = litmus::find_tests(paths);
  if (!files.ok()) {
    std::cerr << "vmafuzz litmus: " << files.status().message() << "\n";
    return kExitUsage;
  }
  const bool has_expected = args.has("expected");
  litmus::Expected expected;
  if (has_expected) {
    auto loaded = litmus::load_expected(args.text("expected"));
    if (!loaded.ok()) {
      std::cerr << "vmafuzz litmus: " << loaded.status().message() << "\n";
      return kExitUsage;
    }
    expected = *std::move(loaded);
  }
  litmus::RunOptions options;
  options.max_executions = args.number("max-executions");
  options.loop_bound = static_cast<int>(std::min(args.number("loop-bound"), kMaxLoopBound));
  const int jobs = static_cast<int>(std::min(args.number("jobs"), kMaxJobs));
  if (self_check) return check_rules(args, *files, options, jobs);
  const auto run_one = [&](const std::string& path) {
    return litmus::run_file(path, options, has_expected ? &expected : nullptr);
  };
  const bool json = args.on("json");
  Counts counts;
  const auto take_report = [&](const FileReport& report) {
    count(report, has_expected, &counts);
    if (args.on("brief") && !has_problem(report, has_expected)) return;
    std::cout << (json ? litmus::report_to_json(report) : litmus::format_report(report)) << "\n";
  };
  const absl::Status status = litmus::run_batch(*files, jobs, run_one, take_report);
  if (!status.ok()) {
    std::cerr << "vmafuzz litmus: " << status.message() << "\n";
    return kExitEnvironment;
  }
  return finish(counts, has_expected, json);
}

}  // namespace

const Command kLitmus = {
    .name = "litmus",
    .summary = "runs litmus tests of the Linux memory model on the simulated machine",
    .operands = "[FILE|DIR...]",
    .description =
        "Runs every execution of each C-LKMM litmus test that the machine can show, through the\n"
        "same primitives as the model, and prints final states and observation as herd7 does.\n"
        "Counts are of distinct states, not of executions. A test's header may say what its "
        "author\n"
        "expects (\"Result: Never\"). With --expected, the states are compared with those of the\n"
        "full model: `unsound` states are outside it, `missing` ones should have been shown by a\n"
        "machine that executes in order and appends stores. Ends with 1 if a state is unsound or,\n"
        "without --expected, a header is contradicted.\n"
        "--self-check runs the tests (tests/litmus unless others are given) once for each rule of\n"
        "the memory machine with that rule switched off, and prints how many of them show states\n"
        "which they must not (unsound) or lose some (incomplete). Ends with 1 if a rule goes\n"
        "unnoticed.",
    .examples =
        "./vmafuzz litmus tests/litmus\n"
        "./vmafuzz litmus --brief --jobs 2 --expected expected.jsonl suite\n"
        "./vmafuzz litmus --self-check",
    .flags = kFlags,
    .min_operands = 0,
    .max_operands = kAnyNumber,
    .run = run,
};

}  // namespace vmafuzz::command
