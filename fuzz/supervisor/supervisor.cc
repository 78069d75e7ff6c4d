#include "fuzz/supervisor/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "fuzz/command.h"
#include "fuzz/program_file.h"
#include "fuzz/supervisor/exchange.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/findings.h"
#include "fuzz/supervisor/fleet.h"
#include "fuzz/supervisor/ledger.h"
#include "fuzz/supervisor/screen.h"
#include "fuzz/supervisor/status.h"
#include "fuzz/words.h"
#include "input/bytes.h"

namespace vmafuzz::supervisor {
namespace {

using nlohmann::json;
using Seconds = std::chrono::duration<double>;

constexpr std::chrono::milliseconds kTick{200};
constexpr double kEverySecond = 1;
constexpr double kSyncSeconds = 20;
constexpr double kLedgerSeconds = 5;
// At the end of its time a run waits this long for what is being minimised.
constexpr double kFinishSeconds = 180;
// What a full disk keeps from being taken over is left for the next start.
constexpr double kGiveUpSeconds = 10;
constexpr size_t kSyncedPerTurn = 4096;
constexpr char kBroken[] = "broken";  // no worker of any group starts
constexpr char kSignal[] = "signal";
constexpr uint64_t kMostMinFree = uint64_t{256} << 20;

std::string group_of(const Finding& finding) {
  return absl::StrCat(finding.engine, "/", target_name(finding.target));
}

bool is_ignored(int number) {
  struct sigaction action;
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

class Supervisor {
 public:
  explicit Supervisor(Plan plan)
      : plan_(std::move(plan)),
        findings_(loop_, plan_.dir, plan_.triage_program),
        signals_(loop_, SIGTERM),
        timer_(loop_) {
    // Not those that nohup, or a shell that runs this in the background, had ignored.
    for (const int number : {SIGINT, SIGHUP}) {
      if (!is_ignored(number)) signals_.add(number);
    }
  }

  int run();

 private:
  absl::Status prepare();
  absl::Status take_seeds();
  void connect();
  void announce();
  void schedule();
  void on_signal();
  void tick();
  void every_second(double elapsed);
  bool exchange();
  void check_disk();
  bool finished();
  void stop(const std::string& why);
  void publish(bool last);
  void event(const std::string& name, const json& keys, bool sync = false);
  void warn(const std::string& text);
  void show_found(const std::string& name, const Finding& finding);

  double elapsed() const { return Seconds(Clock::now() - begin_).count(); }
  // Of fuzzing: what is minimised after the end takes none.
  double run_seconds() const {
    return seconds_before_ + (stopping_.empty() ? elapsed() : stopped_at_);
  }
  // When this session ends, by run_seconds().
  double limit() const {
    return plan_.seconds == 0 ? std::numeric_limits<double>::infinity()
                              : seconds_before_ + plan_.seconds;
  }
  double left() const { return std::max(0.0, limit() - run_seconds()); }

  Plan plan_;
  boost::asio::io_context loop_;
  Ledger ledger_;
  Corpus corpus_;
  Findings findings_;
  std::unique_ptr<Fleet> fleet_;
  SyncFolder sync_;
  LockFile lock_;
  LineLog events_;
  Screen screen_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;

  Clock::time_point begin_;
  double seconds_before_ = 0;
  double next_second_ = 0;
  double next_ledger_ = 0;
  double next_sync_ = 0;
  double next_progress_ = 5;
  Snapshot last_progress_;
  uint64_t free_bytes_ = 0;
  std::string stopping_;  // why; "" while fuzzing
  double stopped_at_ = 0;
  int signals_seen_ = 0;
  bool done_ = false;
  std::vector<std::string> warnings_;
};

absl::Status Supervisor::prepare() {
  for (const char* folder : {"", "/corpus"}) {
    if (absl::Status s = make_folder(plan_.dir + folder); !s.ok()) return s;
  }
  if (absl::Status s = lock_.take(plan_.dir + "/lock"); !s.ok()) {
    return absl::IsFailedPrecondition(s)
               ? absl::FailedPreconditionError(plan_.dir + ": another vmafuzz fuzz runs here")
               : s;
  }
  if (plan_.min_free == 0) {
    const std::optional<Disk> disk = disk_of(plan_.dir);
    plan_.min_free = disk ? std::min(kMostMinFree, disk->size_bytes / 50) : 0;
  }
  if (plan_.seed == 0) plan_.seed = std::random_device{}();
  remove_temporaries(plan_.dir);
  if (absl::Status s = ledger_.read(plan_.dir + "/ledger.json"); !s.ok()) return s;
  ++ledger_.sessions;
  if (ledger_.started_unix == 0)
    ledger_.started_unix = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  // Events never go back in time, also after a kill -9 between two writes of the ledger.
  ledger_.seconds = std::max(ledger_.seconds, last_seconds(plan_.dir + "/events.jsonl"));
  seconds_before_ = ledger_.seconds;
  if (absl::Status s = write_durably(plan_.dir + "/run.json", to_json(plan_)); !s.ok()) return s;
  if (absl::Status s = events_.open(plan_.dir + "/events.jsonl"); !s.ok()) return s;
  findings_.on_warning = [this](const std::string& text) { warn(text); };
  if (absl::Status s = corpus_.open(plan_.dir + "/corpus"); !s.ok()) return s;
  if (absl::Status s = take_seeds(); !s.ok()) return s;
  if (!plan_.sync.empty()) {
    if (absl::Status s = sync_.open(plan_.sync, plan_.sync_name); !s.ok()) return s;
  }
  fleet_ = std::make_unique<Fleet>(loop_, plan_, ledger_, corpus_, findings_);
  fleet_->on_warning = findings_.on_warning;
  if (absl::Status s = findings_.open(); !s.ok()) return s;
  if (absl::Status s = fleet_->open(); !s.ok()) return s;
  for (const std::string& name : findings_.names()) {
    const Finding& finding = *findings_.find(name);
    fleet_->note_found(finding);
    if (finding.state != State::kNew) fleet_->note_reduced(finding);
  }
  connect();
  if (absl::Status s = fleet_->take_over_leftovers(); !s.ok()) return s;
  return ledger_.write(plan_.dir + "/ledger.json");
}

// Seeds are text for people and bytes for engines.
absl::Status Supervisor::take_seeds() {
  if (plan_.seeds.empty()) return absl::OkStatus();
  const std::vector<std::string> names = sorted_files(plan_.seeds);
  if (names.empty()) return absl::NotFoundError("no seed programs in " + plan_.seeds);
  for (const std::string& name : names) {
    if (absl::EndsWith(name, ".md")) continue;
    const absl::StatusOr<input::Program> program =
        command::read_program(absl::StrCat(plan_.seeds, "/", name));
    if (!program.ok()) return program.status();
    const std::vector<uint8_t> bytes = input::encode(*program);
    const absl::StatusOr<bool> added =
        corpus_.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!added.ok()) return added.status();
  }
  return absl::OkStatus();
}

void Supervisor::connect() {
  fleet_->on_start = [this](const Worker& worker, const Group& group) {
    event("worker-start", {{"worker", worker.id},
                           {"group", group.name},
                           {"seed", worker.seed},
                           {"swarm", worker.swarm}});
  };
  fleet_->on_end = [this](const Worker& worker, const Group& group) {
    event("worker-end", {{"worker", worker.id},
                         {"group", group.name},
                         {"why", worker.why},
                         {"status", worker.process ? worker.exit.text() : "unknown"},
                         {"executions", worker.page ? worker.page->executions.load() : 0},
                         {"seconds_run", worker.ran_seconds}});
  };
  findings_.on_new = [this](const std::string& name, const Finding& finding) {
    event("bucket",
          {{"name", name},
           {"kernel", finding.target.kernel},
           {"verdict", finding.verdict},
           {"bucket", finding.bucket},
           {"what", finding.what},
           {"group", group_of(finding)},
           {"first_executions", finding.execution}},
          /*sync=*/true);
    fleet_->note_found(finding);
  };
  // Workers that die count no hit themselves.
  findings_.on_killed = [this](const std::string& name, const Finding& finding) {
    ++ledger_.groups[group_of(finding)].totals.hits[name];
  };
  findings_.on_done = [this](const std::string& name, const Finding& finding) {
    event("minimised",
          {{"name", name},
           {"state", state_name(finding.state)},
           {"ops", finding.ops},
           {"directives", finding.directives},
           {"tries", finding.tries}},
          /*sync=*/true);
    show_found(name, finding);
    fleet_->note_reduced(finding);
  };
}

void Supervisor::show_found(const std::string& name, const Finding& finding) {
  if (plan_.quiet) return;
  screen_.print(absl::StrFormat("FOUND %s at %s: %s, %s, %s\n      %s/found/%s.repro", name,
                                clock_text(finding.first_seconds), state_name(finding.state),
                                plural(finding.ops, "operation"),
                                plural(finding.directives, "directive"), plan_.dir, name));
  if (plan_.targets.size() > 1) return;
  const absl::StatusOr<std::string> report =
      read_file_whole(absl::StrCat(plan_.dir, "/found/", name, ".txt"));
  if (report.ok()) screen_.print_report(*report);
}

void Supervisor::event(const std::string& name, const json& keys, bool sync) {
  const std::string line =
      event_line(name, run_seconds(), keys.dump(-1, ' ', false, json::error_handler_t::replace));
  (void)events_.append(line, sync);  // on a full disk it waits in memory
}

void Supervisor::warn(const std::string& text) {
  if (std::find(warnings_.begin(), warnings_.end(), text) != warnings_.end()) return;
  if (warnings_.size() < 50) warnings_.push_back(text);
  event("warning", {{"text", text}});
  screen_.print("vmafuzz fuzz: " + text);
}

void Supervisor::announce() {
  json groups = json::array();
  for (const Group& group : fleet_->groups()) groups.push_back(group.name);
  event("start", {{"session", ledger_.sessions},
                  {"pid", getpid()},
                  {"command", plan_.command},
                  {"groups", groups}});
  if (plan_.quiet) return;
  screen_.print(absl::StrFormat(
      "fuzzing %s in %s with %d %s on %d %s%s; Ctrl-C ends it",
      plan_.targets.size() == 1 ? target_name(plan_.targets[0])
                                : absl::StrCat(plan_.targets.size(), " kernels"),
      plan_.dir, plan_.engines.size(), plan_.engines.size() == 1 ? "engine" : "engines", plan_.jobs,
      plan_.jobs == 1 ? "core" : "cores",
      plan_.seconds == 0 ? "" : " for " + clock_text(plan_.seconds)));
}

int Supervisor::run() {
  begin_ = Clock::now();
  if (absl::Status status = prepare(); !status.ok()) {
    std::fprintf(stderr, "vmafuzz fuzz: %s\n", std::string(status.message()).c_str());
    return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ? command::kExitUsage
                                                                       : command::kExitEnvironment;
  }
  begin_ = Clock::now();
  announce();
  on_signal();
  schedule();
  loop_.run();
  // What the last workers left is given away, too.
  const double give_up = elapsed() + kGiveUpSeconds;
  while (!exchange() && elapsed() < give_up) {
  }
  publish(/*last=*/true);
  if (stopping_ == kBroken && findings_.names().empty()) return command::kExitEnvironment;
  return findings_.names().empty() ? command::kExitOk : command::kExitBugFound;
}

void Supervisor::on_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    if (++signals_seen_ > 1) done_ = true;  // impatient: what is left is for the next start
    stop(kSignal);
    on_signal();
  });
}

