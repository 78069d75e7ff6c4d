// The executable form of a litmus thread: a flat list of instructions over registers.
//
// Registers are the thread's locals, then temporaries. A register holds a value and the dependency
// that it carries (what the loads it was computed from had seen), because the Linux model orders
// accesses by address, data and control dependencies. Memory belongs to the machine that runs the
// code (interpreter.h): instructions only say which primitive is called with what.
//
// Everything is sized when compiling: running code allocates nothing, so a fibre that runs it may
// be abandoned at any access.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "litmus/test.h"

namespace vmafuzz::litmus {

enum class Op : uint8_t {
  kMove,          // target = args[0]
  kBinary,        // target = args[0] binary args[1]
  kLoad,          // target = plain load from args[0]
  kStore,         // plain store of args[1] to args[0]
  kCall,          // [target =] primitive(args...)
  kBranchIfZero,  // to `jump` if args[0] is zero
  kJump,          // to `jump`
  kEnterControl,  // open a scope of control dependency inside the current one
  kJoinControl,   // stores in the current scope depend on args[0]
  kLeaveControl,  // close it: herd7's control dependencies end with the "if" or "while"
  kEnd,
};

struct Operand {
  int reg = kConstant;  // register, or kConstant
  Value constant = 0;
  static constexpr int kConstant = -1;
};

struct Instruction {
  Op op = Op::kEnd;
  BinaryOp binary = BinaryOp::kAdd;
  Primitive primitive = Primitive::READ_ONCE;
  int target = kNone;  // register, or kNone
  int jump = 0;        // index of an instruction
  std::array<Operand, kMaxArguments> args;
  Position position;
  static constexpr int kNone = -1;
};

// What a thread that has come to an instruction may still do.
struct Future {
  std::vector<bool> reads;  // registers whose present content it may read
  // By number of the global, then kBarrier and kRcu below; all globals where an address comes from
  // a register. A grace period stores to its domain, readers of it load.
  std::vector<bool> touches, stores;
};
// What a thread touches besides globals: numbers after theirs.
inline constexpr int kBarrier = 0;
inline constexpr int kRcu = 1;
inline constexpr int kExtraTouches = 2;

struct Code {
  std::vector<Instruction> instructions;  // the last one is kEnd
  std::vector<Future> future;             // of each instruction, itself included
  int registers = 0;
  int control_depth = 0;  // most scopes open at once
};

// `globals` is how many there are in the test.
Code compile(const Thread& thread, int globals);

// The value of `left op right`, by 64-bit C rules; comparisons are 0 or 1. False where it has none:
// arithmetic on an address (except what leaves it as it is or cancels it, which tests use to make
// dependencies), division by zero, a result outside (-2^62, 2^62).
bool evaluate(BinaryOp op, Value left, Value right, Value* result);

}  // namespace vmafuzz::litmus
