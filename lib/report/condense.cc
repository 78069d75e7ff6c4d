#include "report/condense.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "report/cause.h"
#include "sim/arena.h"

namespace vmafuzz::report {
namespace {

uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }
bool several(uint8_t mask) { return (mask & (mask - 1)) != 0; }

bool about_locking(const std::string& verdict) {
  return verdict == "deadlock" || verdict == "livelock" || verdict == "lock-imbalance";
}

// Whom a grace period waits for matters where memory went too early.
bool about_lifetime(const std::string& verdict) {
  return verdict == "use-after-free" || verdict == "dead-uprobe" || verdict == "double-free" ||
         verdict == "stale-uprobe";
}

// Per object: which CPUs touch it, and whether its memory is handed out again after it was freed.
struct ObjectUse {
  uint8_t cpus = 0;
  bool freed = false;
  bool again = false;
};

// Loads of what others store to, stores to what others touch.
bool contended(const Step& step, const std::vector<LocationUse>& locations) {
  if (step.location < 0) return false;
  const LocationUse& use = locations[static_cast<size_t>(step.location)];
  return step.kind == StepKind::kLoad ? use.stored_by_other(step.cpu)
                                      : use.storing != 0 && use.touched_by_other(step.cpu);
}

std::vector<ObjectUse> object_uses(const Timeline& timeline,
                                   const std::vector<LocationUse>& locations) {
  std::vector<ObjectUse> uses(static_cast<size_t>(timeline.objects));
  for (const Step& step : timeline.steps) {
    if (step.object < 0) continue;
    ObjectUse& use = uses[static_cast<size_t>(step.object)];
    if (!step.is_access() || contended(step, locations)) use.cpus |= bit(step.cpu);
    if (step.kind == StepKind::kFree) use.freed = true;
    if (step.kind == StepKind::kAlloc && use.freed) use.again = true;
  }
  return uses;
}

bool of_tree_node(const Step& step) { return absl::StartsWith(step.object_name, "node#"); }

bool access_stays(const Step& step, const std::vector<LocationUse>& locations) {
  if (step.counter >= 0 || !step.remark.empty()) return true;
  if (!contended(step, locations)) return false;
  if (!of_tree_node(step)) return true;
  if (step.kind != StepKind::kLoad) return absl::StartsWith(step.field, "slot");
  const bool sees_store = step.from_cpu != sim::kNoCpu && step.from_cpu != step.cpu;
  return sees_store || absl::StartsWith(step.value, "vma#");
}

bool stays(const Step& step, const Timeline& timeline, const std::vector<LocationUse>& locations,
           const std::vector<ObjectUse>& uses) {
  switch (step.kind) {
    case StepKind::kBegin:
    case StepKind::kBlock:
    case StepKind::kFail:
    case StepKind::kNote:
      return true;
    case StepKind::kGrace:
      if (!about_lifetime(timeline.failure.verdict) || of_tree_node(step)) return false;
      return step.object < 0 || several(uses[static_cast<size_t>(step.object)].cpus);
    case StepKind::kReader:
      return about_lifetime(timeline.failure.verdict);
    case StepKind::kSwitch:
      return step.preempts;
    case StepKind::kEnd:
    case StepKind::kFence:
      return false;
    case StepKind::kAlloc:
    case StepKind::kFree: {
      if (step.object < 0 || of_tree_node(step)) return false;
      const ObjectUse& use = uses[static_cast<size_t>(step.object)];
      return several(use.cpus) || use.again;
    }
    case StepKind::kLock:
      return step.field == "mmap_lock" || about_locking(timeline.failure.verdict);
    case StepKind::kLoad:
    case StepKind::kStore:
    case StepKind::kRmw:
      return access_stays(step, locations);
  }
  return true;
}

// Tree walks have a barrier at each node, for ma_dead_node().
bool barriers_matter_at(const Step& step) {
  return step.shown && !of_tree_node(step) && !absl::EndsWith(step.field, "ma_root");
}

// A barrier stays if the access of its CPU right before or right after it does.
void keep_barriers(Timeline* timeline) {
  int last[sim::kMaxCpus];
  for (int& index : last) index = -1;
  std::vector<int> waiting[sim::kMaxCpus];
  for (size_t i = 0; i < timeline->steps.size(); ++i) {
    Step& step = timeline->steps[i];
    if (step.kind == StepKind::kFence) {
      waiting[step.cpu].push_back(static_cast<int>(i));
      if (last[step.cpu] >= 0) {
        step.shown = barriers_matter_at(timeline->steps[static_cast<size_t>(last[step.cpu])]);
      }
    } else if (step.is_access()) {
      for (int fence : waiting[step.cpu]) {
        if (barriers_matter_at(step)) timeline->steps[static_cast<size_t>(fence)].shown = true;
      }
      waiting[step.cpu].clear();
      last[step.cpu] = static_cast<int>(i);
    }
  }
}

// The load by which the failing CPU last came to the object.
void keep_way_to(int object, Timeline* timeline) {
  for (size_t i = timeline->steps.size(); i > 0; --i) {
    Step& step = timeline->steps[i - 1];
    if (step.kind != StepKind::kLoad || step.cpu != timeline->failure.cpu) continue;
    if (step.points_to != object || step.object == object) continue;
    step.shown = true;
    return;
  }
}

// Memory that RCU frees: the lookup's read-side sections, or they seem not to have held it up.
void keep_readers(Timeline* timeline) {
  const auto freed_late = [](const Step& step) {
    return step.shown && step.kind == StepKind::kFree && step.cpu >= sim::kUserCpus;
  };
  if (std::none_of(timeline->steps.begin(), timeline->steps.end(), freed_late)) return;
  const Suspect suspect = timeline->failure.suspect();
  for (Step& step : timeline->steps) {
    const bool its = step.cpu == suspect.cpu && step.op == suspect.op;
    if (its && step.kind == StepKind::kReader) step.shown = true;
  }
}

// A lookup that nobody interfered with: what it read of the mapping and of uprobes, or nothing of
// it would be left.
void keep_undisturbed_lookup(Timeline* timeline) {
  const Suspect suspect = timeline->failure.suspect();
  const auto of_lookup = [&](const Step& step) { return suspect.did(step) && step.is_access(); };
  if (std::any_of(timeline->steps.begin(), timeline->steps.end(),
                  [&](const Step& step) { return step.shown && of_lookup(step); })) {
    return;
  }
  for (Step& step : timeline->steps) {
    if (of_lookup(step) && !of_tree_node(step)) step.shown = true;
  }
}

// A page's breakpoint, or that it has none, is somebody's last store to it.
void keep_page_entry(Timeline* timeline) {
  const std::string entry = page_entry(timeline->failure);
  if (entry.empty()) return;
  for (Step& step : timeline->steps) {
    if (step.kind != StepKind::kLoad && is_of_page_entry(step, entry)) step.shown = true;
  }
}

// The sentence's steps: whoever reads it looks for them.
void keep_cause(Timeline* timeline) {
  for (const int step : cause_of(*timeline).steps) {
    timeline->steps[static_cast<size_t>(step)].shown = true;
  }
}

void keep_other_party(Timeline* timeline) {
  const int other = other_party(*timeline);
  if (other < 0) return;
  Step& step = timeline->steps[static_cast<size_t>(other)];
  step.shown = true;
  if (step.kind == StepKind::kFree) keep_way_to(step.object, timeline);
}

// A switch stays if it is why the next event that is shown is another CPU's than the last one was.
void drop_idle_switches(Timeline* timeline) {
  int last_cpu = -1;  // of the last event that is shown
  std::vector<Step*> switches;
  const auto settle = [&](int cpu) {
    bool needed = last_cpu >= 0 && cpu != last_cpu;
    for (Step* step : switches) {
      step->shown = needed && step->cpu == last_cpu;
      if (step->shown) needed = false;
    }
    switches.clear();
    last_cpu = cpu;
  };
  for (Step& step : timeline->steps) {
    if (!step.shown) continue;
    if (step.kind == StepKind::kSwitch) {
      switches.push_back(&step);
    } else {
      settle(step.cpu);
    }
  }
  // The verdict is the last line, but for a lookup's, which is where the lookup ends.
  const Failure& failure = timeline->failure;
  if (!failure.verdict.empty() && !failure.lookup && !timeline->at_rest) settle(failure.cpu);
}

}  // namespace

