// Litmus tests as text, on the machine: what run_litmus() makes of statements, faults and limits.
// (Which outcomes the memory model allows is the business of the .litmus files.)
#include "litmus/run.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace vmafuzz::litmus {
namespace {

using Strings = std::vector<std::string>;

struct Outcome {
  Strings states;
  RunResult run;
  std::string error;
};

Outcome run(const std::string& text, RunOptions options = {}) {
  Outcome outcome;
  const auto test = parse_litmus("t.litmus", text);
  EXPECT_TRUE(test.ok()) << test.status();
  if (!test.ok()) return outcome;
  const auto result = run_litmus(*test, options);
  if (!result.ok()) {
    outcome.error = std::string(result.status().message());
    return outcome;
  }
  outcome.run = *result;
  outcome.states = observe(*test, result->states, shown_locations(*test)).states;
  return outcome;
}

// The one final state of one thread.
std::string alone(const std::string& body, const std::string& shown, const std::string& init = "") {
  const Outcome outcome = run(
      absl::StrCat("C n\n{", init, "}\nP0(int *x, int *y, atomic_t *a, spinlock_t *l, ",
                   "struct srcu_struct *s) {", body, "}\nlocations [", shown, "]\nforall (true)"));
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.states.size(), 1u) << body;
  EXPECT_TRUE(outcome.run.complete);
  return outcome.states.empty() ? "" : outcome.states[0];
}

TEST(RunLitmus, ExecutesEveryReadModifyWrite) {
  EXPECT_EQ(alone("r0 = xchg(x, 5); r1 = cmpxchg(x, 4, 6); r2 = cmpxchg_acquire(x, 5, 7);",
                  "0:r0; 0:r1; 0:r2; x"),
            "0:r0=0; 0:r1=5; 0:r2=5; [x]=7;");
  EXPECT_EQ(
      alone("atomic_add(5, a); atomic_sub(2, a); atomic_inc(a); atomic_dec(a); r0 = atomic_read(a);"
            "atomic_or(12, a); atomic_and(14, a); atomic_xor(1, a); atomic_andnot(4, a);",
            "0:r0; a"),
      "0:r0=3; [a]=11;");
  EXPECT_EQ(
      alone(
          "r0 = atomic_add_return(5, a); r1 = atomic_fetch_add_relaxed(2, a);"
          "r2 = atomic_sub_return_release(3, a); r3 = atomic_fetch_sub(1, a);"
          "r4 = atomic_inc_return(a); r5 = atomic_fetch_inc_acquire(a); r6 = atomic_dec_return(a);"
          "r7 = atomic_fetch_dec(a);",
          "0:r0; 0:r1; 0:r2; 0:r3; 0:r4; 0:r5; 0:r6; 0:r7; a"),
      "0:r0=5; 0:r1=5; 0:r2=4; 0:r3=4; 0:r4=4; 0:r5=4; 0:r6=4; 0:r7=4; [a]=3;");
  EXPECT_EQ(
      alone("r0 = atomic_fetch_or(6, a); r1 = atomic_fetch_and(3, a); r2 = atomic_fetch_xor(3, a);"
            "r3 = atomic_fetch_andnot(1, a);",
            "0:r0; 0:r1; 0:r2; 0:r3; a"),
      "0:r0=0; 0:r1=6; 0:r2=2; 0:r3=1; [a]=0;");
  EXPECT_EQ(
      alone(
          "r0 = atomic_dec_and_test(a); r1 = atomic_inc_and_test(a); r2 = atomic_sub_and_test(1, "
          "a);"
          "r3 = atomic_add_negative(1, a); r4 = atomic_add_unless(a, 3, 0);"
          "r5 = atomic_add_unless(a, 3, 1); r6 = atomic_xchg(a, 9); r7 = atomic_cmpxchg(a, 9, 8);",
          "0:r0; 0:r1; 0:r2; 0:r3; 0:r4; 0:r5; 0:r6; 0:r7; a"),
      "0:r0=0; 0:r1=1; 0:r2=0; 0:r3=0; 0:r4=0; 0:r5=1; 0:r6=3; 0:r7=9; [a]=8;");
}

TEST(RunLitmus, ExecutesMarkedAndPlainAccesses) {
  EXPECT_EQ(
      alone(
          "*x = 1; r0 = *x; WRITE_ONCE(*x, 2); r1 = READ_ONCE(*x); smp_store_release(x, 3);"
          "r2 = smp_load_acquire(x); rcu_assign_pointer(*x, y); r3 = rcu_dereference(*x);"
          "WRITE_ONCE(*r3, 4); atomic_set(a, 5); r4 = atomic_read_acquire(a); smp_store_mb(*a, 6);",
          "0:r0; 0:r1; 0:r2; 0:r3; 0:r4; x; y; a"),
      "0:r0=1; 0:r1=2; 0:r2=3; 0:r3=y; 0:r4=5; [a]=6; [x]=y; [y]=4;");
}

