#include "litmus/state.h"

#include <gtest/gtest.h>

namespace vmafuzz::litmus {
namespace {

LitmusTest parse(const std::string& final) {
  const auto test = parse_litmus("t.litmus",
                                 "C n\n{ y=x; }\nP0(int *x, int **y) { int r1; int r0; }\n"
                                 "P1(int *z) { int r0; }\n" +
                                     final);
  EXPECT_TRUE(test.ok()) << test.status();
  return *test;
}

State state_of(const LitmusTest& test, absl::string_view line) {
  const Layout layout(test);
  State state(layout.size());
  const auto bindings = parse_state(test, line);
  EXPECT_TRUE(bindings.ok()) << bindings.status();
  for (const Binding& binding : *bindings) state[layout.index(binding.location)] = binding.value;
  return state;
}

bool check(const std::string& proposition, absl::string_view line) {
  const LitmusTest test = parse("exists (" + proposition + ")");
  return holds(test.condition, Layout(test), state_of(test, line));
}

TEST(Condition, ComparesLocationsWithValues) {
  EXPECT_TRUE(check("0:r0=1", "0:r0=1;"));
  EXPECT_FALSE(check("0:r0=1", "1:r0=1;"));
  EXPECT_TRUE(check("[x]=-2 /\\ y=x", "[x]=-2; [y]=x;"));
  EXPECT_FALSE(check("y=x", "[y]=z;"));
  EXPECT_TRUE(check("0:r0!=1:r0", "0:r0=1;"));
  EXPECT_TRUE(check("x=[z]", "[x]=4; [z]=4;"));
}

TEST(Condition, CombinesAsHerd) {
  // a /\ (b => c), not (a /\ b) => c: false where a is false.
  EXPECT_FALSE(check("x=1 /\\ z=1 => z=2", "[x]=0; [z]=0;"));
  EXPECT_TRUE(check("x=1 /\\ z=1 => z=2", "[x]=1; [z]=0;"));
  EXPECT_FALSE(check("x=1 /\\ z=1 => z=2", "[x]=1; [z]=1;"));
  EXPECT_TRUE(check("x=0 \\/ x=1 /\\ false", "[x]=0;"));
  EXPECT_TRUE(check("~(x=1) /\\ not z=1", "[x]=0;"));
}

TEST(Print, ListsLocalsByThreadAndNameThenGlobals) {
  const LitmusTest test =
      parse("locations [y; z; 1:r0]\nexists (0:r1=1 /\\ x=1 /\\ 0:r0=0 /\\ x=2)");
  const State state = state_of(test, "0:r0=7; 0:r1=x; 1:r0=-1; [y]=x;");
  EXPECT_EQ(format_state(Layout(test), shown_locations(test), state),
            "0:r0=7; 0:r1=x; 1:r0=-1; [x]=0; [y]=x; [z]=0;");
}

TEST(Print, RefusesStatesOfOtherTests) {
  const LitmusTest test = parse("exists (x=1)");
  EXPECT_EQ(parse_state(test, "0:r7=1;").status().message(), "t has no location '0:r7'");
  EXPECT_EQ(parse_state(test, "5:r0=1;").status().message(), "t has no location '5:r0'");
  EXPECT_EQ(parse_state(test, "[w]=1;").status().message(), "t has no location '[w]'");
  EXPECT_EQ(parse_state(test, "[x]=w;").status().message(), "t has no value 'w'");
  EXPECT_EQ(parse_state(test, "[x]").status().message(), "t has no value ''");
}

TEST(Observe, PrintsHerdsForm) {
  const LitmusTest test = parse("exists (0:r0=1 /\\ x=2)");
  const std::vector<State> states = {state_of(test, "0:r0=1; [x]=2;"), state_of(test, "0:r0=0;"),
                                     state_of(test, "0:r0=0; 0:r1=5;")};
  EXPECT_EQ(format_observation(test.name, test_kind(test), format_condition(test),
                               observe(test, states, shown_locations(test))),
            "Test t Allowed\n"
            "States 2\n"
            "0:r0=0; [x]=0;\n"
            "0:r0=1; [x]=2;\n"
            "Ok\n"
            "Witnesses\n"
            "Positive: 1 Negative: 1\n"
            "Condition exists (0:r0=1 /\\ [x]=2)\n"
            "Observation t Sometimes 1 1\n");
}

TEST(Observe, JudgesEachQuantifier) {
  const auto judge = [](const std::string& final, std::vector<absl::string_view> lines) {
    const LitmusTest test = parse(final);
    std::vector<State> states;
    for (absl::string_view line : lines) states.push_back(state_of(test, line));
    const Observation result = observe(test, states, shown_locations(test));
    return std::make_pair(result.observed, result.ok);
  };
  const auto result = [](Observed observed, bool ok) { return std::make_pair(observed, ok); };
  EXPECT_EQ(judge("exists (x=1)", {"[x]=0;"}), result(Observed::kNever, false));
  EXPECT_EQ(judge("exists (x=1)", {"[x]=0;", "[x]=1;"}), result(Observed::kSometimes, true));
  EXPECT_EQ(judge("exists (x=1)", {"[x]=1;"}), result(Observed::kAlways, true));
  EXPECT_EQ(judge("~exists (x=1)", {"[x]=0;"}), result(Observed::kNever, true));
  EXPECT_EQ(judge("~exists (x=1)", {"[x]=0;", "[x]=1;"}), result(Observed::kSometimes, false));
  EXPECT_EQ(judge("forall (x=1)", {"[x]=0;", "[x]=1;"}), result(Observed::kSometimes, false));
  EXPECT_EQ(judge("forall (x=1)", {"[x]=1;"}), result(Observed::kAlways, true));
  // No execution at all, as in a test that always deadlocks.
  EXPECT_EQ(judge("forall (x=1)", {}), result(Observed::kNever, true));
  EXPECT_EQ(judge("exists (x=1)", {}), result(Observed::kNever, false));
}

TEST(Observe, DropsWhatTheFilterRefuses) {
  const LitmusTest test = parse("filter (0:r1=1)\nexists (x=1)");
  const std::vector<State> states = {state_of(test, "[x]=1;"), state_of(test, "0:r1=1; [x]=0;")};
  const Observation result = observe(test, states, shown_locations(test));
  EXPECT_EQ(result.states, std::vector<std::string>{"[x]=0;"});
  EXPECT_EQ(result.observed, Observed::kNever);
}

}  // namespace
}  // namespace vmafuzz::litmus
