#include "report/sentence.h"

#include <map>
#include <set>
#include <utility>
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
      : timeline_(timeline), steps_(timeline.steps), suspect_(timeline.failure.suspect()) {
    find_sections();
  }

  std::string tell() const {
    if (!suspect_.speculative) return locked_sentences();
    const Looks looks = find_looks(timeline_);
    std::string text = looks.found ? counter_sentence(looks) : std::string();
    const std::string lookup = looks.found ? "In between it read " : absl::StrCat(me(), " read ");
    size_t first = looks.found ? looks.first : 0;
    while (!looks.found && first < steps_.size() && !suspect_.did(steps_[first])) ++first;
    const size_t last = looks.found ? looks.last : steps_.size();
    std::string fields = field_sentences(lookup, first, last);
    if (fields.empty()) fields = undisturbed_sentence(lookup, first, last);
    if (!fields.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", fields);
    return text;
  }

 private:
  // mmap_lock held for writing: indices into steps_; last is steps_.size() if it never ends.
  struct Section {
    size_t first;
    size_t last;
  };
  // A load of the lookup: what it read of another CPU, and what another CPU stored after that.
  struct Read {
    const Step* load;
    size_t index;
    int stored;
    int next;
  };

  std::string me() const { return cpu_name(suspect_.cpu); }

  void find_sections() {
    std::map<int, size_t> open;  // by CPU: which section
    for (size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.kind != StepKind::kLock || step.field != "mmap_lock") continue;
      if (absl::StartsWith(step.text, "mmap_write_lock(")) {
        open[step.cpu] = sections_.size();
        sections_.push_back({i, steps_.size()});
      } else if (absl::StartsWith(step.text, "mmap_write_unlock(") ||
                 absl::StartsWith(step.text, "mmap_write_downgrade(")) {
        const auto section = open.find(step.cpu);
        if (section == open.end()) continue;
        sections_[section->second].last = i;
        open.erase(section);
      }
    }
  }

  // Index into sections_; -1: outside of any.
  int section_of(int index) const {
    for (size_t i = 0; index >= 0 && i < sections_.size(); ++i) {
      const Section& section = sections_[i];
      const auto at = static_cast<size_t>(index);
      if (steps_[section.first].cpu == steps_[at].cpu && section.first < at && at < section.last) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  std::string counter_sentence(const Looks& looks) const {
    const Step& first = steps_[looks.first];
    const Step& last = steps_[looks.last];
    const std::string name = absl::StrCat(first.object_name, ".", first.field);
    std::string text = absl::StrCat(me(), " read ", name, " = ", first.value, at_step(first));
    if (first.stale > 0) absl::StrAppend(&text, " (it was ", first.before, " by then)");
    if (first.value != last.value) {
      absl::StrAppend(&text, " and ", last.value, at_step(last),
                      ", and returned what it found all the same.");
      return text;
    }
    const Step* change = nullptr;
    bool came_round = false;
    for (size_t i = looks.first; i < looks.last; ++i) {
      const Step& step = steps_[i];
      if (step.location != first.location || step.kind == StepKind::kLoad) continue;
      if (change == nullptr) change = &step;
      came_round = came_round || step.value != last.value;
    }
    if (change != nullptr) {
      absl::StrAppend(&text, ", ", cpu_name(change->cpu), " made it ", change->value,
                      at_step(*change), " in ", in(change->at), "; ", me(), "'s look",
                      at_step(last), " in ", in(last.at), " still returned ", last.value,
                      last.stale > 0 ? ", a stale value: no order between the CPUs rules that out."
                      : came_round   ? ": the counter came round to the same value."
                                     : ".");
      return text;
    }
    absl::StrAppend(&text, " and again", at_step(last));
    if (last.stale > 0) {
      return absl::StrCat(text, ", when the newest was ", last.before, ", stored in ",
                          in(last.missed), ".");
    }
    return absl::StrCat(text, ": nobody stored to it in between.");
  }

  // The store to a load's location that changes what the load returned. Coherence order
  // is execution order.
  int next_store(size_t index) const {
    const Step& load = steps_[index];
    std::vector<size_t> stores;
    size_t before = 0;
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].location != load.location || steps_[i].kind == StepKind::kLoad) continue;
      stores.push_back(i);
      if (i < index) ++before;
    }
    if (before < load.stale) return -1;
    const size_t next = before - load.stale;
    // Memory that is used again has stores that are none of this object's.
    const bool sure = load.from_step >= 0
                          ? next > 0 && stores[next - 1] == static_cast<size_t>(load.from_step)
                          : next == 0 || load.stale == 0;
    if (!sure || next >= stores.size() || steps_[stores[next]].cpu == load.cpu) return -1;
    if (steps_[stores[next]].value == load.value) return -1;
    return static_cast<int>(stores[next]);
  }

  // What decides the result; beside it, what led to an old mapping.
  static bool tells(const Step& step) {
    static const std::set<std::string> kFields = {"vm_start", "vm_end",  "vm_pgoff", "vm_file",
                                                  "vm_flags", "f_inode", "vm_mm"};
    const bool in_tree =
        absl::StartsWith(step.value, "vma#") || absl::StartsWith(step.value, "node#");
    return kFields.contains(step.field) || (step.stale > 0 && in_tree);
  }

  // What the lookup read of the mapping between two of its steps.
  std::vector<Read> reads(size_t first, size_t last) const {
    std::vector<Read> reads;
    std::set<std::pair<int, std::string>> seen;
    for (size_t i = first; i < last; ++i) {
      const Step& step = steps_[i];
      if (!suspect_.did(step) || step.kind != StepKind::kLoad) continue;
      if (!tells(step) || !seen.insert({step.location, step.value}).second) continue;
      const bool whole = !step.torn && !step.reloaded;
      Read read{&step, i, whole && step.from_cpu != step.cpu ? step.from_step : -1,
                whole ? next_store(i) : -1};
      // A change by somebody who came only after the lookup is none that it could mix up.
      const int section = section_of(read.next);
      const int since = section >= 0
                            ? static_cast<int>(sections_[static_cast<size_t>(section)].first)
                            : read.next;
      if (since >= static_cast<int>(last)) read.next = -1;
      if (!whole || read.stored >= 0 || read.next >= 0) reads.push_back(read);
    }
    return reads;
  }

  // What it read that another CPU had stored, what it read although another CPU stored something
  // else, and who held mmap_lock for writing meanwhile. Nobody is named who was done before the
  // lookup and of whom it missed nothing.
  std::string field_sentences(const std::string& lookup, size_t first, size_t last) const {
    const std::vector<Read> all = reads(first, last);
    std::set<int> blamed;  // sections
    for (const Read& read : all) {
      if (read.next >= 0) blamed.insert(section_of(read.next));
    }
    const bool mixed = !blamed.empty();
    std::vector<std::string> fresh, old;
    for (const Read& read : all) {
      const Step& load = *read.load;
      std::string text = absl::StrCat(load.object_name, ".", load.field, " = ", load.value);
      if (load.torn || load.reloaded) {
        fresh.push_back(text + (load.torn ? " (torn)" : " (read twice by the compiler)"));
      } else if (read.next >= 0) {
        const Step& next = steps_[static_cast<size_t>(read.next)];
        const bool missed = static_cast<size_t>(read.next) < read.index;
        old.push_back(absl::StrCat(text, " (", cpu_name(next.cpu),
                                   missed ? " had stored " : " stored ", next.value,
                                   missed ? "" : " only", at_step(next), ")"));
      } else {
        const int section = section_of(read.stored);
        const bool over = section >= 0 ? sections_[static_cast<size_t>(section)].last < first
                                       : static_cast<size_t>(read.stored) < first;
        if (mixed ? !blamed.contains(section) : over && suspect_.speculative) continue;
        blamed.insert(section);
        const Step& stored = steps_[static_cast<size_t>(read.stored)];
        fresh.push_back(
            absl::StrCat(text, " (stored by ", cpu_name(stored.cpu), at_step(stored), ")"));
      }
    }
    if (fresh.empty() && old.empty()) return {};
    std::string text = absl::StrCat(lookup, absl::StrJoin(fresh, ", "),
                                    fresh.empty() || old.empty() ? "" : " together with ",
                                    absl::StrJoin(old, ", "), ".");
    for (const int section : blamed) {
      if (section >= 0) absl::StrAppend(&text, " ", section_sentence(section, first, mixed));
    }
    return text;
  }

  // Where nobody interfered: what it went by all the same, and the uprobe that this led to.
  std::string undisturbed_sentence(const std::string& lookup, size_t first, size_t last) const {
    std::vector<std::string> read;
    std::set<std::pair<int, std::string>> seen;
    for (size_t i = first; i < last; ++i) {
      const Step& step = steps_[i];
      if (!suspect_.did(step) || step.kind != StepKind::kLoad) continue;
      const bool of_uprobe = absl::StartsWith(step.object_name, "uprobe(");
      if (!tells(step) && !(of_uprobe && step.field == "inode")) continue;
      if (!seen.insert({step.location, step.value}).second) continue;
      read.push_back(absl::StrCat(step.object_name, ".", step.field, " = ", step.value));
    }
    if (read.empty()) return {};
    return absl::StrCat(lookup, absl::StrJoin(read, ", "),
                        ", none of which another CPU changed meanwhile.");
  }

  // "cpu0 held mmap_lock for writing from step 12 on."
  std::string section_sentence(int index, size_t first, bool missed) const {
    const Section& section = sections_[static_cast<size_t>(index)];
    const Step& lock = steps_[section.first];
    std::string text =
        absl::StrCat(cpu_name(lock.cpu), " held mmap_lock for writing from step ", lock.step);
    if (section.last == steps_.size()) return absl::StrCat(text, " on.");
    absl::StrAppend(&text, " to step ", steps_[section.last].step);
    if (section.last < first && missed) {
      absl::StrAppend(&text, ": it was done by then, but ", me(),
                      " was not bound to see all that it had stored");
    }
    return absl::StrCat(text, ".");
  }

  std::string locked_sentences() const {
    const Step* lock = nullptr;
    bool looked = false;
    size_t first = 0;
    for (; first < steps_.size() && !suspect_.did(steps_[first]); ++first) {
      const Step& step = steps_[first];
      if (step.cpu != suspect_.cpu || step.op != suspect_.op) continue;
      if (step.kind == StepKind::kLoad && is_counter(step)) looked = true;
    }
    for (const Step& step : steps_) {
      if (step.cpu != suspect_.cpu || step.op != suspect_.op || step.step > suspect_.last_step) {
        continue;
      }
      if (absl::StartsWith(step.text, "mmap_read_lock(")) lock = &step;
    }
    std::string text = absl::StrCat(me(), "'s result is that of the locked lookup");
    if (lock != nullptr) absl::StrAppend(&text, ", under mmap_lock from step ", lock->step, " on");
    absl::StrAppend(&text, looked ? "; the speculation before it came to nothing." : ".");
    const std::string fields = field_sentences("It read ", first, steps_.size());
    if (!fields.empty()) absl::StrAppend(&text, " ", fields);
    return text;
  }

  const Timeline& timeline_;
  const std::vector<Step>& steps_;
  const Suspect suspect_;
  std::vector<Section> sections_;
};

