#include "fuzz/supervisor/triage.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fuzz/command.h"
#include "fuzz/measure/interval.h"
#include "fuzz/measure/native_program.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/triage_native.h"
#include "input/bytes.h"
#include "input/text.h"
#include "report/report.h"
#include "run/diagnose.h"
#include "run/find_again.h"
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

// Of real threads' findings, on each deterministic executor; and on threads themselves.
constexpr uint64_t kSearched = 20000;
constexpr uint64_t kThreadRuns = 1000;

// Exit status: what ran the suspect died of it.
constexpr int kKilled = 70;

bool on_threads(const Finding& finding) { return finding.executor == "tsan-threads"; }

// A finding's way to its repro: the simulated machine, then ThreadSanitizer on fibres, then on
// threads; the first that shows it again decides what the repro is.
class Reproduction {
 public:
  Reproduction(run::Executor& executor, const std::string& run, Finding& finding)
      : executor_(executor), run_(run), finding_(finding), whole_(program_of(finding)) {}

  // Writes the repro, its report and the finding.
  absl::Status complete();

 private:
  void reproduce();
  bool on_sim(uint64_t most);
  bool on_fibres(uint64_t most);
  bool by_threads();
  void keep_other(const run::Outcome& outcome);
  void tell(const std::string& line) { story_.push_back(line); }
  std::string file(absl::string_view suffix) const { return found_path(run_, finding_, suffix); }

  run::Executor& executor_;
  const std::string& run_;
  Finding& finding_;
  const input::Program whole_;
  input::Program program_;
  std::vector<std::string> story_;
  std::string why_not_ = "nothing shows it again";
  uint64_t looked_ = 0;  // executions on deterministic executors in vain
};

// The same input may be another bug there, which is not to be lost.
void Reproduction::keep_other(const run::Outcome& outcome) {
  if (!outcome.found || finding_.executor == "sim") return;
  Finding other = finding_;
  other.executor = "sim";
  other.bucket = outcome.bucket;
  other.verdict = outcome.verdict;
  const std::string known = found_path(run_, other, ".json");
  if (access(known.c_str(), F_OK) != 0) (void)write_durably(known, to_json(other));
}

bool Reproduction::on_sim(uint64_t most) {
  const run::FoundAgain shown = run::find_again(executor_, whole_, finding_.bucket, most);
  looked_ += shown.executions;
  if (!shown.found) {
    why_not_ = absl::StrCat("the program does not end in ", finding_.bucket, " but in ",
                            shown.outcome.found ? shown.outcome.bucket : "nothing");
    keep_other(shown.outcome);
    return false;
  }
  absl::StatusOr<input::MinimizeResult> reduced =
      run::reduce(executor_, shown.program, shown.outcome.bucket);
  if (!reduced.ok()) {
    why_not_ = std::string(reduced.status().message());
    return false;
  }
  program_ = std::move(reduced->program);
  finding_.shows_on = "sim";
  finding_.state = reduced->stats.one_minimal ? State::kMinimal : State::kSmall;
  finding_.tries = static_cast<uint64_t>(reduced->stats.executions) +
                   static_cast<uint64_t>(reduced->stats.search_executions);
  run::Outcome outcome;
  executor_.run(program_, {}, &outcome);
  finding_.what = outcome.what;
  if (finding_.executor == "sim") return true;
  tell(absl::StrCat("Found by ThreadSanitizer (", finding_.executor,
                    "); the simulated machine shows it, too."));
  if (shown.executions > 1) {
    tell(absl::StrCat("Threads keep to no schedule: execution ", shown.executions,
                      " of its operations that was tried there is one."));
  }
  return true;
}

bool Reproduction::on_fibres(uint64_t most) {
  absl::StatusOr<NativeRepro> repro = reproduce_on_fibres(file(".repro"), finding_.bucket, most);
  if (!repro.ok()) {
    why_not_ = std::string(repro.status().message());
    return false;
  }
  looked_ += repro->executions;
  if (!repro->found) return false;
  program_ = std::move(repro->program);
  finding_.shows_on = "tsan-fibres";
  finding_.state = repro->one_minimal ? State::kMinimal : State::kSmall;
  finding_.tries = repro->tries;
  finding_.what = repro->what;
  tell("ThreadSanitizer shows this, every time; the simulated machine does not:");
  tell(absl::StrCat("  ./vmafuzz replay ", replay_flags(finding_.shows_on), "FILE"));
  if (most > 1) {
    tell(absl::StrCat("Found on real threads; execution ", repro->executions,
                      " of its operations that was tried on fibres is this one."));
  }
  return true;
}

