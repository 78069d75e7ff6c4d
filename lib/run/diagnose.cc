#include "run/diagnose.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "run/nearby.h"
#include "sim/trace.h"
#include "variants/differences.h"

namespace vmafuzz::run {
namespace {

// An access of the trace that a barrier may stand before: on that CPU alone, or its neighbours
// would not be those of all the accesses that the barrier stands before.
struct Place {
  AccessSite access;
  int cpu = 0;
  uint16_t op = 0;
  std::string what;  // "the load of vm_area_struct.vm_start at lookup_v1.cc:36"
};

std::string file_and_line(const sim::Site& site) {
  const char* slash = std::strrchr(site.file_name(), '/');
  return absl::StrCat(slash == nullptr ? site.file_name() : slash + 1, ":", site.line());
}

// "vm_area_struct#1.vm_start" -> "vm_area_struct.vm_start".
std::string without_number(std::string name) {
  const size_t hash = name.find('#');
  if (hash == std::string::npos) return name;
  const size_t end = name.find_first_not_of("0123456789", hash + 1);
  return name.substr(0, hash) + (end == std::string::npos ? "" : name.substr(end));
}

class Diagnostician {
 public:
  Diagnostician(Executor& executor, const input::Program& program, const DiagnoseOptions& options)
      : executor_(executor), program_(program), options_(options) {}

  Diagnosis run() {
    if (!program_.replay_form()) return std::move(diagnosis_);
    executor_.run(program_, {}, &outcome_);
    if (!outcome_.found) return std::move(diagnosis_);
    diagnosis_.verdict = outcome_.verdict;
    measure();
    sequential_only_ = true;
    diagnosis_.sequential = shows({}, diagnosis_.tried);
    sequential_only_ = false;
    const variants::Applied before = executor_.applied();
    try_rules(before);
    executor_.use(before);
    if (!diagnosis_.sequential) try_barriers();
    if (diagnosis_.verdict == "data-race") look_behind_race();
    return std::move(diagnosis_);
  }

 private:
  static bool answers(absl::string_view verdict) {
    return verdict == "wrong-uprobe" || verdict == "stale-uprobe";
  }
  // A wrong answer is stale or not by what the CPU happened to know.
  bool same(const Outcome& outcome) const {
    if (!outcome.found) return false;
    if (outcome.verdict == diagnosis_.verdict) return true;
    return answers(outcome.verdict) && answers(diagnosis_.verdict);
  }

  Nearby nearby() {
    return Nearby(executor_, program_, program_.directives.size() + 1, options_.seed,
                  sequential_only_);
  }

  void measure() {
    Nearby near = nearby();
    diagnosis_.control = options_.control;
    for (int i = 0; i < options_.control; ++i) diagnosis_.shown += same(near.run()) ? 1 : 0;
    const int wanted = options_.confidence * options_.control / std::max(1, diagnosis_.shown);
    diagnosis_.tried = std::clamp(wanted, 200, options_.most);
  }

  // The program itself, with barriers.
  bool replays(const std::vector<Barrier>& barriers) {
    search::ReplayDirector replay;
    replay.begin(program_);
    StrengthenedDirector strengthened(barriers);
    strengthened.begin(&replay);
    executor_.run(program_, {}, &outcome_, &strengthened);
    return same(outcome_);
  }

  // True if an execution near the program shows it.
  bool shows(const std::vector<Barrier>& barriers, int executions) {
    if (!sequential_only_ && replays(barriers)) return true;
    StrengthenedDirector strengthened(barriers);
    Nearby near = nearby();
    if (!barriers.empty()) near.strengthen(&strengthened);
    for (int i = 0; i < executions; ++i) {
      if (same(near.run())) return true;
    }
    return false;
  }

