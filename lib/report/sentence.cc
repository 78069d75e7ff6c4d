#include "report/sentence.h"

#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "report/cause.h"
#include "report/condense.h"
#include "report/names.h"
#include "report/phrases.h"

namespace vmafuzz::report {
namespace {

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
  const bool waited =
      std::any_of(timeline.steps.begin(), timeline.steps.end(), [freed](const Step& step) {
        return step.kind == StepKind::kGrace && step.object == freed->object &&
               absl::StartsWith(step.text, "call_") && step.step <= freed->step;
      });
  const char* const too_early = waited ? ": the grace period that the free waited for is not one "
                                         "that this use belongs to."
                                       : ": nothing made the free wait.";
  // Set-up comes before every step, and the same CPU tears everything down after the last one.
  const bool at_end = failure.cpu == sim::kBootCpu;
  const std::string user = at_end ? "tear-down" : cpu_name(failure.cpu);
  const Step* pointer = nullptr;
  for (const Step& step : timeline.steps) {
    if (step.cpu == failure.cpu && step.points_to == freed->object &&
        step.object != freed->object && step.kind == StepKind::kLoad) {
      pointer = &step;
    }
  }
  if (pointer == nullptr) {
    return absl::StrCat(text, ", and ", user, " used it after that in ", in(failure.at), ".");
  }
  const bool before = pointer->step < freed->step;
  absl::StrAppend(&text, "; ", cpu_name(failure.cpu), before ? " had found" : " still found", " it",
                  at_step(*pointer), " in ", in(pointer->at), ", by ", pointer->object_name, ".",
                  pointer->field, pointer->stale > 0 ? " (a stale value)" : "", ", and used it in ",
                  in(failure.at), before ? too_early : ".");
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
  if (last == nullptr) {
    std::string as_before = absl::StrCat(text, " ", entry, " is as set-up left it");
    for (const Step& step : timeline.steps) {
      // What failed elsewhere is not why.
      if (step.kind != StepKind::kFail || !absl::StartsWith(step.at.line, "breakpoint.cc:"))
        continue;
      absl::StrAppend(&as_before, ": ", cpu_name(step.cpu), " failed", at_step(step), " in ",
                      in(step.at));
      break;
    }
    return full_stop(as_before);
  }
  return absl::StrCat(text, " It was ", cpu_name(last->cpu), " that stored ", last->value, " to ",
                      entry, at_step(*last), " in ", in(last->at), ".");
}

// Of the two accesses, only the one that came first is in the trace.
std::string race_sentence(const Timeline& timeline) {
  const Failure& failure = timeline.failure;
  if (failure.other.function.empty()) return full_stop(failure.what);
  std::string other = in(failure.other);
  if (failure.racing_access >= 0) {
    const Step& step = timeline.steps[static_cast<size_t>(failure.racing_access)];
    other = absl::StrCat(step.kind == StepKind::kLoad ? "the plain load in " : "the store in ",
                         other, at_step(step));
  }
  return absl::StrCat(failure.what, ": ", in(failure.at), " and ", other,
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
  std::string text = cause_of(timeline).text;
  if (!text.empty()) return text;
  if (verdict == "use-after-free" || verdict == "dead-uprobe" || verdict == "double-free") {
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
