#include "fuzz/engine/session.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "fuzz/command.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/words.h"
#include "input/bytes.h"
#include "input/text.h"
#include "report/report.h"
#include "run/diagnose.h"
#include "run/reduce.h"

namespace vmafuzz::engine {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

// That a scenario is tried with. The hardest finding on its scenario takes 150 executions (median,
// `vmafuzz bench scenarios`), and these schedules are the same in every run.
constexpr uint32_t kScheduleCount = 300;

std::string file_name(const std::string& bucket) {
  std::string name = bucket;
  for (char& c : name) {
    if (c == ':' || c == '/' || c == ' ') c = '-';
  }
  return name;
}

bool write_file(const std::string& path, const std::string& content) {
  const absl::Status status = supervisor::write_atomically(path, content);
  if (!status.ok()) std::fprintf(stderr, "vmafuzz: %s\n", std::string(status.message()).c_str());
  return status.ok();
}

}  // namespace

Session::Session(SessionOptions options) : options_(std::move(options)) {}

absl::Status Session::start() {
  if (absl::Status status = executor_.set_target(options_.target); !status.ok()) return status;
  if (!options_.dir.empty()) {
    mkdir(options_.dir.c_str(), 0777);
    const std::string found = options_.dir + "/found";
    if (mkdir(found.c_str(), 0777) != 0 && errno != EEXIST) {
      return absl::NotFoundError(absl::StrCat("cannot make ", found, ": ", std::strerror(errno)));
    }
  }
  begin_ = last_progress_ = Clock::now();
  terminal_ = isatty(STDERR_FILENO) != 0;
  return absl::OkStatus();
}

void Session::request_stop() { stop_requested = 1; }

double Session::seconds() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

void Session::run(std::span<const uint8_t> bytes) {
  input::decode(bytes, program_);
  if (program_.replay_form() && program_.directives.empty()) {
    run_scenario();
  } else {
    run_once();
  }
}

// A scenario, which says nothing about schedules: without one, the machine would only run the CPUs
// in turn. Mutants say something about the schedule, so that scenarios come from people.
void Session::run_scenario() {
  program_.header.strategy = input::Strategy::kPortfolio;
  canonicalize(program_.header);
  for (uint32_t seed = 1; seed <= kScheduleCount; ++seed) {
    program_.header.seed = seed * 2654435761u;
    run_once();
  }
}

void Session::run_once() {
  run::RunOptions run_options;
  run_options.coverage = true;
  executor_.run(program_, run_options, &outcome_);
  ++executions_;
  accesses_ += outcome_.steps;
  if (outcome_.gave_up) ++gave_up_;
  if (outcome_.found) found(program_);
  if ((executions_ & 0xff) == 0) show_progress(false);
  if (stop_requested != 0) std::_Exit(finish());
}

void Session::found(const input::Program& program) {
  const std::string bucket = outcome_.bucket;
  const std::string verdict = outcome_.verdict;
  Bucket& entry = buckets_[bucket];
  ++entry.hits;
  if (entry.hits == 1) {
    entry.first_execution = executions_;
    entry.first_seconds = seconds();
    entry.verdict = verdict;
    const std::string what = outcome_.what;
    keep_input(bucket, program);
    const absl::StatusOr<input::MinimizeResult> reduced = run::reduce(executor_, program, bucket);
    input::Program minimal;
    if (reduced.ok()) {
      minimal = reduced->program;
    } else {
      minimal = program;  // it does not replay: that itself is worth a report
      minimal.story.push_back(
          absl::StrCat("NOT REPRODUCED: ", std::string(reduced.status().message())));
    }
    minimal.kernel = std::string(options_.target.kernel->name);
    minimal.bugs = options_.target.bugs;
    minimal.options = options_.target.options;
    minimal.expect = verdict;
    const std::string report = report::explain(
        report::report_of(executor_, minimal, run::diagnose(executor_, minimal).lines()));
    write_finding(bucket, minimal, report, &entry);
    clear_line();
    if (!options_.quiet) {
      std::fprintf(
          stderr, "FOUND %s after %s executions, %.1f s; %zu operations, %zu directives%s%s\n",
          bucket.c_str(), grouped(executions_).c_str(), entry.first_seconds, minimal.ops.size(),
          minimal.directives.size(), entry.repro.empty() ? "" : "\n      ", entry.repro.c_str());
      std::fprintf(stdout, "%s\n", report.c_str());
      std::fflush(stdout);
    }
    if (options_.abort_on_finding) {
      std::fprintf(stderr, "%s\nDEDUP_TOKEN: %s\n", what.c_str(), bucket.c_str());
      std::abort();
    }
  }
  if (options_.until == "any") std::_Exit(finish());
  for (const absl::string_view wanted : absl::StrSplit(options_.until, ',', absl::SkipEmpty())) {
    if (wanted == verdict) std::_Exit(finish());
  }
}

