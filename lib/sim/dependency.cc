// Dependencies between accesses of one CPU: those that litmus tests state one by one, and chains of
// pointers, which the kernel's code follows everywhere (memory.cc notes each pointer that is read).
#include "sim/machine.h"

namespace vmafuzz::sim {
namespace {

constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }

}  // namespace

void Machine::set_dependency(Cpu& cpu, const Store& store, bool pending) {
  Dependency& result = last_dependency_;
  result = Dependency{};
  if (store.cpu != kNoCpu && store.cpu != cpu.id) {
    result.message = store.message();
    if (rule(Rule::kBeforeTravels)) result.before = store.before();
  }
  result.before.join(cpu.before_load);
  if (pending) {
    result.message.join(cpu.read);
    result.message.join(cpu.read_noreturn);
    result.before.join(cpu.read_before);
  }
  if (has_address_) result.join(address_);
  result.before.x |= bit(cpu.id);
}

void Machine::depend_address(const Dependency& dependency) {
  if (options_.assume_dependencies) return;
  address_.join(dependency);
  has_address_ = true;
}

void Machine::depend_control(const Dependency& dependency) {
  if (!options_.assume_dependencies && rule(Rule::kControlDependency)) {
    current_->before_store.join(dependency.before);
  }
}

// A store of which both are part: one of the two as a rule, since who publishes the first pointer
// has published what it leads to. "addr" goes on through "to-r", one load after the other.
uint32_t Machine::chained(uint32_t via, uint32_t store) {
  if (store == 0) return via;
  const Store& first = stores_[via];
  const Store& second = stores_[store];
  const auto within = [](const Store& a, const Store& b) {
    return a.message().within(b.message()) && a.before().within(b.before());
  };
  if (within(first, second)) return store;
  if (within(second, first) || store_count_ + 2 >= kStores) return via;
  Store& both = stores_[store_count_];
  both = second;
  both.join_message(first.message());
  both.join_before(first.before());
  return store_count_++;
}

}  // namespace vmafuzz::sim
