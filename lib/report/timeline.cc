#include "report/timeline.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "report/names.h"

namespace vmafuzz::report {
namespace {

Place place(const sim::Site& site) { return {function_name(site), place_in_source(site)}; }

absl::string_view last_component(absl::string_view field) {
  const size_t dot = field.rfind('.');
  return dot == field.npos ? field : field.substr(dot + 1);
}

// "mm0.mmap_lock" for "mm0" and "mmap_lock.rwsem": the word inside of the lock says nothing.
std::string lock_name(const std::string& object, absl::string_view field) {
  const size_t dot = field.rfind('.');
  if (dot == field.npos) return object;
  absl::string_view lock = field.substr(0, dot);
  absl::ConsumeSuffix(&lock, ".raw");
  absl::ConsumeSuffix(&lock, ".rw");
  return absl::StrCat(object, ".", lock);
}

// What a change of a rw_semaphore's count means (kernel/rwsem.h): bit 0 a writer inside, bits 8 to
// 15 writers that wait, from bit 16 on readers inside.
std::string rwsem_call(uint64_t before, uint64_t after, const std::string& name, bool mmap_lock,
                       int* lock) {
  const bool wrote = (before & 1) != 0;
  const bool writes = (after & 1) != 0;
  const uint64_t readers_before = before >> 16;
  const uint64_t readers = after >> 16;
  const char* mmap = nullptr;
  const char* plain = nullptr;
  *lock = 0;
  if (!wrote && writes) {
    mmap = "mmap_write_lock", plain = "down_write", *lock = 1;
  } else if (wrote && !writes && readers > readers_before) {
    mmap = "mmap_write_downgrade", plain = "downgrade_write";
  } else if (wrote && !writes) {
    mmap = "mmap_write_unlock", plain = "up_write", *lock = -1;
  } else if (readers > readers_before) {
    mmap = "mmap_read_lock", plain = "down_read", *lock = 1;
  } else if (readers < readers_before) {
    mmap = "mmap_read_unlock", plain = "up_read", *lock = -1;
  } else {
    mmap = "mmap_write_lock waits:", plain = "down_write waits:";
  }
  return absl::StrCat(mmap_lock ? mmap : plain, "(", name, ")");
}

const char* order_suffix(StepKind kind, sim::Order order) {
  switch (order) {
    case sim::Order::kAcquire:
      return "  (acquire)";
    case sim::Order::kRelease:
      return "  (release)";
    case sim::Order::kFull:
      return kind == StepKind::kRmw ? "  (full barrier)" : "";
    default:
      return "";
  }
}

class Builder {
 public:
  Builder(const std::vector<sim::TraceEvent>& trace, const sim::Verdict& verdict,
          const std::vector<sim::Directive>& recorded)
      : trace_(trace), verdict_(verdict), recorded_(recorded), names_(trace) {}

  Timeline build() {
    for (size_t i = 0; i < trace_.size(); ++i) {
      const sim::TraceEvent& event = trace_[i];
      if (event.cpu == sim::kBootCpu) {
        names_.follow(event);
        continue;
      }
      if (timeline_.steps.empty()) begin();
      add(i);
      if (is_store(event)) remember(event);
      names_.follow(event);
    }
    if (timeline_.steps.empty()) begin();
    add_failure();
    timeline_.locations = static_cast<int>(locations_.size());
    timeline_.objects = static_cast<int>(objects_.size());
    return std::move(timeline_);
  }

 private:
  struct Stored {
    uint64_t value;
    uint8_t cpu;
    int step;  // index into Timeline::steps
  };

  static bool is_store(const sim::TraceEvent& event) {
    return event.event == sim::Event::kStore || event.event == sim::Event::kRmw;
  }

  // Coherence order is execution order; first comes what was there before the concurrent part.
  void remember(const sim::TraceEvent& event) {
    std::vector<Stored>& stores = stores_[event.location];
    if (stores.empty()) stores.push_back({names_.newest(event.location), sim::kNoCpu, -1});
    stores.push_back({event.value, event.cpu, static_cast<int>(timeline_.steps.size()) - 1});
  }

  // The values that locations have when the concurrent part begins.
  void begin() {
    for (const sim::TraceEvent& event : trace_) {
      if (event.location == nullptr || counters_.contains(event.location)) continue;
      if (names_.field(event.location) != "mm_lock_seq") continue;
      counters_[event.location] = static_cast<int>(timeline_.counters.size());
      timeline_.counters.push_back(
          {names_.location(event.location), names_.newest(event.location)});
    }
  }