  void try_rules(const variants::Applied& before) {
    const std::vector<variants::Change> changes = variants::changes_towards_merged(before);
    const auto gone_with = [&](std::initializer_list<const variants::Change*> some) {
      variants::Applied applied = before;
      for (const variants::Change* change : some) change->apply(applied);
      executor_.use(applied);
      return !shows({}, diagnosis_.tried);
    };
    for (const variants::Change& change : changes) {
      if (gone_with({&change})) diagnosis_.rules.push_back(change.what);
    }
    if (!diagnosis_.rules.empty()) return;
    for (size_t i = 0; i < changes.size(); ++i) {
      for (size_t j = i + 1; j < changes.size(); ++j) {
        if (!gone_with({&changes[i], &changes[j]})) continue;
        diagnosis_.rules.push_back(absl::StrCat(changes[i].what, "; and ", changes[j].what));
      }
    }
  }

  // Loads or stores of the concurrent part, each place once a CPU, in the order of their
  // operations.
  std::vector<Place> places(sim::Event event) {
    RunOptions traced;
    traced.trace = true;
    executor_.run(program_, traced, &outcome_);
    std::vector<Place> places;
    for (const sim::TraceEvent& e : sim::machine.trace()) {
      if (e.event != event || e.op >= program_.ops.size() || program_.ops[e.op].cpu == 0) continue;
      const bool load = event == sim::Event::kLoad;
      Place place{
          {e.site, load ? sim::AccessKind::kLoad : sim::AccessKind::kStore}, e.cpu, e.op, ""};
      if (std::any_of(places.begin(), places.end(), [&](const Place& other) {
            return other.cpu == place.cpu && same_place(other.access, place.access);
          })) {
        continue;
      }
      place.what = absl::StrCat("the ", load ? "load of " : "store to ",
                                without_number(sim::location_name(e.location)), " at ",
                                file_and_line(e.site));
      places.push_back(std::move(place));
    }
    // By operation, so that neighbours are neighbours in a CPU's program.
    std::vector<Place> sorted;
    for (size_t op = 0; op < program_.ops.size(); ++op) {
      for (const Place& place : places) {
        if (place.op == op) sorted.push_back(place);
      }
    }
    return sorted;
  }

  // places[first..last], neighbours in one operation, all help: the order that is missing is that
  // of what comes before the first and of the last.
  static std::string in_words(const std::vector<Place>& places, size_t first, size_t last,
                              BarrierKind kind) {
    const std::string barrier = absl::StrCat("with ", barrier_name(kind));
    const std::string where = absl::StrCat(" on cpu", places[last].cpu);
    if (first == 0 || places[first - 1].op != places[last].op) {
      return absl::StrCat(barrier, " before ", places[last].what, where);
    }
    return absl::StrCat(barrier, " between ", places[first - 1].what, " and ", places[last].what,
                        where);
  }

  static Barrier barrier_at(const Place& place, BarrierKind kind) {
    return {place.access, kind, place.cpu};
  }

  bool helps(const std::vector<Barrier>& barriers) {
    return !replays(barriers) && !shows(barriers, diagnosis_.tried);
  }

  bool try_single(const std::vector<Place>& places, BarrierKind kind) {
    bool any = false;
    for (size_t i = 0; i < places.size(); ++i) {
      if (!helps({barrier_at(places[i], kind)})) continue;
      const size_t first = i;
      while (i + 1 < places.size() && places[i + 1].op == places[first].op &&
             helps({barrier_at(places[i + 1], kind)})) {
        ++i;
      }
      diagnosis_.barriers.push_back(in_words(places, first, i, kind));
      any = true;
    }
    return any || try_on_all_cpus(places, kind);
  }

  // Where several CPUs come by, each of them may need the barrier.
  bool try_on_all_cpus(const std::vector<Place>& places, BarrierKind kind) {
    bool any = false;
    for (const Place& place : places) {
      const auto same = [&](const Place& other) { return same_place(other.access, place.access); };
      if (&*std::find_if(places.begin(), places.end(), same) != &place) continue;
      if (std::count_if(places.begin(), places.end(), same) < 2) continue;
      if (!helps({{place.access, kind}})) continue;
      diagnosis_.barriers.push_back(
          absl::StrCat("with ", barrier_name(kind), " before ", place.what, " on every CPU"));
      any = true;
    }
    return any;
  }