TEST(RunLitmus, ShowsLocksAndSrcuReadersAsHerdDoes) {
  EXPECT_EQ(alone("r0 = spin_is_locked(l); r1 = spin_trylock(l); r2 = spin_trylock(l);"
                  "r3 = spin_is_locked(l); spin_unlock(l); spin_lock(l);",
                  "0:r0; 0:r1; 0:r2; 0:r3; l"),
            "0:r0=0; 0:r1=1; 0:r2=0; 0:r3=1; [l]=1;");
  EXPECT_EQ(alone("r0 = srcu_read_lock(s); r1 = r0 + 1; WRITE_ONCE(*x, r0); r2 = READ_ONCE(*x);"
                  "if (r0) r3 = 1; srcu_read_unlock(s, r2); synchronize_srcu(s);"
                  "r4 = srcu_down_read(s); srcu_up_read(s, r4); rcu_read_lock(); rcu_read_unlock();"
                  "synchronize_rcu_expedited();",
                  "0:r0; 0:r1; 0:r2; 0:r3; x"),
            "0:r0=0; 0:r1=1; 0:r2=0; 0:r3=0; [x]=0;");
}

TEST(RunLitmus, StartsFromTheInitialState) {
  EXPECT_EQ(alone("r0 = READ_ONCE(*x); r2 = READ_ONCE(*r1);", "0:r0; 0:r2; x", "x=y; y=3; 0:r1=y"),
            "0:r0=y; 0:r2=3; [x]=y;");
}

TEST(RunLitmus, RunsEveryInterleavingOnce) {
  const Outcome outcome =
      run("C n\n{}\nP0(int *x) { r0 = READ_ONCE(*x); WRITE_ONCE(*x, r0 + 1); }\n"
          "P1(int *x) { r0 = READ_ONCE(*x); WRITE_ONCE(*x, r0 + 1); }\nexists (x=1)");
  EXPECT_EQ(outcome.states, (Strings{"[x]=1;", "[x]=2;"}));
  EXPECT_TRUE(outcome.run.complete);
}

TEST(RunLitmus, DropsWhatDeadlocks) {
  const Outcome self =
      run("C n\n{}\nP0(spinlock_t *l) { spin_lock(l); spin_lock(l); spin_unlock(l); }\n");
  EXPECT_EQ(self.states, Strings{});
  EXPECT_EQ(self.run.executions, 0u);
  EXPECT_GT(self.run.blocked, 0u);
  const Outcome inversion =
      run("C n\n{}\nP0(spinlock_t *l, spinlock_t *m) { spin_lock(l); spin_lock(m); spin_unlock(m); "
          "spin_unlock(l); }\n"
          "P1(spinlock_t *l, spinlock_t *m) { spin_lock(m); spin_lock(l); spin_unlock(l); "
          "spin_unlock(m); }\n"
          "locations [l]\nforall (true)");
  EXPECT_EQ(inversion.states, Strings{"[l]=0;"});
  EXPECT_GT(inversion.run.blocked, 0u);
}

TEST(RunLitmus, CutsLoopsAtTheBound) {
  const std::string text =
      "C n\n{}\nP0(int *x) { while (READ_ONCE(*x) == 0) r0 = r0 + 1; }\n"
      "P1(int *x) { WRITE_ONCE(*x, 1); }\nlocations [0:r0]\nforall (true)";
  EXPECT_EQ(run(text).states, (Strings{"0:r0=0;", "0:r0=1;", "0:r0=2;"}));
  EXPECT_GT(run(text).run.cut, 0u);
  EXPECT_EQ(run(text, {.loop_bound = 0}).states, Strings{"0:r0=0;"});
}

TEST(RunLitmus, ReportsWhatHasNoMeaning) {
  const auto error = [](const std::string& body) {
    return run(absl::StrCat("C n\n{}\nP0(int *x, struct srcu_struct *s, spinlock_t *l) {\n", body,
                            "\n}\n"))
        .error;
  };
  EXPECT_EQ(error("r0 = READ_ONCE(*r1);"), "t:4:6: access to what is no address of a global");
  EXPECT_EQ(error("r0 = x + 1;"), "t:4:8: arithmetic that has no value");
  EXPECT_EQ(error("WRITE_ONCE(*x, x); atomic_inc(x);"), "t:4:20: arithmetic that has no value");
  EXPECT_EQ(error("srcu_read_unlock(s, 0);"), "t:4:1: unlock of what no srcu_read_lock() returned");
  EXPECT_EQ(error("spin_unlock(l);"),
            "t: P0: lock-imbalance: unlock of a lock that this CPU does not hold");
}

TEST(RunLitmus, ReportsWhatTheMachineHasNot) {
  std::string threads;
  for (int i = 0; i < 8; ++i) absl::StrAppend(&threads, "P", i, "(int *x) { }\n");
  EXPECT_EQ(run("C n\n{}\n" + threads).error, "t: 8 threads, the machine has 7");
  std::string parameters, body;
  for (int i = 0; i < 7; ++i) {
    absl::StrAppend(&parameters, i == 0 ? "" : ", ", "struct srcu_struct *s", i);
    absl::StrAppend(&body, "synchronize_srcu(s", i, ");");
  }
  EXPECT_EQ(run("C n\n{}\nP0(" + parameters + ") {" + body + "}").error,
            "t: 7 srcu_structs, the machine has 6");
}

TEST(RunLitmus, CountsAgainstTheLimit) {
  const Outcome outcome =
      run("C n\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nP1(int *x) { WRITE_ONCE(*x, 2); }\n",
          {.max_executions = 1});
  EXPECT_FALSE(outcome.run.complete);
}

}  // namespace
}  // namespace vmafuzz::litmus
