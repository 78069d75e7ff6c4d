// What happened, access by access. Kept only when Options::trace is set.
#ifndef VMAFUZZ_SIM_TRACE_H_
#define VMAFUZZ_SIM_TRACE_H_

#include <cstdint>
#include <string>

#include "sim/director.h"
#include "sim/location.h"

namespace vmafuzz::sim {

enum class Event : uint8_t {
  kLoad,
  kStore,
  kRmw,
  kFence,   // `note` names it
  kSwitch,  // `value`: the CPU that runs next
  kBegin,   // an operation
  kEnd,
  kBlock,  // `note`: what it waits for; `location`: the lock's word; `value`: who holds it, in bits
  kAlloc,
  kFree,
  kReader,  // a read-side critical section begins or ends: `note` says which
  kGrace,  // grace periods, callbacks, work items: `note` says what; `value`: CPUs waited for, bits
  kNote,   // anything that the model wants said, such as a lock taken
  kFail,   // an injected failure
};

struct TraceEvent {
  Event event = Event::kNote;
  uint8_t cpu = 0;
  bool plain = false;
  bool may_race = false;
  uint16_t op = 0;
  uint16_t access = 0;
  uint16_t stale = 0;       // stores between the one read and the newest
  uint8_t order = 0;        // Order
  uint8_t from_cpu = 0xff;  // loads: who stored what was read
  uint16_t from_op = 0;
  uint64_t value = 0;   // stored, or read
  uint64_t newest = 0;  // stale loads: what the newest store holds
  uint64_t object = 0;  // grace periods: offset in the arena of what they are for; 0 nothing
  uint32_t step = 0;
  const Location* location = nullptr;
  const char* note = "";
  Site site;
  Site from_site;    // loads: the store's
  Site missed_site;  // stale loads: the newest store's
};

// "vm_area_struct#2.vm_start", "mm0.mm_lock_seq", or "?" for memory that nobody named.
std::string location_name(const Location* location);
std::string object_name(const struct Object& object);
struct Awaited;
// "mm0.page_table_lock", or what kind of thing it is where it has no word.
std::string awaited_name(const Awaited& awaited);
// A stored value as people read it: a number, or the name of what a pointer refers to.
std::string value_name(const Location* location, uint64_t value);

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_TRACE_H_
