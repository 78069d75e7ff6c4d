// One word of simulated memory, and one store to it.
//
// A location on which nobody stored since the concurrent part of the execution began is only its
// value. From the first concurrent store on, its stores form a list in coherence order, newest
// first; the records live in the machine's store arena and go with the execution. Coherence order
// is execution order: a store is always appended (docs/memory-model.md says what that leaves out).
#ifndef VMAFUZZ_SIM_LOCATION_H_
#define VMAFUZZ_SIM_LOCATION_H_

#include <cstdint>
#include <source_location>

#include "sim/clock.h"

namespace vmafuzz::sim {

// A place in the model's source. Functions of the model take one as a defaulted last argument.
using Site = std::source_location;

enum LocationFlag : uint8_t {
  kFreed = 1,    // the object is back in its cache: any access is a use-after-free
  kWild = 2,     // memory behind a torn or never valid pointer
  kSync = 4,     // a lock word or another location that takes no part in race detection
  kPointer = 8,  // holds an offset into the arena
};

struct Location {
  uint64_t value = 0;      // the newest store's value
  uint32_t newest = 0;     // index of its Store, 0 while there is no concurrent store
  uint8_t accessed = 0;    // CPUs that touched it, one bit each
  uint8_t flags = 0;       // LocationFlag
  uint16_t read_time = 0;  // last plain load that no later store has been checked against: its time
  uint8_t read_cpu = 0;    //   and CPU,
  uint8_t readers = 0;     //   and all CPUs with such loads (then read_set is used)
  uint16_t unused = 0;
  uint32_t read_set = 0;  // several CPUs read it plainly: a Store whose `seen` has their times
};
static_assert(sizeof(Location) == 24);

// A field of a null pointer, or of what container_of() makes of one. An address, not a reference:
// the compiler takes a reference for valid.
inline bool near_null(const Location* location) {
  constexpr uintptr_t kLargestObject = 4096;
  return reinterpret_cast<uintptr_t>(location) + kLargestObject < 2 * kLargestObject;
}

inline constexpr uint8_t kNoCpu = 0xff;

enum StoreFlag : uint8_t {
  kPlainStore = 1,
  kRmwStore = 2,
  kUnlockStore = 4,
  kMayRaceStore = 8,     // data_race()
  kDependentStore = 16,  // depends on an earlier load of its CPU
};

// 112 bytes: a store is written once, streaming, and most are never looked at again.
struct alignas(16) Store {
  // message: must have reached a CPU before this store does (cumul-fence* in the LKMM).
  // before: has reached every CPU before this store executes (strong fences, then hb*).
  Lanes message_w, message_r, before_w, before_r;
  Lanes seen;  // time at which each CPU first saw this store, 0 never
  uint64_t value;
  Site site;
  uint32_t prev;    // next older store, 0 at the end
  uint32_t serial;  // step of the execution
  uint16_t time;    // the storing CPU's time
  uint16_t op;      // operation of the program that stored
  uint8_t cpu;
  uint8_t flags;  // StoreFlag
  uint8_t message_x, before_x;

  Clock message() const { return {message_w, message_r, message_x}; }
  Clock before() const { return {before_w, before_r, before_x}; }
  // It orders nothing: the value that was there before, or that of a CPU without a barrier so far.
  bool says_nothing() const {
    return !lanes_any(message_w | message_r | before_w | before_r) && (message_x | before_x) == 0;
  }
  void join_message(const Clock& clock) {
    message_w = lanes_max(message_w, clock.w);
    message_r = lanes_max(message_r, clock.r);
    message_x |= clock.x;
  }
  void join_before(const Clock& clock) {
    before_w = lanes_max(before_w, clock.w);
    before_r = lanes_max(before_r, clock.r);
    before_x |= clock.x;
  }
};
static_assert(sizeof(Store) == 112);

// What exploration knows a store by (state tracking only).
struct StoreIdentity {
  uint64_t identity = 0;  // of this store
  uint64_t chain = 0;     // of the order of stores up to it
};

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_LOCATION_H_
