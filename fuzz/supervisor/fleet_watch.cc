// Watching workers, ending them, and taking over what they leave.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/fleet.h"
#include "fuzz/supervisor/order.h"

namespace vmafuzz::supervisor {
namespace {

using std::memory_order_acquire;
using std::memory_order_relaxed;

constexpr std::chrono::seconds kPatience{5};  // from SIGTERM to SIGKILL
// An engine first reads its corpus; under load that takes a while.
constexpr double kStartSeconds = 120;
constexpr size_t kFilesPerTick = 256;  // that are synced to disk between two looks at the clock

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

// True if the process is the worker's still, and not another that got its number: the order's path
// is in its environment.
bool is_worker(uint32_t pid, const std::string& folder) {
  const absl::StatusOr<std::string> environment =
      read_file_whole(absl::StrCat("/proc/", pid, "/environ"));
  return environment.ok() && environment->find(absl::StrCat(kOrderVariable, "=", folder,
                                                            "/order.json")) != environment->npos;
}

// "SIGSEGV" of "id:000000,sig:11,src:000003,time:87", as AFL++ names what its target died of.
std::string end_of_afl_target(absl::string_view name) {
  for (absl::string_view part : absl::StrSplit(name, ',')) {
    int number = 0;
    if (absl::ConsumePrefix(&part, "sig:") && absl::SimpleAtoi(part, &number))
      return signal_name(number);
  }
  return "afl-fuzz";
}

}  // namespace

Totals Fleet::totals_of(const Worker& worker) const {
  Totals totals;
  totals.seconds =
      worker.ended || !worker.process ? worker.ran_seconds : seconds_since(worker.started);
  totals.kept = worker.cursor.kept;
  if (!worker.page) return totals;
  const StatsPage& page = *worker.page.get();
  totals.executions = page.executions.load(memory_order_relaxed);
  totals.accesses = page.accesses.load(memory_order_relaxed);
  totals.gave_up = page.gave_up.load(memory_order_relaxed);
  const TargetNames& target = groups_[worker.group].target;
  const uint32_t buckets = std::min(page.bucket_count.load(memory_order_acquire), kMaxBuckets);
  for (uint32_t i = 0; i < buckets; ++i) {
    totals.hits[bucket_file_name(target, page.buckets[i].name)] +=
        page.buckets[i].hits.load(memory_order_relaxed);
  }
  return totals;
}

Totals Fleet::totals_of(const Group& group) const {
  Totals totals;
  const auto recorded = ledger_.groups.find(group.name);
  if (recorded != ledger_.groups.end()) totals = recorded->second.totals;
  for (const Worker& worker : workers_) {
    if (&groups_[worker.group] == &group) totals.add(totals_of(worker));
  }
  return totals;
}

bool Fleet::running() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return worker.process && !worker.ended; });
}

void Fleet::stop_all(const std::string& why) {
  stopping_ = true;
  pause(false);  // what is stopped takes no SIGTERM
  for (Worker& worker : workers_) end_slice(worker, why, SIGTERM);
}

void Fleet::pause(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  for (Worker& worker : workers_) {
    if (!worker.process || worker.ended) continue;
    worker.process->signal(paused ? SIGSTOP : SIGCONT);
    worker.progressed = Clock::now();
  }
}

void Fleet::end_slice(Worker& worker, const std::string& why, int signal) {
  if (worker.ended || !worker.process || !worker.why.empty()) return;
  worker.why = why;
  worker.asked = Clock::now();
  worker.killed = signal == SIGKILL;
  worker.process->signal(signal);
}

