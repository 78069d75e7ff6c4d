#include "fuzz/run_report/finding.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fuzz/program_file.h"
#include "fuzz/supervisor/finding.h"
#include "input/bytes.h"
#include "report/svg.h"
#include "run/diagnose.h"

namespace vmafuzz::run_report {
namespace {

// The minimal program, or else the input, which does not say what it was run on.
absl::StatusOr<input::Program> program_of(const Bucket& bucket) {
  if (!bucket.repro.empty()) return command::read_program(bucket.repro);
  input::Program program =
      input::decode({reinterpret_cast<const uint8_t*>(bucket.input.data()), bucket.input.size()});
  program.kernel = bucket.kernel;
  program.bugs = bucket.bugs;
  program.options = bucket.options;
  return program;
}

absl::Status run_again(Finding* finding) {
  const absl::StatusOr<input::Program> program = program_of(finding->bucket);
  if (!program.ok()) return program.status();
  const absl::StatusOr<run::Target> target = command::target_of(*program, "");
  if (!target.ok()) return target.status();
  run::Executor executor;
  if (absl::Status status = executor.set_target(*target); !status.ok()) return status;
  finding->report =
      report::report_of(executor, *program, run::diagnose(executor, *program).lines());
  finding->kernel_source = std::string(target->kernel->source);
  Bucket& bucket = finding->bucket;
  if (bucket.kernel.empty()) bucket.kernel = std::string(target->kernel->name);
  if (bucket.verdict.empty()) bucket.verdict = program->expect;
  return absl::OkStatus();
}

}  // namespace

Finding finding_of(const Bucket& bucket) {
  Finding finding;
  finding.bucket = bucket;
  if (bucket.repro.empty() && bucket.input.empty()) {
    finding.problem = "Neither a minimal program nor the input of this bucket is in the run.";
    return finding;
  }
  if (absl::StartsWith(bucket.verdict, "harness-")) {
    finding.problem =
        "The worker itself died or hung on this input: a mistake in vmafuzz, not in the kernel. It "
        "was not run again here, lest this report end the same way.";
    return finding;
  }
  if (const absl::Status status = run_again(&finding); !status.ok() || !finding.report) {
    finding.problem = absl::StrCat("The program cannot be run again: ", status.message());
    return finding;
  }
  if (const std::string flags = supervisor::replay_flags(bucket.shows_on); !flags.empty()) {
    report::show_elsewhere(&*finding.report, bucket.verdict, bucket.what, flags);
    return finding;
  }
  const std::string& now = finding.report->timeline.failure.verdict;
  std::string& verdict = finding.bucket.verdict;
  if (verdict.empty() || verdict == "none") verdict = now;
  if (now != verdict) {
    finding.problem = absl::StrCat("Run again on the simulated machine, the program gives ",
                                   now.empty() ? "no verdict" : now, ", not ", verdict, ".");
  }
  return finding;
}

std::string sightings(const Bucket& bucket) {
  std::vector<std::string> parts;
  if (bucket.hits > 0) {
    parts.push_back(bucket.hits == 1 ? "once"
                                     : absl::StrCat(report::short_number(bucket.hits), " times"));
  }
  if (bucket.first_seconds >= 0) {
    std::string first = absl::StrCat("first after ", report::short_time(bucket.first_seconds));
    if (bucket.first_executions > 0) {
      absl::StrAppend(&first, " and ", report::short_number(bucket.first_executions),
                      " executions");
    }
    parts.push_back(std::move(first));
  }
  if (!bucket.engine.empty()) parts.push_back("by " + bucket.engine);
  return absl::StrJoin(parts, ", ");
}

}  // namespace vmafuzz::run_report
