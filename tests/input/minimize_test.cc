// The minimiser against synthetic bugs, predicates over programs whose smallest witnesses are
// known: what it promises of every result, and what it costs.

#include "input/minimize.h"

#include <algorithm>
#include <set>

#include "gtest/gtest.h"
#include "input/bytes.h"
#include "input/mutate.h"
#include "minimized.h"
#include "random_program.h"

namespace vmafuzz::input {
namespace {

// A program in replay form with plenty of everything.
Program noisy_program(Rng& rng) {
  Program program = random_program(rng);
  program.header = Header{};
  return program;
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
  const Search unasked = [](const SearchRequest&) {
    ADD_FAILURE() << "nothing that it finds could be believed any more";
    return SearchResult{};
  };
  const MinimizeResult result = minimized(program, counted, unasked, options);
  EXPECT_EQ(result.stats.executions, 7);
  EXPECT_EQ(calls, 7);
  EXPECT_TRUE(result.stats.out_of_budget);
  EXPECT_FALSE(result.stats.one_minimal);
  EXPECT_TRUE(preempted_munmap(result.program));
}

TEST(Minimize, RefusesWhatIsNotInReplayFormOrShowsNothing) {
  const Reproduce nothing = [](const Program&) { return false; };
  Program program;
  program.ops = {simplest_op(OpKind::kHit, 1)};
  EXPECT_EQ(minimize(program, nothing, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
  program.header.strategy = Strategy::kUrw;
  EXPECT_EQ(minimize(program, nothing, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace vmafuzz::input
