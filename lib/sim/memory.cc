// The slow paths of memory: loads and stores of locations with concurrent stores.
//
// Names in quotes are relations of tools/memory-model/linux-kernel.cat.
#include "sim/memory.h"

#include "sim/coverage.h"
#include "sim/trace.h"

namespace vmafuzz::sim {
namespace {

constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }

}  // namespace

// --- what a load may read
// ----------------------------------------------------------------------------

// True if a CPU with knowledge `clock` must not read behind `store`.
bool Machine::known(const Store& store, const Clock& clock, int cpu) const {
  if (store.cpu == kNoCpu) return true;
  if (rule(Rule::kCoherence) && (store.cpu == cpu || lane(store.seen, cpu) != 0)) return true;
  if (lane(clock.w, store.cpu) >= store.time) return true;
  // Some CPU saw this store or a newer one, and we know of that load.
  return lanes_any((store.seen != 0) & (store.seen <= clock.r));
}

// What orders this load: barriers and acquires before it, and the dependency of its address.
Clock Machine::load_floor(const Cpu& cpu, const Location& location) const {
  Clock floor = cpu.known;
  floor.join(cpu.before_load);
  if (has_address_ && rule(Rule::kAddressDependency)) {
    floor.join(address_.message);
    floor.join(address_.before);
  }
  if (!options_.assume_dependencies || !rule(Rule::kAddressDependency)) return floor;
  // The address came from a pointer that this CPU loaded: that load's message orders this one, and
  // so does what ordered that load.
  if (const Object* object = arena.object_of(&location)) {
    if (const uint32_t from = object->pointer_store[cpu.id]; from != 0) {
      floor.join(stores_[from].message());
      floor.join(stores_[from].before());
    }
  }
  return floor;
}

// How many stores may be read, newest first; at least 1.
int Machine::readable(const Cpu& cpu, const Location& location) const {
  const Clock floor = load_floor(cpu, location);
  int count = 1;
  for (const Store* store = &stores_[location.newest];
       store->prev != 0 && !known(*store, floor, cpu.id); store = &stores_[store->prev]) {
    ++count;
  }
  return count;
}

uint32_t Machine::store_back(Cpu& cpu, const Location& location, int back) {
  uint32_t index = location.newest;
  for (; back > 0; --back) {
    const Store& newer = stores_[index];
    // Remembered for (prop \ id) & int: this CPU is overtaken by a store that it may hear of later.
    uint16_t& first = lane(cpu.overtaken, newer.cpu);
    if (first == 0 || newer.time < first) first = newer.time;
    index = newer.prev;
  }
  return index;
}

// Picks the store to read among those allowed, when someone wants to.
uint32_t Machine::pick_store(Cpu& cpu, Location& location, Site site) {
  const bool decided = cpu.decision_at == cpu.access && cpu.decision.stale != 0;
  if (!decided && !asks_loads_) return location.newest;
  if (rule(Rule::kCoherence) && (stores_[location.newest].cpu == cpu.id ||
                                 lane(stores_[location.newest].seen, cpu.id) != 0)) {
    return location.newest;
  }
  const int count = readable(cpu, location);
  int back = 0;
  if (decided) {
    back = std::min<int>(cpu.decision.stale, count - 1);
    cpu.decision.stale = 0;
  } else if (count > 1 && cpu.stale_run < options_.limits.stale_loads) {
    back = director_->pick_store(make_point(AccessKind::kLoad, &location, site), count);
  }
  if (back == 0) return location.newest;
  ++cpu.stale_run;
  record(DirectiveKind::kStale, static_cast<uint8_t>(back));
  return store_back(cpu, location, back);
}

