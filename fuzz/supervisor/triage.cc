#include "fuzz/supervisor/triage.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "fuzz/child.h"
#include "fuzz/command.h"
#include "fuzz/measure/interval.h"
#include "fuzz/measure/native_program.h"
#include "fuzz/supervisor/decode_for_search.h"
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
// Of a suspect on threads, which may show what it did to its worker in some runs alone.
constexpr uint64_t kSuspectRuns = 100;

// A finding for another triage, unless its bucket is known.
absl::Status keep_for_later(const std::string& run, const Finding& finding) {
  const std::string known = found_path(run, finding, ".json");
  if (access(known.c_str(), F_OK) == 0) return absl::OkStatus();
  return write_durably(known, to_json(finding));
}

// The finding, as another executor shows it.
Finding shown_on(absl::string_view executor, const std::string& bucket, const Finding& finding) {
  Finding other = finding;
  other.executor = std::string(executor);
  other.bucket = bucket;
  other.verdict = verdict_of_bucket(bucket);
  return other;
}

void count(const input::Program& program, Finding* finding) {
  finding->ops = program.ops.size();
  finding->directives = program.directives.size();
}

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
  absl::Status reproduce();
  bool is_shown();
  bool on_sim(uint64_t most);
  bool on_fibres(uint64_t most);
  bool by_threads();
  void keep_other(const run::Outcome& outcome);
  bool cannot(const absl::Status& status);
  void tell(const std::string& line) { story_.push_back(line); }
  std::string file(absl::string_view suffix) const { return found_path(run_, finding_, suffix); }

  run::Executor& executor_;
  const std::string& run_;
  Finding& finding_;
  const input::Program whole_;
  input::Program program_;
  std::vector<std::string> story_;
  std::string why_not_ = "nothing shows it again";
  absl::Status unavailable_;  // what could have shown it
  uint64_t looked_ = 0;       // executions on deterministic executors in vain
};

