// Compiled threads, run over a machine that only remembers: memory in program order, and for each
// access the loads on which it depends.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "litmus/interpreter.h"
#include "litmus/state.h"

namespace vmafuzz::litmus {
namespace {

// Dependencies are sets of loads, one bit each in the order of execution.
struct Loads {
  uint32_t bits = 0;
  void join(const Loads& other) { bits |= other.bits; }
};

class Recorder {
 public:
  using Dependency = Loads;

  explicit Recorder(const LitmusTest& test) : test_(test) {}

  Value load(Value address, const Access<Recorder>& by, Loads* out) {
    return read("*", address, by, out);
  }
  void store(Value address, Value value, const Access<Recorder>& by) {
    note(absl::StrCat("*", name(address), "=", name(value)), by);
    memory_[address] = value;
  }
  Value call(Primitive primitive, const Value args[], const Access<Recorder>& by, Loads* out) {
    const PrimitiveInfo& info = info_of(primitive);
    if (primitive == Primitive::READ_ONCE) return read("READ_ONCE ", args[0], by, out);
    if (primitive == Primitive::WRITE_ONCE) memory_[args[0]] = args[1];
    std::string text(info.name);
    for (size_t i = 0; i < info.arguments.size(); ++i) absl::StrAppend(&text, " ", name(args[i]));
    note(text, by);
    return info.returns ? 1 : 0;
  }
  void fail(Fault fault, Position position) {
    log.push_back(absl::StrCat("fault ", static_cast<int>(fault), " at ", position.line, ":",
                               position.column));
  }

  std::vector<std::string> log;

 private:
  Value read(const char* what, Value address, const Access<Recorder>& by, Loads* out) {
    note(absl::StrCat(what, name(address)), by);
    out->bits = 1u << loads_++;
    return memory_[address];
  }
  std::string name(Value value) const { return format_value(test_, value); }
  void note(std::string text, const Access<Recorder>& by) {
    if (by.address.bits != 0) absl::StrAppend(&text, " addr", by.address.bits);
    if (by.data.bits != 0) absl::StrAppend(&text, " data", by.data.bits);
    if (by.control.bits != 0) absl::StrAppend(&text, " ctrl", by.control.bits);
    log.push_back(text);
  }