void Supervisor::schedule() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    tick();
    if (!done_ && !finished()) {
      schedule();
    } else {
      signals_.cancel();
      loop_.stop();
    }
  });
}

void Supervisor::stop(const std::string& why) {
  if (!stopping_.empty()) {
    // What is being minimised after the end is left for the next start, too.
    if (why == kSignal && stopping_ != kBroken) stopping_ = why;
    return;
  }
  stopped_at_ = elapsed();
  stopping_ = why;
  fleet_->stop_all("stop");
}

bool Supervisor::finished() {
  if (stopping_.empty() || fleet_->running()) return false;
  const double since = elapsed() - stopped_at_;
  if (!fleet_->empty()) {
    if (since < kGiveUpSeconds || fleet_->obstacle().ok()) return false;
    screen_.print(absl::StrCat("vmafuzz fuzz: ", fleet_->obstacle().message(),
                               "; what the workers left stays in ", plan_.dir,
                               "/work, and the next start takes it over"));
    return true;
  }
  const bool waits = stopping_ != kSignal && since < kFinishSeconds;
  return findings_.idle() || !waits;
}

void Supervisor::tick() {
  const double now = elapsed();
  fleet_->tick(run_seconds());
  findings_.tick([this](const Finding& finding) { return fleet_->urgent(finding); });
  if (stopping_.empty()) {
    if (left() == 0) stop("time");
    if (!fleet_->wants_time() && !fleet_->running() && findings_.idle()) {
      stop(fleet_->broken() ? kBroken : "until");
    }
  }
  if (stopping_.empty()) fleet_->launch(run_seconds(), left());
  if (now >= next_second_) every_second(now);
}