  void add(size_t index) {
    const sim::TraceEvent& event = trace_[index];
    Step step;
    step.cpu = event.cpu;
    step.op = event.op;
    step.access = event.access;
    step.step = event.step;
    step.at = place(event.site);
    switch (event.event) {
      case sim::Event::kLoad:
      case sim::Event::kStore:
      case sim::Event::kRmw:
        add_access(event, &step);
        break;
      case sim::Event::kAlloc:
      case sim::Event::kFree:
        add_object(event, &step);
        break;
      case sim::Event::kSwitch:
        step.kind = StepKind::kSwitch;
        step.target = static_cast<uint8_t>(event.value);
        step.preempts = preempts(index);
        step.text = absl::StrCat("--> ", cpu_name(step.target));
        break;
      default:
        add_other(event, &step);
        break;
    }
    timeline_.steps.push_back(std::move(step));
    traced_.push_back(&event);
  }

  // A CPU that has finished or waits is not preempted, nor one that deferred work interrupts.
  bool preempts(size_t index) const {
    const sim::TraceEvent& event = trace_[index];
    if (event.value >= sim::kUserCpus || event.cpu >= sim::kUserCpus) return false;
    for (size_t i = index; i > 0; --i) {
      const sim::TraceEvent& before = trace_[i - 1];
      if (before.cpu != event.cpu) continue;
      return before.event != sim::Event::kEnd && before.event != sim::Event::kBlock;
    }
    return true;
  }

  void add_other(const sim::TraceEvent& event, Step* step) {
    switch (event.event) {
      case sim::Event::kBegin:
        step->kind = StepKind::kBegin;
        break;
      case sim::Event::kEnd:
        step->kind = StepKind::kEnd;
        break;
      case sim::Event::kFence:
        step->kind = StepKind::kFence;
        step->text = absl::StrCat(event.note, "()");
        break;
      case sim::Event::kBlock:
        step->kind = StepKind::kBlock;
        step->text = absl::StrCat("<waits for ", awaited(event), ">");
        break;
      case sim::Event::kReader:
        step->kind = StepKind::kReader;
        step->text = event.note;
        break;
      case sim::Event::kGrace:
        add_grace(event, step);
        break;
      case sim::Event::kFail:
        step->kind = StepKind::kFail;
        step->text = "<fails here>";
        break;
      default:
        step->kind = StepKind::kNote;
        step->text = event.note;
        break;
    }
  }

  // "call_rcu(): vma#2[4-5), waits for cpu1"
  void add_grace(const sim::TraceEvent& event, Step* step) {
    step->kind = StepKind::kGrace;
    step->text = event.note;
    const sim::Object* object =
        event.object == 0 ? nullptr : sim::arena.object_of(sim::arena.at(event.object));
    const char* separator = ": ";
    if (object != nullptr) {
      step->object = number(objects_, object);
      step->object_name = names_.object(*object);
      absl::StrAppend(&step->text, separator, step->object_name);
      separator = ", ";
    }
    for (int cpu = 0; cpu < sim::kMaxCpus; ++cpu) {
      if ((event.value >> cpu & 1) == 0) continue;
      absl::StrAppend(&step->text, separator, "waits for ", cpu_name(cpu));
      separator = ", ";
    }
  }

  // "mm0.page_table_lock", or what kind of thing has no name.
  std::string awaited(const sim::TraceEvent& event) const {
    const sim::Object* object =
        event.location == nullptr ? nullptr : sim::arena.object_of(event.location);
    if (object == nullptr) return event.note;
    return lock_name(names_.object(*object), names_.field(event.location));
  }

  void add_object(const sim::TraceEvent& event, Step* step) {
    const sim::Object* object = sim::arena.object_of(sim::arena.at(event.value));
    const bool freed = event.event == sim::Event::kFree;
    step->kind = freed ? StepKind::kFree : StepKind::kAlloc;
    if (object == nullptr) return;
    step->object = number(objects_, object);
    step->object_name = names_.object(*object);
    if (freed) {
      freed_[object] = step->object_name;
      step->text = absl::StrCat("free ", step->object_name);
      return;
    }
    step->text = absl::StrCat("allocate ", names_.plain_object(*object));
    const auto old = freed_.find(object);
    if (old != freed_.end()) absl::StrAppend(&step->text, ", the memory of ", old->second);
  }

