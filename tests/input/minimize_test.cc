// The minimiser against synthetic bugs: predicates over programs whose smallest witnesses are
// known.

#include "input/minimize.h"

#include <algorithm>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "input/bytes.h"
#include "input/mutate.h"
#include "random_program.h"

namespace vmafuzz::input {
namespace {

const Op* first_of(const Program& program, OpKind kind) {
  for (const Op& op : program.ops) {
    if (op.kind == kind) return &op;
  }
  return nullptr;
}

// A program in replay form with plenty of everything.
Program noisy_program(Rng& rng) {
  Program program = random_program(rng);
  program.header = Header{};
  return program;
}

void expect_one_minimal(const Program& program, const Reproduce& reproduce) {
  ASSERT_TRUE(reproduce(program));
  for (size_t i = 0; i < program.ops.size(); i++) {
    Program smaller = program;
    remove_op(smaller, i);
    EXPECT_FALSE(reproduce(smaller)) << "operation " << i << " is not needed";
  }
  for (size_t i = 0; i < program.directives.size(); i++) {
    Program smaller = program;
    smaller.directives.erase(smaller.directives.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(reproduce(smaller)) << "directive " << i << " is not needed";
  }
}

MinimizeResult minimized(const Program& program, const Reproduce& reproduce,
                         const Search& search = nullptr, const MinimizeOptions& options = {}) {
  const absl::StatusOr<MinimizeResult> result = minimize(program, reproduce, search, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : MinimizeResult{};
}

// The bug: an munmap that is preempted, and a hit on another cpu.
bool preempted_munmap(const Program& program) {
  return std::any_of(program.directives.begin(), program.directives.end(), [&](const auto& d) {
    if (d.of_context() || d.kind != DirectiveKind::kPreempt) return false;
    const Op& munmap = program.ops[d.op];
    if (munmap.kind != OpKind::kMunmap) return false;
    return std::any_of(program.ops.begin(), program.ops.end(), [&](const Op& op) {
      return op.kind == OpKind::kHit && op.cpu != munmap.cpu;
    });
  });
}

TEST(Minimize, KeepsOnlyWhatTheBugNeeds) {
  Rng rng(1);
  int tried = 0;
  while (tried < 50) {
    const Program program = noisy_program(rng);
    if (!preempted_munmap(program)) continue;
    tried++;
    const MinimizeResult result = minimized(program, preempted_munmap);
    ASSERT_EQ(result.program.ops.size(), 2u);
    ASSERT_EQ(result.program.directives.size(), 1u);
    EXPECT_EQ(result.program.directives[0].access, 1) << "moved to the operation's beginning";
    EXPECT_EQ(measure(result.program), result.stats.after);
    // The lesser of setup | cpu0 and cpu0 | cpu1 is what the weights ask for.
    EXPECT_LE(result.program.ops[1].cpu, 2);
    for (const Op& op : result.program.ops) {
      EXPECT_EQ(op.arg, simplest_op(op.kind, op.cpu).arg) << "arguments do not matter here";
    }
    EXPECT_TRUE(result.stats.one_minimal);
    EXPECT_FALSE(result.stats.out_of_budget);
    expect_one_minimal(result.program, preempted_munmap);
  }
}

// Random monotone bugs: a random subset of operations and directives, recognised by their
// arguments, must all be present. The minimum is exactly that subset.
TEST(Minimize, FindsTheExactSubsetOfMonotoneBugs) {
  Rng rng(2);
  for (int i = 0; i < 60; i++) {
    Program program;
    for (uint8_t n = 0; n < 24; n++) {
      Op op = simplest_op(OpKind::kHit, static_cast<uint8_t>(n % 5));
      op.set(ArgId::kPage, n);
      program.ops.push_back(op);
      program.directives.push_back({n, 1, DirectiveKind::kFail, 0});
    }
    canonicalize(program);
    std::set<uint8_t> needed_ops;
    std::set<uint8_t> needed_directives;
    for (uint32_t n = rng.below(6); n > 0; n--) {
      needed_ops.insert(static_cast<uint8_t>(rng.below(24)));
    }
    for (uint32_t n = rng.below(4); n > 0; n--) {
      needed_directives.insert(static_cast<uint8_t>(rng.below(24)));
    }
    const Reproduce reproduce = [&](const Program& candidate) {
      std::set<uint8_t> pages;
      for (const Op& op : candidate.ops) pages.insert(op.get(ArgId::kPage));
      std::set<uint8_t> failing;
      for (const Directive& directive : candidate.directives) {
        failing.insert(candidate.ops[directive.op].get(ArgId::kPage));
      }
      return std::includes(pages.begin(), pages.end(), needed_ops.begin(), needed_ops.end()) &&
             std::includes(failing.begin(), failing.end(), needed_directives.begin(),
                           needed_directives.end());
    };
    const MinimizeResult result = minimized(program, reproduce);
    std::set<uint8_t> all = needed_ops;
    all.insert(needed_directives.begin(), needed_directives.end());
    EXPECT_EQ(result.program.ops.size(), all.size());
    EXPECT_EQ(result.program.directives.size(), needed_directives.size());
    expect_one_minimal(result.program, reproduce);
  }
}

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

// Where a mapping lands, something below it may decide or its own argument.
TEST(Minimize, TradesAnOperationForAnArgument) {
  Program program;
  program.ops = {simplest_op(OpKind::kMmap, 0), simplest_op(OpKind::kMmap, 0),
                 simplest_op(OpKind::kHit, 1)};
  const Reproduce reproduce = [](const Program& candidate) {
    if (candidate.ops.size() < 2 || candidate.ops.back().kind != OpKind::kHit) return false;
    const Op& last = candidate.ops[candidate.ops.size() - 2];
    const bool pushed = candidate.ops.size() == 3 && candidate.ops[0].kind == OpKind::kMmap;
    return last.kind == OpKind::kMmap && (pushed || last.get(ArgId::kPage) == 1);
  };
  const MinimizeResult result = minimized(program, reproduce);
  ASSERT_EQ(result.program.ops.size(), 2u);
  EXPECT_EQ(result.program.ops[0].get(ArgId::kPage), 1);
  expect_one_minimal(result.program, reproduce);
}

TEST(Minimize, WhatNeedsNoScheduleMovesToTheSetup) {
  Program program;
  program.ops = {simplest_op(OpKind::kMmap, 1), simplest_op(OpKind::kMunmap, 1)};
  const MinimizeResult result = minimized(program, [](const Program& candidate) {
    return candidate.ops.size() == 2 && candidate.ops[1].kind == OpKind::kMunmap &&
           candidate.ops[1].cpu != 0;
  });
  EXPECT_EQ(result.program.ops[0].cpu, 0);
  EXPECT_EQ(result.program.ops[1].cpu, 1);
}

// The cpu with the higher number goes first: joined as they are listed, the order would be another.
TEST(Minimize, JoinsCpusThatTakeTurnsInEitherOrder) {
  Program program;
  program.ops = {simplest_op(OpKind::kBrk, 1), simplest_op(OpKind::kMunmap, 2),
                 simplest_op(OpKind::kHit, 3)};
  program.directives = {{1, 60, DirectiveKind::kPreempt, 0}, {2, 9, DirectiveKind::kPreempt, 1}};
  const auto switches = [](const Program& candidate, uint16_t op, uint8_t to) {
    return std::any_of(
        candidate.directives.begin(), candidate.directives.end(),
        [&](const Directive& directive) { return directive.op == op && directive.arg + 1 == to; });
  };
  // munmap() and then brk() within the hit, however that comes about.
  const Reproduce reproduce = [&](const Program& candidate) {
    if (candidate.ops.size() != 3) return false;
    const auto index = [&](OpKind kind) {
      uint16_t i = 0;
      while (candidate.ops[i].kind != kind) i++;
      return i;
    };
    const uint16_t brk = index(OpKind::kBrk), munmap = index(OpKind::kMunmap);
    const uint8_t cpu = candidate.ops[munmap].cpu;
    if (cpu == 0 || !switches(candidate, index(OpKind::kHit), cpu)) return false;
    if (candidate.ops[brk].cpu == cpu) return munmap < brk;
    return switches(candidate, munmap, candidate.ops[brk].cpu);
  };
  const MinimizeResult result = minimized(program, reproduce);
  ASSERT_EQ(result.program.ops.size(), 3u);
  EXPECT_EQ(result.program.directives.size(), 1u);
}

TEST(Minimize, DropsWhatAnotherOperationCanDoOnceMore) {
  Program program;
  program.ops.push_back(simplest_op(OpKind::kMunmap, 1));
  program.ops.insert(program.ops.end(), 3, simplest_op(OpKind::kBrk, 1));
  for (size_t i = 1; i < 4; i++) program.ops[i].set(ArgId::kTimes, 20);
  const auto sections = [](const Program& candidate) {
    int count = 0;
    for (const Op& op : candidate.ops) {
      count += std::max<int>(op.get(ArgId::kTimes), 1);
    }
    return count;
  };
  const MinimizeResult result = minimized(
      program, [&](const Program& candidate) { return sections(candidate) == sections(program); });
  ASSERT_EQ(result.program.ops.size(), 1u);
  EXPECT_EQ(op_text(result.program.ops[0]), "brk mm0 page=0 times=61");
}

// Trying every change of every operation costs more than the other passes may ever need: one
// operation that can be traded, among many that cannot, and the result is verified all the same.
TEST(Minimize, TradingLeavesExecutionsForTheOtherPasses) {
  Program program;
  for (uint8_t i = 0; i < 28; i++) {
    program.ops.push_back(simplest_op(OpKind::kRegister, 0));
    program.ops.back().set(ArgId::kInode, i % kInodeCount);
    program.ops.back().set(ArgId::kPgoff, i / kInodeCount);
  }
  Op brk = simplest_op(OpKind::kBrk, 1);
  brk.set(ArgId::kTimes, 5);
  program.ops.insert(program.ops.end(), 2, brk);
  const Reproduce reproduce = [&](const Program& candidate) {
    int times = 0;
    for (const Op& op : candidate.ops) {
      if (op.kind == OpKind::kBrk && op.cpu == 1) times += op.get(ArgId::kTimes);
    }
    const auto there = [&](const Op& op) {
      return std::find(candidate.ops.begin(), candidate.ops.end(), op) != candidate.ops.end();
    };
    return times >= 10 && std::all_of(program.ops.begin(), program.ops.end() - 2, there);
  };
  const MinimizeResult result = minimized(program, reproduce);
  EXPECT_EQ(result.program.ops.size(), 29u);
  EXPECT_TRUE(result.stats.one_minimal);
  EXPECT_LT(result.stats.executions, MinimizeOptions{}.max_executions);
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

TEST(Minimize, DoesNotBelieveASearchThatLies) {
  const Search liar = [](const SearchRequest&) {
    return SearchResult{Program{}, 1};  // shows nothing
  };
  const MinimizeResult result = minimized(stuck_program(), pairs_or_single, liar);
  EXPECT_EQ(result.program.directives.size(), 4u);
  EXPECT_EQ(result.stats.search_successes, 0);
}

TEST(Minimize, ASwitchSurvivesTheOperationThatCarriedIt) {
  Program program;
  program.ops = {simplest_op(OpKind::kFault, 1), simplest_op(OpKind::kMunmap, 1),
                 simplest_op(OpKind::kHit, 2)};
  program.directives = {{0, 7, DirectiveKind::kPreempt, 1}};
  // Somebody on cpu0 is preempted before or in an munmap.
  const Reproduce reproduce = [](const Program& candidate) {
    return first_of(candidate, OpKind::kMunmap) != nullptr &&
           candidate.ops.back().kind == OpKind::kHit && candidate.ops.back().cpu > 1 &&
           !candidate.directives.empty() &&
           candidate.directives[0].kind == DirectiveKind::kPreempt &&
           candidate.ops[candidate.directives[0].op].cpu == 1;
  };
  const MinimizeResult result = minimized(program, reproduce);
  ASSERT_EQ(result.program.ops.size(), 2u);
  EXPECT_EQ(result.program.ops[0].kind, OpKind::kMunmap);
  const std::vector<Directive> expected = {{0, 1, DirectiveKind::kPreempt, 1}};
  EXPECT_EQ(result.program.directives, expected);
}

TEST(Minimize, MovesSwitchesToTheNextOperationWhereTheBeginningIsTooEarly) {
  Program program;
  program.ops = {simplest_op(OpKind::kMunmap, 1), simplest_op(OpKind::kFault, 1)};
  program.directives = {{0, 30, DirectiveKind::kPreempt, 1}};
  const Reproduce reproduce = [](const Program& candidate) {
    if (candidate.ops.size() != 2 || candidate.directives.size() != 1) return false;
    const Directive& directive = candidate.directives[0];
    return directive.op == 1 || directive.access > 20;
  };
  const MinimizeResult result = minimized(program, reproduce);
  const std::vector<Directive> expected = {{1, 1, DirectiveKind::kPreempt, 1}};
  EXPECT_EQ(result.program.directives, expected);
  EXPECT_EQ(result.stats.before.off_boundary, 1u);
  EXPECT_EQ(result.stats.after.off_boundary, 0u);
}

TEST(Minimize, LowersStalenessAsFarAsTheBugAllows) {
  Program program;
  program.ops = {simplest_op(OpKind::kHit, 1)};
  program.directives = {{0, 4, DirectiveKind::kStale, 9}, {0, 6, DirectiveKind::kStale, 12}};
  const Reproduce reproduce = [](const Program& candidate) {
    return candidate.directives.size() == 2 && candidate.directives[1].arg >= 3;
  };
  const MinimizeResult result = minimized(program, reproduce);
  ASSERT_EQ(result.program.directives.size(), 2u);
  EXPECT_EQ(result.program.directives[0].arg, 1);
  EXPECT_EQ(result.program.directives[1].arg, 3);
  EXPECT_EQ(result.stats.after.staleness, 4u);
}

TEST(Minimize, SimplifiesHoldsToTheEnd) {
  Program program;
  program.ops = {simplest_op(OpKind::kHit, 1)};
  program.directives = {{0, 4, DirectiveKind::kHold, 77}};
  const MinimizeResult result =
      minimized(program, [](const Program& candidate) { return !candidate.directives.empty(); });
  EXPECT_EQ(result.program.directives[0].arg, kHoldEnd);
}

// Arguments that must agree can only be simplified together.
TEST(Minimize, SimplifiesArgumentsThatMustAgree) {
  Program program;
  Op mmap = simplest_op(OpKind::kMmap, 0);
  mmap.set(ArgId::kMm, 1);
  mmap.set(ArgId::kPage, 20);
  mmap.set(ArgId::kLen, 6);
  mmap.set(ArgId::kFile, 3);
  mmap.set(ArgId::kPgoff, 9);
  Op probe = simplest_op(OpKind::kRegister, 0);
  probe.set(ArgId::kInode, 3);
  probe.set(ArgId::kPgoff, 11);
  Op hit = simplest_op(OpKind::kHit, 4);
  hit.set(ArgId::kMm, 1);
  hit.set(ArgId::kPage, 22);
  hit.set(ArgId::kTimes, 3);
  program.ops = {mmap, probe, hit};
  const Reproduce reproduce = [](const Program& candidate) {
    if (candidate.ops.size() != 3) return false;
    const Op& mapping = candidate.ops[0];
    const Op& reg = candidate.ops[1];
    const Op& trap = candidate.ops[2];
    const int delta = trap.get(ArgId::kPage) - mapping.get(ArgId::kPage);
    return trap.cpu != 0 && mapping.kind == OpKind::kMmap &&
           mapping.get(ArgId::kFile) != kFileNone &&
           mapping.get(ArgId::kMm) == trap.get(ArgId::kMm) && delta >= 1 &&
           delta < mapping.get(ArgId::kLen) &&
           reg.get(ArgId::kPgoff) == mapping.get(ArgId::kPgoff) + delta;
  };
  const MinimizeResult result = minimized(program, reproduce);
  ASSERT_EQ(result.program.ops.size(), 3u);
  EXPECT_EQ(op_text(result.program.ops[0]), "mmap mm0 page=0 len=2 file=f0 prot=rx private");
  EXPECT_EQ(op_text(result.program.ops[1]), "register inode=i0 pgoff=1");
  EXPECT_EQ(op_text(result.program.ops[2]), "hit mm0 page=1");
  EXPECT_EQ(result.program.ops[2].cpu, 1);
}

TEST(Minimize, NeverAsksTheSameCandidateTwiceNorALargerOne) {
  Rng rng(3);
  for (int i = 0; i < 20; i++) {
    const Program program = noisy_program(rng);
    const Size before = measure(program);
    std::set<std::vector<uint8_t>> asked;
    const uint32_t salt = rng.below(1000);
    // As erratic as can be: whether a candidate reproduces depends on its hash.
    const Reproduce reproduce = [&](const Program& candidate) {
      EXPECT_TRUE(asked.insert(encode(candidate)).second);
      EXPECT_LE(measure(candidate), before);
      uint32_t hash = salt;
      for (const uint8_t byte : encode(candidate)) hash = hash * 31 + byte;
      return asked.size() == 1 || hash % 3 == 0;
    };
    const MinimizeResult result = minimized(program, reproduce);
    EXPECT_EQ(static_cast<size_t>(result.stats.executions), asked.size());
    EXPECT_TRUE(result.stats.one_minimal);
  }
}

TEST(Minimize, ErraticBugsEndOneMinimalToo) {
  Rng rng(4);
  for (int i = 0; i < 40; i++) {
    const Program program = noisy_program(rng);
    const std::vector<uint8_t> original = encode(program);
    const uint32_t salt = rng.below(1000);
    const Reproduce reproduce = [&](const Program& candidate) {
      const std::vector<uint8_t> bytes = encode(candidate);
      uint32_t hash = salt;
      for (const uint8_t byte : bytes) hash = (hash ^ byte) * 16777619;
      return bytes == original || (hash >> 8) % 4 == 0;
    };
    const MinimizeResult result = minimized(program, reproduce);
    EXPECT_TRUE(result.stats.one_minimal);
    expect_one_minimal(result.program, reproduce);
  }
}

// Chunks are what makes it cheap: one by one these would take hundreds of executions.
TEST(Minimize, WhatIsUselessGoesInChunks) {
  Program program;
  for (int i = 0; i < 20; i++) program.ops.push_back(simplest_op(OpKind::kMmap, 0));
  program.ops.push_back(simplest_op(OpKind::kHit, 1));
  program.ops.push_back(simplest_op(OpKind::kHit, 2));
  for (uint16_t i = 1; i <= 200; i++) {
    program.directives.push_back({20, i, DirectiveKind::kFail, 0});
  }
  const Reproduce two_cpus = [](const Program& candidate) {
    return !candidate.ops.empty() && candidate.ops.front().cpu != candidate.ops.back().cpu &&
           candidate.ops.front().kind == OpKind::kHit;
  };
  const Reproduce keeps_a_mapping = [](const Program& candidate) {
    return candidate.ops.size() >= 3 && candidate.ops.front().kind == OpKind::kMmap &&
           candidate.ops[candidate.ops.size() - 2].cpu == 1 && candidate.ops.back().cpu == 2;
  };
  Program without_setup = program;
  while (without_setup.ops.front().cpu == 0) remove_op(without_setup, 0);
  ASSERT_EQ(without_setup.directives.size(), 200u);
  const MinimizeOptions few{.max_executions = 20};
  EXPECT_TRUE(minimized(without_setup, two_cpus, nullptr, few).program.directives.empty());

  program.directives.clear();
  EXPECT_EQ(minimized(program, keeps_a_mapping, nullptr, few).program.ops.size(), 3u);
}

TEST(Minimize, StopsAtItsBudgetWithAProgramThatShowsTheBug) {
  Rng rng(5);
  Program program = noisy_program(rng);
  while (!preempted_munmap(program)) program = noisy_program(rng);
  int calls = 0;
  const Reproduce counted = [&calls](const Program& candidate) {
    calls++;
    return preempted_munmap(candidate);
  };
  MinimizeOptions options;
  options.max_executions = 7;
  const MinimizeResult result = minimized(program, counted, random_search(counted), options);
  EXPECT_EQ(result.stats.executions, 7);
  EXPECT_EQ(calls, 7);
  EXPECT_TRUE(result.stats.out_of_budget);
  EXPECT_FALSE(result.stats.one_minimal);
  EXPECT_TRUE(preempted_munmap(result.program));
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

TEST(Minimize, RefusesWhatIsNotInReplayFormOrShowsNothing) {
  Program program = stuck_program();
  program.header.strategy = Strategy::kUrw;
  EXPECT_EQ(minimize(program, pairs_or_single, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(minimize(Program{}, pairs_or_single, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace vmafuzz::input