void Supervisor::every_second(double now) {
  next_second_ = now + kEverySecond;
  check_disk();
  exchange();
  publish(/*last=*/false);
  if (now < next_ledger_) return;
  next_ledger_ = now + kLedgerSeconds;
  ledger_.seconds = run_seconds();
  (void)ledger_.write(plan_.dir + "/ledger.json");
}

// False: a peer has more than could be read in this turn.
bool Supervisor::exchange() {
  bool all = true;
  absl::Status status = fleet_->exchange();
  if (status.ok() && !plan_.sync.empty() && (elapsed() >= next_sync_ || !stopping_.empty())) {
    const absl::StatusOr<bool> exchanged = sync_.exchange(corpus_, kSyncedPerTurn);
    status = exchanged.status();
    all = !exchanged.ok() || *exchanged;
    next_sync_ = elapsed() + (all ? kSyncSeconds : 0);
  }
  if (!status.ok()) warn(std::string(status.message()));
  for (const std::string& text : corpus_.take_warnings()) warn(text);
  return all;
}

void Supervisor::check_disk() {
  const std::optional<Disk> disk = disk_of(plan_.dir);
  if (!disk) return;
  free_bytes_ = disk->free_bytes;
  const bool little = free_bytes_ < plan_.min_free;
  // Some more than what stopped them, or they would stop again at once.
  const bool enough = free_bytes_ >= plan_.min_free + plan_.min_free / 4;
  if (!stopping_.empty() || (!little && !(fleet_->paused() && enough))) return;
  if (little == fleet_->paused()) return;
  fleet_->pause(little);
  event(little ? "pause" : "resume", {{"free_bytes", free_bytes_}});
  if (little) {
    screen_.print(absl::StrCat("vmafuzz fuzz: paused, only ", size_text(free_bytes_),
                               " of disk are free (--min-free)"));
    warn("workers were paused for want of disk space: see the pause and resume events");
  } else {
    screen_.print("vmafuzz fuzz: there is room again, going on");
  }
}