  void add_access(const sim::TraceEvent& event, Step* step) {
    const sim::Object* object = sim::arena.object_of(event.location);
    step->location = number(locations_, event.location);
    if (object != nullptr) {
      step->object = number(objects_, object);
      step->object_name = names_.object(*object);
    }
    if ((event.location->flags & sim::kPointer) != 0) {
      const sim::Object* target = sim::arena.object_of(sim::arena.at(event.value));
      if (target != nullptr) step->points_to = number(objects_, target);
    }
    step->field = names_.field(event.location);
    step->value = names_.value(event.location, event.value);
    step->order = event.order;
    step->plain = event.plain;
    step->may_race = event.may_race;
    if (event.event == sim::Event::kLoad) {
      add_load(event, step);
    } else {
      add_store(event, step);
    }
  }

  void add_load(const sim::TraceEvent& event, Step* step) {
    step->kind = StepKind::kLoad;
    const std::string name = names_.location(event.location);
    step->text = absl::StrCat(name, " -> ", step->value,
                              order_suffix(step->kind, static_cast<sim::Order>(event.order)));
    step->from_cpu = event.from_cpu;
    if (event.from_cpu != sim::kNoCpu) step->from = place(event.from_site);
    step->stale = event.stale;
    check_compiler(event, step);
    if (const Stored* read = store_back(event, event.stale);
        read != nullptr && read->cpu == event.from_cpu &&
        (read->value == event.value || step->torn || step->reloaded)) {
      step->from_step = read->step;
    }
    if (event.stale == 0) return;
    step->missed = place(event.missed_site);
    step->before = names_.value(event.location, event.newest);
    if (const Stored* newest = store_back(event, 0);
        newest != nullptr && newest->value == event.newest) {
      step->missed_cpu = newest->cpu;
      step->missed_step = newest->step;
    }
    if (step->reloaded) {  // its value is the second read's
      absl::StrAppend(&step->remark, ", first ", event.stale, " back from the newest store at ",
                      step->missed.line, " (", step->missed.function, ")");
      return;
    }
    absl::StrAppend(&step->remark, step->remark.empty() ? "" : " ", "<-- STALE by ", event.stale,
                    ": reads ", step->value, what_it_missed(event, *step));
  }

  // The same value may have been stored twice, perhaps for the sake of what came in between.
  static std::string what_it_missed(const sim::TraceEvent& event, const Step& step) {
    const std::string where = absl::StrCat(step.missed.line, " (", step.missed.function, ")");
    if (event.value != event.newest) {
      return absl::StrCat(", missed ", step.before, " stored at ", where);
    }
    return absl::StrCat(", the same as the newest store's at ", where,
                        ", but not what came before that store");
  }

  // Values do not tell: the memory may have been another object's, whose stores are not this one's.
  void check_compiler(const sim::TraceEvent& event, Step* step) {
    if (!event.plain) return;
    step->reloaded = carried_out(event, sim::DirectiveKind::kReload);
    step->torn = carried_out(event, sim::DirectiveKind::kTear);
    if (step->torn) step->remark = "<-- TORN: half of it is older than the rest";
    if (step->reloaded) step->remark = "<-- RELOADED: the compiler reads it twice";
  }

  bool carried_out(const sim::TraceEvent& event, sim::DirectiveKind kind) const {
    return std::any_of(recorded_.begin(), recorded_.end(), [&](const sim::Directive& d) {
      return d.kind == kind && d.op == event.op && d.access == event.access;
    });
  }

  // The store to the load's location that is `back` stores older than the newest; null: not known.
  const Stored* store_back(const sim::TraceEvent& event, uint16_t back) const {
    const auto stores = stores_.find(event.location);
    if (stores == stores_.end() || stores->second.size() <= back) return nullptr;
    return &stores->second[stores->second.size() - 1 - back];
  }

  void add_store(const sim::TraceEvent& event, Step* step) {
    const bool rmw = event.event == sim::Event::kRmw;
    step->kind = rmw ? StepKind::kRmw : StepKind::kStore;
    const uint64_t old = names_.newest(event.location);
    step->before = names_.value(event.location, old);
    const absl::string_view leaf = last_component(step->field);
    if ((event.location->flags & sim::kSync) != 0 && (leaf == "rwsem" || leaf == "held")) {
      return add_lock(event, old, leaf == "rwsem", step);
    }
    const std::string name = names_.location(event.location);
    const char* order = order_suffix(step->kind, static_cast<sim::Order>(event.order));
    step->text = rmw ? absl::StrCat(name, ": ", step->before, " => ", step->value, order)
                     : absl::StrCat(name, " = ", step->value, order);
    const auto counter = counters_.find(event.location);
    if (counter == counters_.end()) return;
    step->counter = counter->second;
    step->count = event.value;
  }

