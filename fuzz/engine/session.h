// A fuzzing session in one process: every input that the engine offers is run on the model,
// findings are replayed, bucketed, minimised and written as text at once, and fuzzing goes on.
//
// The machine is simulated, so that a bug in the model is a verdict and not a crash: the process
// never dies of what it finds. Files, all in RUN/found/, named after the bucket:
//   BUCKET.input   what first showed it, as the engine had it: written before anything else
//   BUCKET.repro   the minimal program, with its story as a comment
//   BUCKET.txt     the report: verdict, VMA picture, CPU0 | CPU1 diagram
#ifndef VMAFUZZ_FUZZ_ENGINE_SESSION_H_
#define VMAFUZZ_FUZZ_ENGINE_SESSION_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "run/executor.h"

namespace vmafuzz::engine {

struct SessionOptions {
  run::Target target;
  std::string dir;  // RUN; "": nothing is written
  // Stop at the first finding with one of these verdicts, separated by commas; "any": at any.
  std::string until;
  bool quiet = false;             // no live line, no reports on the terminal
  bool abort_on_finding = false;  // for engines that count crashes: print, then abort()
};

struct Bucket {
  uint64_t hits = 0;
  uint64_t first_execution = 0;
  double first_seconds = 0;
  std::string verdict;
  std::string repro;  // file, "" if it could not be written
};

class Session {
 public:
  explicit Session(SessionOptions options);

  absl::Status start();
  // Runs one input. Ends the process when the session is to end (see `until`, request_stop()).
  void run(std::span<const uint8_t> bytes);
  // From a signal handler: the session ends after the present execution.
  static void request_stop();
  // The last words: how many executions, how long, what was found. Returns the exit status.
  int finish();

 private:
  using Clock = std::chrono::steady_clock;

  double seconds() const;
  void run_once();
  void run_scenario();
  void found(const input::Program& program);
  void keep_input(const std::string& bucket, const input::Program& program);
  void write_finding(const std::string& bucket, const input::Program& program,
                     const std::string& report, Bucket* entry);
  void show_progress(bool now);
  void clear_line();

  SessionOptions options_;
  run::Executor executor_;
  run::Outcome outcome_;
  input::Program program_;
  std::map<std::string, Bucket> buckets_;
  uint64_t executions_ = 0;
  uint64_t accesses_ = 0;
  uint64_t gave_up_ = 0;
  Clock::time_point begin_;
  Clock::time_point last_progress_;
  uint64_t last_executions_ = 0;
  bool terminal_ = false;
  bool line_shown_ = false;
  bool finished_ = false;
};

}  // namespace vmafuzz::engine

#endif  // VMAFUZZ_FUZZ_ENGINE_SESSION_H_
