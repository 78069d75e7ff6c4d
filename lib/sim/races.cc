// Data races by KCSAN's default rules, accesses to memory that is gone, and the watching of
// accesses.
//
// KCSAN_ASSUME_PLAIN_WRITES_ATOMIC: plain aligned stores up to word size race only with plain
// loads. KCSAN_REPORT_VALUE_CHANGE_ONLY: a store that does not change the value is not reported.
#include <cstdio>

#include "sim/memory.h"
#include "sim/trace.h"

namespace vmafuzz::sim {
namespace {

constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }

std::string who(int cpu) {
  switch (cpu) {
    case kWorkCpu:
      return "kworker";
    case kRcuCpu:
      return "rcu";
    case kTimerCpu:
      return "timer";
    case kBootCpu:
      return machine.ran() ? "tear-down" : "set-up";
    default:
      return "cpu" + std::to_string(cpu);
  }
}

}  // namespace

void Machine::check_load_race(Cpu& cpu, Location& location, Site site) {
  if (!options_.report_races) return;
  const Store& store = stores_[location.newest];
  if (store.cpu == cpu.id || store.cpu == kNoCpu || (store.flags & kMayRaceStore) != 0) return;
  if (store.prev != 0 && stores_[store.prev].value == store.value) return;
  Clock clock = load_floor(cpu, location);
  clock.join(cpu.before_store);
  if (known_apart_from_reading(store, clock)) return;
  const auto describe = [&] {
    return "plain load of " + location_name(&location) + " by " + who(cpu.id) + " and " +
           ((store.flags & kPlainStore) != 0 ? "plain" : "marked") + " store by " + who(store.cpu) +
           " are not ordered";
  };
  fail_pair("data-race", describe, site, store.site);
}

// Having read a store does not order the load with it; knowing of it does.
bool Machine::known_apart_from_reading(const Store& store, const Clock& clock) const {
  if (lane(clock.w, store.cpu) >= store.time) return true;
  Lanes seen = store.seen;
  lane(seen, current_->id) = 0;
  return lanes_any((seen != 0) & (seen <= clock.r));
}

uint64_t Machine::note_shared_plain_load(Cpu& cpu, Location& location) {
  if (location.read_set == 0) {
    if (store_count_ + 1 >= kStores) return location.value;
    location.read_set = store_count_++;
    stores_[location.read_set].seen = Lanes{};
    lane(stores_[location.read_set].seen, location.read_cpu) = location.read_time;
  }
  lane(stores_[location.read_set].seen, cpu.id) = cpu.time;
  location.readers |= bit(cpu.id);
  return location.value;
}

void Machine::check_store_race(Cpu& cpu, Location& location, uint64_t value, bool may_race,
                               Site site) {
  Lanes times{};
  if (location.read_set != 0) {
    times = stores_[location.read_set].seen;
  } else {
    lane(times, location.read_cpu) = location.read_time;
  }
  location.readers = 0;
  location.read_set = 0;
  lane(times, cpu.id) = 0;
  if (!options_.report_races || may_race || value == location.value) return;
  if ((location.flags & kSync) != 0) return;
  Clock clock = knowledge();
  clock.join(cpu.before_store);
  const Lanes unknown = times > clock.r;
  if (!lanes_any(unknown)) return;
  int other = 0;
  while (unknown[other] == 0) ++other;
  const auto describe = [&] {
    return "store to " + location_name(&location) + " by " + who(cpu.id) +
           " and an earlier plain load by " + who(other) + " are not ordered";
  };
  fail("data-race", describe, site);
}

void Machine::fail_null(Site site) {
  fail("null-dereference", "access to a field of a null pointer", site);
}

void Machine::fail_access(const Location& location, Site site) {
  if ((location.flags & kWild) != 0) {
    fail("torn-pointer", "access through a pointer that was half old, half new", site);
  }
  const Object* object = arena.object_of(&location);
  const bool freed = object != nullptr && object->freed_by != kNoCpu;
  const auto describe = [&] {
    return location_name(&location) + " accessed by " + who(current_->id) + " after it was freed" +
           (freed ? " by " + who(object->freed_by) : std::string());
  };
  if (freed) fail_pair("use-after-free", describe, site, object->freed);
  fail("use-after-free", describe, site);
}

