#include "litmus/code.h"

#include <algorithm>

namespace vmafuzz::litmus {
namespace {

class Compiler {
 public:
  explicit Compiler(const Thread& thread) : thread_(thread) {
    next_register_ = static_cast<int>(thread.locals.size());
    code_.registers = next_register_;
  }

  Code run() {
    for (const Stmt& stmt : thread_.body) statement(stmt);
    emit(Op::kEnd, {});
    return std::move(code_);
  }

 private:
  Instruction& emit(Op op, Position position) {
    Instruction& instruction = code_.instructions.emplace_back();
    instruction.op = op;
    instruction.position = position;
    return instruction;
  }

  int here() const { return static_cast<int>(code_.instructions.size()); }

  int temporary() {
    code_.registers = std::max(code_.registers, next_register_ + 1);
    return next_register_++;
  }

  void statement(const Stmt& stmt) {
    const int first_temporary = next_register_;
    switch (stmt.kind) {
      case Stmt::Kind::kBlock:
        for (const Stmt& inner : stmt.body) statement(inner);
        break;
      case Stmt::Kind::kAssign:
        expression(stmt.first, stmt.local);
        break;
      case Stmt::Kind::kStore: {
        const Operand address = operand(stmt.first);
        const Operand value = operand(stmt.second);
        emit(Op::kStore, stmt.position).args = {address, value};
        break;
      }
      case Stmt::Kind::kCall:
        call(stmt.first, Instruction::kNone);
        break;
      case Stmt::Kind::kIf:
        conditional(stmt);
        break;
      case Stmt::Kind::kWhile:
        loop(stmt);
        break;
    }
    next_register_ = first_temporary;
  }

  void enter(Position position) {
    emit(Op::kEnterControl, position);
    code_.control_depth = std::max(code_.control_depth, ++open_scopes_);
  }

  void leave(Position position) {
    emit(Op::kLeaveControl, position);
    --open_scopes_;
  }

  void conditional(const Stmt& stmt) {
    const Operand condition = operand(stmt.first);
    enter(stmt.position);
    emit(Op::kJoinControl, stmt.position).args = {condition};
    const int branch = here();
    emit(Op::kBranchIfZero, stmt.position).args = {condition};
    statement(stmt.body[0]);
    if (stmt.body.size() > 1) {
      const int skip = here();
      emit(Op::kJump, stmt.position);
      code_.instructions[branch].jump = here();
      statement(stmt.body[1]);
      code_.instructions[skip].jump = here();
    } else {
      code_.instructions[branch].jump = here();
    }
    leave(stmt.position);
  }

  // A loop is herd7's "if (c) { body; if (c) { body; ...": each round depends on every condition
  // before it, and nothing after the loop does.
  void loop(const Stmt& stmt) {
    enter(stmt.position);
    const int top = here();
    const Operand condition = operand(stmt.first);
    emit(Op::kJoinControl, stmt.position).args = {condition};
    const int branch = here();
    emit(Op::kBranchIfZero, stmt.position).args = {condition};
    statement(stmt.body[0]);
    emit(Op::kJump, stmt.position).jump = top;
    code_.instructions[branch].jump = here();
    leave(stmt.position);
  }

  Operand operand(const Expr& expr) {
    if (expr.kind == Expr::Kind::kConstant) return Operand{Operand::kConstant, expr.value};
    if (expr.kind == Expr::Kind::kLocal) return Operand{expr.local, 0};
    const int result = temporary();
    expression(expr, result);
    return Operand{result, 0};
  }

