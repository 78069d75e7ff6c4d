#include "fuzz/supervisor/triage.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fuzz/command.h"
#include "fuzz/supervisor/files.h"
#include "input/bytes.h"
#include "input/text.h"
#include "report/report.h"
#include "run/diagnose.h"
#include "run/reduce.h"

namespace vmafuzz::supervisor {
namespace {

std::string found_path(const std::string& run, const Finding& finding, absl::string_view suffix) {
  return absl::StrCat(run, "/found/", bucket_file_name(finding.target, finding.bucket), suffix);
}

input::Program program_of(const Finding& finding) {
  input::Program program =
      input::decode({reinterpret_cast<const uint8_t*>(finding.input.data()), finding.input.size()});
  program.kernel = finding.target.kernel;
  program.bugs = finding.target.bugs;
  program.options = finding.target.options;
  program.expect = finding.verdict;
  return program;
}

absl::StatusOr<run::Target> target_of(const TargetNames& names) {
  run::Target target;
  target.kernel = variants::find_kernel(names.kernel);
  if (target.kernel == nullptr) return variants::check_kernel(names.kernel);
  target.bugs = names.bugs;
  target.options = names.options;
  return target;
}

// The minimal program, or one that says why there is none.
input::Program reduce(run::Executor& executor, Finding& finding) {
  const input::Program whole = program_of(finding);
  absl::StatusOr<input::MinimizeResult> reduced = run::reduce(executor, whole, finding.bucket);
  input::Program program;
  if (reduced.ok()) {
    program = std::move(reduced->program);
    finding.state = reduced->stats.one_minimal ? State::kMinimal : State::kSmall;
    finding.tries = static_cast<uint64_t>(reduced->stats.executions) +
                    static_cast<uint64_t>(reduced->stats.search_executions);
  } else {
    program = whole;
    program.story.push_back(absl::StrCat("NOT REPRODUCED: ", reduced.status().message()));
    finding.state = State::kUnreproduced;
  }
  program.kernel = whole.kernel;
  program.bugs = whole.bugs;
  program.options = whole.options;
  program.expect = whole.expect;
  finding.ops = program.ops.size();
  finding.directives = program.directives.size();
  return program;
}

absl::Status complete(run::Executor& executor, const std::string& run, Finding finding) {
  const input::Program program = reduce(executor, finding);
  report::Report report =
      report::report_of(executor, program, run::diagnose(executor, program).lines());
  run::Outcome outcome;
  executor.run(program, {}, &outcome);
  finding.what = outcome.what;
  const std::string repro = found_path(run, finding, ".repro");
  if (absl::Status s = write_durably(repro, input::print_text(program)); !s.ok()) return s;
  report::ExplainOptions options;
  options.file = repro;
  if (absl::Status s =
          write_durably(found_path(run, finding, ".txt"), report::explain(report, options));
      !s.ok()) {
    return s;
  }
  // Last: this is what says that the others are there.
  return write_durably(found_path(run, finding, ".json"), to_json(finding));
}

int fail(const absl::Status& status) {
  std::fprintf(stderr, "vmafuzz_triage: %s\n", std::string(status.message()).c_str());
  return absl::IsResourceExhausted(status) ? command::kExitEnvironment : command::kExitUsage;
}

}  // namespace

int triage(const std::string& run, const std::string& file) {
  const std::string path = absl::StrCat(run, "/", file);
  const absl::StatusOr<std::string> text = read_file_whole(path);
  if (!text.ok()) return fail(text.status());
  absl::StatusOr<Finding> finding = finding_from_json(*text);
  if (!finding.ok()) return fail(finding.status());
  const absl::StatusOr<run::Target> target = target_of(finding->target);
  if (!target.ok()) return fail(target.status());
  run::Executor executor;
  if (absl::Status status = executor.set_target(*target); !status.ok()) return fail(status);

  if (!absl::StartsWith(file, "suspects/")) {
    const absl::Status status = complete(executor, run, *std::move(finding));
    return status.ok() ? command::kExitOk : fail(status);
  }
  run::Outcome outcome;
  executor.run(program_of(*finding), {}, &outcome);
  if (outcome.found) {
    finding->bucket = outcome.bucket;
    finding->verdict = outcome.verdict;
    const std::string known = found_path(run, *finding, ".json");
    if (access(known.c_str(), F_OK) != 0) {
      if (absl::Status s = write_durably(known, to_json(*finding)); !s.ok()) return fail(s);
    }
  }
  unlink(path.c_str());
  return command::kExitOk;
}

absl::Status write_unexecuted(const std::string& run, const Finding& finding) {
  input::Program program = program_of(finding);
  program.expect.clear();  // no execution ends in it
  program.story = {absl::StrCat("Whatever runs this ends by ", finding.bucket, "."),
                   "Report it: it is a mistake of vmafuzz, not of the kernel that it models."};
  if (absl::Status s =
          write_durably(found_path(run, finding, ".repro"), input::print_text(program));
      !s.ok()) {
    return s;
  }
  return write_durably(found_path(run, finding, ".json"), to_json(finding));
}

}  // namespace vmafuzz::supervisor