// The same input may be another bug there, which is not to be lost.
void Reproduction::keep_other(const run::Outcome& outcome) {
  if (!outcome.found || finding_.executor == "sim") return;
  (void)keep_for_later(run_, shown_on("sim", outcome.bucket, finding_));
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

bool Reproduction::cannot(const absl::Status& status) {
  why_not_ = std::string(status.message());
  if (absl::IsUnavailable(status)) unavailable_ = status;
  return false;
}

bool Reproduction::on_fibres(uint64_t most) {
  absl::StatusOr<NativeRepro> repro = reproduce_on_fibres(file(".repro"), finding_.bucket, most);
  if (!repro.ok()) return cannot(repro.status());
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
  if (!share.ok()) return cannot(share.status());
  if (share->hits == 0) {
    why_not_ = absl::StrCat("threads showed it once, and in ",
                            measure::share_in_words(0, share->runs), " afterwards");
    return false;
  }
  program_ = whole_;
  finding_.shows_on = "tsan-threads";
  finding_.state = State::kWhole;
  finding_.what = share->what;
  tell(absl::StrCat("Real threads show this in ", measure::share_in_words(share->hits, share->runs),
                    ":"));
  tell(absl::StrCat("  ./vmafuzz replay ", replay_flags(finding_.shows_on), "FILE"));
  tell(absl::StrCat("No directives that show it were found in ", looked_,
                    " executions on the simulated machine and tsan-fibres."));
  return true;
}

bool Reproduction::is_shown() {
  if (on_sim(1)) return true;
  if (finding_.executor == "sim") return false;
  if (on_fibres(1)) return true;
  return on_threads(finding_) && (on_sim(kSearched) || on_fibres(kSearched) || by_threads());
}

// Unavailable if nothing showed it and not everything could be asked.
absl::Status Reproduction::reproduce() {
  if (is_shown()) return absl::OkStatus();
  if (!unavailable_.ok()) return unavailable_;
  program_ = whole_;
  finding_.state = State::kUnreproduced;
  finding_.what = why_not_;
  tell(absl::StrCat("NOT REPRODUCED: ", why_not_));
  return absl::OkStatus();
}

absl::Status Reproduction::complete() {
  // What vmafuzz_tsan reads, until there is something better.
  if (absl::Status s = write_durably(file(".repro"), input::print_text(whole_)); !s.ok()) return s;
  if (absl::Status s = reproduce(); !s.ok()) return s;
  program_.kernel = whole_.kernel;
  program_.bugs = whole_.bugs;
  program_.options = whole_.options;
  program_.expect = whole_.expect;
  program_.story = story_;
  count(program_, &finding_);
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
  if (absl::IsUnavailable(status)) return kTriageUnavailable;
  if (absl::IsInternal(status)) return kTriageKilled;
  return absl::IsResourceExhausted(status) ? command::kExitEnvironment : command::kExitUsage;
}

// What a worker was running when it ended, replayed by another process.
class Suspicion {
 public:
  Suspicion(run::Executor& executor, const std::string& run, std::string path, Finding suspect)
      : executor_(executor), run_(run), path_(std::move(path)), suspect_(std::move(suspect)) {
    decode_suspect(&suspect_);
    program_ = program_of(suspect_);
    program_.expect.clear();
  }

  // Writes what there is to write, and removes the suspect. Internal if it killed vmafuzz_tsan.
  absl::Status complete();

 private:
  absl::Status on_native();
  absl::Status on_sim();
  absl::Status keep(const Finding& finding);
  absl::Status keep_crash();

  run::Executor& executor_;
  const std::string& run_;
  const std::string path_;
  Finding suspect_;
  input::Program program_;
  bool found_ = false;
};

absl::Status Suspicion::keep(const Finding& finding) {
  found_ = true;
  return keep_for_later(run_, finding);
}

absl::Status Suspicion::on_native() {
  const std::string file = path_ + ".repro";
  if (absl::Status s = write_atomically(file, input::print_text(program_)); !s.ok()) return s;
  const bool threads = on_threads(suspect_);
  const absl::StatusOr<std::vector<NativeBucket>> buckets =
      replay_natively(file, threads, threads ? kSuspectRuns : 1);
  unlink(file.c_str());
  if (!buckets.ok()) return buckets.status();
  for (const NativeBucket& bucket : *buckets) {
    Finding finding = shown_on(suspect_.executor, bucket.name, suspect_);
    finding.what = bucket.what;
    if (absl::Status s = keep(finding); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Suspicion::on_sim() {
  run::Outcome outcome;
  executor_.run(program_, {}, &outcome);
  return outcome.found ? keep(shown_on("sim", outcome.bucket, suspect_)) : absl::OkStatus();
}

// A worker does not crash for nothing: where no replay does, its input is all that there is to go
// by. Other ends were somebody else's doing.
absl::Status Suspicion::keep_crash() {
  const std::string prefix = absl::StrCat(suspect_.verdict, ":");
  const std::string end(absl::StripPrefix(suspect_.bucket, prefix));
  // A forked target aborts when its page has no room for a bucket, which is found now.
  const bool explained = found_ && end == signal_name(SIGABRT);
  if (explained || !names_crash(end)) return absl::OkStatus();
  if (access(found_path(run_, suspect_, ".json").c_str(), F_OK) == 0) return absl::OkStatus();
  suspect_.state = State::kUnreproduced;
  suspect_.what = absl::StrCat("a worker that ran this ended by ", end, ", triage did not");
  return write_unexecuted(run_, suspect_);
}

absl::Status Suspicion::complete() {
  if (suspect_.executor != "sim") {
    if (absl::Status s = on_native(); !s.ok()) return s;
  }
  if (absl::Status s = on_sim(); !s.ok()) return s;
  if (absl::Status s = keep_crash(); !s.ok()) return s;
  unlink(path_.c_str());
  return absl::OkStatus();
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
  const absl::Status status = absl::StartsWith(file, "suspects/")
                                  ? Suspicion(executor, run, path, *finding).complete()
                                  : Reproduction(executor, run, *finding).complete();
  return status.ok() ? command::kExitOk : fail(status);
}

void decode_suspect(Finding* suspect) {
  input::Program program;
  decode_for_search(
      {reinterpret_cast<const uint8_t*>(suspect->input.data()), suspect->input.size()}, program);
  const std::vector<uint8_t> bytes = input::encode(program);
  suspect->input.assign(bytes.begin(), bytes.end());
  count(program, suspect);
}

absl::Status write_unexecuted(const std::string& run, const Finding& finding) {
  input::Program program = program_of(finding);
  program.expect.clear();  // no execution ends in it
  program.story = {absl::StrCat(finding.state == State::kUnreproduced ? "NOT REPRODUCED: " : "",
                                finding.what, "."),
                   "Report it: it is a mistake of vmafuzz, not of the kernel that it models."};
  if (absl::Status s =
          write_durably(found_path(run, finding, ".repro"), input::print_text(program));
      !s.ok()) {
    return s;
  }
  Finding counted = finding;
  count(program, &counted);
  return write_durably(found_path(run, finding, ".json"), to_json(counted));
}

}  // namespace vmafuzz::supervisor
