// The parser, construct by construct.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "litmus/state.h"
#include "litmus/test.h"

namespace vmafuzz::litmus {
namespace {

LitmusTest parse(const std::string& text) {
  const auto test = parse_litmus("dir/a-name.litmus", text);
  EXPECT_TRUE(test.ok()) << test.status();
  return test.ok() ? *test : LitmusTest{};
}

LitmusTest parse_parts(const std::string& init, const std::string& body,
                       const std::string& final = "exists (0:r0=0)") {
  return parse(absl::StrCat("C n\n{", init, "}\nP0(int *x, int **y, spinlock_t *l, ",
                            "struct srcu_struct *s, atomic_t *a) {", body, "}\n", final));
}

std::string error_of(const std::string& text) {
  const auto test = parse_litmus("t.litmus", text);
  return test.ok() ? "" : std::string(test.status().message());
}

std::string body_error(const std::string& body) {
  return error_of(absl::StrCat("C n {}\nP0(int *x, spinlock_t *l) {\n", body, "\n}\n"));
}

std::string final_error(const std::string& final) {
  return error_of(absl::StrCat("C n {}\nP0(int *x) { int r0; }\n", final));
}

std::string init_error(const std::string& init) {
  return error_of(absl::StrCat("C n\n{", init, "}\nP0(int *x) { int r0; }\n"));
}

Value initial(const LitmusTest& test, absl::string_view name) {
  const int global = test.find_global(name);
  EXPECT_GE(global, 0) << name;
  return test.globals[global].initial;
}

// The expression of "r0 = EXPR;", fully parenthesised.
std::string show(const LitmusTest& test, const Expr& e) {
  static constexpr absl::string_view kOps[] = {"|",  "^",  "&", "==", "!=", "<", ">",
                                               "<=", ">=", "+", "-",  "*",  "/"};
  switch (e.kind) {
    case Expr::Kind::kConstant:
      return is_address(e.value) ? absl::StrCat("&", format_value(test, e.value))
                                 : absl::StrCat(e.value);
    case Expr::Kind::kLocal:
      return test.threads[0].locals[e.local];
    case Expr::Kind::kLoad:
      return absl::StrCat("*", show(test, e.children[0]));
    case Expr::Kind::kBinary:
      return absl::StrCat("(", show(test, e.children[0]), kOps[static_cast<int>(e.op)],
                          show(test, e.children[1]), ")");
    case Expr::Kind::kCall: {
      std::string text(info_of(e.primitive).name);
      for (const Expr& argument : e.children) absl::StrAppend(&text, " ", show(test, argument));
      return absl::StrCat("[", text, "]");
    }
  }
  return "";
}

std::string expression(const std::string& text) {
  const LitmusTest test = parse_parts("", absl::StrCat("r0 = ", text, ";"));
  if (test.threads.empty()) return "";
  return show(test, test.threads[0].body[0].first);
}

TEST(ParseInit, TakesEveryFormOfAnItem) {
  const LitmusTest test = parse_parts(
      "x = 3; int i=-4; [b]=5; atomic_t a = ATOMIC_INIT(6); p = x; int *q = &x; int **r = i; *t = "
      "x;"
      "int u; (* remark *) int *w=7;",
      "");
  EXPECT_EQ(initial(test, "x"), 3);
  EXPECT_EQ(initial(test, "i"), -4);
  EXPECT_EQ(initial(test, "b"), 5);
  EXPECT_EQ(initial(test, "a"), 6);
  EXPECT_EQ(format_value(test, initial(test, "p")), "x");
  EXPECT_EQ(format_value(test, initial(test, "q")), "x");
  EXPECT_EQ(format_value(test, initial(test, "r")), "i");
  EXPECT_EQ(format_value(test, initial(test, "t")), "x");
  EXPECT_EQ(initial(test, "u"), 0);
  EXPECT_EQ(initial(test, "w"), 7);
}

TEST(ParseInit, GivesLocalsTheirInitialValue) {
  const LitmusTest test = parse_parts("0:r1 = 5; int *0:r2 = x; int 0:r3;", "r0 = r1;");
  const Thread& thread = test.threads[0];
  EXPECT_EQ(thread.initial[thread.find_local("r1")], 5);
  EXPECT_EQ(format_value(test, thread.initial[thread.find_local("r2")]), "x");
  EXPECT_EQ(thread.initial[thread.find_local("r3")], 0);
  EXPECT_EQ(thread.initial[thread.find_local("r0")], 0);
}

TEST(ParseInit, RefusesWithLineAndColumn) {
  EXPECT_EQ(init_error("x=1 y=2"), "t.litmus:2:6: expected ';', met 'y'");
  EXPECT_EQ(init_error("int a[2];"), "t.litmus:2:7: arrays are not supported");
  EXPECT_EQ(init_error("x={1}"), "t.litmus:2:4: arrays are not supported");
  EXPECT_EQ(init_error("x=;"), "t.litmus:2:4: expected a number or the name of a global, met ';'");
  EXPECT_EQ(init_error("3:r0=1;"), "t.litmus:2:2: there is no thread 3");
  EXPECT_EQ(init_error("0:x=1;"), "t.litmus:2:2: 'x' is a parameter of P0");
}

TEST(ParseProgram, NamesTheTestAfterTheFile) {
  EXPECT_EQ(parse("C other\n{}\nP0() {}\n").name, "a-name");
  EXPECT_EQ(parse("C other\n{}\nP0() {}\n").title, "other");
}

TEST(ParseProgram, TakesThreadsInOrder) {
  const LitmusTest test =
      parse("C n\n{}\nP0(int *x) {}\nvoid P1(volatile int *y, int *x) {}\nP2(void) {}\n");
  EXPECT_EQ(test.threads.size(), 3u);
  EXPECT_GE(test.find_global("y"), 0);
}

TEST(ParseProgram, BindsOperatorsAsC) {
  EXPECT_EQ(expression("r1 | r2 ^ r3 & r4 == r5 < r6 + r7 * r8"),
            "(r1|(r2^(r3&(r4==(r5<(r6+(r7*r8)))))))");
  EXPECT_EQ(expression("r1 - 1 - r2"), "((r1-1)-r2)");
  EXPECT_EQ(expression("r1 - -1"), "(r1--1)");
  EXPECT_EQ(expression("(r1 - (r2 / r3)) != 0"), "((r1-(r2/r3))!=0)");
  EXPECT_EQ(expression("r1 >= r2 <= r3 > r4"), "(((r1>=r2)<=r3)>r4)");
}

TEST(ParseProgram, ResolvesNamesAndLvalues) {
  EXPECT_EQ(expression("x"), "&x");
  EXPECT_EQ(expression("*x"), "*&x");
  EXPECT_EQ(expression("**y"), "**&y");
  EXPECT_EQ(expression("READ_ONCE(*x)"), "[READ_ONCE &x]");
  EXPECT_EQ(expression("READ_ONCE(**y)"), "[READ_ONCE *&y]");
  EXPECT_EQ(expression("READ_ONCE(*r1)"), "[READ_ONCE r1]");
  EXPECT_EQ(expression("READ_ONCE(*(x + (r1 ^ r1)))"), "[READ_ONCE (&x+(r1^r1))]");
  EXPECT_EQ(expression("(intptr_t)rcu_dereference(*(intptr_t **)x)"), "[rcu_dereference &x]");
  EXPECT_EQ(expression("cmpxchg_acquire(x, 0, r1 + 1)"), "[cmpxchg_acquire &x 0 (r1+1)]");
  EXPECT_EQ(expression("atomic_add_return(2, a)"), "[atomic_add_return 2 &a]");
  EXPECT_EQ(expression("spin_trylock(l) + srcu_read_lock(s)"),
            "([spin_trylock &l]+[srcu_read_lock &s])");
}

TEST(ParseProgram, HasOneScopeForLocals) {
  const LitmusTest test =
      parse_parts("", "int r1 = 1, *r2; { int r1; r1 = 2; } if (r1) { struct foo *r1; r3 = r1; }");
  EXPECT_EQ(test.threads[0].locals, (std::vector<std::string>{"r1", "r2", "r3", "r0"}));
}

TEST(ParseProgram, TakesEveryStatement) {
  const LitmusTest test = parse_parts("",
                                      "; { } *x = 1; **y = x; (void)xchg(x, 1); smp_mb(); if (r0) "
                                      "; else { r1 = 1; } while (r0 == 0) r0 = 1;"
                                      "/* c */ // c\n");
  using Kind = Stmt::Kind;
  std::vector<Kind> kinds;
  for (const Stmt& stmt : test.threads[0].body) kinds.push_back(stmt.kind);
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::kBlock, Kind::kBlock, Kind::kStore, Kind::kStore,
                                      Kind::kCall, Kind::kCall, Kind::kIf, Kind::kWhile}));
  EXPECT_EQ(test.threads[0].body[6].body.size(), 2u);
}