void Session::keep_input(const std::string& bucket, const input::Program& program) {
  if (options_.dir.empty()) return;
  const std::vector<uint8_t> bytes = input::encode(program);
  write_file(absl::StrCat(options_.dir, "/found/", file_name(bucket), ".input"),
             {bytes.begin(), bytes.end()});
}

void Session::write_finding(const std::string& bucket, const input::Program& program,
                            const std::string& report, Bucket* entry) {
  if (options_.dir.empty()) return;
  const std::string path = absl::StrCat(options_.dir, "/found/", file_name(bucket));
  if (write_file(path + ".repro", input::print_text(program))) entry->repro = path + ".repro";
  write_file(path + ".txt", report);
}

void Session::clear_line() {
  if (line_shown_) std::fprintf(stderr, "\r\033[K");
  line_shown_ = false;
}

// One live line on a terminal, a plain line now and then otherwise.
void Session::show_progress(bool now) {
  const Clock::time_point time = Clock::now();
  const double since = std::chrono::duration<double>(time - last_progress_).count();
  if (!now && since < (terminal_ ? 0.5 : 10.0)) return;
  if (options_.quiet) return;
  uint64_t hits = 0;
  for (const auto& [name, bucket] : buckets_) hits += bucket.hits;
  const double rate = static_cast<double>(executions_ - last_executions_) / (since > 0 ? since : 1);
  std::fprintf(stderr, "%s%s  %s executions  %s/s  %zu found (%s hits)  kernel %s%s",
               terminal_ ? "\r" : "", clock_text(seconds()).c_str(), grouped(executions_).c_str(),
               grouped(static_cast<uint64_t>(rate)).c_str(), buckets_.size(), grouped(hits).c_str(),
               std::string(options_.target.kernel->name).c_str(), terminal_ ? "\033[K" : "\n");
  std::fflush(stderr);
  line_shown_ = terminal_;
  last_progress_ = time;
  last_executions_ = executions_;
}

int Session::finish() {
  if (finished_) return buckets_.empty() ? command::kExitOk : command::kExitBugFound;
  finished_ = true;
  clear_line();
  const double time = seconds();
  std::printf(
      "%s executions, %s accesses in %.1f s (%s/s) on %s%s%s; %s longer than the limit\n",
      grouped(executions_).c_str(), grouped(accesses_).c_str(), time,
      grouped(static_cast<uint64_t>(static_cast<double>(executions_) / (time > 0 ? time : 1)))
          .c_str(),
      std::string(options_.target.kernel->name).c_str(),
      options_.target.bugs.empty() ? "" : " with ",
      absl::StrJoin(options_.target.bugs, ",").c_str(), grouped(gave_up_).c_str());
  if (buckets_.empty()) std::printf("nothing found\n");
  for (const auto& [name, bucket] : buckets_) {
    std::printf("%-44s %8s hits, first after %s executions, %.2f s%s%s\n", name.c_str(),
                grouped(bucket.hits).c_str(), grouped(bucket.first_execution).c_str(),
                bucket.first_seconds, bucket.repro.empty() ? "" : "  ", bucket.repro.c_str());
  }
  std::fflush(stdout);
  return buckets_.empty() ? command::kExitOk : command::kExitBugFound;
}

}  // namespace vmafuzz::engine