// The load has read `store`: what the CPU learns, now or when a barrier comes.
void Machine::observe(Cpu& cpu, Store& store, Order order) {
  if (uint16_t& seen = lane(store.seen, cpu.id); seen == 0) seen = cpu.time;
  const bool acquire = order == Order::kAcquire && rule(Rule::kAcquireOrders);
  if (store.cpu == cpu.id) {
    // "rfi" is not in "hb", but (dep ; rfi) is in "to-r": then everything that the store could
    // depend on comes before this load.
    if (acquire && (store.flags & kDependentStore) != 0) learn_pending(cpu);
    if (!options_.assume_dependencies)
      set_dependency(cpu, store, (store.flags & kDependentStore) != 0);
    return;
  }
  if (store.cpu == kNoCpu) {
    if (!options_.assume_dependencies) set_dependency(cpu, store, false);
    return;
  }
  if (order == Order::kNoReturn && rule(Rule::kRmbSkipsNoReturn)) {
    cpu.read_noreturn.join(store.message());
  } else {
    cpu.read.join(store.message());
  }
  if (rule(Rule::kBeforeTravels)) cpu.read_before.join(store.before());
  const bool returns = rule(Rule::kOwnOrderReturns) && order_returns(cpu, store);
  if (acquire) {
    cpu.known.join(store.message());
    learn_before(cpu, store.before());
    if (returns) learn_pending(cpu);
  }
  if (options_.assume_dependencies) {
    if (rule(Rule::kBeforeTravels)) cpu.before_store.join(store.before());
    cpu.before_store.x |= bit(cpu.id);
  } else {
    set_dependency(cpu, store, returns);
  }
}

// "(prop \ id) & int": something that this CPU did earlier was overwritten by a store that had to
// reach it before this one, or precedes it in happens-before.
bool Machine::order_returns(const Cpu& cpu, const Store& store) const {
  if (((store.message_x | store.before_x) & bit(cpu.id)) != 0) return true;
  return lanes_any((cpu.overtaken != 0) & (cpu.overtaken <= store.message_w));
}

void Machine::learn_before(Cpu& cpu, const Clock& before) {
  if (!rule(Rule::kBeforeTravels)) return;
  cpu.before_load.join(before);
  cpu.before_store.join(before);
}

// What earlier loads of this CPU have read becomes effective.
void Machine::learn_pending(Cpu& cpu) {
  cpu.known.join(cpu.read);
  cpu.known.join(cpu.read_noreturn);
  learn_before(cpu, cpu.read_before);
}

void Machine::forget_address() {
  if (!has_address_) return;
  has_address_ = false;
  address_ = Dependency{};
}

// The newest store is this CPU's own: a relaxed load can read no other one and learns nothing from
// it. True only where nobody has decided or watches anything.
inline bool Machine::reads_own_store(const Cpu& cpu, const Location& location, Order order) const {
  const Decision& decision = cpu.decision;
  const bool decided =
      cpu.decision_at == cpu.access && (decision.stale != 0 || decision.tear || decision.reload);
  return location.newest != 0 && stores_[location.newest].cpu == cpu.id && !decided && !alone_ &&
         (location.flags & (kFreed | kWild)) == 0 && order == Order::kRelaxed && !watched_ &&
         options_.assume_dependencies && !has_address_ && rule(Rule::kCoherence);
}

// Later accesses of this CPU to the object depend on the load of the pointer, which was read from
// `store`, or is older than the concurrent part of the execution (0).
void Machine::note_pointer(Cpu& cpu, const Location& location, uint64_t value, uint32_t store) {
  if (value == 0 || !options_.assume_dependencies) return;
  const Object* holder = arena.object_of(&location);
  const uint32_t via = holder != nullptr ? holder->pointer_store[cpu.id] : 0;
  const uint32_t from = via == 0 || via == store ? store : chained(via, store);
  if (from == 0) return;
  Object* object = arena.object_of(arena.at(value));
  if (object == nullptr) return;
  object->pointer_store[cpu.id] = from;
  if (!stores_[from].says_nothing()) cpu.follows = kPointer;
}

uint64_t Machine::load_at_point(Location& location, Order order, bool plain, bool may_race,
                                Site site) {
  check_null(&location, site);
  slow_point(AccessKind::kLoad, &location, site);
  return load_now(location, order, plain, may_race, site);
}