bool Reproduction::by_threads() {
  const absl::StatusOr<NativeShare> share =
      share_on_threads(file(".repro"), finding_.bucket, kThreadRuns);
  if (!share.ok()) {
    why_not_ = std::string(share.status().message());
    return false;
  }
  if (share->hits == 0) {
    why_not_ = absl::StrCat("threads showed it once, and in ",
                            measure::share_in_words(0, share->runs), " afterwards");
    return false;
  }
  program_ = whole_;
  finding_.shows_on = "tsan-threads";
  finding_.state = State::kSmall;
  finding_.what = share->what;
  tell(absl::StrCat("Real threads show this in ", measure::share_in_words(share->hits, share->runs),
                    ":"));
  tell(absl::StrCat("  ./vmafuzz replay ", replay_flags(finding_.shows_on), "FILE"));
  tell(absl::StrCat("No directives that show it were found in ", looked_,
                    " executions on the simulated machine and tsan-fibres."));
  return true;
}

void Reproduction::reproduce() {
  if (on_sim(1)) return;
  if (finding_.executor != "sim") {
    if (on_fibres(1)) return;
    if (on_threads(finding_) && (on_sim(kSearched) || on_fibres(kSearched) || by_threads())) return;
  }
  program_ = whole_;
  finding_.state = State::kUnreproduced;
  finding_.what = why_not_;
  tell(absl::StrCat("NOT REPRODUCED: ", why_not_));
}

absl::Status Reproduction::complete() {
  // What vmafuzz_tsan reads, until there is something better.
  if (absl::Status s = write_durably(file(".repro"), input::print_text(whole_)); !s.ok()) return s;
  reproduce();
  program_.kernel = whole_.kernel;
  program_.bugs = whole_.bugs;
  program_.options = whole_.options;
  program_.expect = whole_.expect;
  program_.story = story_;
  finding_.ops = program_.ops.size();
  finding_.directives = program_.directives.size();
  report::Report report =
      report::report_of(executor_, program_, run::diagnose(executor_, program_).lines());
  if (const std::string flags = replay_flags(finding_.shows_on); !flags.empty()) {
    report::show_elsewhere(&report, finding_.verdict, finding_.what, flags);
  }
  if (absl::Status s = write_durably(file(".repro"), input::print_text(program_)); !s.ok())
    return s;
  report::ExplainOptions options;
  options.file = file(".repro");
  if (absl::Status s = write_durably(file(".txt"), report::explain(report, options)); !s.ok())
    return s;
  // Last: this is what says that the others are there.
  return write_durably(file(".json"), to_json(finding_));
}

int fail(const absl::Status& status) {
  std::fprintf(stderr, "vmafuzz_triage: %s\n", std::string(status.message()).c_str());
  return absl::IsResourceExhausted(status) ? command::kExitEnvironment : command::kExitUsage;
}

// An input that killed a worker on real memory: replayed there by another process.
int look_at_native_suspect(const std::string& path, const Finding& finding) {
  const std::string file = path + ".repro";
  if (absl::Status s = write_atomically(file, input::print_text(program_of(finding))); !s.ok())
    return fail(s);
  const absl::StatusOr<std::string> line = measure::first_line_of_native(
      {"replay", "--json", on_threads(finding) ? "--threads" : "--times=1", file});
  unlink(file.c_str());
  if (line.ok()) return command::kExitOk;
  return absl::IsInternal(line.status()) ? kKilled : fail(line.status());
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
    const absl::Status status = Reproduction(executor, run, *finding).complete();
    return status.ok() ? command::kExitOk : fail(status);
  }
  if (finding->executor != "sim") {
    if (const int status = look_at_native_suspect(path, *finding); status != command::kExitOk)
      return status;
  }
  run::Outcome outcome;
  executor.run(program_of(*finding), {}, &outcome);
  if (outcome.found) {
    finding->executor = "sim";
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