  const LitmusTest& test_;
  std::map<Value, Value> memory_;
  int loads_ = 0;
};

struct Trace {
  std::vector<std::string> log;
  std::map<std::string, std::string> locals;
};

Trace run(const std::string& body, const std::string& init = "") {
  const auto test = parse_litmus(
      "t.litmus",
      absl::StrCat("C n\n{", init, "}\nP0(int *x, int *y, spinlock_t *l) {", body, "}\n"));
  EXPECT_TRUE(test.ok()) << test.status();
  const Code code = compile(test->threads[0], static_cast<int>(test->globals.size()));
  Interpreter<Recorder> interpreter;
  interpreter.prepare(code, test->threads[0], 3);
  Trace result;
  for (int round = 0; round < 2; ++round) {  // the second run must not see the first
    Recorder recorder(*test);
    interpreter.run(recorder);
    if (round == 1) EXPECT_EQ(result.log, recorder.log);
    result.log = recorder.log;
  }
  for (size_t i = 0; i < test->threads[0].locals.size(); ++i) {
    result.locals[test->threads[0].locals[i]] = format_value(*test, interpreter.local(i));
  }
  return result;
}

using Log = std::vector<std::string>;

TEST(Interpreter, ComputesExpressions) {
  const Trace r =
      run("r0 = 2 + 3 * 4 - 1; r1 = (r0 == 13) | 6; r2 = r0 / 2 ^ 1; r3 = 5 > 4; r4 = x;"
          "r5 = x == r4; r6 = x != y; r7 = -3;");
  EXPECT_EQ(r.locals.at("r0"), "13");
  EXPECT_EQ(r.locals.at("r1"), "7");
  EXPECT_EQ(r.locals.at("r2"), "7");
  EXPECT_EQ(r.locals.at("r3"), "1");
  EXPECT_EQ(r.locals.at("r4"), "x");
  EXPECT_EQ(r.locals.at("r5"), "1");
  EXPECT_EQ(r.locals.at("r6"), "1");
  EXPECT_EQ(r.locals.at("r7"), "-3");
}

TEST(Interpreter, EvaluatesArgumentsInOrderAndCallsPrimitives) {
  EXPECT_EQ(run("spin_lock(l); *x = READ_ONCE(*y) + 1; r0 = cmpxchg(x, 0, 2); spin_unlock(l);").log,
            (Log{"spin_lock l", "READ_ONCE y", "*x=1 data1", "cmpxchg x 0 2", "spin_unlock l"}));
}

TEST(Interpreter, StartsLocalsAtTheirInitialValue) {
  EXPECT_EQ(run("WRITE_ONCE(*r1, r2);", "0:r1 = y; 0:r2 = 7").log, (Log{"WRITE_ONCE y 7"}));
}

TEST(Interpreter, TracksAddressAndDataDependencies) {
  EXPECT_EQ(
      run("r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0 & 0); r1 = READ_ONCE(*(y + (r0 ^ r0)));"
          "r2 = r1 + r0; *x = r2; r0 = 5; *y = r0;")
          .log,
      (Log{"READ_ONCE x", "WRITE_ONCE y 0 data1", "READ_ONCE y addr1", "*x=0 data3", "*y=5"}));
}

TEST(Interpreter, EndsControlDependenciesWithTheIf) {
  EXPECT_EQ(
      run("r0 = READ_ONCE(*x); if (r0 == 0) { *y = 1; if (r0 == 1) *y = 2; else *y = 3; *y = 4; }"
          "else { *y = 5; } *y = 6;")
          .log,
      (Log{"READ_ONCE x", "*y=1 ctrl1", "*y=3 ctrl1", "*y=4 ctrl1", "*y=6"}));
  EXPECT_EQ(
      run("r0 = READ_ONCE(*x); if (r0 == 0) { r1 = READ_ONCE(*y); if (r1 == 0) *y = 2; *x = 3; }")
          .log,
      (Log{"READ_ONCE x", "READ_ONCE y ctrl1", "*y=2 ctrl3", "*x=3 ctrl1"}));
}

TEST(Interpreter, UnrollsLoopsAndStopsAtTheBound) {
  EXPECT_EQ(run("while (READ_ONCE(*x) < 2) *x = *x + 1; *y = 1;").log,
            (Log{"READ_ONCE x", "*x ctrl1", "*x=1 data2 ctrl1", "READ_ONCE x ctrl1", "*x ctrl5",
                 "*x=2 data8 ctrl5", "READ_ONCE x ctrl5", "*y=1"}));
  const Log log = run("\nwhile (1) { r0 = r0 + 1; }").log;
  EXPECT_EQ(log, Log{"fault 2 at 4:1"});
}

// "x y barrier rcu" that the first thread may still touch when it is at its start.
std::string touches(const std::string& body, bool stores = false) {
  const auto test = parse_litmus(
      "t", absl::StrCat("C n\n{}\nP0(int *x, int *y, struct srcu_struct *s) {", body, "}\n"));
  EXPECT_TRUE(test.ok()) << test.status();
  const int globals = static_cast<int>(test->globals.size());
  const Code code = compile(test->threads[0], globals);
  const Future& future = code.future.front();
  std::string text;
  for (int i = 0; i < globals + kExtraTouches; ++i) {
    if (!(stores ? future.stores : future.touches)[i]) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ",
                    i < globals               ? test->globals[i].name
                    : i == globals + kBarrier ? "barrier"
                                              : "rcu");
  }
  return text;
}

TEST(Compile, KnowsWhatAThreadMayStillTouch) {
  EXPECT_EQ(touches("r0 = 1;"), "");
  EXPECT_EQ(touches("r0 = READ_ONCE(*x);"), "x");
  EXPECT_EQ(touches("r0 = READ_ONCE(*x);", true), "");
  EXPECT_EQ(touches("if (r0) { *y = 1; }", true), "y");
  EXPECT_EQ(touches("while (r0) { r0 = READ_ONCE(*x); smp_mb(); }"), "x barrier");
  EXPECT_EQ(touches("*r0 = 1;"), "x y s");
  EXPECT_EQ(touches("xchg(x, 1); r0 = xchg_acquire(y, 1);", true), "x y barrier");
  EXPECT_EQ(touches("atomic_inc(x); r0 = xchg_relaxed(y, 1);", true), "x y");
  EXPECT_EQ(touches("rcu_read_lock(); rcu_read_unlock();"), "rcu");
  EXPECT_EQ(touches("rcu_read_lock(); rcu_read_unlock();", true), "");
  EXPECT_EQ(touches("synchronize_rcu();", true), "barrier rcu");
  EXPECT_EQ(touches("r0 = srcu_read_lock(s); srcu_read_unlock(s, r0);"), "s");
  EXPECT_EQ(touches("synchronize_srcu(s);", true), "s barrier");
}

TEST(Compile, KnowsWhichRegistersAreStillRead) {
  const auto test =
      parse_litmus("t", "C n\n{}\nP0(int *x) { r0 = 1; if (r1) *x = r2; r1 = 2; r3 = r1; }\n");
  ASSERT_TRUE(test.ok()) << test.status();
  const Code code = compile(test->threads[0], 1);
  EXPECT_EQ(code.future.front().reads, (std::vector<bool>{false, true, true, false}));
  EXPECT_EQ(code.future.back().reads, std::vector<bool>(4, false));
}

TEST(Interpreter, StopsAtArithmeticThatHasNoValue) {
  EXPECT_EQ(run("\nr0 = x + 1; *y = 1;").log, Log{"fault 1 at 4:8"});
  EXPECT_EQ(run("\nr0 = 1 / r1;").log, Log{"fault 1 at 4:8"});
}

TEST(Evaluate, AllowsOnAddressesWhatMakesDependencies) {
  const Value x = address_of(0), y = address_of(1);
  const auto value = [](BinaryOp op, Value left, Value right) {
    Value result = -1;
    EXPECT_TRUE(evaluate(op, left, right, &result));
    return result;
  };
  const auto refused = [](BinaryOp op, Value left, Value right) {
    Value result;
    return !evaluate(op, left, right, &result);
  };
  EXPECT_EQ(value(BinaryOp::kXor, x, x), 0);
  EXPECT_EQ(value(BinaryOp::kXor, 0, x), x);
  EXPECT_EQ(value(BinaryOp::kSub, x, x), 0);
  EXPECT_EQ(value(BinaryOp::kSub, x, 0), x);
  EXPECT_EQ(value(BinaryOp::kAdd, 0, y), y);
  EXPECT_EQ(value(BinaryOp::kAnd, x, 0), 0);
  EXPECT_EQ(value(BinaryOp::kMul, 0, x), 0);
  EXPECT_EQ(value(BinaryOp::kEq, x, y), 0);
  EXPECT_EQ(value(BinaryOp::kNe, x, 0), 1);
  EXPECT_EQ(value(BinaryOp::kLe, x, x), 1);
  EXPECT_TRUE(refused(BinaryOp::kSub, 0, x));
  EXPECT_TRUE(refused(BinaryOp::kSub, x, y));
  EXPECT_TRUE(refused(BinaryOp::kAdd, x, 1));
  EXPECT_TRUE(refused(BinaryOp::kLt, x, y));
  EXPECT_TRUE(refused(BinaryOp::kDiv, x, 1));
}

TEST(Evaluate, NeverMakesAnAddressOfNumbers) {
  const Value big = kAddressBase - 1;
  Value result;
  EXPECT_FALSE(evaluate(BinaryOp::kAdd, big, 1, &result));
  EXPECT_FALSE(evaluate(BinaryOp::kMul, big, big, &result));
  EXPECT_FALSE(evaluate(BinaryOp::kSub, -big, 1, &result));
  EXPECT_TRUE(evaluate(BinaryOp::kAdd, big, 0, &result));
}

}  // namespace
}  // namespace vmafuzz::litmus
