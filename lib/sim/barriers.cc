// Barriers, and the order that locks hand over: what a CPU knows, and what its stores carry.
//
// Names in quotes are relations of tools/memory-model/linux-kernel.cat.
#include "sim/memory.h"
#include "sim/trace.h"

namespace vmafuzz::sim {
namespace {

constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }

}  // namespace

void Machine::smp_wmb(Site site) {
  step(AccessKind::kLocal, nullptr, site);
  if (watched_) watch_fence("smp_wmb", site);
  if (alone_) return;
  Cpu& cpu = *current_;
  if (rule(Rule::kWmbPublishes)) {
    cpu.publish.join(cpu.written);
    lane(cpu.publish.w, cpu.id) = cpu.time;
    if (!rule(Rule::kWmbNotCumulative)) {
      cpu.publish.join(cpu.read);
      lane(cpu.publish.r, cpu.id) = cpu.time;
    }
    cpu.before_store.join(cpu.written_before);
  }
  ++cpu.time;
}

void Machine::smp_rmb(Site site) {
  step(AccessKind::kLocal, nullptr, site);
  if (watched_) watch_fence("smp_rmb", site);
  if (alone_) return;
  Cpu& cpu = *current_;
  if (rule(Rule::kRmbOrders)) {
    cpu.known.join(cpu.read);
    if (rule(Rule::kBeforeTravels)) cpu.before_load.join(cpu.read_before);
    cpu.before_load.x |= bit(cpu.id);
  }
  ++cpu.time;
}

void Machine::smp_mb(Site site) {
  step(AccessKind::kFence, nullptr, site);
  if (watched_) watch_fence("smp_mb", site);
  if (alone_) return;
  full_barrier(*current_);
}

// What must have reached every CPU after a strong fence of this CPU.
Clock Machine::all_events(const Cpu& cpu) const {
  Clock all = cpu.publish;
  all.join(cpu.read);
  all.join(cpu.read_noreturn);
  all.join(cpu.written);
  all.include(cpu.id, cpu.time);
  all.join(cpu.read_before);
  all.join(cpu.written_before);
  all.join(cpu.before_load);
  all.join(cpu.before_store);
  all.x |= bit(cpu.id);
  return all;
}

void Machine::full_barrier(Cpu& cpu) {
  // "A-cumul(strong-fence)". Everything seen so far follows from "pb" below as well, which is why
  // this is no rule of its own in rules.h.
  cpu.publish.join(cpu.read);
  cpu.publish.join(cpu.read_noreturn);
  cpu.publish.join(cpu.written);
  cpu.publish.include(cpu.id, cpu.time);
  Clock all = all_events(cpu);
  if (rule(Rule::kFullPropagates)) {
    // "pb": barriers run in one order; what an earlier one published has reached everyone.
    barriers_.join(all);
    all = barriers_;
    if (options_.track_state) {
      state_.barriers = (state_.barriers ^ cpu.history) * 0xC2B2AE3D27D4EB4Full;
      mix_state(state_.barriers);
    }
  }
  if (rule(Rule::kFullOrdersLoads)) {
    cpu.known.join(all);
    cpu.before_load.join(all);
  }
  cpu.before_store.join(all);
  cpu.read_before.join(all);
  cpu.written_before.join(all);
  ++cpu.time;
}

void Machine::join_everything(Cpu& cpu, const Clock& events) {
  cpu.known.join(events);
  cpu.before_load.join(events);
  cpu.before_store.join(events);
  cpu.read_before.join(events);
  cpu.written_before.join(events);
}

// "po-unlock-lock-po", ended by this lock operation: what was stored before an unlock reaches third
// CPUs before what is stored under the lock. (What was only read does not: there is no A-cumul
// around it.) Here the unlock of any lock by this CPU; everything before it also comes before
// everything that is done under the lock.
void Machine::acquire_own_unlock() {
  Cpu& cpu = *current_;
  if (alone_ || cpu.unlock == 0 || !rule(Rule::kLockHandover)) return;
  const Store& own = stores_[cpu.unlock];
  cpu.publish.join(cpu.unlock_stored);
  cpu.known.join(own.message());
  learn_before(cpu, own.before());
}

// The same where this lock was given back. The newest store is this CPU's own lock word.
void Machine::acquire_handover(Location& lock) {
  if (alone_ || lock.newest == 0 || !rule(Rule::kLockHandover)) return;
  Cpu& cpu = *current_;
  for (uint32_t i = stores_[lock.newest].prev; i != 0; i = stores_[i].prev) {
    const Store& store = stores_[i];
    if ((store.flags & kUnlockStore) == 0) continue;
    // Who has given back another lock since, or gave this one back by a read-modify-write, has
    // not kept what it had stored: its whole message, which is more.
    const Cpu& owner = cpus_[store.cpu];
    cpu.publish.join(owner.unlock == i ? owner.unlock_stored : store.message());
    return;
  }
}

Clock Machine::knowledge() const {
  Clock all = current_->known;
  all.join(current_->before_load);
  all.include(current_->id, current_->time);
  return all;
}

}  // namespace vmafuzz::sim