void Supervisor::publish(bool last) {
  Snapshot now = take_snapshot(*fleet_, findings_, corpus_, ledger_);
  now.state = last                 ? "stopped"
              : !stopping_.empty() ? "stopping"
              : fleet_->paused()   ? "paused"
                                   : "running";
  now.seconds = run_seconds();
  now.left = left();
  now.limit = limit();
  now.free_bytes = free_bytes_;
  const size_t buckets = findings_.names().size();
  (void)write_atomically(plan_.dir + "/status.json",
                         status_json(now, plan_, *fleet_, findings_, ledger_, warnings_));
  if (elapsed() >= next_progress_ || last) {
    next_progress_ = elapsed() + (elapsed() < 60 ? 5 : 30);
    event("progress", json::parse(progress_keys(now, last_progress_, buckets)));
    last_progress_ = now;
  }
  if (!last) {
    if (!plan_.quiet) screen_.show(progress_lines(now, buckets));
    return;
  }
  event("stop",
        {{"why", stopping_.empty() ? kSignal : stopping_},
         {"executions", now.executions},
         {"buckets", buckets}},
        /*sync=*/true);
  ledger_.seconds = run_seconds();
  if (absl::Status s = ledger_.write(plan_.dir + "/ledger.json"); !s.ok())
    screen_.print("vmafuzz fuzz: " + std::string(s.message()));
  screen_.finish(summary_lines(now, findings_));
}

}  // namespace

int supervise(Plan plan) {
  // A pipe that its reader closed, or a terminal that went away, ends no night.
  signal(SIGPIPE, SIG_IGN);
  return Supervisor(std::move(plan)).run();
}

}  // namespace vmafuzz::supervisor
