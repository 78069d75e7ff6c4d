// Timers: what an operation leaves behind to happen later, if nobody takes it back.
//
// No execution is long enough for a timer to expire by itself: one that is armed runs when nothing
// else can, the earliest `expires` first, at the end of the concurrent part. An `expire` directive
// makes it expire sooner, before the access that it names; the function then runs at once on
// kTimerCpu, which directives interrupt like any other CPU. A `hold` where the timer was armed
// keeps it from expiring for so many accesses, or until the end.
//
// Arming orders nothing, nor does expiring: that is the lock's that whoever uses timers has
// (kernel/timer.h). Set-up may arm timers; they stay armed until the concurrent part.
#ifndef VMAFUZZ_SIM_TIMER_H_
#define VMAFUZZ_SIM_TIMER_H_

#include <array>
#include <cstdint>

#include "sim/machine.h"

namespace vmafuzz::sim {

class Timers {
 public:
  void reset();

  // From now on `timer`, whose address is its name, will call function(arg) when it expires. One
  // that is armed is armed anew. `expires` is compared with other timers' only.
  void arm(const void* timer, uint64_t expires, void (*function)(void*), void* arg, Site site);
  // The same without being an access, which orders nothing and cannot be held.
  void put(const void* timer, uint64_t expires, void (*function)(void*), void* arg,
           uint32_t held_until, Site site);
  // It is armed no more, also where its function has begun but not yet asked for it.
  void disarm(const void* timer);
  // To be asked by function() under the user's lock: the timer it was called for, armed no more; or
  // null if that was disarmed or armed anew in the meantime, and may be gone.
  const void* take();

  // The first timer that is not held expires. False if there is none.
  bool expire();
  // Nothing else can run: held ones, too.
  bool expire_at_last();
  // Alone: all of them, here and now, those that they arm included. False if there were none.
  bool run_all_now();
  static void context_main(void* cpu);
  // For exploration.
  uint64_t identity() const;

 private:
  enum class State : uint8_t { kFree, kArmed, kExpired, kBegun };
  struct Item {
    State state = State::kFree;
    const void* timer = nullptr;
    uint64_t expires = 0;
    void (*function)(void*) = nullptr;
    void* arg = nullptr;
    uint32_t held_until = 0;  // step
    uint32_t sequence = 0;
    Site site;  // that armed it
  };
  static constexpr int kItems = 32;

  Item* find(const void* timer);
  Item* first(State state, uint32_t step);
  bool expire_by(uint32_t step);
  void run(Item& item);

  std::array<Item, kItems> items_;
  int used_ = 0;
  uint32_t sequence_ = 0;
};

extern Timers timers;

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_TIMER_H_
