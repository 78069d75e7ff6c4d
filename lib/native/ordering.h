// The kernel's orders in terms that ThreadSanitizer knows, on fibres.
//
// ThreadSanitizer knows tokens: release() adds what the running CPU has done to one, acquire() puts
// what it holds before what the CPU does next. Both copy and compare clocks of 256 entries. So each
// is done once: a Release is a token that was released once, a location names the Release that came
// with its newest store, and a CPU keeps count of what it knows, to acquire only what is news.
//
//   smp_wmb(), and the fences within smp_mb() and full read-modify-writes, as C11's release fence:
//   a
//       Release of what this CPU has done up to the fence comes with every later store.
//   Taking a lock: what the CPU that gave it back had done by then, and what this CPU had done by
//   its
//       own last unlock, reaches others before what is stored under the lock (po-unlock-lock-po of
//       linux-kernel.cat): two more that come with every later store.
//   A read-modify-write passes on what came with the store that it read; other stores replace it.
//   smp_rmb(), likewise as an acquire fence: what came with the stores that loads without order
//       read is remembered, and acquired by the fence.
//   Loads of pointers acquire: what is reached through them is ordered by the address dependency,
//       which neither C11 nor ThreadSanitizer can express for the dependent accesses alone.
//
// Where this says more than the kernel's model (smp_wmb() orders loads before it as well, a
// pointer orders what does not depend on it) a race can be missed. It does not say less, but for
// control dependencies.
#ifndef VMAFUZZ_NATIVE_ORDERING_H_
#define VMAFUZZ_NATIVE_ORDERING_H_

#include <cstdint>

#include "native/tsan.h"
#include "sim/clock.h"
#include "sim/happens_before.h"

namespace vmafuzz::native {

using sim::Lanes;

// A Release of this execution; 0: none.
using ReleaseId = uint16_t;

// Every CPU's releases are numbered from 1. Whoever knows release n of a CPU knows all that the CPU
// knew then, for that is what a token holds.
struct Release {
  Lanes needs;              // by CPU: the number of its release that this is, or consists of
  Lanes gives;              // by CPU: the last that is known to whoever acquires this
  ReleaseId first, second;  // consists of these two; 0: one release, with a token of its own
};

class Releases {
 public:
  void reset() { count_ = 1; }
  // What `cpu`, which is running and knows `known`, has done so far.
  ReleaseId take(int cpu, Lanes& known) {
    const ReleaseId id = next();
    Release& release = all_[id];
    release.needs = Lanes{};
    release.needs[cpu] = ++known[cpu];
    release.gives = known;
    release.first = release.second = 0;
    tsan::release(&tokens_[8 * id]);
    return id;
  }
  ReleaseId both(ReleaseId a, ReleaseId b) {
    if (a == 0 || b == 0) return a | b;
    const Release &one = all_[a], &other = all_[b];
    if (within(other.needs, one.gives)) return a;
    if (within(one.needs, other.gives)) return b;
    const ReleaseId id = next();
    all_[id] = {sim::lanes_max(one.needs, other.needs), sim::lanes_max(one.gives, other.gives), a,
                b};
    return id;
  }
  bool is_known(ReleaseId id, const Lanes& known) const {
    return id == 0 || within(all_[id].needs, known);
  }
  // Newest parts are first, and bring most of the others with them.
  void acquire(ReleaseId id, Lanes& known) {
    while (!is_known(id, known)) {
      const Release& release = all_[id];
      if (release.first == 0) {
        tsan::acquire(&tokens_[8 * id]);
        known = sim::lanes_max(known, release.gives);
        return;
      }
      acquire(release.first, known);
      id = release.second;
    }
  }

 private:
  static constexpr uint32_t kReleases = 1 << 16;
  static bool within(const Lanes& a, const Lanes& b) { return !sim::lanes_any(Lanes(a > b)); }
  ReleaseId next() {
    if (count_ == kReleases) too_many();
    return static_cast<ReleaseId>(count_++);
  }
  [[noreturn]] static void too_many();

