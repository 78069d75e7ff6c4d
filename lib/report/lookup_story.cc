#include "report/lookup_story.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "report/names.h"
#include "report/phrases.h"
#include "report/sentence.h"

namespace vmafuzz::report {
namespace {

class LookupStory {
 public:
  explicit LookupStory(const Timeline& timeline)
      : steps_(timeline.steps), suspect_(timeline.failure.suspect()), looks_(find_looks(timeline)) {
    find_sections();
  }

  Cause tell() {
    cause_.text = suspect_.speculative ? speculation_sentences() : locked_sentences();
    return std::move(cause_);
  }

 private:
  std::string speculation_sentences() {
    std::string text = looks_.found ? counter_sentence() : std::string();
    const std::string lookup = looks_.found ? "In between it read " : absl::StrCat(me(), " read ");
    size_t first = looks_.found ? looks_.first : 0;
    while (!looks_.found && first < steps_.size() && !suspect_.did(steps_[first])) ++first;
    const size_t last = looks_.found ? looks_.last : steps_.size();
    std::string fields = field_sentences(lookup, first, last);
    if (fields.empty()) fields = undisturbed_sentence(lookup, first, last);
    if (!fields.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", fields);
    return text;
  }

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

  // "12".
  std::string number(const Step& step) {
    cause_.steps.push_back(static_cast<int>(&step - steps_.data()));
    return absl::StrCat(step.step);
  }
  std::string at(const Step& step) { return absl::StrCat(" at step ", number(step)); }

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

  std::string counter_sentence() {
    const Step& first = steps_[looks_.first];
    const Step& last = steps_[looks_.last];
    std::string text =
        absl::StrCat(me(), " read ", whole_name(first), " = ", first.value, at(first));
    if (first.stale > 0) absl::StrAppend(&text, " (it was ", first.before, " by then)");
    if (first.value != last.value) {
      absl::StrAppend(&text, " and ", last.value, at(last),
                      ", and returned what it found all the same.");
      return text;
    }
    const Step* change = nullptr;
    bool came_round = false;
    for (size_t i = looks_.first; i < looks_.last; ++i) {
      const Step& step = steps_[i];
      if (step.location != first.location || step.kind == StepKind::kLoad) continue;
      if (change == nullptr) change = &step;
      came_round = came_round || step.value != last.value;
    }
    if (change != nullptr) {
      absl::StrAppend(&text, ", ", cpu_name(change->cpu), " made it ", change->value, at(*change),
                      " in ", in(change->at), "; ", me(), "'s look", at(last), " in ", in(last.at),
                      " still returned ", last.value,
                      last.stale > 0 ? ", a stale value: no order between the CPUs rules that out."
                      : came_round   ? ": the counter came round to the same value."
                                     : ".");
      return text;
    }
    absl::StrAppend(&text, " and again", at(last));
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
  std::string field_sentences(const std::string& lookup, size_t first, size_t last) {
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
                                   missed ? "" : " only", at(next), ")"));
      } else {
        const int section = section_of(read.stored);
        const bool over = section >= 0 ? sections_[static_cast<size_t>(section)].last < first
                                       : static_cast<size_t>(read.stored) < first;
        if (mixed ? !blamed.contains(section) : over && suspect_.speculative) continue;
        blamed.insert(section);
        const Step& stored = steps_[static_cast<size_t>(read.stored)];
        fresh.push_back(absl::StrCat(text, " (stored by ", cpu_name(stored.cpu), at(stored), ")"));
      }
    }
    if (fresh.empty() && old.empty()) return {};
    std::string text = absl::StrCat(lookup, absl::StrJoin(fresh, ", "),
                                    fresh.empty() || old.empty() ? "" : " together with ",
                                    absl::StrJoin(old, ", "), ".");
    for (const int section : blamed) {
      if (section < 0) continue;
      const bool over = sections_[static_cast<size_t>(section)].last < first;
      absl::StrAppend(&text, " ",
                      section_sentence(section, early_end(section, all), over && mixed));
    }
    return text;
  }

