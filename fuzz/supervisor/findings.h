// Every bucket of a run, and the triage of those that are new.
//
// On the disk a bucket is RUN/found/NAME.json from the moment on that it is known; what is known is
// read back from there. Triage runs one process at a time, expected verdicts of kernels that were
// not caught yet first, under a deadline. One that was killed by somebody else, or that lacked
// something, tells nothing about its input: it is repeated, and then left for the next session.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_FINDINGS_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_FINDINGS_H_

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "fuzz/supervisor/finding.h"
#include "fuzz/supervisor/process.h"

namespace vmafuzz::supervisor {

using Clock = std::chrono::steady_clock;

class Findings {
 public:
  Findings(boost::asio::io_context& loop, std::string run, std::string program)
      : loop_(loop), run_(std::move(run)), program_(std::move(program)) {}

  // Reads what an earlier session found, and goes on with what it left unfinished. Calls the
  // functions from then on.
  absl::Status open();
  std::function<void(const std::string& name, const Finding&)> on_new = [](auto&, auto&) {};
  std::function<void(const std::string& name, const Finding&)> on_done = [](auto&, auto&) {};
  // A worker died of an input that ends its process each time: a hit of the bucket, known or new.
  std::function<void(const std::string& name, const Finding&)> on_killed = [](auto&, auto&) {};
  std::function<void(const std::string& text)> on_warning = [](auto&) {};
  // After a triage that could not do its work.
  Clock::duration pause = std::chrono::seconds(10);

  // In the order in which they were found.
  const std::vector<std::string>& names() const { return names_; }
  const Finding* find(const std::string& name) const;

  // A new bucket; nothing if it is known. OK means that it is on the disk.
  absl::Status add(const Finding& finding);
  // The input that a worker was running when it died.
  absl::Status add_suspect(const Finding& finding);

  // Starts and watches triage. `urgent` buckets go first.
  void tick(const std::function<bool(const Finding&)>& urgent);
  bool idle() const { return queue_.empty() && process_ == nullptr; }
  size_t waiting() const { return queue_.size() + (process_ == nullptr ? 0 : 1); }

 private:
  absl::StatusOr<Finding> read(const std::string& file) const;  // a file below RUN
  void remember(const std::string& name, const Finding& finding);
  void start(const std::string& file);
  void ended(const std::string& file, const Exit& exit);
  void again(const std::string& file);
  void put_off(const std::string& file, const Exit& exit);
  void complete_bucket(const std::string& file, const Exit& exit);
  void complete_suspect(const std::string& file, const Exit& exit);
  void set_aside(const std::string& file, const Exit& exit);
  absl::Status add_killer(const Finding& finding);
  void adopt_new_files();

  boost::asio::io_context& loop_;
  std::string run_;
  std::string program_;
  std::vector<std::string> names_;
  std::map<std::string, Finding> buckets_;
  std::deque<std::string> queue_;  // files below RUN
  std::unique_ptr<Process> process_;
  Clock::time_point deadline_;
  bool hung_ = false;
  std::string ended_file_;  // whose process ended, not yet looked at
  Exit exit_;
  Clock::time_point retry_at_;
  std::map<std::string, int> repeats_;    // deaths by a suspect that is waiting or in triage
  std::map<std::string, int> fruitless_;  // triages of a file that told nothing about it
};

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_FINDINGS_H_
