#include "sim/timer.h"

#include "sim/identity.h"
#include "sim/memory.h"
#include "sim/trace.h"

namespace vmafuzz::sim {

Timers timers;

namespace {

void note(const char* what, Site site, const void* timer) {
  if (!machine.traces()) return;
  const Object* object = arena.object_of(timer);
  machine.trace_note(Event::kGrace, what, 0, site,
                     object == nullptr ? 0 : arena.offset_of(object->base));
}

}  // namespace

void Timers::reset() {
  for (int i = 0; i < used_; ++i) items_[i] = Item{};
  used_ = 0;
  sequence_ = 0;
}

Timers::Item* Timers::find(const void* timer) {
  for (int i = 0; i < used_; ++i) {
    if (items_[i].state != State::kFree && items_[i].timer == timer) return &items_[i];
  }
  return nullptr;
}

void Timers::arm(const void* timer, uint64_t expires, void (*function)(void*), void* arg,
                 Site site) {
  machine.step(AccessKind::kDefer, nullptr, site);
  const Decision decision = machine.take_decision();
  uint32_t held_until = 0;
  if (decision.hold != 0) {
    machine.record(DirectiveKind::kHold, decision.hold);
    held_until =
        decision.hold == kHoldToEnd ? UINT32_MAX : machine.steps() + uint32_t{decision.hold};
  }
  put(timer, expires, function, arg, held_until, site);
  note("mod_timer()", site, timer);
}

void Timers::put(const void* timer, uint64_t expires, void (*function)(void*), void* arg,
                 uint32_t held_until, Site site) {
  Item* item = find(timer);
  if (item == nullptr) {
    int index = 0;
    while (index < used_ && items_[index].state != State::kFree) ++index;
    if (index == kItems) machine.fail(kStepLimit, "more timers than the machine counts", site);
    if (index == used_) ++used_;
    item = &items_[index];
  }
  *item = {State::kArmed, timer, expires, function, arg, held_until, ++sequence_, site};
}

void Timers::disarm(const void* timer) {
  Item* item = find(timer);
  if (item != nullptr) item->state = State::kFree;
}

// --- expiring
// ----------------------------------------------------------------------------------------

// By `expires`, and by when they were armed; of those that are armed only what is not held at that
// step.
Timers::Item* Timers::first(State state, uint32_t step) {
  Item* first = nullptr;
  for (int i = 0; i < used_; ++i) {
    Item& item = items_[i];
    if (item.state != state || (state == State::kArmed && item.held_until > step)) continue;
    const bool earlier = first == nullptr || item.expires < first->expires ||
                         (item.expires == first->expires && item.sequence < first->sequence);
    if (earlier) first = &item;
  }
  return first;
}

bool Timers::expire_by(uint32_t step) {
  Item* item = first(State::kArmed, step);
  if (item == nullptr) return false;
  item->state = State::kExpired;
  machine.deferred_ready(kTimerCpu);
  return true;
}

bool Timers::expire() { return expire_by(machine.steps()); }
bool Timers::expire_at_last() { return expire_by(UINT32_MAX); }

void Timers::run(Item& item) {
  item.state = State::kBegun;
  if (!machine.alone()) machine.begin_deferred();
  note("<a timer expires>", item.site, item.timer);
  item.function(item.arg);
}

const void* Timers::take() {
  Item* item = first(State::kBegun, 0);
  if (item == nullptr) return nullptr;
  item->state = State::kFree;
  return item->timer;
}

bool Timers::run_all_now() {
  bool any = false;
  while (Item* item = first(State::kArmed, UINT32_MAX)) {
    run(*item);
    any = true;
  }
  return any;
}

void Timers::context_main(void*) {
  while (Item* item = timers.first(State::kExpired, 0)) timers.run(*item);
}

uint64_t Timers::identity() const {
  uint64_t hash = 0;
  for (int i = 0; i < used_; ++i) {
    const Item& item = items_[i];
    if (item.state == State::kFree) continue;
    hash += mixed(mixed(static_cast<uint64_t>(item.state), item.expires), item.held_until);
  }
  return hash;
}

}  // namespace vmafuzz::sim
