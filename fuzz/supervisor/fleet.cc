// Groups, and the beginning of workers; fleet_watch.cc has the rest of their lives.
#include "fuzz/supervisor/fleet.h"

#include <signal.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/order.h"
#include "variants/variants.h"

namespace vmafuzz::supervisor {
namespace {

// A worker that begins with more takes longer to read them than is good; a random part of a large
// corpus in each, and all of it is used.
constexpr size_t kMostToBeginWith = 4000;

// To triage, which turns what they found into something of use, and to whoever sits at the machine.
constexpr int kWorkersGiveWay = 5;

std::string page_name(const Group& group) {
  std::string name = group.name;
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

// One of what its kernel is known for, or its bug switches may be reported with, is enough; none:
// it must stay silent.
std::vector<std::string> expected_of(const TargetNames& target) {
  std::vector<std::string> verdicts;
  const auto add = [&](absl::string_view verdict) {
    if (std::find(verdicts.begin(), verdicts.end(), verdict) == verdicts.end())
      verdicts.emplace_back(verdict);
  };
  if (const variants::Kernel* kernel = variants::find_kernel(target.kernel)) {
    for (const variants::Caught& caught : kernel->caught) add(caught.verdict);
  }
  for (const std::string& name : target.bugs) {
    const variants::Bug* bug = variants::find_bug(name);
    if (bug == nullptr) continue;
    for (const absl::string_view verdict : bug->verdicts) add(verdict);
  }
  return verdicts;
}

}  // namespace

Fleet::Fleet(boost::asio::io_context& loop, const Plan& plan, Ledger& ledger, Corpus& corpus,
             Findings& findings)
    : loop_(loop),
      plan_(plan),
      ledger_(ledger),
      corpus_(corpus),
      findings_(findings),
      rng_(plan.seed + 0x9E3779B97F4A7C15u * ledger.sessions) {}

absl::Status Fleet::open() {
  for (const char* folder : {"/work", "/seen"}) {
    if (absl::Status status = make_folder(plan_.dir + folder); !status.ok()) return status;
  }
  for (const std::string& engine : plan_.engines) {
    for (const TargetNames& target : plan_.targets) {
      if (absl::Status status = add_group(engine, target); !status.ok()) return status;
    }
  }
  return add_groups_of_ledger();
}

// What earlier sessions of the run were asked for and this one is not: it gets no more time, and
// still counts.
absl::Status Fleet::add_groups_of_ledger() {
  std::vector<std::string> names;
  for (const auto& [name, record] : ledger_.groups) names.push_back(name);
  for (const std::string& name : names) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(name, absl::MaxSplits('/', 1));
    if (find_engine(parts.first) == nullptr) continue;  // another version's
    const absl::StatusOr<size_t> group = group_of(parts.first, target_of_name(parts.second));
    if (!group.ok()) return group.status();
  }
  return absl::OkStatus();
}

absl::Status Fleet::add_group(const std::string& engine, const TargetNames& target) {
  Group group;
  group.engine = find_engine(engine);
  group.target = target;
  group.name = absl::StrCat(engine, "/", target_name(target));
  group.expected = expected_of(target);
  absl::StatusOr<MappedPage<SeenPage>> seen =
      MappedPage<SeenPage>::make(absl::StrCat(plan_.dir, "/seen/", page_name(group)));
  if (!seen.ok()) return seen.status();
  group.seen = *std::move(seen);
  ledger_.groups[group.name];
  groups_.push_back(std::move(group));
  return absl::OkStatus();
}

absl::StatusOr<size_t> Fleet::group_of(const std::string& engine, const TargetNames& target) {
  const std::string name = absl::StrCat(engine, "/", target_name(target));
  const auto it = std::find_if(groups_.begin(), groups_.end(),
                               [&](const Group& group) { return group.name == name; });
  if (it != groups_.end()) return static_cast<size_t>(it - groups_.begin());
  if (absl::Status status = add_group(engine, target); !status.ok()) return status;
  groups_.back().done = true;
  return groups_.size() - 1;
}

bool Fleet::expected(const Finding& finding) const {
  const std::vector<std::string> verdicts = expected_of(finding.target);
  return std::find(verdicts.begin(), verdicts.end(), finding.verdict) != verdicts.end();
}

bool Fleet::urgent(const Finding& finding) const {
  if (!expected(finding)) return false;
  const std::string name = target_name(finding.target);
  return std::any_of(groups_.begin(), groups_.end(), [&](const Group& group) {
    return !group.reduced && target_name(group.target) == name;
  });
}

// What was just caught makes way where others were not.
void Fleet::hurry(const Group& group) {
  const auto waits = [](const Group& other) {
    return !other.caught && !other.done && !other.expected.empty();
  };
  if (std::none_of(groups_.begin(), groups_.end(), waits)) return;
  for (Worker& worker : workers_) {
    if (&groups_[worker.group] == &group) worker.until = std::min(worker.until, Clock::now());
  }
}

void Fleet::note_found(const Finding& finding) {
  if (!expected(finding)) return;
  const std::string name = target_name(finding.target);
  for (Group& group : groups_) {
    if (target_name(group.target) != name || group.caught) continue;
    group.caught = true;
    hurry(group);
  }
}

void Fleet::note_reduced(const Finding& finding) {
  const std::string name = target_name(finding.target);
  for (Group& group : groups_) {
    if (target_name(group.target) != name) continue;
    if (expected(finding)) group.reduced = true;
    if (plan_.until == "any" || plan_.until == finding.verdict) group.done = true;
  }
  for (Worker& worker : workers_) {
    if (groups_[worker.group].done) end_slice(worker, "stop", SIGTERM);
  }
}

std::vector<Candidate> Fleet::candidates() const {
  std::vector<Candidate> candidates;
  for (const Group& group : groups_) {
    Candidate candidate;
    candidate.seconds = totals_of(group).seconds;
    candidate.least_seconds = group.engine->least_seconds;
    candidate.share = group.engine->share;
    candidate.must_be_caught = !group.expected.empty();
    candidate.caught = group.caught;
    candidate.done = group.done;
    candidate.broken = group.failed_launches >= kMaxFailedLaunches;
    candidates.push_back(candidate);
  }
  // Those that run now count as having had a whole slice, or all cores would go to one group.
  for (const Worker& worker : workers_) {
    if (worker.ended) continue;
    const double left = std::chrono::duration<double>(worker.until - Clock::now()).count();
    candidates[worker.group].seconds += std::max(left, 1.0);
  }
  return candidates;
}

bool Fleet::wants_time() const { return next_group(candidates()).has_value(); }

bool Fleet::broken() const {
  bool any = false;
  for (const Group& group : groups_) {
    if (group.done) continue;
    if (group.failed_launches < kMaxFailedLaunches) return false;
    any = true;
  }
  return any;
}

void Fleet::launch(double now_seconds, double left) {
  if (stopping_ || paused_) return;
  // What cannot be taken over for want of room holds its core: nothing new would find any either.
  while (workers_.size() < plan_.jobs) {
    const std::vector<Candidate> all = candidates();
    const std::optional<size_t> group = next_group(all);
    if (!group) return;
    double slice = plan_.slice_seconds;
    if (slice == 0) slice = slice_seconds(all[*group], groups_.size(), now_seconds, left);
    if (absl::Status status = start(*group, slice); !status.ok()) {
      on_warning(std::string(status.message()));
      if (!absl::IsResourceExhausted(status)) ++groups_[*group].failed_launches;
      return;
    }
  }
}

// The folder of a worker, complete but for its process.
absl::Status Fleet::prepare(Worker& worker, const Group& group) {
  const Engine& engine = *group.engine;
  for (const char* sub : {engine.queue, engine.inbox}) {
    // AFL++ makes the folder of its queue itself, and refuses one that is there.
    if (engine.delivery == Delivery::kAflSibling && sub == engine.queue) continue;
    if (absl::Status s = make_folder(absl::StrCat(worker.folder, "/", sub)); !s.ok()) return s;
  }
  absl::StatusOr<MappedPage<StatsPage>> page =
      MappedPage<StatsPage>::make(worker.folder + "/stats");
  if (!page.ok()) return page.status();
  worker.page = *std::move(page);
  WorkerOrder order;
  order.worker = worker.id;
  order.target = group.target;
  order.engine = engine.name;
  order.executor = engine.executor;
  order.stats = worker.folder + "/stats";
  order.seen = absl::StrCat(plan_.dir, "/seen/", page_name(group));
  order.swarm = worker.swarm;
  if (absl::Status s = write_atomically(worker.folder + "/order.json", to_json(order)); !s.ok())
    return s;
  return corpus_.fill(worker.folder + "/in", kMostToBeginWith, worker.seed, worker.cursor);
}

absl::Status Fleet::start(size_t group, double seconds) {
  Worker worker;
  worker.id = ledger_.next_worker++;
  worker.group = group;
  worker.folder = absl::StrCat(plan_.dir, "/work/", worker.id);
  worker.seed = 1 + rng_.below(UINT32_MAX - 1);
  // One worker of three draws from everything.
  worker.swarm = rng_.chance(1, 3) ? 0 : 1 + rng_.below(UINT32_MAX - 1);
  const Engine& engine = *groups_[group].engine;
  Launch launch;
  launch.program = absl::StrCat(plan_.root, "/", engine.program);
  launch.folder = worker.folder;
  launch.order = worker.folder + "/order.json";
  launch.root = plan_.root;
  launch.seed = static_cast<uint32_t>(worker.seed);
  launch.hang_seconds = plan_.hang_seconds;
  absl::Status status = prepare(worker, groups_[group]);
  if (status.ok()) {
    const uint64_t id = worker.id;
    CommandLine line = engine.command(launch);
    line.nice = kWorkersGiveWay;
    absl::StatusOr<std::unique_ptr<Process>> process =
        Process::start(loop_, line, worker.folder + "/log", [this, id](const Exit& exit) {
          for (Worker& ended : workers_) {
            if (ended.id != id) continue;
            ended.ended = true;
            ended.exit = exit;
          }
        });
    status = process.status();
    if (process.ok()) worker.process = *std::move(process);
  }
  if (!status.ok()) {
    remove_tree(worker.folder);
    return status;
  }
  worker.started = worker.progressed = Clock::now();
  worker.until = worker.started + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(std::min(seconds, 1e9)));
  ++ledger_.groups[groups_[group].name].launches;
  workers_.push_back(std::move(worker));
  on_start(workers_.back(), groups_[group]);
  return absl::OkStatus();
}

}  // namespace vmafuzz::supervisor