uint64_t Machine::load_slow(Location& location, Order order, bool plain, bool may_race, Site site) {
  Cpu& cpu = *current_;
  // Nobody stores here, but the pointer may be one of a chain (cpu.follows).
  const bool follows =
      location.newest == 0 && !alone_ && !watched_ && (location.flags & (kFreed | kWild)) == 0;
  if (!follows && !reads_own_store(cpu, location, order))
    return load_stored(location, order, plain, may_race, site);
  mix(location.value + arena.id_of(&location) + cpu.id);
  if ((location.flags & kPointer) != 0)
    note_pointer(cpu, location, location.value, location.newest);
  if (plain && !may_race) {
    if ((location.readers & ~bit(cpu.id)) != 0) return note_shared_plain_load(cpu, location);
    note_own_plain_load(cpu, location);
  }
  return location.value;
}

uint64_t Machine::load_stored(Location& location, Order order, bool plain, bool may_race,
                              Site site) {
  Cpu& cpu = *current_;
  if ((location.flags & (kFreed | kWild)) != 0) fail_access(location, site);
  if (location.newest == 0 || alone_) {  // alone, everything is known
    if (plain && !may_race) note_plain_load(cpu, location);
    if (!alone_ && (location.flags & cpu.follows) != 0) {
      note_pointer(cpu, location, location.value, 0);
    }
    mix(location.value + arena.id_of(&location) + cpu.id);
    if (!options_.assume_dependencies) set_dependency(cpu, stores_[0], false);
    if (watched_)
      watch(AccessKind::kLoad, location, location.value, 0, order, plain, may_race, site);
    forget_address();
    return location.value;
  }
  if (plain && !may_race && (location.flags & kSync) == 0) check_load_race(cpu, location, site);
  const uint32_t index = pick_store(cpu, location, site);
  Store& store = stores_[index];
  uint64_t value = store.value;
  bool twice = false;
  if (plain && cpu.decision_at == cpu.access && (cpu.decision.tear || cpu.decision.reload)) {
    twice = cpu.decision.reload;
    value = compiler_load(cpu, location, store, site);
    twice |= value != store.value;
  }
  if (options_.coverage && store.cpu != cpu.id) {
    const uint32_t pair = site_hash(store.site) * 31 + site_hash(site);
    cover(index == location.newest ? pair : pair + 0x5741);
  }
  observe(cpu, store, order);
  // The second load, or the other half's, has seen the newest store, with all that follows.
  if (twice && index != location.newest) observe(cpu, stores_[location.newest], order);
  if ((location.flags & kPointer) != 0) note_pointer(cpu, location, value, index);
  if (plain && !may_race) note_plain_load(cpu, location);
  mix(value + arena.id_of(&location) + cpu.id);
  if (watched_) watch(AccessKind::kLoad, location, value, index, order, plain, may_race, site);
  forget_address();
  return value;
}

// A compiler may split a plain load, or do it again and use the second value (access-marking.txt).
uint64_t Machine::compiler_load(Cpu& cpu, Location& location, const Store& store, Site site) {
  const Decision decision = cpu.decision;
  cpu.decision.tear = cpu.decision.reload = false;
  const Store& newest = stores_[location.newest];
  if (decision.reload) {
    if (&store == &newest) return store.value;
    record(DirectiveKind::kReload, 0);
    return newest.value;
  }
  if (newest.prev == 0 || known(newest, load_floor(cpu, location), cpu.id)) return store.value;
  const uint64_t old = stores_[newest.prev].value;
  if (old == newest.value) return store.value;
  record(DirectiveKind::kTear, 0);
  if ((location.flags & kPointer) != 0) return Arena::kTornPointer;
  (void)site;
  // Halves of 32 bits tell nothing about small numbers: the model's page offsets are 16 bits apart.
  constexpr uint64_t kLowHalf = 0x0000'ffff'0000'ffffull;
  return (newest.value & kLowHalf) | (old & ~kLowHalf);
}

// --- stores
// ------------------------------------------------------------------------------------------

