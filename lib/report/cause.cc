#include "report/cause.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "report/cause_teller.h"
#include "report/lookup_story.h"
#include "report/names.h"
#include "report/phrases.h"
#include "sim/arena.h"

namespace vmafuzz::report {

int CauseTeller::first(size_t begin, size_t end, const Test& test) const {
  for (size_t i = begin; i < end && i < steps_.size(); ++i) {
    if (test(steps_[i])) return static_cast<int>(i);
  }
  return -1;
}

int CauseTeller::last(size_t begin, size_t end, const Test& test) const {
  for (size_t i = end; i > begin; --i) {
    if (test(steps_[i - 1])) return static_cast<int>(i - 1);
  }
  return -1;
}

int CauseTeller::last_load(size_t begin, size_t end, const Test& test) const {
  return last(begin, end, [&](const Step& step) {
    return suspect_.did(step) && step.kind == StepKind::kLoad && test(step);
  });
}

int CauseTeller::store_before(int index) const {
  const int location = at(index).location;
  return last(0, static_cast<size_t>(index), [location](const Step& step) {
    return step.location == location && step.is_access() && step.kind != StepKind::kLoad;
  });
}

std::string CauseTeller::read(int load) {
  cite(load);
  return absl::StrCat(whole_name(at(load)), " = ", at(load).value, at_step(at(load)));
}

std::string CauseTeller::by(int store) {
  cite(store);
  return absl::StrCat(cpu_name(at(store).cpu), at_step(at(store)), " in ", in(at(store).at));
}

// " over vma#1[4-5), which cpu1 had put there at step 3".
std::string CauseTeller::replaced(int store) {
  const Step& step = at(store);
  const bool link = step.value == "NULL" || step.points_to >= 0;
  if (!link || step.before.empty() || step.before == step.value || step.before == "0") return {};
  std::string text = absl::StrCat(" over ", step.before);
  const int put = step.before == "NULL" ? -1 : store_before(store);
  if (put < 0) return text;
  cite(put);
  return absl::StrCat(text, ", which ", cpu_name(at(put).cpu), " had put there", at_step(at(put)),
                      ",");
}

// " (the work item of uprobe(i0 page 0))": a name may be of several objects, one after the other.
std::string CauseTeller::work_item(int store) const {
  const Step& step = at(store);
  if (step.cpu != sim::kWorkCpu) return {};
  const int item = last(0, static_cast<size_t>(store), [&](const Step& s) {
    return s.cpu == step.cpu && absl::StartsWith(s.text, "<work item>");
  });
  if (item < 0 || at(item).object_name.empty()) return {};
  const int put = store_before(store);
  const bool other = step.before == at(item).object_name && put >= 0 && at(put).points_to >= 0 &&
                     at(put).points_to != at(item).object;
  return absl::StrCat(" (the work item of ", other ? "another " : "", at(item).object_name, ")");
}

std::string CauseTeller::origin(int index) {
  const Step& load = at(index);
  if (load.stale > 0) {
    if (load.missed_step < 0) {
      return absl::StrCat(", although ", load.before, " had been stored in ", in(load.missed));
    }
    cite(load.missed_step);
    const Step& missed = at(load.missed_step);
    return absl::StrCat(", although ", cpu_name(missed.cpu), " had stored ", missed.value,
                        at_step(missed), " in ", in(missed.at));
  }
  if (load.from_step >= 0) {
    const std::string over = replaced(load.from_step);
    return absl::StrCat(", stored", over, " by ", by(load.from_step),
                        over.empty() ? "" : work_item(load.from_step));
  }
  if (load.from_cpu != sim::kNoCpu && !load.from.function.empty() &&
      load.from_cpu != sim::kBootCpu) {
    return absl::StrCat(", stored by ", cpu_name(load.from_cpu), " in ", in(load.from));
  }
  return ", as set-up left it";
}

namespace {

// The compiler made two loads of one, and somebody stored in between.
Cause torn_cause(const Timeline& timeline) {
  CauseTeller teller(timeline);
  const int load =
      teller.last_load(0, teller.steps().size(), [](const Step& step) { return step.torn; });
  if (load < 0) return {};
  const Step& step = teller.at(load);
  std::string text = absl::StrCat(cpu_name(step.cpu), " read ", whole_name(step), at_step(step),
                                  " in ", in(step.at), " by a plain load that the compiler split");
  // The machine puts together the newest store and the one before it.
  if (step.from_step < 0) return teller.tell(text + ".");
  teller.read(load);
  absl::StrAppend(&text, ": half is of ", teller.at(step.from_step).value, ", stored by ",
                  teller.by(step.from_step), ", half is of ", teller.at(step.from_step).before);
  const int before = teller.store_before(step.from_step);
  absl::StrAppend(
      &text, before < 0 ? ", as set-up left it" : absl::StrCat(", stored by ", teller.by(before)));
  return teller.tell(absl::StrCat(text, ". It used the pointer in ", in(teller.failure().at), "."));
}

Cause null_cause(const Timeline& timeline) {
  CauseTeller teller(timeline);
  if (!absl::StrContains(teller.failure().what, "field of a null pointer")) return {};
  const int load = teller.last_load(0, teller.steps().size(),
                                    [](const Step& step) { return step.value == "NULL"; });
  if (load < 0) return {};
  const Step& step = teller.at(load);
  std::string text = absl::StrCat(cpu_name(step.cpu), " read ", teller.read(load), " in ",
                                  in(step.at), teller.origin(load), ", and used it in ",
                                  in(teller.failure().at), " without a look whether it is NULL.");
  const int way = teller.last_load(0, static_cast<size_t>(load), [&](const Step& s) {
    return s.points_to >= 0 && s.points_to == step.object && s.object != step.object;
  });
  if (way < 0) return teller.tell(text);
  return teller.tell(absl::StrCat(text, " It had come to ", step.object_name, " by ",
                                  teller.read(way), teller.origin(way), "."));
}

// What a replaced node holds is no node's any more; that it was replaced is what its parent says.
Cause replaced_node_cause(const Timeline& timeline) {
  CauseTeller teller(timeline);
  const size_t end = teller.steps().size();
  const int pivot = teller.last_load(0, end, [](const Step& step) {
    return absl::StartsWith(step.object_name, "node#") && absl::StartsWith(step.field, "pivot[");
  });
  if (pivot < 0) return {};
  const Step& read = teller.at(pivot);
  std::string text;
  const int way = teller.last_load(0, static_cast<size_t>(pivot), [&](const Step& step) {
    return step.points_to == read.object && step.object != read.object;
  });
  if (way >= 0) {
    text =
        absl::StrCat(cpu_name(read.cpu), " came to ", read.object_name, " by ", teller.read(way));
    const int replaced =
        teller.first(static_cast<size_t>(way), static_cast<size_t>(pivot), [&](const Step& step) {
          return step.location == teller.at(way).location && step.kind == StepKind::kStore;
        });
    if (replaced >= 0) {
      absl::StrAppend(&text, "; ", teller.at(replaced).value, " was put in its place by ",
                      teller.by(replaced));
    }
    text += ". ";
  }
  absl::StrAppend(&text, way < 0 ? cpu_name(read.cpu) : "Then it", " read ", teller.read(pivot),
                  teller.origin(pivot));
  const int look = teller.last_load(static_cast<size_t>(pivot), end, [&](const Step& step) {
    return step.object == read.object && step.field == "parent";
  });
  if (look < 0) return teller.tell(text + ", and did not look again whether the node is dead.");
  return teller.tell(absl::StrCat(text, "; its look whether the node is dead read ",
                                  teller.read(look), teller.origin(look), "."));
}

// At rest: whoever changed the tree last is where to begin.
Cause broken_tree_cause(const Timeline& timeline) {
  CauseTeller teller(timeline);
  const bool of_vmas = !absl::StrContains(teller.failure().what, "uprobe");
  const int store = teller.last([of_vmas](const Step& step) {
    if (step.kind != StepKind::kStore && step.kind != StepKind::kRmw) return false;
    return of_vmas ? absl::StartsWith(step.object_name, "node#") ||
                         absl::EndsWith(step.field, "ma_root")
                   : absl::StrContains(step.field, "rb_");
  });
  if (store < 0) return {};
  return teller.tell(absl::StrCat(full_stop(teller.failure().what), " The last store to the tree ",
                                  "is ", whole_name(teller.at(store)), " = ",
                                  teller.at(store).value, ", by ", teller.by(store), "."));
}

bool is_store_to(const Step& step, int location) {
  return step.location == location &&
         (step.kind == StepKind::kStore || step.kind == StepKind::kRmw);
}

// Two CPUs read, both add, and the later store is of a sum that lacks the other's.
Cause lost_update_cause(const Timeline& timeline) {
  CauseTeller teller(timeline);
  const std::vector<Step>& steps = teller.steps();
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& late = steps[i];
    if (late.kind != StepKind::kStore || !absl::StartsWith(late.field, "nhit")) continue;
    const auto read_by = [&](const Step& store, size_t before) {
      return teller.last(0, before, [&](const Step& step) {
        return step.kind == StepKind::kLoad && step.location == late.location &&
               step.cpu == store.cpu && step.op == store.op;
      });
    };
    const int load = read_by(late, i);
    if (load < 0) continue;
    const size_t since = static_cast<size_t>(teller.at(load).from_step) + 1;
    const int other = teller.last(since, i, [&](const Step& step) {
      return is_store_to(step, late.location) && step.cpu != late.cpu;
    });
    if (other < 0) continue;
    std::string text = absl::StrCat(cpu_name(late.cpu), " read ", teller.read(load), " in ",
                                    in(teller.at(load).at), teller.origin(load));
    const int its = read_by(teller.at(other), static_cast<size_t>(other));
    if (its >= 0) {
      absl::StrAppend(&text, "; ", cpu_name(teller.at(other).cpu), " read ", teller.at(its).value,
                      at_step(teller.at(its)));
      teller.read(its);
    }
    const int mine = static_cast<int>(i);
    const bool same = teller.at(other).value == late.value;
    absl::StrAppend(&text, ". ", teller.at(other).value, " was stored by ", teller.by(other),
                    ", and ", same ? absl::StrCat(late.value, " once more") : late.value,
                    " over it by ", teller.by(mine), ": the increment of ",
                    cpu_name(teller.at(other).cpu), " is lost.");
    return teller.tell(text);
  }
  return {};
}

}  // namespace

Cause cause_of(const Timeline& timeline) {
  const std::string& verdict = timeline.failure.verdict;
  if (verdict == "missed-uprobe" && !timeline.at_rest) return trap_cause(timeline);
  if (verdict == "stale-uprobe" && !timeline.failure.lookup) {
    Cause dying = dying_cause(timeline);
    if (!dying.text.empty()) return dying;
  }
  if (verdict == "wrong-uprobe" || verdict == "stale-uprobe") return lookup_cause(timeline);
  if (verdict == "fallback-forever") return refusal_cause(timeline);
  if (verdict == "torn-pointer") return torn_cause(timeline);
  if (verdict == "null-dereference") return null_cause(timeline);
  if (verdict == "lost-update") return lost_update_cause(timeline);
  if (verdict == "layout") return layout_cause(timeline);
  if (verdict != "tree-corrupt") return {};
  return absl::StrContains(timeline.failure.what, "rcu_head") ? replaced_node_cause(timeline)
                                                              : broken_tree_cause(timeline);
}

}  // namespace vmafuzz::report