  void add_lock(const sim::TraceEvent& event, uint64_t old, bool rwsem, Step* step) {
    step->kind = StepKind::kLock;
    const sim::Object* object = sim::arena.object_of(event.location);
    const bool of_mm = object != nullptr && absl::string_view(object->type->name) == "mm_struct";
    const bool mmap_lock = rwsem && of_mm && !absl::StrContains(step->field, "page_table");
    const std::string name =
        mmap_lock ? step->object_name : lock_name(step->object_name, step->field);
    if (rwsem) {
      step->text = rwsem_call(old, event.value, name, mmap_lock, &step->lock);
    } else {
      step->lock = event.value != 0 ? 1 : -1;
      step->text = absl::StrCat(event.value != 0 ? "spin_lock(" : "spin_unlock(", name, ")");
    }
    if (mmap_lock) step->field = "mmap_lock";
  }

  void add_failure() {
    if (!verdict_) return;
    Failure& failure = timeline_.failure;
    failure.verdict = verdict_.name;
    failure.what = verdict_.what;
    failure.cpu = verdict_.cpu;
    failure.op = verdict_.op;
    failure.at = place(verdict_.site);
    failure.judged = absl::StrContains(verdict_.site.file_name(), "lib/oracle/");
    if (verdict_.has_other) failure.other = place(verdict_.other);
    if (failure.verdict == "data-race") failure.racing_access = racing_access();
    if (!verdict_.has_other && failure.racing_access >= 0) {
      failure.other = timeline_.steps[static_cast<size_t>(failure.racing_access)].at;
    }
    timeline_.at_rest = verdict_.cpu == sim::kBootCpu;
  }

  // The verdict names the location, and either the site of the store or, as the machine keeps no
  // sites of loads, only the CPU whose last plain load it was.
  int racing_access() const {
    for (size_t i = traced_.size(); i > 0; --i) {
      const sim::TraceEvent& event = *traced_[i - 1];
      if (event.location == nullptr) continue;
      const std::string name = absl::StrCat(" ", sim::location_name(event.location), " by ");
      if (!absl::StrContains(verdict_.what, name)) continue;
      const bool races =
          verdict_.has_other
              ? is_store(event) && place_in_source(event.site) == place_in_source(verdict_.other)
              : event.event == sim::Event::kLoad && event.plain && !event.may_race &&
                    absl::StrContains(verdict_.what, absl::StrCat("earlier plain load by ",
                                                                  cpu_name(event.cpu), " "));
      if (races) return static_cast<int>(i - 1);
    }
    return -1;
  }

  template <class T>
  static int number(absl::flat_hash_map<const T*, int>& numbers, const T* thing) {
    return numbers.try_emplace(thing, static_cast<int>(numbers.size())).first->second;
  }

  const std::vector<sim::TraceEvent>& trace_;
  const sim::Verdict& verdict_;
  const std::vector<sim::Directive>& recorded_;
  Timeline timeline_;
  std::vector<const sim::TraceEvent*> traced_;  // what timeline_.steps are made of
  Names names_;
  absl::flat_hash_map<const sim::Location*, int> locations_;
  absl::flat_hash_map<const sim::Object*, int> objects_;
  absl::flat_hash_map<const sim::Location*, int> counters_;
  absl::flat_hash_map<const sim::Location*, std::vector<Stored>> stores_;
  absl::flat_hash_map<const sim::Object*, std::string> freed_;
};

}  // namespace

const Step* Timeline::find(uint16_t op, uint16_t access) const {
  for (const Step& step : steps) {
    if (step.op == op && step.access == access && step.kind != StepKind::kSwitch) return &step;
  }
  return nullptr;
}

Timeline make_timeline(const std::vector<sim::TraceEvent>& trace, const sim::Verdict& verdict,
                       const std::vector<sim::Directive>& recorded) {
  return Builder(trace, verdict, recorded).build();
}

}  // namespace vmafuzz::report