Store& Machine::new_store(Location& location, uint64_t value, uint8_t flags, Site site) {
  Cpu& cpu = *current_;
  if (store_count_ + 2 >= kStores) fail(kStepLimit, "more stores than the arena holds", site);
  if (location.newest == 0) {
    Store& base = stores_[store_count_];
    base.message_w = base.message_r = base.before_w = base.before_r = base.seen = Lanes{};
    base.message_x = base.before_x = 0;
    base.value = location.value;
    base.site = site;
    base.prev = 0;
    base.time = 0;
    base.cpu = kNoCpu;
    base.flags = 0;
    location.newest = store_count_++;
    if (options_.track_state) touched_.push_back(&location);
  }
  const uint32_t index = store_count_++;
  Store& store = stores_[index];
  store.message_w = cpu.publish.w;
  store.message_r = cpu.publish.r;
  store.message_x = cpu.publish.x | (location.accessed & ~bit(cpu.id));  // "overwrite & ext"
  store.before_w = cpu.before_store.w;
  store.before_r = cpu.before_store.r;
  store.before_x = cpu.before_store.x;
  store.seen = Lanes{};
  lane(store.seen, cpu.id) = cpu.time;
  store.value = value;
  store.site = site;
  store.prev = location.newest;
  store.time = cpu.time;
  store.cpu = cpu.id;
  store.flags = flags;
  store.op = cpu.op;
  store.serial = steps_;
  if (options_.assume_dependencies) {
    store.flags |= kDependentStore;
  } else {
    add_precise_order(cpu, location, store);
  }
  location.accessed |= bit(cpu.id);
  location.newest = index;
  location.value = value;
  return store;
}

// Without assumed dependencies, a store comes after what it depends on and, "overwrite & int",
// after what its CPU did to the same location.
void Machine::add_precise_order(Cpu& cpu, const Location& location, Store& store) {
  if (has_address_ && rule(Rule::kDataDependency)) {
    store.join_before(address_.before);
    store.flags |= kDependentStore;
  }
  for (uint32_t i = location.newest; i != 0; i = stores_[i].prev) {
    const Store& older = stores_[i];
    if (lane(older.seen, cpu.id) == 0) continue;
    store.join_before(older.before());
    store.join_before(cpu.before_load);
    store.before_x |= bit(cpu.id);
    break;
  }
}

void Machine::finish_store(Cpu& cpu, Store& store) {
  cpu.written.join(store.message());
  cpu.written_before.join(store.before());
  cpu.written_before.x |= bit(cpu.id);
  ++cpu.time;
}

// "po-rel", with A-cumulativity: everything that this CPU did or has read.
void Machine::publish_release(Cpu& cpu, Store& store) {
  if (!rule(Rule::kReleasePublishes)) return;
  if (rule(Rule::kReleaseCumulative)) {
    store.join_message(cpu.read);
    store.join_message(cpu.read_noreturn);
    lane(store.message_r, cpu.id) = cpu.time;
  }
  store.join_message(cpu.written);
  lane(store.message_w, cpu.id) = cpu.time;
  if (rule(Rule::kBeforeTravels)) {
    store.join_before(cpu.read_before);
    store.join_before(cpu.written_before);
  }
  store.before_x |= bit(cpu.id);
}

void Machine::store_at_point(Location& location, uint64_t value, Order order, bool plain,
                             bool may_race, Site site) {
  check_null(&location, site);
  slow_point(AccessKind::kStore, &location, site);
  store_now(location, value, order, plain, may_race, site);
}

void Machine::store_slow(Location& location, uint64_t value, Order order, bool plain, bool may_race,
                         Site site) {
  if ((location.flags & (kFreed | kWild)) != 0) fail_access(location, site);
  if (alone_) {
    location.value = value;
    location.newest = 0;
    location.readers = 0;
    if (watched_) watch(AccessKind::kStore, location, value, 0, order, plain, may_race, site);
    forget_address();
    return;
  }
  Cpu& cpu = *current_;
  if (location.readers != 0) check_store_race(cpu, location, value, may_race, site);
  uint8_t flags = plain ? kPlainStore : 0;
  if (may_race) flags |= kMayRaceStore;
  Store& store = new_store(location, value, flags, site);
  if (order == Order::kRelease) publish_release(cpu, store);
  finish_store(cpu, store);
  if (watched_) {
    watch(AccessKind::kStore, location, value, location.newest, order, plain, may_race, site);
  }
  forget_address();
}