TEST(ParseProgram, ElseBelongsToTheNearestIf) {
  const LitmusTest test = parse_parts("", "if (r0) if (r1) r2 = 1; else r2 = 2;");
  EXPECT_EQ(test.threads[0].body[0].body.size(), 1u);
  EXPECT_EQ(test.threads[0].body[0].body[0].body.size(), 2u);
}

TEST(ParseProgram, LearnsTheKindOfAGlobalFromItsUse) {
  const LitmusTest test = parse(
      "C n\n{}\nP0(int *lock, struct srcu_struct *s, int *z) { spin_lock(lock); "
      "WRITE_ONCE(*s, 1); r0 = srcu_read_lock(z); }\n");
  EXPECT_EQ(test.globals[test.find_global("lock")].kind, GlobalKind::kLock);
  EXPECT_EQ(test.globals[test.find_global("s")].kind, GlobalKind::kData);
  EXPECT_EQ(test.globals[test.find_global("z")].kind, GlobalKind::kSrcu);
}

TEST(ParseProgram, KnowsEveryPrimitiveOfTheModel) {
  for (const char* name :
       {"smp_store_mb", "smp_mb__after_unlock_lock", "srcu_down_read", "srcu_up_read",
        "synchronize_srcu_expedited", "atomic_andnot", "atomic_fetch_andnot_release",
        "atomic_add_negative_relaxed", "atomic_xchg_acquire", "atomic_dec_and_test", "xchg"}) {
    EXPECT_NE(find_primitive(name), nullptr) << name;
  }
  EXPECT_EQ(find_primitive("atomic_long_read"), nullptr);
}