std::vector<LocationUse> location_uses(const Timeline& timeline) {
  std::vector<LocationUse> uses(static_cast<size_t>(timeline.locations));
  for (const Step& step : timeline.steps) {
    if (step.location < 0) continue;
    LocationUse& use = uses[static_cast<size_t>(step.location)];
    use.touching |= bit(step.cpu);
    if (step.kind != StepKind::kLoad) use.storing |= bit(step.cpu);
  }
  return uses;
}

std::string page_entry(const Failure& failure) {
  if (failure.verdict != "spurious-breakpoint" && failure.verdict != "missed-uprobe") return {};
  const std::vector<std::string> words = absl::StrSplit(failure.what, ' ');
  if (words.size() < 3 || words[1] != "page") return {};
  return absl::StrCat(words[0], ".pte[", words[2], "]");
}

bool is_of_page_entry(const Step& step, const std::string& entry) {
  return step.is_access() && absl::StrCat(step.object_name, ".", step.field) == entry;
}

int other_party(const Timeline& timeline) {
  const Failure& failure = timeline.failure;
  if (failure.racing_access >= 0) return failure.racing_access;
  if (failure.other.line.empty()) return -1;
  for (size_t i = timeline.steps.size(); i > 0; --i) {
    const Step& step = timeline.steps[i - 1];
    const bool could_be = step.is_access() || step.kind == StepKind::kFree;
    if (!could_be || step.kind == StepKind::kLoad || step.at.line != failure.other.line) continue;
    return static_cast<int>(i - 1);
  }
  return -1;
}

void condense(Timeline* timeline) {
  const std::vector<LocationUse> locations = location_uses(*timeline);
  const std::vector<ObjectUse> uses = object_uses(*timeline, locations);
  for (Step& step : timeline->steps) step.shown = stays(step, *timeline, locations, uses);
  keep_other_party(timeline);
  keep_page_entry(timeline);
  if (timeline->failure.lookup) {
    keep_readers(timeline);
    keep_undisturbed_lookup(timeline);
  }
  keep_cause(timeline);
  keep_barriers(timeline);
  drop_idle_switches(timeline);
}

}  // namespace vmafuzz::report