  void expression(const Expr& expr, int target) {
    switch (expr.kind) {
      case Expr::Kind::kConstant:
      case Expr::Kind::kLocal: {
        const Operand source = operand(expr);
        Instruction& move = emit(Op::kMove, expr.position);
        move.target = target;
        move.args = {source};
        break;
      }
      case Expr::Kind::kLoad: {
        const Operand address = operand(expr.children[0]);
        Instruction& load = emit(Op::kLoad, expr.position);
        load.target = target;
        load.args = {address};
        break;
      }
      case Expr::Kind::kBinary: {
        const Operand left = operand(expr.children[0]);
        const Operand right = operand(expr.children[1]);
        Instruction& binary = emit(Op::kBinary, expr.position);
        binary.binary = expr.op;
        binary.target = target;
        binary.args = {left, right};
        break;
      }
      case Expr::Kind::kCall:
        call(expr, target);
        break;
    }
  }

  void call(const Expr& expr, int target) {
    std::array<Operand, kMaxArguments> args;
    for (size_t i = 0; i < expr.children.size(); ++i) args[i] = operand(expr.children[i]);
    Instruction& call = emit(Op::kCall, expr.position);
    call.primitive = expr.primitive;
    call.target = target;
    call.args = args;
  }

  const Thread& thread_;
  Code code_;
  int next_register_ = 0;
  int open_scopes_ = 0;
};

// The argument that is an address, or -1.
int address_argument(const Instruction& instruction) {
  if (instruction.op == Op::kLoad || instruction.op == Op::kStore) return 0;
  if (instruction.op != Op::kCall) return -1;
  const absl::string_view arguments = info_of(instruction.primitive).arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != 'V') return static_cast<int>(i);
  }
  return -1;
}

void add_all(std::vector<bool>& to, const std::vector<bool>& from, bool* changed) {
  for (size_t i = 0; i < to.size(); ++i) {
    if (from[i] && !to[i]) *changed = to[i] = true;
  }
}

bool only_loads(const Instruction& instruction) {
  if (instruction.op != Op::kCall) return instruction.op == Op::kLoad;
  switch (info_of(instruction.primitive).base) {
    case Primitive::READ_ONCE:
    case Primitive::rcu_dereference:
    case Primitive::smp_load_acquire:
    case Primitive::atomic_read:
    case Primitive::spin_is_locked:
    case Primitive::srcu_read_lock:
    case Primitive::srcu_read_unlock:
    case Primitive::srcu_down_read:
    case Primitive::srcu_up_read:
    case Primitive::rcu_read_lock:
    case Primitive::rcu_read_unlock:
      return true;
    default:
      return false;
  }
}

bool touches_rcu(Primitive primitive) {
  return primitive == Primitive::rcu_read_lock || primitive == Primitive::rcu_read_unlock ||
         primitive == Primitive::synchronize_rcu ||
         primitive == Primitive::synchronize_rcu_expedited;
}

// True if it is or contains a full barrier: all but loads, relaxed stores, void
// read-modify-writes and those with a suffix. (Too many is only slower.)
bool may_be_barrier(const Instruction& instruction) {
  if (instruction.op != Op::kCall || only_loads(instruction)) return false;
  const PrimitiveInfo& info = info_of(instruction.primitive);
  return info.suffix == Suffix::kDefault &&
         (info.returns || info.arguments.empty() || info.arguments == "S" ||
          info.base == Primitive::smp_store_mb);
}

// What the instruction itself does, before what comes after it is added.
Future own_future(const Instruction& instruction, int registers, int globals) {
  const size_t slots = globals + kExtraTouches;
  Future future{std::vector<bool>(registers), std::vector<bool>(slots), std::vector<bool>(slots)};
  for (const Operand& operand : instruction.args) {
    if (operand.reg != Operand::kConstant) future.reads[operand.reg] = true;
  }
  const int address = address_argument(instruction);
  if (address >= 0) {
    const Operand& operand = instruction.args[address];
    if (operand.reg != Operand::kConstant) {
      std::fill(future.touches.begin(), future.touches.begin() + globals, true);
    } else if (is_address(operand.constant)) {
      future.touches[global_of(operand.constant)] = true;
    }
  }
  if (instruction.op == Op::kCall && touches_rcu(instruction.primitive)) {
    future.touches[globals + kRcu] = true;
  }
  if (may_be_barrier(instruction)) future.touches[globals + kBarrier] = true;
  if (!only_loads(instruction)) future.stores = future.touches;
  return future;
}