void Fleet::tick(double now_seconds) {
  now_ = now_seconds;
  obstacle_ = absl::OkStatus();
  for (Worker& worker : workers_) {
    if (!worker.ended) watch(worker);
    take_findings(worker);
  }
  for (size_t i = 0; i < workers_.size();) {
    Worker& worker = workers_[i];
    if (worker.ended && take_over(worker)) {
      workers_.erase(workers_.begin() + static_cast<ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

void Fleet::watch(Worker& worker) {
  if (!worker.process || paused_) return;
  if (!worker.why.empty()) {
    if (!worker.killed && Clock::now() > worker.asked + kPatience) {
      worker.killed = true;
      worker.process->signal(SIGKILL);
    }
    return;
  }
  const StatsPage& page = *worker.page.get();
  const uint64_t executions = page.executions.load(memory_order_relaxed);
  const double still = seconds_since(worker.progressed);
  if (const uint64_t at = page.last_new.load(memory_order_relaxed); at != worker.last_new) {
    worker.last_new = at;
    ledger_.groups[groups_[worker.group].name].last_new = now_;
  }
  if (executions != worker.executions) {
    if (still > 0.2) {
      const double now = static_cast<double>(executions - worker.executions) / still;
      worker.rate = worker.rate == 0 ? now : 0.7 * worker.rate + 0.3 * now;
      worker.executions = executions;
      worker.progressed = Clock::now();
    }
  } else if (still > (executions == 0 ? kStartSeconds : plan_.hang_seconds)) {
    end_slice(worker, "hung", SIGKILL);
    return;
  }
  const uint32_t runner = page.pid.load(memory_order_relaxed);
  uint64_t memory = resident_bytes(worker.process->pid());
  if (runner != 0 && static_cast<pid_t>(runner) != worker.process->pid())
    memory += resident_bytes(static_cast<pid_t>(runner));
  if (memory > plan_.memory_bytes) {
    end_slice(worker, "memory", SIGKILL);
    return;
  }
  if (Clock::now() >= worker.until) end_slice(worker, "slice", SIGTERM);
}

Finding Fleet::finding_of(const Worker& worker) const {
  const Group& group = groups_[worker.group];
  Finding finding;
  finding.target = group.target;
  finding.engine = group.engine->name;
  finding.executor = group.engine->executor;
  finding.worker = worker.id;
  finding.first_seconds = now_;
  finding.first_unix = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  return finding;
}

// In order, each once; on a full disk the rest waits in the worker's page.
void Fleet::take_findings(Worker& worker) {
  if (!worker.page) return;
  const StatsPage& page = *worker.page.get();
  const uint32_t count = std::min(page.bucket_count.load(memory_order_acquire), kMaxBuckets);
  for (; worker.taken < count; ++worker.taken) {
    const StatsPage::Bucket& bucket = page.buckets[worker.taken];
    Finding finding = finding_of(worker);
    finding.bucket.assign(bucket.name, strnlen(bucket.name, sizeof bucket.name));
    finding.verdict = verdict_of_bucket(finding.bucket);
    finding.execution =
        ledger_.groups[groups_[worker.group].name].totals.executions + bucket.first_execution;
    finding.input.assign(reinterpret_cast<const char*>(bucket.input),
                         std::min<size_t>(bucket.input_size, sizeof bucket.input));
    if (absl::Status status = findings_.add(finding); !status.ok()) {
      on_warning(std::string(status.message()));
      obstacle_ = status;
      return;
    }
    ledger_.groups[groups_[worker.group].name].last_new = now_;
  }
}

// What it was running when it died, unless it ended by itself as it was asked to.
void Fleet::take_suspect(Worker& worker) {
  if (worker.suspect_taken || !worker.page) return;
  const StatsPage& page = *worker.page.get();
  if (page.running.load(memory_order_acquire) != 0) {
    Finding finding = finding_of(worker);
    finding.verdict = std::string(worker.why == "hung" ? kHarnessHang : kHarnessCrash);
    finding.bucket = absl::StrCat(finding.verdict, ":",
                                  worker.process ? worker.exit.text() : "with the supervisor");
    finding.input.assign(
        reinterpret_cast<const char*>(page.input),
        std::min<size_t>(page.input_size.load(memory_order_relaxed), sizeof page.input));
    if (!keep_suspect(finding)) return;
  }
  worker.suspect_taken = take_crashes(worker);
}

// AFL++ outlives its target, whose next process writes to the same page: it keeps such inputs
// itself, beside its queue. False if there is no room for one.
bool Fleet::take_crashes(const Worker& worker) {
  const Engine& engine = *groups_[worker.group].engine;
  if (engine.delivery != Delivery::kAflSibling) return true;
  const std::string queue = absl::StrCat(worker.folder, "/", engine.queue);
  const std::string output = queue.substr(0, queue.rfind('/') + 1);
  for (const absl::string_view verdict : {kHarnessCrash, kHarnessHang}) {
    const std::string folder = output + (verdict == kHarnessCrash ? "crashes" : "hangs");
    for (const std::string& name : sorted_files(folder)) {
      const absl::StatusOr<std::string> input =
          read_file_whole(absl::StrCat(folder, "/", name), kMaxInputBytes);
      if (!absl::StartsWith(name, "id:") || !input.ok()) continue;
      Finding finding = finding_of(worker);
      finding.verdict = std::string(verdict);
      finding.bucket = absl::StrCat(verdict, ":", end_of_afl_target(name));
      finding.input = *input;
      if (!keep_suspect(finding)) return false;
    }
  }
  return true;
}

bool Fleet::keep_suspect(const Finding& finding) {
  const absl::Status status = findings_.add_suspect(finding);
  if (status.ok()) return true;
  on_warning(std::string(status.message()));
  obstacle_ = status;
  return false;
}

// True if the worker is done with; false if it has to wait for room on the disk.
bool Fleet::take_over(Worker& worker) {
  Group& group = groups_[worker.group];
  if (worker.ran_seconds == 0 && worker.process) {
    worker.ran_seconds = seconds_since(worker.started);
    const bool failed = worker.why.empty() && worker.page->executions.load() == 0;
    group.failed_launches = failed ? group.failed_launches + 1 : 0;
    if (worker.why.empty()) {
      if (!worker.exit.clean()) {
        worker.why = "died";
        ++ledger_.groups[group.name].restarts;
        on_warning(absl::StrCat(
            "a worker of ", group.name, " died by ", worker.exit.text(),
            failed ? absl::StrCat(" before its first input, see ", plan_.dir, "/last-death.log")
                   : ""));
        const absl::StatusOr<std::string> log = read_file_whole(worker.folder + "/log");
        if (log.ok()) (void)write_atomically(plan_.dir + "/last-death.log", *log);
      } else {
        worker.why = "slice";
      }
    }
  }
  take_findings(worker);
  if (worker.page && worker.taken < std::min(worker.page->bucket_count.load(), kMaxBuckets))
    return false;
  take_suspect(worker);
  if (worker.page && !worker.suspect_taken) return false;
  const std::string queue = absl::StrCat(worker.folder, "/", group.engine->queue);
  const absl::StatusOr<bool> all =
      corpus_.import(queue, worker.cursor, kFilesPerTick, /*writer_lives=*/false);
  if (!all.ok()) obstacle_ = all.status();
  if (!all.ok() || !*all) return false;
  const Ledger before = ledger_;
  ledger_.groups[group.name].totals.add(totals_of(worker));
  std::erase_if(ledger_.folded, [this](uint64_t id) {
    return access(absl::StrCat(plan_.dir, "/work/", id).c_str(), F_OK) != 0;
  });
  ledger_.folded.insert(worker.id);
  if (absl::Status status = ledger_.write(plan_.dir + "/ledger.json"); !status.ok()) {
    obstacle_ = status;
    ledger_ = before;
    return false;
  }
  remove_tree(worker.folder);
  on_end(worker, group);
  return true;
}

// A page to which no worker came is empty, or nothing but zeros.
static bool holds_something(const std::string& path) {
  const absl::StatusOr<std::string> content = read_file_whole(path);
  if (!content.ok()) return !absl::IsNotFound(content.status());
  return content->find_first_not_of('\0') != std::string::npos;
}

absl::Status Fleet::take_over_leftovers() {
  const std::string work = plan_.dir + "/work";
  for (const std::string& name : sorted_folders(work)) {
    const std::string folder = absl::StrCat(work, "/", name);
    uint64_t id = 0;
    if (!absl::SimpleAtoi(name, &id)) continue;
    ledger_.next_worker = std::max(ledger_.next_worker, id + 1);
    if (ledger_.folded.count(id) != 0) {
      remove_tree(folder);
      continue;
    }
    Worker worker;
    worker.id = id;
    worker.folder = folder;
    worker.ended = true;
    worker.why = "left over";
    const absl::StatusOr<std::string> text = read_file_whole(folder + "/order.json");
    const absl::StatusOr<WorkerOrder> order =
        text.ok() ? order_from_json(*text) : absl::StatusOr<WorkerOrder>(text.status());
    if (!order.ok() || find_engine(order->engine) == nullptr) {
      if (absl::Status status = take_over_unknown(folder, "order.json"); !status.ok())
        return status;
      continue;
    }
    absl::StatusOr<MappedPage<StatsPage>> page = MappedPage<StatsPage>::open(folder + "/stats");
    if (!page.ok() && holds_something(folder + "/stats")) {  // of another version, say
      if (absl::Status status = take_over_unknown(folder, "stats"); !status.ok()) return status;
      continue;
    }
    const absl::StatusOr<size_t> group = group_of(order->engine, order->target);
    if (!group.ok()) return group.status();
    worker.group = *group;
    if (page.ok()) {
      worker.page = *std::move(page);
      // The kernel kills workers with their supervisor; it may be at it still.
      for (int tries = 0; tries < 100 && is_worker(worker.page->pid.load(), folder); ++tries) {
        kill(static_cast<pid_t>(worker.page->pid.load()), SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    workers_.push_back(std::move(worker));
  }
  return absl::OkStatus();
}

// Whoever it worked for, what it kept are inputs; its page cannot be read without its order.
absl::Status Fleet::take_over_unknown(const std::string& folder, absl::string_view unreadable) {
  on_warning(absl::StrCat(folder, " has no readable ", unreadable,
                          ": its corpus is taken over, the rest is left in ", plan_.dir,
                          "/unknown"));
  for (const Engine& engine : engines()) {
    QueueCursor cursor;
    const absl::StatusOr<bool> all = corpus_.import(absl::StrCat(folder, "/", engine.queue), cursor,
                                                    SIZE_MAX, /*writer_lives=*/false);
    if (!all.ok()) return all.status();
  }
  const std::string unknown = plan_.dir + "/unknown";
  if (absl::Status status = make_folder(unknown); !status.ok()) return status;
  std::rename(folder.c_str(), absl::StrCat(unknown, folder.substr(folder.rfind('/'))).c_str());
  return absl::OkStatus();
}

absl::Status Fleet::exchange() {
  for (Worker& worker : workers_) {
    if (worker.ended) continue;  // take_over() reads the rest
    const Engine& engine = *groups_[worker.group].engine;
    const uint64_t kept = worker.cursor.kept;
    const absl::StatusOr<bool> imported = corpus_.import(
        absl::StrCat(worker.folder, "/", engine.queue), worker.cursor, kFilesPerTick);
    if (!imported.ok()) return imported.status();
    if (worker.cursor.kept != kept) ledger_.groups[groups_[worker.group].name].last_new = now_;
    corpus_.hand_over(absl::StrCat(worker.folder, "/", engine.inbox), engine.delivery,
                      worker.cursor, kFilesPerTick);
  }
  return absl::OkStatus();
}

}  // namespace vmafuzz::supervisor