TEST(ParseProgram, RefusesWithLineAndColumn) {
  EXPECT_EQ(body_error("r0 = READ_ONCE(x);"),
            "t.litmus:3:16: expected '*': READ_ONCE takes an lvalue, met 'x'");
  EXPECT_EQ(body_error("r0 = r1 && r2;"), "t.litmus:3:10: expected an expression, met '&'");
  EXPECT_EQ(body_error("r0++;"), "t.litmus:3:1: expected a statement, met 'r0'");
  EXPECT_EQ(body_error("goto out;"), "t.litmus:3:1: expected a statement, met 'goto'");
  EXPECT_EQ(body_error("frob(x);"), "t.litmus:3:1: 'frob' is not a known primitive");
  EXPECT_EQ(body_error("r0 = smp_mb();"), "t.litmus:3:6: 'smp_mb' returns no value");
  EXPECT_EQ(body_error("smp_mb(x);"), "t.litmus:3:8: expected ')', met 'x'");
  EXPECT_EQ(body_error("atomic_add(x);"), "t.litmus:3:13: expected ',', met ')'");
  EXPECT_EQ(body_error("x = 1;"), "t.litmus:3:1: 'x' is a parameter, not a local");
  EXPECT_EQ(body_error("spin_lock(r0);"),
            "t.litmus:3:11: expected the name of a parameter, met 'r0'");
  EXPECT_EQ(body_error("spin_lock(l);\n*l = 1;"),
            "t.litmus:4:2: 'l' is used both as a lock or srcu_struct and otherwise");
  EXPECT_EQ(body_error("int r0[2];"), "t.litmus:3:7: arrays are not supported");
  EXPECT_EQ(body_error("r0 = 1"), "t.litmus:4:1: expected ';', met '}'");
  EXPECT_EQ(body_error("r0 = &x;"), "t.litmus:3:6: expected an expression, met '&'");
  EXPECT_EQ(error_of("C n {} P1() {}"), "t.litmus:1:8: expected 'P0', the next thread, met 'P1'");
  EXPECT_EQ(error_of("C n {} "), "t.litmus:1:8: expected 'P0', the first thread, met the end");
  EXPECT_EQ(error_of("C n {} P0(int x) {}"),
            "t.litmus:1:15: expected '*': a parameter is a pointer, met 'x'");
  EXPECT_EQ(error_of("C n {} P0(x) {}"),
            "t.litmus:1:11: expected the type of a parameter, met 'x'");
  EXPECT_EQ(error_of("C n {} P0() { r0 = 1;"), "t.litmus:1:22: expected '}', met the end");
}

