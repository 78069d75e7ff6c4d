// The passes of the minimiser that do more than delete: each against a bug that only it makes
// smaller.

#include <algorithm>

#include "gtest/gtest.h"
#include "input/minimize.h"
#include "minimized.h"

namespace vmafuzz::input {
namespace {

const Op* first_of(const Program& program, OpKind kind) {
  for (const Op& op : program.ops) {
    if (op.kind == kind) return &op;
  }
  return nullptr;
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

}  // namespace
}  // namespace vmafuzz::input
