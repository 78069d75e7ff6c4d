// The globals of a litmus test as objects of the simulated machine, and its primitives: the Machine
// of interpreter.h. Runs on the fibres of simulated CPUs: allocates nothing there.
#pragma once

#include <vector>

#include "kernel/atomic.h"
#include "kernel/rcupdate.h"
#include "kernel/spinlock.h"
#include "litmus/interpreter.h"
#include "sim/machine.h"

namespace vmafuzz::litmus {

using sim::Order;

// The verdict that ends an execution without meaning.
inline constexpr const char* kFault = "litmus-fault";

struct Cell {
  kernel::Shared<Value> value;
  template <class V>
  void visit(V&& v) {
    v("value", value);
  }
};

inline Order order_of(Suffix suffix) {
  switch (suffix) {
    case Suffix::kDefault:
      return Order::kFull;
    case Suffix::kRelaxed:
      return Order::kRelaxed;
    case Suffix::kAcquire:
      return Order::kAcquire;
    case Suffix::kRelease:
      return Order::kRelease;
  }
  return Order::kFull;
}

inline bool empty(const sim::Clock& clock) {
  return clock.x == 0 && !sim::lanes_any((clock.w | clock.r) != 0);
}
inline bool empty(const sim::Dependency& dependency) {
  return empty(dependency.message) && empty(dependency.before);
}

class Memory {
 public:
  using Dependency = sim::Dependency;
  using By = Access<Memory>;

  explicit Memory(const LitmusTest& test) : test_(test) {
    objects_.resize(test.globals.size());
    int domain = sim::kFirstSrcuDomain;
    for (size_t i = 0; i < test.globals.size(); ++i) {
      if (test.globals[i].kind == GlobalKind::kSrcu) objects_[i].srcu.domain = domain++;
    }
  }

  // Makes the objects anew, before an execution.
  void reset() {
    sim::arena.reset();
    for (size_t i = 0; i < objects_.size(); ++i) {
      const Global& global = test_.globals[i];
      if (global.kind == GlobalKind::kLock) {
        objects_[i].lock = sim::new_global<kernel::spinlock_t>("spinlock_t", global.name.c_str());
      } else if (global.kind == GlobalKind::kData) {
        objects_[i].cell = sim::new_global<Cell>("global", global.name.c_str());
        objects_[i].cell->value.location().value = static_cast<uint64_t>(global.initial);
      }
    }
    fault_ = Fault::kNone;
  }

  // The value that is last in coherence order. A held lock shows as 1.
  Value final_value(int global) const {
    const Object& object = objects_[global];
    if (test_.globals[global].kind == GlobalKind::kLock) return object.lock->held.peek() != 0;
    if (test_.globals[global].kind == GlobalKind::kSrcu) return 0;
    return visible(object.cell->value.peek());
  }

  // The global that lives there, or what else the location stands for (code.h); -1 if none.
  int slot_of(const sim::Location& location) const {
    const int globals = static_cast<int>(objects_.size());
    if (&location == &sim::machine.barrier_word()) return globals + kBarrier;
    if (&location == &sim::grace_periods.readers_word(sim::kRcuDomain)) return globals + kRcu;
    for (int i = 0; i < globals; ++i) {
      const Object& object = objects_[i];
      if (object.cell != nullptr && &object.cell->value.location() == &location) return i;
      if (object.lock != nullptr && &object.lock->held.location() == &location) return i;
      if (test_.globals[i].kind == GlobalKind::kSrcu &&
          &location == &sim::grace_periods.readers_word(object.srcu.domain)) {
        return i;
      }
    }
    return -1;
  }

  Fault fault() const { return fault_; }
  Position fault_position() const { return fault_position_; }

  Value load(Value address, const By& by, Dependency* out) {
    sim::machine.current().recent = 0;
    kernel::Shared<Value>& x = data(address, by);
    sim::machine.depend_address(by.address);
    const Value value = x.get();
    *out = sim::machine.last_dependency();
    return value;
  }

  void store(Value address, Value value, const By& by) {
    sim::machine.current().recent = 0;
    kernel::Shared<Value>& x = data(address, by);
    store_under(by, [&] { x.set(value); });
  }

  Value call(Primitive primitive, const Value args[], const By& by, Dependency* out) {
    sim::machine.current().recent = 0;
    const PrimitiveInfo& info = info_of(primitive);
    *out = Dependency{};
    if (info.arguments.empty()) {
      call_barrier(primitive);
      return 0;
    }
    if (info.arguments[0] == 'K') return call_lock(primitive, args, out);
    if (info.arguments[0] == 'S') return call_srcu(info, args, by);
    const Value result = call_memory(info, args, by);
    if (info.returns) *out = sim::machine.last_dependency();
    return result;
  }

  [[noreturn]] void fail(Fault fault, Position position) {
    fault_ = fault;
    fault_position_ = position;
    sim::machine.fail(kFault, "");
  }

