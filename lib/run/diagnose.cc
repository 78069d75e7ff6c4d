#include "run/diagnose.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

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
  std::string what;    // "the load of vm_area_struct.vm_start at lookup_v1.cc:36"
  bool met = false;    // by another CPU, which does the opposite there
  std::string before;  // the access of that kind and operation before it; "" none
  bool before_met = false;
};

// Two accesses between which a barrier may stand are ordered for those who meet both.
int rank_of(const Place& first, const Place& last) { return first.before_met + last.met; }

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

using Trace = std::vector<sim::TraceEvent>;

// Stores are ordered for the sake of other CPUs' loads, and loads for that of their stores.
bool met_elsewhere(const Trace& trace, const sim::TraceEvent& access) {
  return std::any_of(trace.begin(), trace.end(), [&](const sim::TraceEvent& other) {
    const bool data = other.event == sim::Event::kLoad || other.event == sim::Event::kStore;
    return data && other.event != access.event && other.cpu != access.cpu &&
           other.location == access.location;
  });
}

Place place_of(const Trace& trace, const sim::TraceEvent& access, const sim::TraceEvent* before) {
  const bool load = access.event == sim::Event::kLoad;
  const auto named = [load](const sim::TraceEvent& e) {
    return absl::StrCat("the ", load ? "load of " : "store to ",
                        without_number(sim::location_name(e.location)), " at ",
                        file_and_line(e.site));
  };
  Place place;
  place.access = {access.site, load ? sim::AccessKind::kLoad : sim::AccessKind::kStore};
  place.cpu = access.cpu;
  place.op = access.op;
  place.what = named(access);
  place.met = met_elsewhere(trace, access);
  if (before == nullptr) return place;
  place.before = named(*before);
  place.before_met = met_elsewhere(trace, *before);
  return place;
}