void Machine::unlock_store(Location& location, uint64_t value, Order order, Site site) {
  Cpu& cpu = *current_;
  Clock stored = cpu.written;
  lane(stored.w, cpu.id) = cpu.time;
  store(location, value, order, false, false, site);
  if (location.newest == 0) return;
  stores_[location.newest].flags |= kUnlockStore;
  cpu.unlock = location.newest;
  cpu.unlock_stored = stored;
}

// --- read-modify-write
// -------------------------------------------------------------------------------

uint64_t Machine::rmw_begin(Location& location, Order order, Site site) {
  if ((location.flags & (kFreed | kWild)) != 0) fail_access(location, site);
  if (alone_) return location.value;
  Cpu& cpu = *current_;
  if (order == Order::kFull && rule(Rule::kRmwFullBarrier)) full_barrier(cpu);
  location.accessed |= bit(cpu.id);
  if (location.newest == 0) {
    rmw_read_ = 0;
    if (!options_.assume_dependencies) set_dependency(cpu, stores_[0], false);
    return location.value;
  }
  rmw_read_ = rule(Rule::kRmwAtomic) ? location.newest : pick_store(cpu, location, site);
  Store& store = stores_[rmw_read_];
  observe(cpu, store, order);
  return store.value;
}

void Machine::rmw_end(Location& location, uint64_t value, Order order, Site site) {
  mix(value + arena.id_of(&location) + current_->id + 1);
  if (alone_) {
    location.value = value;
    location.newest = 0;
    if (watched_) watch(AccessKind::kRmw, location, value, 0, order, false, false, site);
    forget_address();
    return;
  }
  Cpu& cpu = *current_;
  if (location.readers != 0) check_store_race(cpu, location, value, false, site);
  const uint32_t read = rmw_read_;
  Store& store = new_store(location, value, kRmwStore, site);
  // "rmw-sequence": it carries on what it read; its own dependency on that load is a data
  // dependency.
  if (read != 0 && rule(Rule::kRmwSequence)) store.join_message(stores_[read].message());
  if (!options_.assume_dependencies) store.join_before(last_dependency_.before);
  if (order == Order::kRelease) publish_release(cpu, store);
  finish_store(cpu, store);
  if (order == Order::kFull && rule(Rule::kRmwFullBarrier)) full_barrier(cpu);
  if (watched_) watch(AccessKind::kRmw, location, value, read, order, false, false, site);
  forget_address();
}

bool Machine::cmpxchg(Location& location, uint64_t* expected, uint64_t desired, Order order,
                      Site site) {
  check_null(&location, site);
  step(order == Order::kFull ? AccessKind::kRmw : AccessKind::kWeakRmw, &location, site);
  if ((location.flags & (kFreed | kWild)) != 0) fail_access(location, site);
  Cpu& cpu = *current_;
  location.accessed |= bit(cpu.id);
  uint32_t index = location.newest;
  uint64_t value = location.value;
  if (!alone_ && index != 0) {
    // A stale store can only make it fail: success must follow what it read at once ("atomic").
    index = pick_store(cpu, location, site);
    if (index != location.newest && stores_[index].value == *expected) index = location.newest;
    value = stores_[index].value;
  }
  if (value == *expected) {
    if (!alone_ && order == Order::kFull && rule(Rule::kRmwFullBarrier)) full_barrier(cpu);
    rmw_read_ = index;
    if (!alone_ && index != 0) {
      observe(cpu, stores_[index], order);
    } else if (!options_.assume_dependencies) {
      set_dependency(cpu, stores_[0], false);
    }
    rmw_end(location, desired, order, site);
    return true;
  }
  if (!alone_ && order == Order::kFull && !rule(Rule::kFailedCmpxchgFree)) full_barrier(cpu);
  if (!alone_ && index != 0) {
    observe(cpu, stores_[index], Order::kRelaxed);
  } else if (!options_.assume_dependencies) {
    set_dependency(cpu, stores_[0], false);
  }
  mix(value + arena.id_of(&location) + cpu.id);
  if (watched_) {
    watch(AccessKind::kLoad, location, value, index, Order::kRelaxed, false, false, site);
  }
  forget_address();
  *expected = value;
  return false;
}

}  // namespace vmafuzz::sim