 private:
  struct Object {
    Cell* cell = nullptr;
    kernel::spinlock_t* lock = nullptr;
    kernel::srcu_struct srcu;
  };

  kernel::Shared<Value>& data(Value address, const By& by) {
    if (!is_address(address) || test_.globals[global_of(address)].kind != GlobalKind::kData) {
      fail(Fault::kAddress, by.position);
    }
    return objects_[global_of(address)].cell->value;
  }

  // Tells the machine on what the next access depends. Control orders stores only.
  void order(const By& by, bool stores) {
    if (!empty(by.address)) sim::machine.depend_address(by.address);
    if (!empty(by.data)) sim::machine.depend_data(by.data);
    if (stores && !empty(by.control)) sim::machine.depend_control(by.control);
  }

  // A store and no barrier (which would add to what later stores come after). Its control
  // dependencies are its own: the machine keeps them for all later stores of the CPU, herd7 ends
  // them with the "if" that they come from.
  template <class Store>
  void store_under(const By& by, Store store) {
    sim::Clock& before_store = sim::machine.current().before_store;
    const sim::Clock kept = before_store;
    order(by, true);
    store();
    before_store = kept;
  }

  void call_barrier(Primitive primitive) {
    switch (primitive) {
      case Primitive::barrier:
        return;
      case Primitive::smp_mb:
        return kernel::smp_mb();
      case Primitive::smp_rmb:
        return kernel::smp_rmb();
      case Primitive::smp_wmb:
        return kernel::smp_wmb();
      case Primitive::smp_mb__before_atomic:
        return kernel::smp_mb__before_atomic();
      case Primitive::smp_mb__after_atomic:
        return kernel::smp_mb__after_atomic();
      case Primitive::smp_mb__after_spinlock:
        return kernel::smp_mb__after_spinlock();
      case Primitive::smp_mb__after_unlock_lock:
        return kernel::smp_mb__after_unlock_lock();
      case Primitive::smp_mb__after_srcu_read_unlock:
        return kernel::smp_mb__after_srcu_read_unlock();
      case Primitive::rcu_read_lock:
        return kernel::rcu_read_lock();
      case Primitive::rcu_read_unlock:
        return kernel::rcu_read_unlock();
      case Primitive::synchronize_rcu:
      case Primitive::synchronize_rcu_expedited:
        return kernel::synchronize_rcu();
      default:
        __builtin_unreachable();
    }
  }

  Value call_lock(Primitive primitive, const Value args[], Dependency* out) {
    kernel::spinlock_t& lock = *objects_[global_of(args[0])].lock;
    Value result = 0;
    switch (primitive) {
      case Primitive::spin_lock:
        kernel::spin_lock(lock);
        return 0;
      case Primitive::spin_unlock:
        kernel::spin_unlock(lock);
        return 0;
      case Primitive::spin_trylock:
        result = kernel::spin_trylock(lock);
        break;
      default:
        result = kernel::spin_is_locked(lock);
        break;
    }
    *out = sim::machine.last_dependency();
    return result;
  }

  Value call_srcu(const PrimitiveInfo& info, const Value args[], const By& by) {
    kernel::srcu_struct& srcu = objects_[global_of(args[0])].srcu;
    switch (info.base) {
      case Primitive::srcu_read_lock:
      case Primitive::srcu_down_read:
        return reader_token(kernel::srcu_read_lock(srcu));
      case Primitive::srcu_read_unlock:
      case Primitive::srcu_up_read:
        if (!is_reader(args[1])) fail(Fault::kReader, by.position);
        kernel::srcu_read_unlock(srcu, reader_of(args[1]));
        return 0;
      default:
        kernel::synchronize_srcu(srcu);
        return 0;
    }
  }

  void call_store(const PrimitiveInfo& info, kernel::Shared<Value>& x, Value value) {
    switch (info.base) {
      case Primitive::WRITE_ONCE:
        return kernel::WRITE_ONCE(x, value);
      case Primitive::smp_store_release:
        return kernel::smp_store_release(x, value);
      case Primitive::rcu_assign_pointer:
        return kernel::rcu_assign_pointer(x, value);
      default:  // atomic_set, atomic_set_release
        return info.suffix == Suffix::kDefault ? kernel::WRITE_ONCE(x, value)
                                               : kernel::smp_store_release(x, value);
    }
  }

