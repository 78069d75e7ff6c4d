#include "report/sentence.h"

#include <map>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "report/condense.h"
#include "report/names.h"

namespace vmafuzz::report {
namespace {

std::string at_step(const Step& step) { return absl::StrCat(" at step ", step.step); }
std::string in(const Place& place) { return absl::StrCat(place.function, "() (", place.line, ")"); }
std::string full_stop(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

bool is_counter(const Step& step) {
  return step.field == "mm_lock_seq" || step.field == "vm_lock_seq";
}

// --- lookups
// ---------------------------------------------------------------------------------------------

class LookupStory {
 public:
  explicit LookupStory(const Timeline& timeline)
      : timeline_(timeline), steps_(timeline.steps), suspect_(timeline.failure.suspect()) {}

  std::string tell() const {
    const Looks looks = find_looks(timeline_);
    std::string text = looks.found ? counter_sentence(looks) : std::string();
    const std::string fields = field_sentence(looks);
    if (!fields.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", fields);
    return text;
  }

 private:
  bool mine(const Step& step) const { return step.cpu == suspect_.cpu && step.op == suspect_.op; }
  std::string me() const { return cpu_name(suspect_.cpu); }

  // The first store to the counter between the looks, or null.
  const Step* change_between(const Looks& looks) const {
    for (size_t i = looks.first; i < looks.last; ++i) {
      const Step& step = steps_[i];
      if (step.location == steps_[looks.first].location && step.kind != StepKind::kLoad) {
        return &step;
      }
    }
    return nullptr;
  }

  std::string counter_sentence(const Looks& looks) const {
    const Step& first = steps_[looks.first];
    const Step& last = steps_[looks.last];
    const std::string name = absl::StrCat(first.object_name, ".", first.field);
    std::string text = absl::StrCat(me(), " read ", name, " = ", first.value, at_step(first));
    if (first.stale > 0) absl::StrAppend(&text, " (it was ", first.before, " by then)");
    if (first.value != last.value) {
      absl::StrAppend(&text, " and ", last.value, at_step(last),
                      ": it had noticed a change, and returned what it found all the same.");
      return text;
    }
    const Step* change = change_between(looks);
    if (change != nullptr) {
      absl::StrAppend(&text, ", ", cpu_name(change->cpu), " made it ", change->value,
                      at_step(*change), " in ", in(change->at), "; ", me(), "'s look",
                      at_step(last), " in ", in(last.at), " still returned ", last.value,
                      last.stale > 0 ? ", a stale value: no order between the CPUs rules that out."
                                     : ": the counter came round to the same value.");
      return text;
    }
    if (last.stale > 0) {
      absl::StrAppend(&text, " and again", at_step(last), ", when the newest was ", last.before,
                      ", stored in ", in(last.missed), ".");
      return text;
    }
    absl::StrAppend(&text, " and again", at_step(last),
                    ": nothing changed it in between, so the check saw no writer", writer_at_work(),
                    ".");
    return text;
  }

  // ", although cpu0 held mmap_lock for writing from step 12 on".
  std::string writer_at_work() const {
    const Step* lock = nullptr;
    for (const Step& step : steps_) {
      if (step.kind != StepKind::kLock || step.field != "mmap_lock" || mine(step)) continue;
      if (absl::StartsWith(step.text, "mmap_write_lock(")) lock = &step;
    }
    if (lock == nullptr) return "";
    return absl::StrCat(", although ", cpu_name(lock->cpu), " took mmap_lock for writing",
                        at_step(*lock));
  }

  // What it read of the mapping: what another CPU had just stored, and what was from before.
  std::string field_sentence(const Looks& looks) const {
    static const std::set<std::string> kFields = {"vm_start", "vm_end",  "vm_pgoff", "vm_file",
                                                  "vm_flags", "f_inode", "vm_mm"};
    const std::vector<LocationUse> uses = location_uses(timeline_);
    std::vector<std::string> fresh, old;
    for (size_t i = looks.found ? looks.first : 0; i < (looks.found ? looks.last : steps_.size());
         ++i) {
      const Step& step = steps_[i];
      if (!mine(step) || step.kind != StepKind::kLoad || !kFields.contains(step.field)) continue;
      if (!uses[static_cast<size_t>(step.location)].stored_by_other(step.cpu)) continue;
      const bool from_other = step.from_cpu != sim::kNoCpu && step.from_cpu != step.cpu;
      std::string text = absl::StrCat(step.object_name, ".", step.field, " = ", step.value);
      if (step.torn) absl::StrAppend(&text, " (torn)");
      std::vector<std::string>& list = from_other ? fresh : old;
      if (list.empty() || list.back() != text) list.push_back(std::move(text));
    }
    if (fresh.empty() && old.empty()) return {};
    const std::string lookup = looks.found ? "In between it read " : absl::StrCat(me(), " read ");
    const std::string news =
        absl::StrCat(absl::StrJoin(fresh, ", "), " as just stored by another CPU");
    const std::string before = absl::StrCat(absl::StrJoin(old, ", "), " from before the change");
    if (old.empty()) return absl::StrCat(lookup, news, ".");
    if (fresh.empty()) return absl::StrCat(lookup, before, ".");
    return absl::StrCat(lookup, news, " together with ", before, ".");
  }

  const Timeline& timeline_;
  const std::vector<Step>& steps_;
  const Suspect suspect_;
};

// --- lifetimes
// -------------------------------------------------------------------------------------------

// Where the object went, and how the CPU came by its pointer.
std::string lifetime_sentence(const Timeline& timeline) {
  const Failure& failure = timeline.failure;
  const Step* freed = nullptr;
  for (const Step& step : timeline.steps) {
    if (step.kind != StepKind::kFree) continue;
    if (failure.other.line.empty() || step.at.line == failure.other.line) freed = &step;
  }
  if (freed == nullptr) return full_stop(failure.what);
  std::string text = absl::StrCat(cpu_name(freed->cpu), " freed ", freed->object_name,
                                  at_step(*freed), " in ", in(freed->at));
  const Step* pointer = nullptr;
  for (const Step& step : timeline.steps) {
    if (step.cpu == failure.cpu && step.points_to == freed->object &&
        step.object != freed->object && step.kind == StepKind::kLoad) {
      pointer = &step;
    }
  }
  if (pointer == nullptr) {
    return absl::StrCat(text, ", and ", cpu_name(failure.cpu), " used it after that in ",
                        in(failure.at), ".");
  }
  const bool before = pointer->step < freed->step;
  absl::StrAppend(&text, "; ", cpu_name(failure.cpu), before ? " had found" : " still found", " it",
                  at_step(*pointer), " in ", in(pointer->at), ", by ", pointer->object_name, ".",
                  pointer->field, pointer->stale > 0 ? " (a stale value)" : "", ", and used it in ",
                  in(failure.at), before ? ": nothing made the free wait." : ".");
  return text;
}

// --- progress
// --------------------------------------------------------------------------------------------

std::string deadlock_sentence(const Timeline& timeline) {
  std::map<int, const Step*> last;         // of each CPU
  std::map<int, std::map<int, int>> held;  // cpu, location: how often
  std::map<int, std::string> names;        // of locations
  for (const Step& step : timeline.steps) {
    if (step.kind != StepKind::kSwitch) last[step.cpu] = &step;
    if (step.kind != StepKind::kLock || step.lock == 0) continue;
    held[step.cpu][step.location] += step.lock;
    names[step.location] = step.text.substr(step.text.find('(') + 1);
    names[step.location].pop_back();
    if (step.field == "mmap_lock") names[step.location] += "'s mmap_lock";
  }
  std::vector<std::string> parts;
  for (const auto& [cpu, step] : last) {
    if (step->kind != StepKind::kBlock) continue;
    std::string part = absl::StrCat(cpu_name(cpu), " ", step->text.substr(1, step->text.size() - 2),
                                    " in ", in(step->at));
    std::vector<std::string> locks;
    for (const auto& [location, count] : held[cpu]) {
      if (count > 0) locks.push_back(names[location]);
    }
    if (!locks.empty()) absl::StrAppend(&part, " while it holds ", absl::StrJoin(locks, ", "));
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return full_stop(timeline.failure.what);
  return full_stop(absl::StrJoin(parts, "; "));
}

// What a loop waits for is read in each round; where a sequence counter is among it, that is what
// counts.
std::string livelock_sentence(const Timeline& timeline) {
  struct Loads {
    const Step* first = nullptr;
    const Step* last = nullptr;
    int count = 0;
  };
  const Failure& failure = timeline.failure;
  std::map<int, Loads> loads;  // by location
  for (const Step& step : timeline.steps) {
    if (step.cpu != failure.cpu || step.op != failure.op || step.kind != StepKind::kLoad) continue;
    Loads& entry = loads[step.location];
    if (entry.first == nullptr) entry.first = &step;
    entry.last = &step;
    ++entry.count;
  }
  Loads most;
  for (const auto& [location, entry] : loads) {
    if (entry.count < 3) continue;
    const bool counter = is_counter(*entry.last);
    const bool have_counter = most.count > 0 && is_counter(*most.last);
    if (counter == have_counter ? entry.count > most.count : counter) most = entry;
  }
  if (most.count == 0) return full_stop(failure.what);
  return absl::StrCat(cpu_name(failure.cpu), " goes round in circles: it read ",
                      most.last->object_name, ".", most.last->field, " ", most.count,
                      " times, first ", most.first->value, " in ", in(most.first->at),
                      ", at the end ", most.last->value, " in ", in(most.last->at),
                      ", and did not finish.");
}

std::string race_sentence(const Timeline& timeline) {
  const Failure& failure = timeline.failure;
  if (failure.other.function.empty()) return full_stop(failure.what);
  return absl::StrCat(failure.what, ": ", in(failure.at), " and ", in(failure.other),
                      " may run at the same time.");
}

bool is_look(const Timeline& timeline, size_t index, absl::string_view field) {
  const Suspect suspect = timeline.failure.suspect();
  const Step& step = timeline.steps[index];
  return step.cpu == suspect.cpu && step.op == suspect.op && step.kind == StepKind::kLoad &&
         step.field == field;
}

}  // namespace

Looks find_looks(const Timeline& timeline) {
  const std::vector<Step>& steps = timeline.steps;
  for (const char* field : {"mm_lock_seq", "vm_lock_seq"}) {
    for (size_t last = steps.size(); last > 0; --last) {
      if (!is_look(timeline, last - 1, field)) continue;
      for (size_t first = last - 1; first > 0; --first) {
        if (!is_look(timeline, first - 1, field)) continue;
        if (steps[first - 1].location != steps[last - 1].location) continue;
        return {first - 1, last - 1, true};
      }
      break;
    }
  }
  return {};
}

std::string sentence(const Timeline& timeline) {
  const std::string& verdict = timeline.failure.verdict;
  if (verdict.empty()) return {};
  std::string text;
  if (verdict == "wrong-uprobe" || verdict == "stale-uprobe" || verdict == "fallback-forever") {
    text = LookupStory(timeline).tell();
  } else if (verdict == "use-after-free" || verdict == "dead-uprobe" || verdict == "double-free") {
    text = lifetime_sentence(timeline);
  } else if (verdict == "deadlock") {
    text = deadlock_sentence(timeline);
  } else if (verdict == "livelock") {
    text = livelock_sentence(timeline);
  } else if (verdict == "data-race") {
    text = race_sentence(timeline);
  }
  return text.empty() ? full_stop(timeline.failure.what) : text;
}

}  // namespace vmafuzz::report