  uint32_t count_ = 1;
  Release all_[kReleases];
  alignas(8) char tokens_[8 * kReleases];
};

extern Releases releases;

// One CPU. Fields of a Location that are lib/sim's otherwise: `newest` names two Releases, what
// came with the newest store and, of a lock word, the unlock; `read_set` is what was told at last.
class Ordering {
 public:
  void reset(int cpu) {
    cpu_ = cpu;
    known_ = Lanes{};
    last_ = fence_ = handover_ = unlock_ = unlock_before_ = carried_ = pending_ = 0;
  }

  // --- accesses, told and ordered
  enum Told : uint32_t { kPlainLoad = 1, kLoad, kStore };

  // False: ThreadSanitizer was told the same at last, by this CPU, and nothing has been released
  // since. It would do nothing if it were told again.
  bool is_news(sim::Location& location, Told what) {
    const uint32_t told = sim::happens_before::releases << 8 | static_cast<uint32_t>(cpu_) << 4;
    if (location.read_set == (told | what)) return false;
    if (what == kLoad && location.read_set == (told | kStore)) return false;
    location.read_set = told | what;
    return true;
  }
  uint64_t load(const sim::Location& location, Told what, bool news, bool acquires) {
    const ReleaseId came_with = order_of(location);
    if (what == kLoad) see(came_with, acquires);
    if (news && what == kLoad) tsan::atomic_load(location, false);
    if (news && what == kPlainLoad) tsan::plain_load(location);
    if (what == kPlainLoad) see(came_with, acquires);
    return tsan::untold_load(location);
  }
  void store(sim::Location& location, uint64_t value, bool news, bool publishes) {
    tell_store(location, value, news);
    set_order(location, publishes ? take() : carried_);
  }
  // Nothing has run since the value was looked at.
  void replace(sim::Location& location, uint64_t value, bool news, bool acquires, bool publishes) {
    tell_store(location, value, news);
    const ReleaseId came_with = order_of(location);
    see(came_with, acquires);
    set_order(location, releases.both(publishes ? take() : carried_, came_with));
  }

  // --- fences and locks
  void acquire_fence() {
    releases.acquire(pending_, known_);
    pending_ = 0;
  }
  void release_fence() {
    fence_ = take();
    update_carried();
  }
  // After a full read-modify-write, which has published everything.
  void release_fence_of_full() {
    fence_ = last_;
    update_carried();
  }
  // The CPU has just stored to `word`.
  void unlocks(sim::Location& word) {
    unlock_ = last_ != 0 && order_of(word) == last_ ? last_ : take();
    word.newest = (word.newest & 0xffff) | uint32_t{unlock_} << 16;
  }
  void locks(const sim::Location& word) {
    handover_ = static_cast<ReleaseId>(word.newest >> 16);
    update_carried();
  }
  void locks_again() {
    unlock_before_ = unlock_;
    update_carried();
  }

 private:
  static void tell_store(sim::Location& location, uint64_t value, bool news) {
    if (news) {
      tsan::atomic_store(location, value, false);
    } else {
      tsan::untold_store(location, value);
    }
  }
  static ReleaseId order_of(const sim::Location& location) {
    return static_cast<ReleaseId>(location.newest);
  }
  static void set_order(sim::Location& location, ReleaseId id) {
    location.newest = (location.newest & 0xffff0000) | id;
  }
  void see(ReleaseId came_with, bool acquires) {
    if (releases.is_known(came_with, known_)) return;
    if (acquires) {
      releases.acquire(came_with, known_);
    } else {
      pending_ = releases.both(came_with, pending_);
    }
  }
  ReleaseId take() { return last_ = releases.take(cpu_, known_); }
  void update_carried() {
    carried_ = releases.both(fence_, releases.both(handover_, unlock_before_));
  }

  Lanes known_{};
  int cpu_ = 0;
  ReleaseId last_ = 0;  // that this CPU took
  ReleaseId fence_ = 0;
  ReleaseId unlock_ = 0;         // the last
  ReleaseId handover_ = 0;       // the unlock after which the last lock was taken
  ReleaseId unlock_before_ = 0;  // this CPU's own before that
  ReleaseId carried_ = 0;        // comes with every store
  ReleaseId pending_ = 0;        // came with what loads without order have read
};

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_ORDERING_H_