// A uprobe without consumers that was still in the tree: who let go of it, and how it was found.
std::string dying_sentence(const Timeline& timeline) {
  const std::vector<Step>& steps = timeline.steps;
  const Suspect suspect = timeline.failure.suspect();
  const Step* found = nullptr;
  const Step* dropped = nullptr;
  for (const Step& step : steps) {
    if (!suspect.did(step) || step.kind != StepKind::kLoad) continue;
    if (step.points_to >= 0 && absl::StartsWith(step.value, "uprobe(")) found = &step;
  }
  if (found == nullptr) return {};
  for (const Step& step : steps) {
    if (&step == found) break;
    if (step.kind == StepKind::kGrace && step.object == found->points_to &&
        absl::StartsWith(step.text, "schedule_work()")) {
      dropped = &step;
    }
  }
  if (dropped == nullptr) return {};
  return absl::StrCat(
      cpu_name(dropped->cpu), " let go of ", dropped->object_name, at_step(*dropped), " in ",
      in(dropped->at), ", which leaves its removal from the tree to a work item; ",
      cpu_name(suspect.cpu), " still found it", at_step(*found), " in ", in(found->at),
      found->stale > 0 ? ", by a stale value" : "", ". No consumer of it was left.");
}

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

// Who stored last what is in the page, or that there is nothing in it.
std::string page_sentence(const Timeline& timeline) {
  const std::string entry = page_entry(timeline.failure);
  const Step* last = nullptr;
  for (const Step& step : timeline.steps) {
    if (step.kind != StepKind::kLoad && is_of_page_entry(step, entry)) last = &step;
  }
  if (entry.empty()) return {};
  const std::string text = full_stop(timeline.failure.what);
  if (last == nullptr) return absl::StrCat(text, " ", entry, " is as set-up left it.");
  return absl::StrCat(text, " It was ", cpu_name(last->cpu), " that stored ", last->value, " to ",
                      entry, at_step(*last), " in ", in(last->at), ".");
}