  Value call_memory(const PrimitiveInfo& info, const Value args[], const By& by) {
    // "VP" functions have their pointer second.
    const bool pointer_first = info.arguments[0] != 'V';
    kernel::Shared<Value>& x = data(args[pointer_first ? 0 : 1], by);
    const Value value = args[pointer_first ? 1 : 0];
    if (info.base == Primitive::smp_store_mb) {
      order(by, true);
      kernel::smp_store_mb(x, value);
      return 0;
    }
    if (!info.returns && info.arguments.substr(1) == "V") {  // "LV" and "PV"
      store_under(by, [&] { call_store(info, x, value); });
      return 0;
    }
    const bool loads = info.arguments == "L" || info.base == Primitive::smp_load_acquire ||
                       info.base == Primitive::atomic_read;
    order(by, !loads);
    switch (info.base) {
      case Primitive::READ_ONCE:
        return kernel::READ_ONCE(x);
      case Primitive::rcu_dereference:
        return kernel::rcu_dereference(x);
      case Primitive::smp_load_acquire:
        return kernel::smp_load_acquire(x);
      case Primitive::atomic_read:
        return info.suffix == Suffix::kDefault ? kernel::READ_ONCE(x) : kernel::smp_load_acquire(x);
      case Primitive::xchg:
      case Primitive::atomic_xchg:
        return kernel::xchg(x, value, order_of(info.suffix));
      case Primitive::cmpxchg:
      case Primitive::atomic_cmpxchg:
        return kernel::cmpxchg(x, args[1], args[2], order_of(info.suffix));
      case Primitive::atomic_add_unless:
        return add_unless(x, args[1], args[2], by);
      default:
        return call_arithmetic(info, x, value, by);
    }
  }

  Value compute(BinaryOp op, Value left, Value right, const By& by) {
    Value result;
    if (!evaluate(op, left, right, &result)) fail(Fault::kArithmetic, by.position);
    return result;
  }

  // The new value of a read-modify-write of that name.
  Value updated(Primitive base, Value old, Value value, const By& by) {
    switch (base) {
      case Primitive::atomic_inc:
      case Primitive::atomic_inc_return:
      case Primitive::atomic_fetch_inc:
      case Primitive::atomic_inc_and_test:
        return compute(BinaryOp::kAdd, old, 1, by);
      case Primitive::atomic_dec:
      case Primitive::atomic_dec_return:
      case Primitive::atomic_fetch_dec:
      case Primitive::atomic_dec_and_test:
        return compute(BinaryOp::kSub, old, 1, by);
      case Primitive::atomic_sub:
      case Primitive::atomic_sub_return:
      case Primitive::atomic_fetch_sub:
      case Primitive::atomic_sub_and_test:
        return compute(BinaryOp::kSub, old, value, by);
      case Primitive::atomic_and:
      case Primitive::atomic_fetch_and:
        return compute(BinaryOp::kAnd, old, value, by);
      case Primitive::atomic_or:
      case Primitive::atomic_fetch_or:
        return compute(BinaryOp::kOr, old, value, by);
      case Primitive::atomic_xor:
      case Primitive::atomic_fetch_xor:
        return compute(BinaryOp::kXor, old, value, by);
      case Primitive::atomic_andnot:
      case Primitive::atomic_fetch_andnot:
        return compute(BinaryOp::kAnd, old, compute(BinaryOp::kSub, -1, value, by), by);
      default:  // atomic_add, atomic_add_return, atomic_fetch_add, atomic_add_negative
        return compute(BinaryOp::kAdd, old, value, by);
    }
  }

  Value call_arithmetic(const PrimitiveInfo& info, kernel::Shared<Value>& x, Value value,
                        const By& by) {
    const Order order = info.returns ? order_of(info.suffix) : Order::kNoReturn;
    Value now = 0;
    const Value old = kernel::atomic_fetch_op(
        x, order, [&](Value read) { return now = updated(info.base, read, value, by); });
    switch (info.base) {
      case Primitive::atomic_fetch_add:
      case Primitive::atomic_fetch_sub:
      case Primitive::atomic_fetch_inc:
      case Primitive::atomic_fetch_dec:
      case Primitive::atomic_fetch_and:
      case Primitive::atomic_fetch_or:
      case Primitive::atomic_fetch_xor:
      case Primitive::atomic_fetch_andnot:
        return old;
      case Primitive::atomic_sub_and_test:
      case Primitive::atomic_inc_and_test:
      case Primitive::atomic_dec_and_test:
        return now == 0;
      case Primitive::atomic_add_negative:
        return now < 0;
      default:
        return now;
    }
  }

  // As the kernel's atomic_fetch_add_unless(): a load, then a cmpxchg until nobody came between. A
  // failed one orders nothing.
  Value add_unless(kernel::Shared<Value>& x, Value addend, Value unless, const By& by) {
    Value old = kernel::READ_ONCE(x);
    for (;;) {
      if (old == unless) return 0;
      const Value now = compute(BinaryOp::kAdd, old, addend, by);
      order(by, true);
      if (kernel::try_cmpxchg(x, &old, now, Order::kFull)) return 1;
    }
  }

  const LitmusTest& test_;
  std::vector<Object> objects_;
  Fault fault_ = Fault::kNone;
  Position fault_position_;
};

}  // namespace vmafuzz::litmus