TEST(ParseProgram, BoundsNesting) {
  EXPECT_EQ(body_error(std::string(100000, '{')), "t.litmus:3:200: program nests too deeply");
  EXPECT_NE(body_error("r0 = " + std::string(100000, '(') + ";").find("nests too deeply"),
            std::string::npos);
  EXPECT_NE(body_error("r0 = " + std::string(100000, '*') + "x;").find("nests too deeply"),
            std::string::npos);
  EXPECT_NE(final_error("exists " + std::string(100000, '(')).find("nests too deeply"),
            std::string::npos);
}

TEST(ParseFinal, BindsAsHerd) {
  const auto shown = [](const std::string& final) {
    return format_condition(parse_parts("", "int r0;", final));
  };
  EXPECT_EQ(shown("exists (0:r0=1 \\/ x=2 /\\ 0:r0=3)"), "exists (0:r0=1 \\/ [x]=2 /\\ 0:r0=3)");
  EXPECT_EQ(shown("forall ((0:r0=1 \\/ [x]=2) /\\ a=3)"), "forall ((0:r0=1 \\/ [x]=2) /\\ [a]=3)");
  // "=>" binds tighter than "/\".
  EXPECT_EQ(shown("exists (a=1 /\\ x=1 => x=2)"), "exists ([a]=1 /\\ [x]=1 => [x]=2)");
  EXPECT_EQ(shown("exists (a=1 => x=1 => x=2)"), "exists ([a]=1 => ([x]=1 => [x]=2))");
  EXPECT_EQ(shown("~exists (not (a=1) /\\ ~x=1 /\\ true)"),
            "~exists (not ([a]=1) /\\ not ([x]=1) /\\ true)");
  EXPECT_EQ(shown("exists (0:r0=x /\\ a!=-1 /\\ x==[a] /\\ 0:r0=0:r1 /\\ x=*a)"),
            "exists (0:r0=x /\\ not ([a]=-1) /\\ [x]=[a] /\\ 0:r0=0:r1 /\\ [x]=[a])");
  EXPECT_EQ(shown(""), "forall (true)");
  EXPECT_EQ(shown("exists (false); (* end *)"), "exists (false)");
  EXPECT_EQ(shown("exists x=1 << rest ignored"), "exists ([x]=1)");
}

TEST(ParseFinal, TakesLocationsAndFilter) {
  const LitmusTest test = parse_parts(
      "", "int r0;", "locations [0:r0; x int*; [a]; y;]\nfilter (x=1)\nexists (0:r0=1)");
  EXPECT_EQ(test.locations.size(), 4u);
  EXPECT_EQ(test.filter.kind, Proposition::Kind::kEqual);
  EXPECT_EQ(test.quantifier, Quantifier::kExists);
}

TEST(ParseFinal, RefusesWithLineAndColumn) {
  EXPECT_EQ(final_error("exists (0:r0 1)"), "t.litmus:3:14: expected '=' or '!=', met '1'");
  EXPECT_EQ(final_error("exists (1:r0=1)"), "t.litmus:3:9: there is no thread 1");
  EXPECT_EQ(final_error("exists (x[0]=1)"), "t.litmus:3:10: arrays are not supported");
  EXPECT_EQ(final_error("exists (x=1"), "t.litmus:3:12: expected ')', met the end");
  EXPECT_EQ(final_error("exists (x=1) x"), "t.litmus:3:14: expected the end of the test, met 'x'");
  EXPECT_EQ(final_error("exists ()"), "t.litmus:3:9: expected a location, met ')'");
  EXPECT_EQ(final_error("filter (x=1) (x=2)"),
            "t.litmus:3:14: expected 'exists', '~exists' or 'forall', met '('");
  EXPECT_EQ(final_error("observed [x]"), "t.litmus:3:1: 'observed' is not supported");
  EXPECT_EQ(final_error("locations [x y]"), "t.litmus:3:14: expected ';' or ']', met 'y'");
}

TEST(Load, ReportsAFileThatCannotBeRead) {
  EXPECT_EQ(load_litmus("/nonexistent/x.litmus").status().message(),
            "/nonexistent/x.litmus: cannot read");
}

}  // namespace
}  // namespace vmafuzz::litmus