// Backwards to a fixpoint; loops make it take more than one pass.
void find_futures(Code& code, int globals) {
  const int count = static_cast<int>(code.instructions.size());
  for (const Instruction& instruction : code.instructions) {
    code.future.push_back(own_future(instruction, code.registers, globals));
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (int i = count - 1; i >= 0; --i) {
      const Instruction& now = code.instructions[i];
      const auto follow = [&](int next) {
        std::vector<bool> reads = code.future[next].reads;
        if (now.target != Instruction::kNone) reads[now.target] = false;
        add_all(code.future[i].reads, reads, &changed);
        add_all(code.future[i].touches, code.future[next].touches, &changed);
        add_all(code.future[i].stores, code.future[next].stores, &changed);
      };
      if (now.op != Op::kJump && now.op != Op::kEnd) follow(i + 1);
      if (now.op == Op::kJump || now.op == Op::kBranchIfZero) follow(now.jump);
    }
  }
}

constexpr Value kLimit = kAddressBase;

bool in_range(__int128 wide, Value* result) {
  if (wide <= -kLimit || wide >= kLimit) return false;
  *result = static_cast<Value>(wide);
  return true;
}

// What an address may be combined with: itself, which cancels it or gives it back, and zero.
bool evaluate_address(BinaryOp op, Value left, Value right, Value* result) {
  const bool same = left == right;
  const bool zero = left == 0 || right == 0;
  const Value address = is_address(left) ? left : right;
  switch (op) {
    case BinaryOp::kEq:
      *result = same;
      return true;
    case BinaryOp::kNe:
      *result = !same;
      return true;
    case BinaryOp::kXor:
      *result = same ? 0 : address;
      return same || zero;
    case BinaryOp::kOr:
      *result = address;
      return same || zero;
    case BinaryOp::kAnd:
      *result = same ? address : 0;
      return same || zero;
    case BinaryOp::kAdd:
      *result = address;
      return zero;
    case BinaryOp::kSub:
      *result = same ? 0 : left;
      return same || right == 0;
    case BinaryOp::kMul:
      *result = 0;
      return zero;
    case BinaryOp::kLe:
    case BinaryOp::kGe:
      *result = 1;
      return same;
    case BinaryOp::kLt:
    case BinaryOp::kGt:
      *result = 0;
      return same;
    case BinaryOp::kDiv:
      return false;
  }
  return false;
}

}  // namespace

Code compile(const Thread& thread, int globals) {
  Code code = Compiler(thread).run();
  find_futures(code, globals);
  return code;
}

bool evaluate(BinaryOp op, Value left, Value right, Value* result) {
  left = visible(left);
  right = visible(right);
  if (is_address(left) || is_address(right)) return evaluate_address(op, left, right, result);
  const __int128 a = left, b = right;
  switch (op) {
    case BinaryOp::kOr:
      return in_range(left | right, result);
    case BinaryOp::kXor:
      return in_range(left ^ right, result);
    case BinaryOp::kAnd:
      return in_range(left & right, result);
    case BinaryOp::kEq:
      return in_range(left == right, result);
    case BinaryOp::kNe:
      return in_range(left != right, result);
    case BinaryOp::kLt:
      return in_range(left < right, result);
    case BinaryOp::kGt:
      return in_range(left > right, result);
    case BinaryOp::kLe:
      return in_range(left <= right, result);
    case BinaryOp::kGe:
      return in_range(left >= right, result);
    case BinaryOp::kAdd:
      return in_range(a + b, result);
    case BinaryOp::kSub:
      return in_range(a - b, result);
    case BinaryOp::kMul:
      return in_range(a * b, result);
    case BinaryOp::kDiv:
      return b != 0 && in_range(a / b, result);
  }
  return false;
}

}  // namespace vmafuzz::litmus
