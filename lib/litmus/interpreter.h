// Runs a compiled litmus thread over a machine.
//
// Memory is the machine's: this file keeps registers, dependencies and the place in the code, and
// nothing else. A Machine offers
//
// - Dependency, a type: what a value carries. By default nothing; has join(const Dependency&).
// - Value load(Value address, const Access<Machine>&, Dependency* out), a plain load
// - void store(Value address, Value value, const Access<Machine>&), a plain store
// - Value call(Primitive, const Value args[], const Access<Machine>&, Dependency* out)
// - void fail(Fault, Position): the execution ends. May return, and then so does run().
//
// Access says what the access depends on. A value that is no address may reach load, store and
// call.
#pragma once

#include <cstdint>
#include <vector>

#include "litmus/code.h"

namespace vmafuzz::litmus {

enum class Fault : uint8_t {
  kNone,
  kArithmetic,  // an operation that has no value, see evaluate()
  kLoopBound,   // a loop went round more often than the bound
  kAddress,     // an access to what is no address of a global that holds data
  kReader,      // srcu_read_unlock() of what no srcu_read_lock() returned
};

template <class Machine>
struct Register {
  Value value = 0;
  typename Machine::Dependency dependency{};
};

template <class Machine>
struct Access {
  Position position;
  typename Machine::Dependency address{};  // of what the address was computed from
  typename Machine::Dependency data{};     // of the other arguments
  typename Machine::Dependency control{};  // of the conditions around it: orders stores only
};

// One thread's state. Everything is allocated by prepare(), nothing by run().
template <class Machine>
class Interpreter {
 public:
  using Dependency = typename Machine::Dependency;

  // `code` and `thread` must outlive the interpreter. Loops go round at most `loop_bound` times in
  // all.
  void prepare(const Code& code, const Thread& thread, int loop_bound) {
    code_ = &code;
    thread_ = &thread;
    loop_bound_ = loop_bound;
    registers_.resize(code.registers);
    control_.resize(code.control_depth + 1);
  }

  // Runs the thread from its beginning.
  void run(Machine& machine) {
    reset();
    for (const Instruction* at = code_->instructions.data();;) {
      place_ = static_cast<int>(at - code_->instructions.data());
      if (at->op == Op::kEnd) return;
      const Fault fault = step(machine, at);
      if (fault != Fault::kNone) {
        machine.fail(fault, at->position);
        return;
      }
    }
  }

  // A number for all that the rest of the run depends on, and for the locals, which are its result.
  // `dependency` gives one for a dependency.
  template <class F>
  uint64_t identity(const F& dependency) const {
    constexpr uint64_t kFactor = 0xD6E8FEB86659FD93ull;
    const std::vector<bool>& reads = code_->future[place_].reads;
    uint64_t hash = static_cast<uint64_t>(place_) * 65536 + static_cast<uint64_t>(rounds_);
    for (size_t i = 0; i < registers_.size(); ++i) {
      const bool is_local = i < thread_->locals.size();
      if (is_local || reads[i])
        hash = (hash ^ static_cast<uint64_t>(registers_[i].value)) * kFactor + i;
      if (reads[i]) hash = (hash ^ dependency(registers_[i].dependency)) * kFactor;
    }
    for (int i = 1; i <= depth_; ++i) hash = (hash ^ dependency(control_[i])) * kFactor + 1;
    return hash ^ hash >> 32;
  }
  const Future& future() const { return code_->future[place_]; }
  bool at_end() const { return code_->instructions[place_].op == Op::kEnd; }

  Value local(int index) const { return registers_[index].value; }

 private:
  void reset() {
    for (size_t i = 0; i < registers_.size(); ++i) {
      registers_[i].value = i < thread_->initial.size() ? thread_->initial[i] : 0;
      registers_[i].dependency = Dependency{};
    }
    depth_ = 0;
    control_[0] = Dependency{};
    rounds_ = place_ = 0;
  }

  Value value(const Operand& operand) const {
    return operand.reg == Operand::kConstant ? operand.constant : registers_[operand.reg].value;
  }

  void join(const Operand& operand, Dependency& into) const {
    if (operand.reg != Operand::kConstant) into.join(registers_[operand.reg].dependency);
  }

  Access<Machine> access(const Instruction& instruction) const {
    Access<Machine> result;
    result.position = instruction.position;
    result.control = control_[depth_];
    return result;
  }

  // Executes the instruction and moves `at` to the next one.
  Fault step(Machine& machine, const Instruction*& at) {
    const Instruction& now = *at;
    ++at;
    switch (now.op) {
      case Op::kMove: {
        Register<Machine> result;
        result.value = value(now.args[0]);
        join(now.args[0], result.dependency);
        registers_[now.target] = result;
        return Fault::kNone;
      }
      case Op::kBinary:
        return binary(now) ? Fault::kNone : (at = &now, Fault::kArithmetic);
      case Op::kLoad: {
        Access<Machine> by = access(now);
        join(now.args[0], by.address);
        Register<Machine> result;
        result.value = machine.load(value(now.args[0]), by, &result.dependency);
        registers_[now.target] = result;
        return Fault::kNone;
      }
      case Op::kStore: {
        Access<Machine> by = access(now);
        join(now.args[0], by.address);
        join(now.args[1], by.data);
        machine.store(value(now.args[0]), value(now.args[1]), by);
        return Fault::kNone;
      }
      case Op::kCall:
        call(machine, now);
        return Fault::kNone;
      case Op::kBranchIfZero:
        if (visible(value(now.args[0])) == 0) at = &code_->instructions[now.jump];
        return Fault::kNone;
      case Op::kJump:
        return jump(now, at);
      case Op::kEnterControl:
        control_[depth_ + 1] = control_[depth_];
        ++depth_;
        return Fault::kNone;
      case Op::kJoinControl:
        join(now.args[0], control_[depth_]);
        return Fault::kNone;
      case Op::kLeaveControl:
        --depth_;
        return Fault::kNone;
      case Op::kEnd:
        return Fault::kNone;
    }
    return Fault::kNone;
  }

  bool binary(const Instruction& now) {
    Register<Machine> result;
    if (!evaluate(now.binary, value(now.args[0]), value(now.args[1]), &result.value)) return false;
    join(now.args[0], result.dependency);
    join(now.args[1], result.dependency);
    registers_[now.target] = result;
    return true;
  }

  void call(Machine& machine, const Instruction& now) {
    Access<Machine> by = access(now);
    Value args[kMaxArguments] = {};
    const absl::string_view conventions = info_of(now.primitive).arguments;
    for (size_t i = 0; i < conventions.size(); ++i) {
      args[i] = value(now.args[i]);
      join(now.args[i], conventions[i] == 'V' ? by.data : by.address);
    }
    Register<Machine> result;
    result.value = machine.call(now.primitive, args, by, &result.dependency);
    if (now.target != Instruction::kNone) registers_[now.target] = result;
  }

  Fault jump(const Instruction& now, const Instruction*& at) {
    const Instruction* target = &code_->instructions[now.jump];
    const bool backwards = target <= &now;
    if (backwards && ++rounds_ > loop_bound_) {
      at = &now;
      return Fault::kLoopBound;
    }
    at = target;
    return Fault::kNone;
  }

  const Code* code_ = nullptr;
  const Thread* thread_ = nullptr;
  int loop_bound_ = 0;
  int place_ = 0;
  int rounds_ = 0;
  int depth_ = 0;
  std::vector<Register<Machine>> registers_;
  std::vector<Dependency> control_;
};

}  // namespace vmafuzz::litmus