  // The store of an even count that the lookup began with, if its section went on to store what the
  // lookup did not see; -1: there is none.
  int early_end(int section, const std::vector<Read>& all) const {
    const int end = looks_.found ? steps_[looks_.first].from_step : -1;
    if (end < 0 || section_of(end) != section) return -1;
    const Step& store = steps_[static_cast<size_t>(end)];
    if (store.counter < 0 || store.count % 2 != 0) return -1;
    const auto later = [&](const Read& read) {
      return read.next > end && section_of(read.next) == section;
    };
    return std::any_of(all.begin(), all.end(), later) ? end : -1;
  }

  // A uprobe knows its inode by address, and has its name from it: "uprobe(i1 page 0)".
  static std::string reused(const Step& inode) {
    const absl::string_view uprobe = inode.object_name;
    const absl::string_view registered = uprobe.substr(7, uprobe.find(' ') - 7);
    if (registered == inode.value) return {};
    return absl::StrCat(" (in whose memory ", registered, " was when the uprobe was made)");
  }

  // Where nobody interfered: what it went by all the same, and the uprobe that this led to.
  std::string undisturbed_sentence(const std::string& lookup, size_t first, size_t last) {
    std::vector<std::string> read;
    std::set<std::pair<int, std::string>> seen;
    for (size_t i = first; i < last; ++i) {
      const Step& step = steps_[i];
      if (!suspect_.did(step) || step.kind != StepKind::kLoad) continue;
      const bool of_uprobe = absl::StartsWith(step.object_name, "uprobe(");
      if (!tells(step) && !(of_uprobe && step.field == "inode")) continue;
      if (!seen.insert({step.location, step.value}).second) continue;
      read.push_back(absl::StrCat(step.object_name, ".", step.field, " = ", step.value));
      number(step);
      if (of_uprobe) absl::StrAppend(&read.back(), reused(step));
    }
    if (read.empty()) return {};
    return absl::StrCat(lookup, absl::StrJoin(read, ", "),
                        ", none of which another CPU changed meanwhile.");
  }

  // "cpu0 held mmap_lock for writing from step 12 on."
  std::string section_sentence(int index, int early_end, bool missed) {
    const Section& section = sections_[static_cast<size_t>(index)];
    const Step& lock = steps_[section.first];
    std::string text =
        absl::StrCat(cpu_name(lock.cpu), " held mmap_lock for writing from step ", number(lock));
    const bool open = section.last == steps_.size();
    absl::StrAppend(&text, open ? " on" : " to step ", open ? "" : number(steps_[section.last]));
    if (early_end >= 0) {
      absl::StrAppend(&text, ", but had made the count even",
                      at(steps_[static_cast<size_t>(early_end)]), ", before that store");
    } else if (missed) {
      absl::StrAppend(&text, ": it was done by then, but ", me(),
                      " was not bound to see all that it had stored");
    }
    return absl::StrCat(text, ".");
  }

  std::string locked_sentences() {
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
    if (lock != nullptr)
      absl::StrAppend(&text, ", under mmap_lock from step ", number(*lock), " on");
    absl::StrAppend(&text, looked ? "; the speculation before it came to nothing." : ".");
    const std::string fields = field_sentences("It read ", first, steps_.size());
    if (!fields.empty()) absl::StrAppend(&text, " ", fields);
    return text;
  }

  const std::vector<Step>& steps_;
  const Suspect suspect_;
  const Looks looks_;
  std::vector<Section> sections_;
  Cause cause_;
};

}  // namespace

Cause lookup_cause(const Timeline& timeline) { return LookupStory(timeline).tell(); }

Cause dying_cause(const Timeline& timeline) {
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
  Cause cause;
  cause.text = absl::StrCat(
      cpu_name(dropped->cpu), " let go of ", dropped->object_name, at_step(*dropped), " in ",
      in(dropped->at), ", which leaves its removal from the tree to a work item; ",
      cpu_name(suspect.cpu), " still found it", at_step(*found), " in ", in(found->at),
      found->stale > 0 ? ", by a stale value" : "", ". No consumer of it was left.");
  for (const Step* step : {dropped, found}) {
    cause.steps.push_back(static_cast<int>(step - steps.data()));
  }
  return cause;
}

}  // namespace vmafuzz::report
