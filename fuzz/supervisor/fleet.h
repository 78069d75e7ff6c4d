// The groups of a run, and the workers that run now: started, watched, ended, and taken over.
//
// What a worker leaves is taken over in an order that may be broken off anywhere and begun again:
// findings to RUN/found, the input that it was running to RUN/suspects, its queue to the corpus,
// its counts to the ledger, and only then its folder goes. On a full disk that waits for room.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_FLEET_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_FLEET_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "fuzz/supervisor/exchange.h"
#include "fuzz/supervisor/findings.h"
#include "fuzz/supervisor/ledger.h"
#include "fuzz/supervisor/plan.h"
#include "fuzz/supervisor/process.h"
#include "fuzz/supervisor/rotation.h"
#include "fuzz/supervisor/stats.h"
#include "input/rng.h"

namespace vmafuzz::supervisor {

struct Group {
  std::string name;  // "libfuzzer/6.18"
  const Engine* engine = nullptr;
  TargetNames target;
  std::vector<std::string> expected;  // verdicts; its target must be caught with one
  MappedPage<SeenPage> seen;
  bool caught = false;      // an expected verdict was found
  bool reduced = false;     // and has a repro
  bool done = false;        // `until` was met
  int failed_launches = 0;  // in a row
};

struct Worker {
  uint64_t id = 0;
  size_t group = 0;
  std::string folder;
  uint64_t seed = 0;
  uint64_t swarm = 0;
  std::unique_ptr<Process> process;
  MappedPage<StatsPage> page;
  QueueCursor cursor;
  Clock::time_point started;
  Clock::time_point until;       // when its slice ends
  Clock::time_point progressed;  // when its count of executions last changed
  uint64_t executions = 0;       // at that time
  uint64_t last_new = 0;         // of its page
  uint32_t taken = 0;            // buckets that were taken over
  std::string why;               // it was asked to end; "" if it was not
  Clock::time_point asked;
  bool killed = false;
  bool ended = false;
  bool suspect_taken = false;
  Exit exit;
  double ran_seconds = 0;  // until it ended
  double rate = 0;         // executions a second, of late
};

// A few groups fail to launch this often in a row before they are given up.
inline constexpr int kMaxFailedLaunches = 5;

class Fleet {
 public:
  Fleet(boost::asio::io_context& loop, const Plan& plan, Ledger& ledger, Corpus& corpus,
        Findings& findings);

  std::function<void(const Worker&, const Group&)> on_start = [](auto&, auto&) {};
  std::function<void(const Worker&, const Group&)> on_end = [](auto&, auto&) {};
  std::function<void(const std::string& text)> on_warning = [](auto&) {};

  absl::Status open();  // makes the groups
  // Takes over what an earlier session's workers left, once their processes are gone.
  absl::Status take_over_leftovers();

  // `now_seconds`: of the run.
  void tick(double now_seconds);
  // Fills free cores. `left`: seconds to the end of the session.
  void launch(double now_seconds, double left);
  // Carries entries between workers and the corpus. Fails if the disk is full.
  absl::Status exchange();
  void stop_all(const std::string& why);
  void pause(bool paused);
  bool paused() const { return paused_; }
  // What keeps something that workers left from being taken over (a full disk); OK: nothing does,
  // or not yet all of it was.
  const absl::Status& obstacle() const { return obstacle_; }
  // No process runs, and everything was taken over.
  bool empty() const { return workers_.empty(); }
  bool running() const;
  bool wants_time() const;  // some group does
  bool broken() const;      // of all groups that are not done, no worker starts

  const std::vector<Group>& groups() const { return groups_; }
  const std::deque<Worker>& workers() const { return workers_; }
  // Ledger and live workers together.
  Totals totals_of(const Group& group) const;
  bool expected(const Finding& finding) const;  // its target is caught with it
  bool urgent(const Finding& finding) const;    // and no such one has a repro
  void note_found(const Finding& finding);      // it is a bucket now
  void note_reduced(const Finding& finding);    // it has a repro now

 private:
  void hurry(const Group& group);
  absl::Status start(size_t group, double seconds);
  absl::Status prepare(Worker& worker, const Group& group);
  void watch(Worker& worker);
  void end_slice(Worker& worker, const std::string& why, int signal);
  void take_findings(Worker& worker);
  void take_suspect(Worker& worker);
  bool take_crashes(const Worker& worker);
  bool keep_suspect(const Finding& finding);
  bool take_over(Worker& worker);
  absl::Status take_over_unknown(const std::string& folder, absl::string_view unreadable);
  Totals totals_of(const Worker& worker) const;
  Finding finding_of(const Worker& worker) const;
  std::vector<Candidate> candidates() const;
  // The group's index; a new group, which gets no more time, if the plan does not name it.
  absl::StatusOr<size_t> group_of(const std::string& engine, const TargetNames& target);
  absl::Status add_group(const std::string& engine, const TargetNames& target);
  absl::Status add_groups_of_ledger();

  boost::asio::io_context& loop_;
  const Plan& plan_;
  Ledger& ledger_;
  Corpus& corpus_;
  Findings& findings_;
  std::vector<Group> groups_;
  std::deque<Worker> workers_;
  input::Rng rng_;
  double now_ = 0;  // seconds of the run
  bool paused_ = false;
  absl::Status obstacle_;
  bool stopping_ = false;
};

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_FLEET_H_
