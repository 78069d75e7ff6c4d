// Minimising where deletion gets stuck: what the minimiser asks a search for, and what it makes of
// the answers.

#include <algorithm>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "input/bytes.h"
#include "input/minimize.h"
#include "input/rng.h"
#include "minimized.h"

namespace vmafuzz::input {
namespace {

// Two directives that only work together or not at all, plus a single one elsewhere that also
// works: deletion cannot get from the pairs to the single.
bool pairs_or_single(const Program& program) {
  int at_even = 0;
  bool single = false;
  for (const Directive& directive : program.directives) {
    at_even += directive.access % 2 == 0 && directive.kind == DirectiveKind::kPreempt;
    single |= directive.access == 13 && directive.kind == DirectiveKind::kStale;
  }
  const bool all_pairs = at_even == 4;
  return program.ops.size() >= 2 && program.ops.front().cpu != 0 &&
         (all_pairs || (single && program.directives.size() == 1));
}

Program stuck_program() {
  Program program;
  for (uint8_t cpu = 1; cpu <= 4; cpu++) program.ops.push_back(simplest_op(OpKind::kHit, cpu));
  program.directives = {{0, 2, DirectiveKind::kPreempt, 1},
                        {0, 4, DirectiveKind::kPreempt, 1},
                        {1, 6, DirectiveKind::kPreempt, 0},
                        {1, 8, DirectiveKind::kPreempt, 0}};
  return program;
}

// What an executor's search would do: random directives for the given operations.
Search random_search(const Reproduce& reproduce) {
  return [reproduce](const SearchRequest& request) {
    Rng rng(request.seed);
    SearchResult result;
    while (result.executions < request.max_executions && !result.found) {
      Program candidate = request.program;
      candidate.directives.clear();
      for (uint32_t n = rng.below(std::min<size_t>(request.max_directives, 8) + 1); n > 0; n--) {
        candidate.directives.push_back({static_cast<uint16_t>(rng.below(candidate.ops.size())),
                                        static_cast<uint16_t>(1 + rng.below(16)),
                                        static_cast<DirectiveKind>(rng.below(kDirectiveKindCount)),
                                        1});
      }
      canonicalize(candidate);
      result.executions++;
      if (reproduce(candidate)) result.found = candidate;
    }
    return result;
  };
}

TEST(Minimize, DeletionAloneGetsStuckWhereTheBugIsNotMonotonic) {
  const MinimizeResult result = minimized(stuck_program(), pairs_or_single);
  EXPECT_EQ(result.program.ops.size(), 2u);
  EXPECT_EQ(result.program.directives.size(), 4u);
  EXPECT_TRUE(result.stats.one_minimal);
}

TEST(Minimize, SearchingAgainGetsOutOfThat) {
  const MinimizeResult result =
      minimized(stuck_program(), pairs_or_single, random_search(pairs_or_single));
  EXPECT_EQ(result.program.ops.size(), 2u);
  ASSERT_EQ(result.program.directives.size(), 1u);
  EXPECT_EQ(result.program.directives[0].access, 13);
  EXPECT_EQ(result.program.directives[0].arg, 1);
  EXPECT_GE(result.stats.search_successes, 1);
  EXPECT_GT(result.stats.search_executions, 0);
  EXPECT_TRUE(result.stats.one_minimal);
  expect_one_minimal(result.program, pairs_or_single);
}

// The access that matters moves when an operation goes: as it does when a lookup no longer has to
// walk past another mapping.
bool access_depends_on_ops(const Program& program) {
  if (program.ops.empty()) return false;
  const auto wanted = 2 * program.ops.size() + 1;
  return std::any_of(program.directives.begin(), program.directives.end(),
                     [wanted](const Directive& d) { return d.access == wanted; });
}

TEST(Minimize, SearchesAgainWithoutAnOperation) {
  Program program = stuck_program();
  program.directives = {{2, 9, DirectiveKind::kFail, 0}};
  ASSERT_TRUE(access_depends_on_ops(program));
  EXPECT_EQ(minimized(program, access_depends_on_ops).program.ops.size(), 4u);
  const MinimizeResult result =
      minimized(program, access_depends_on_ops, random_search(access_depends_on_ops));
  EXPECT_EQ(result.program.ops.size(), 1u);
  EXPECT_EQ(result.program.directives.size(), 1u);
  expect_one_minimal(result.program, access_depends_on_ops);
}

// A search costs thousands of executions.
TEST(Minimize, SearchesTheSameOperationsOnce) {
  std::map<std::vector<uint8_t>, std::vector<size_t>> searched;  // operations -> bounds
  const Search fruitless = [&](const SearchRequest& request) {
    Program bare = request.program;
    bare.directives.clear();
    searched[encode(bare)].push_back(request.max_directives);
    return SearchResult{std::nullopt, 1};
  };
  const MinimizeResult result = minimized(stuck_program(), pairs_or_single, fruitless);
  EXPECT_EQ(result.stats.searches, 3) << "as it is, and without each of its two operations";
  for (const auto& [ops, bounds] : searched) {
    EXPECT_EQ(bounds.size(), 1u);
    EXPECT_GE(bounds[0], 1u) << "none at all needs no search";
  }
}

// Once more with more executions is another search: without several operations at once only a few
// are spent, and the same may be left over when they go one by one.
TEST(Minimize, SearchesAgainWhereLessWasSpentBefore) {
  const auto access_for = [](const Program& program) {
    return static_cast<uint16_t>(10 * program.ops.size());
  };
  const Reproduce reproduce = [&](const Program& candidate) {
    return candidate.ops.size() >= 2 && candidate.directives.size() == 1 &&
           candidate.directives[0].access == access_for(candidate);
  };
  Program program;
  for (uint8_t cpu = 1; cpu <= 4; cpu++) program.ops.push_back(simplest_op(OpKind::kHit, cpu));
  program.directives = {{0, access_for(program), DirectiveKind::kFail, 0}};
  int vain = 0;
  const Search search = [&](const SearchRequest& request) {
    SearchResult result{std::nullopt, request.max_executions};
    const bool easy = request.program.ops.size() == 3;
    if (!easy && request.max_executions <= MinimizeOptions{}.executions_without_several) {
      vain++;
      return result;
    }
    result.found = request.program;
    result.found->directives = {{0, access_for(request.program), DirectiveKind::kFail, 0}};
    return result;
  };
  const MinimizeResult result = minimized(program, reproduce, search);
  EXPECT_GT(vain, 0);
  EXPECT_EQ(result.program.ops.size(), 2u);
}

// The second of two hits is where the switch has to come, until there is one.
TEST(Minimize, SearchesAgainWithFewerRepetitions) {
  Program program;
  program.ops = {simplest_op(OpKind::kHit, 1), simplest_op(OpKind::kHit, 2)};
  program.ops[0].set(ArgId::kTimes, 2);
  const auto access_for = [](const Program& candidate) {
    return static_cast<uint16_t>(30 * candidate.ops[0].get(ArgId::kTimes));
  };
  program.directives = {{0, access_for(program), DirectiveKind::kFail, 0}};
  const Reproduce reproduce = [&](const Program& candidate) {
    return candidate.ops.size() == 2 && candidate.directives.size() == 1 &&
           candidate.directives[0].access == access_for(candidate);
  };
  EXPECT_EQ(minimized(program, reproduce).program.ops[0].get(ArgId::kTimes), 2);
  const Search search = [&](const SearchRequest& request) {
    SearchResult result{std::nullopt, 1};
    if (request.program.ops.size() < 2) return result;
    result.found = request.program;
    result.found->directives = {{0, access_for(request.program), DirectiveKind::kFail, 0}};
    return result;
  };
  const MinimizeResult result = minimized(program, reproduce, search);
  EXPECT_EQ(result.program.ops[0].get(ArgId::kTimes), 1);
  EXPECT_TRUE(result.stats.one_minimal);
}

// The bound that is worth the most to a search without an operation is what the program has now.
TEST(Minimize, TellsASearchHowManyDirectivesThereAre) {
  std::set<size_t> told, bounds;
  const Search fruitless = [&](const SearchRequest& request) {
    told.insert(request.directives_now);
    bounds.insert(request.max_directives);
    return SearchResult{std::nullopt, 1};
  };
  minimized(stuck_program(), pairs_or_single, fruitless);
  EXPECT_EQ(told, std::set<size_t>({4})) << "removing an operation takes its directives along";
  EXPECT_EQ(bounds, std::set<size_t>({3, kMaxDirectives}));
}

TEST(Minimize, DoesNotBelieveASearchThatLies) {
  const Search liar = [](const SearchRequest&) {
    return SearchResult{Program{}, 1};  // shows nothing
  };
  const MinimizeResult result = minimized(stuck_program(), pairs_or_single, liar);
  EXPECT_EQ(result.program.directives.size(), 4u);
  EXPECT_EQ(result.stats.search_successes, 0);
}

TEST(Minimize, StopsSearchingAtItsBudget) {
  MinimizeOptions options;
  options.executions_per_search = 40;
  options.max_search_executions = 60;
  const Search fruitless = [](const SearchRequest& request) {
    return SearchResult{std::nullopt, request.max_executions};
  };
  const MinimizeResult result = minimized(stuck_program(), pairs_or_single, fruitless, options);
  EXPECT_EQ(result.stats.search_executions, 60);
  EXPECT_EQ(result.stats.searches, 2);
  EXPECT_TRUE(result.stats.out_of_budget);
  EXPECT_TRUE(result.stats.one_minimal) << "the search budget has no part in that";
}

TEST(Minimize, KeepsWithinABudgetOfBoth) {
  for (const int total : {1, 2, 20, 100}) {
    MinimizeOptions options;
    options.max_total_executions = total;
    const MinimizeResult result =
        minimized(stuck_program(), pairs_or_single, random_search(pairs_or_single), options);
    EXPECT_LE(result.stats.executions + result.stats.search_executions, total);
    EXPECT_TRUE(result.stats.out_of_budget) << total;
    EXPECT_TRUE(pairs_or_single(result.program));
  }
}

TEST(Minimize, IsDeterministicAndKeepsTheText) {
  Program program = stuck_program();
  program.kernel = "aug02-draft";
  program.story = {"found in the night"};
  const MinimizeResult first = minimized(program, pairs_or_single, random_search(pairs_or_single));
  const MinimizeResult second = minimized(program, pairs_or_single, random_search(pairs_or_single));
  EXPECT_EQ(first.program, second.program);
  EXPECT_EQ(first.stats.executions, second.stats.executions);
  EXPECT_EQ(first.program.kernel, "aug02-draft");
  EXPECT_EQ(first.program.story, program.story);
}

}  // namespace
}  // namespace vmafuzz::input