std::string race_sentence(const Timeline& timeline) {
  const Failure& failure = timeline.failure;
  if (failure.other.function.empty()) return full_stop(failure.what);
  return absl::StrCat(failure.what, ": ", in(failure.at), " and ", in(failure.other),
                      " may run at the same time.");
}

bool is_look(const Timeline& timeline, size_t index, absl::string_view field) {
  const Step& step = timeline.steps[index];
  return timeline.failure.suspect().did(step) && step.kind == StepKind::kLoad &&
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
  if (verdict == "stale-uprobe" && !timeline.failure.lookup) {
    text = dying_sentence(timeline);
  } else if (verdict == "wrong-uprobe" || verdict == "stale-uprobe") {
    text = LookupStory(timeline).tell();
  } else if (verdict == "use-after-free" || verdict == "dead-uprobe" || verdict == "double-free") {
    text = lifetime_sentence(timeline);
  } else if (verdict == "deadlock") {
    text = deadlock_sentence(timeline);
  } else if (verdict == "livelock") {
    text = livelock_sentence(timeline);
  } else if (verdict == "data-race") {
    text = race_sentence(timeline);
  } else {
    text = page_sentence(timeline);
  }
  return text.empty() ? full_stop(timeline.failure.what) : text;
}

}  // namespace vmafuzz::report