// Tracing and state tracking see every access here.
void Machine::watch(AccessKind kind, const Location& location, uint64_t value, uint32_t from,
                    Order order, bool plain, bool may_race, Site site) {
  if (options_.track_state) track(kind, location, value, from);
  if (!options_.trace) return;
  TraceEvent event;
  event.event = kind == AccessKind::kLoad    ? Event::kLoad
                : kind == AccessKind::kStore ? Event::kStore
                                             : Event::kRmw;
  event.cpu = current_->id;
  event.op = current_->op;
  event.access = current_->access;
  event.step = steps_;
  event.plain = plain;
  event.may_race = may_race;
  event.order = static_cast<uint8_t>(order);
  event.value = value;
  event.newest = location.value;
  event.location = &location;
  event.site = site;
  if (from != 0) {
    const Store& store = stores_[from];
    event.from_cpu = store.cpu;
    event.from_op = store.op;
    event.from_site = store.site;
    if (kind == AccessKind::kLoad) {
      for (uint32_t i = location.newest; i != from && i != 0; i = stores_[i].prev) ++event.stale;
      event.missed_site = stores_[location.newest].site;
    }
  }
  trace_.push_back(event);
}

void Machine::watch_fence(const char* name, Site site) {
  if (options_.track_state) {
    mix_state(reinterpret_cast<uintptr_t>(name));
    current_->recent = current_->recent * 0x9FB21C651E98DF25ull + 3;
  }
  if (options_.trace) trace_note(Event::kFence, name, 0, site);
}

// A CPU is what it has observed; a location is the order of its stores, each known by the history
// of the CPU that made it.
void Machine::track(AccessKind kind, const Location& location, uint64_t value, uint32_t from) {
  const uint64_t id = arena.id_of(&location);
  mix_state(id + static_cast<uint64_t>(kind));
  mix_state(value);
  current_->recent =
      (current_->recent ^ (value + static_cast<uint64_t>(kind))) * 0x9FB21C651E98DF25ull + 1;
  if (kind != AccessKind::kStore && from != 0 && stores_[from].cpu != kNoCpu)
    mix_state(identities_[from].identity);
  if (kind == AccessKind::kLoad || alone_ || location.newest == 0) return;
  const Store& store = stores_[location.newest];
  mix_state(store.message_x);
  StoreIdentity& identity = identities_[location.newest];
  identity.identity = current_->history;
  // The base record of a location stands for nothing that anybody did.
  const uint64_t before = stores_[store.prev].prev == 0 ? 0 : identities_[store.prev].chain;
  identity.chain = (before ^ identity.identity ^ id) * 0x9FB21C651E98DF25ull;
  identity.chain ^= identity.chain >> 31;
  state_.locations += identity.chain - before;
}

std::string location_name(const Location* location) {
  struct Search {
    const Location* wanted;
    const char* outer;
    const char* name;
  } search{location, nullptr, nullptr};
  Object* object = arena.object_of(location);
  if (object == nullptr) return "?";
  object->type->visit(
      object->base,
      [](void* context, const char* outer, const char* name, Location& field) {
        auto* s = static_cast<Search*>(context);
        if (&field != s->wanted) return;
        s->outer = outer;
        s->name = name;
      },
      &search);
  std::string result = object_name(*object);
  if (search.outer != nullptr) result += std::string(".") + search.outer;
  if (search.name != nullptr) result += std::string(".") + search.name;
  return result;
}

std::string object_name(const Object& object) {
  if (object.label != nullptr) return object.label;
  return std::string(object.type->name) + "#" + std::to_string(object.number);
}

std::string value_name(const Location* location, uint64_t value) {
  if ((location->flags & kPointer) != 0) {
    if (value == 0) return "NULL";
    if (value == Arena::kTornPointer) return "torn";
    const void* address = arena.at(value);
    if (const Object* object = arena.object_of(address)) return object_name(*object);
    return "?";
  }
  if (value > 4096) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
  }
  return std::to_string(value);
}

}  // namespace vmafuzz::sim