  void try_barriers() {
    const std::vector<Place> loads = places(sim::Event::kLoad);
    const std::vector<Place> stores = places(sim::Event::kStore);
    const bool rmb = try_single(loads, BarrierKind::kRmb);
    const bool wmb = try_single(stores, BarrierKind::kWmb);
    if (rmb || wmb) return;
    if (try_pairs(loads, stores)) return;
    const bool before_loads = try_single(loads, BarrierKind::kMb);
    if (!before_loads) try_single(stores, BarrierKind::kMb);
  }

  // One write barrier with one read barrier, as barriers come. The first pair that helps is enough,
  // each of its two moved as far as it still does.
  bool try_pairs(const std::vector<Place>& loads, const std::vector<Place>& stores) {
    const auto pair = [&](size_t store, size_t load) {
      return std::vector<Barrier>{barrier_at(stores[store], BarrierKind::kWmb),
                                  barrier_at(loads[load], BarrierKind::kRmb)};
    };
    int left = options_.most_pairs;
    for (size_t store = 0; store < stores.size(); ++store) {
      for (size_t load = loads.size(); load-- > 0 && left > 0;) {
        if (replays(pair(store, load))) continue;
        --left;
        if (shows(pair(store, load), diagnosis_.tried)) continue;
        size_t last_store = store;
        while (last_store + 1 < stores.size() && stores[last_store + 1].op == stores[store].op &&
               helps(pair(last_store + 1, load))) {
          ++last_store;
        }
        size_t first_load = load;
        while (first_load > 0 && loads[first_load - 1].op == loads[load].op &&
               helps(pair(store, first_load - 1))) {
          --first_load;
        }
        diagnosis_.barriers.push_back(
            absl::StrCat(in_words(stores, store, last_store, BarrierKind::kWmb), ", and ",
                         in_words(loads, first_load, load, BarrierKind::kRmb)));
        return true;
      }
    }
    return false;
  }

  // What a data race hides: the first verdict near the program where races are not reported.
  void look_behind_race() {
    RunOptions quiet;
    quiet.report_races = false;
    Nearby near = nearby();
    near.set_options(quiet);
    for (int i = 0; i < diagnosis_.tried; ++i) {
      const Outcome& outcome = near.run();
      if (!outcome.found) continue;
      diagnosis_.after_marking = outcome.verdict;
      return;
    }
  }

  Executor& executor_;
  const input::Program& program_;
  const DiagnoseOptions& options_;
  Outcome outcome_;
  Diagnosis diagnosis_;
  bool sequential_only_ = false;
};

}  // namespace

std::vector<std::string> Diagnosis::lines() const {
  std::vector<std::string> lines;
  if (verdict.empty()) return lines;
  lines.push_back(absl::StrCat(
      "shown by ", shown, " of ", control, " executions near this one, ",
      sequential ? "also where every load reads the newest store: it is no matter of barriers alone"
                 : "by none where every load reads the newest store: an order is missing"));
  const std::string evidence = absl::StrCat(" (0 of ", tried, ")");
  for (const std::string& barrier : barriers) {
    lines.push_back(absl::StrCat("gone ", barrier, evidence));
  }
  for (const std::string& rule : rules) lines.push_back(absl::StrCat("gone ", rule, evidence));
  if (barriers.empty() && rules.empty()) {
    lines.push_back("no single barrier or rule, and no pair of them, makes it disappear");
  }
  if (verdict == "data-race") {
    lines.push_back(after_marking.empty()
                        ? std::string("nothing else shows where the race itself is not reported")
                        : absl::StrCat("marking the accesses would not mend it: then ",
                                       after_marking, " shows"));
  }
  return lines;
}

Diagnosis diagnose(Executor& executor, const input::Program& program,
                   const DiagnoseOptions& options) {
  return Diagnostician(executor, program, options).run();
}

}  // namespace vmafuzz::run