// A barrier stands there each time: named after the time that matters to others.
void comes_again(const Place& again, Place* place) {
  place->met |= again.met;
  if (place->before_met || !again.before_met) return;
  place->before = again.before;
  place->before_met = true;
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
    refused_before_ = refuses();
    try_rules();
    // A data race is one wherever loads read: barriers order it as locks do, which say more.
    const bool race = diagnosis_.verdict == "data-race";
    if (race ? diagnosis_.rules.empty() : !diagnosis_.sequential) try_barriers();
    if (diagnosis_.rules.empty() && diagnosis_.barriers.empty()) try_whole();
    if (race) look_behind_race();
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

  // Whether a lookup is refused that no writer disturbs: each CPU once is the first to run. Who
  // always refuses never answers wrongly, so that a change which makes a lookup do so is no cure.
  bool refuses() {
    const auto first = std::find_if(program_.ops.begin(), program_.ops.end(),
                                    [](const input::Op& op) { return op.cpu != 0; });
    const auto index = static_cast<uint16_t>(first - program_.ops.begin());
    std::set<uint8_t> cpus;
    for (const input::Op& op : program_.ops) cpus.insert(op.cpu);
    cpus.erase(0);
    return std::any_of(cpus.begin(), cpus.end(), [&](uint8_t cpu) {
      input::Program serial = program_;
      serial.directives = {
          {index, 1, input::DirectiveKind::kPreempt, static_cast<uint8_t>(cpu - 1)}};
      executor_.run(serial, {}, &outcome_);
      return outcome_.found && outcome_.verdict == "fallback-forever";
    });
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

  using Changes = std::vector<variants::Change>;
  enum class Cure : uint8_t { kNone, kRefuses, kCures };
  // Where the kernel as it is refuses, one that does so as well may be a cure all the same.
  Cure with(std::initializer_list<const variants::Change*> some) {
    const variants::Applied before = executor_.applied();
    variants::Applied applied = before;
    for (const variants::Change* change : some) change->apply(applied);
    executor_.use(applied);
    Cure cure = shows({}, diagnosis_.tried) ? Cure::kNone : Cure::kCures;
    if (cure == Cure::kCures && refuses()) cure = refused_before_ ? Cure::kRefuses : Cure::kNone;
    executor_.use(before);
    return cure;
  }

  void try_rules() {
    Changes changes = variants::changes_towards_merged(executor_.applied());
    std::erase_if(changes, [](const variants::Change& change) { return change.whole; });
    std::vector<std::string> refusing;
    const auto note = [&](Cure cure, std::string what) {
      if (cure == Cure::kNone) return;
      (cure == Cure::kCures ? diagnosis_.rules : refusing).push_back(std::move(what));
    };
    for (const variants::Change& change : changes) note(with({&change}), change.what);
    if (!diagnosis_.rules.empty()) return;
    const size_t alone = refusing.size();
    for (size_t i = 0; i < changes.size(); ++i) {
      for (size_t j = i + 1; j < changes.size(); ++j) {
        note(with({&changes[i], &changes[j]}),
             absl::StrCat(changes[i].what, "; and ", changes[j].what));
      }
    }
    if (!diagnosis_.rules.empty()) return;
    if (alone > 0) refusing.resize(alone);
    diagnosis_.rules = std::move(refusing);
  }

  // It says little, and so comes where nothing else helps.
  void try_whole() {
    for (const variants::Change& change : variants::changes_towards_merged(executor_.applied())) {
      if (change.whole && with({&change}) != Cure::kNone) diagnosis_.rules.push_back(change.what);
    }
  }

  // Without what comes before and after the operations that run at once.
  Trace concurrent_trace() {
    RunOptions traced;
    traced.trace = true;
    executor_.run(program_, traced, &outcome_);
    Trace trace = sim::machine.trace();
    std::erase_if(trace, [&](const sim::TraceEvent& e) {
      return e.op >= program_.ops.size() || program_.ops[e.op].cpu == 0;
    });
    return trace;
  }

  // Loads or stores of the concurrent part, each place once a CPU, in the order of their
  // operations.
  std::vector<Place> places(sim::Event event) {
    const Trace trace = concurrent_trace();
    std::vector<Place> places;
    std::vector<const sim::TraceEvent*> last(program_.ops.size());
    for (const sim::TraceEvent& e : trace) {
      if (e.event != event) continue;
      const sim::TraceEvent* before = std::exchange(last[e.op], &e);
      Place place = place_of(trace, e, before);
      const auto seen = std::find_if(places.begin(), places.end(), [&](const Place& other) {
        return other.cpu == place.cpu && same_place(other.access, place.access);
      });
      if (seen == places.end()) {
        places.push_back(std::move(place));
      } else {
        comes_again(place, &*seen);
      }
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
    if (places[first].before.empty()) {
      return absl::StrCat(barrier, " before ", places[last].what, where);
    }
    return absl::StrCat(barrier, " between ", places[first].before, " and ", places[last].what,
                        where);
  }

  static Barrier barrier_at(const Place& place, BarrierKind kind) {
    return {place.access, kind, place.cpu};
  }

  bool helps(const std::vector<Barrier>& barriers) {
    return !replays(barriers) && !shows(barriers, diagnosis_.tried);
  }

  bool try_single(const std::vector<Place>& places, BarrierKind kind) {
    std::vector<std::tuple<int, size_t, std::string>> found;  // in order of rank
    for (size_t i = 0; i < places.size(); ++i) {
      if (!helps({barrier_at(places[i], kind)})) continue;
      const size_t first = i;
      while (i + 1 < places.size() && places[i + 1].op == places[first].op &&
             helps({barrier_at(places[i + 1], kind)})) {
        ++i;
      }
      found.emplace_back(-rank_of(places[first], places[i]), i, in_words(places, first, i, kind));
    }
    std::sort(found.begin(), found.end());
    for (auto& [rank, index, words] : found) diagnosis_.barriers.push_back(std::move(words));
    return !found.empty() || try_on_all_cpus(places, kind);
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
    // It orders so much that it helps in many a place where nothing is missing.
    if (!diagnosis_.rules.empty()) return;
    const bool before_loads = try_single(loads, BarrierKind::kMb);
    if (!before_loads) try_single(stores, BarrierKind::kMb);
  }

  // Those first that are most likely meant; of equal ones the first, or the last.
  static std::vector<size_t> by_rank(const std::vector<Place>& places, bool from_last) {
    std::vector<size_t> order(places.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      const int rank_a = rank_of(places[a], places[a]), rank_b = rank_of(places[b], places[b]);
      if (rank_a != rank_b) return rank_a > rank_b;
      return from_last ? a > b : a < b;
    });
    return order;
  }

  // places[index] with its neighbours in one operation that help as well.
  template <class Helps>
  static std::pair<size_t, size_t> widen(const std::vector<Place>& places, size_t index,
                                         const Helps& helps) {
    const uint16_t op = places[index].op;
    size_t first = index, last = index;
    while (first > 0 && places[first - 1].op == op && helps(first - 1)) --first;
    while (last + 1 < places.size() && places[last + 1].op == op && helps(last + 1)) ++last;
    return {first, last};
  }

  // One write barrier with one read barrier, as barriers come. The first pair that helps is enough,
  // each of its two moved as far as it still does.
  bool try_pairs(const std::vector<Place>& loads, const std::vector<Place>& stores) {
    const auto pair = [&](size_t store, size_t load) {
      return std::vector<Barrier>{barrier_at(stores[store], BarrierKind::kWmb),
                                  barrier_at(loads[load], BarrierKind::kRmb)};
    };
    int left = options_.most_pairs;
    for (const size_t store : by_rank(stores, false)) {
      for (const size_t load : by_rank(loads, true)) {
        if (left == 0) return false;
        if (replays(pair(store, load))) continue;
        --left;
        if (shows(pair(store, load), diagnosis_.tried)) continue;
        const auto [first_store, last_store] =
            widen(stores, store, [&](size_t other) { return helps(pair(other, load)); });
        const auto [first_load, last_load] =
            widen(loads, load, [&](size_t other) { return helps(pair(store, other)); });
        diagnosis_.barriers.push_back(
            absl::StrCat(in_words(stores, first_store, last_store, BarrierKind::kWmb), ", and ",
                         in_words(loads, first_load, last_load, BarrierKind::kRmb)));
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
  bool refused_before_ = false;  // the kernel as it is refuses, too
};

constexpr size_t kMostBarriers = 3;  // that are told; those first that are most likely meant

}  // namespace

std::vector<std::string> Diagnosis::lines() const {
  std::vector<std::string> lines;
  if (verdict.empty()) return lines;
  const bool race = verdict == "data-race";
  std::string shows =
      absl::StrCat("shown by ", shown, " of ", control, " executions near this one");
  // Where the reads of a race come from makes no difference to it.
  if (!race && sequential) {
    absl::StrAppend(&shows,
                    ", also where every load reads the newest store: it is no matter of barriers "
                    "alone");
  } else if (!race) {
    absl::StrAppend(&shows, ", by none where every load reads the newest store",
                    barriers.empty() ? "" : ": an order is missing");
  }
  lines.push_back(std::move(shows));
  // A rule is what somebody decided, barriers are every place in which one would do.
  const std::string evidence = absl::StrCat(" (0 of ", tried, ")");
  for (const std::string& rule : rules) lines.push_back(absl::StrCat("gone ", rule, evidence));
  for (size_t i = 0; i < std::min(barriers.size(), kMostBarriers); ++i) {
    lines.push_back(absl::StrCat("gone ", barriers[i], evidence));
  }
  if (barriers.size() > kMostBarriers) {
    const size_t more = barriers.size() - kMostBarriers;
    lines.push_back(absl::StrCat("gone with a barrier in ", more,
                                 more == 1 ? " other place" : " other places", " as well"));
  }
  if (barriers.empty() && rules.empty()) {
    lines.push_back("no single barrier or rule, and no pair of them, makes it disappear");
  }
  if (race) {
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
