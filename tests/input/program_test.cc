#include "input/program.h"

#include <set>

#include "gtest/gtest.h"
#include "random_program.h"

namespace vmafuzz::input {
namespace {

Op op(OpKind kind, uint8_t cpu) { return simplest_op(kind, cpu); }

TEST(OpTable, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const OpSchema& row : all_ops()) {
    EXPECT_TRUE(names.insert(std::string(row.name)).second) << row.name;
    EXPECT_EQ(find_op(row.name), &row);
    EXPECT_FALSE(row.help.empty()) << row.name;
  }
  EXPECT_EQ(find_op("fork-bomb"), nullptr);
}

// A bare word must say which argument it is for, or text could not be read back.
TEST(OpTable, BareWordsAreUnambiguousWithinAnOperation) {
  for (const OpSchema& row : all_ops()) {
    std::set<std::string> words;
    for (const ArgSchema& arg : row.args) {
      if (arg.form != TextForm::kBare) continue;
      for (int value = arg.kind == ArgKind::kFlag ? 1 : arg.min; value <= arg.max(); value++) {
        const std::string word = value_text(arg, static_cast<uint8_t>(value));
        EXPECT_TRUE(words.insert(word).second) << row.name << " " << word;
      }
    }
  }
}

TEST(OpTable, GetAndSetAddressArgumentsByMeaning) {
  Op mmap = op(OpKind::kMmap, 1);
  EXPECT_EQ(mmap.get(ArgId::kLen), 1);
  EXPECT_EQ(mmap.get(ArgId::kFile), kFileNone);
  mmap.set(ArgId::kPage, 9);
  EXPECT_EQ(mmap.get(ArgId::kPage), 9);
  EXPECT_EQ(mmap.get(ArgId::kTimes), 0);
  const Op before = mmap;
  mmap.set(ArgId::kTimes, 3);
  EXPECT_EQ(mmap, before);
}

TEST(OpTable, TextLeavesOutOptionalArgumentsAtTheirDefault) {
  Op mmap = op(OpKind::kMmap, 1);
  EXPECT_EQ(op_text(mmap), "mmap mm0 page=0 len=1 prot=rx private");
  mmap.set(ArgId::kFile, 2);
  mmap.set(ArgId::kPlacement, static_cast<uint8_t>(Placement::kFixed));
  EXPECT_EQ(op_text(mmap), "mmap mm0 page=0 len=1 file=f2 prot=rx private fixed");
  EXPECT_EQ(op_text(op(OpKind::kHit, 2)), "hit mm0 page=0");
}

TEST(OpTable, WrapMakesAnyOperationValid) {
  Rng rng(1);
  for (int i = 0; i < 10000; i++) {
    Op any;
    any.kind = static_cast<OpKind>(rng.below(256));
    any.cpu = static_cast<uint8_t>(rng.below(256));
    for (uint8_t& arg : any.arg) arg = static_cast<uint8_t>(rng.below(256));
    wrap(any);
    ASSERT_TRUE(valid(any));
    const Op once = any;
    wrap(any);
    ASSERT_EQ(any, once);
  }
}

TEST(Program, CanonicalizeGroupsByCpuAndMovesDirectivesAlong) {
  Program program;
  program.ops = {op(OpKind::kHit, 2), op(OpKind::kMmap, 0), op(OpKind::kMunmap, 1),
                 op(OpKind::kFault, 2)};
  program.directives = {{3, 4, DirectiveKind::kFail, 0},
                        {0, 7, DirectiveKind::kPreempt, 1},
                        {0, 2, DirectiveKind::kStale, 1}};
  canonicalize(program);
  ASSERT_EQ(program.ops.size(), 4u);
  EXPECT_EQ(program.ops[0].kind, OpKind::kMmap);
  EXPECT_EQ(program.ops[1].kind, OpKind::kMunmap);
  EXPECT_EQ(program.ops[2].kind, OpKind::kHit);
  EXPECT_EQ(program.ops[3].kind, OpKind::kFault);
  const std::vector<Directive> expected = {{2, 2, DirectiveKind::kStale, 1},
                                           {2, 7, DirectiveKind::kPreempt, 1},
                                           {3, 4, DirectiveKind::kFail, 0}};
  EXPECT_EQ(program.directives, expected);
}

TEST(Program, DirectivesAtOneAccessKeepTheirOrder) {
  Program program;
  program.ops = {op(OpKind::kHit, 1)};
  program.directives = {{0, 5, DirectiveKind::kPreempt, 3},
                        {0, 5, DirectiveKind::kPreempt, 1},
                        {0, 1, DirectiveKind::kFail, 0},
                        {0, 5, DirectiveKind::kStale, 2}};
  canonicalize(program);
  const std::vector<Directive> expected = {{0, 1, DirectiveKind::kFail, 0},
                                           {0, 5, DirectiveKind::kPreempt, 3},
                                           {0, 5, DirectiveKind::kPreempt, 1},
                                           {0, 5, DirectiveKind::kStale, 2}};
  EXPECT_EQ(program.directives, expected);
}

TEST(Program, CanonicalizeDropsDirectivesWithoutAnOperation) {
  Program program;
  program.ops = {op(OpKind::kHit, 1)};
  program.directives = {{1, 1, DirectiveKind::kFail, 0},
                        {0, 1, DirectiveKind::kFail, 0},
                        {kRcuContext, 3, DirectiveKind::kPreempt, 0}};
  canonicalize(program);
  ASSERT_EQ(program.directives.size(), 2u);
  EXPECT_EQ(program.directives[0].op, 0);
  EXPECT_EQ(program.directives[1].op, kRcuContext);
}

TEST(Program, CanonicalizeClearsWhatMeansNothing) {
  Program program;
  program.header.seed = 7;
  program.header.depth = 3;
  canonicalize(program);
  EXPECT_EQ(program.header, Header{});
  program.header.strategy = Strategy::kUrw;
  program.header.policy = ReadPolicy::kUniform;
  program.header.policy_arg = 3;
  program.header.seed = 7;
  canonicalize(program);
  EXPECT_EQ(program.header.policy_arg, 0);
  EXPECT_EQ(program.header.seed, 7u);
}

TEST(Program, CanonicalizeIsIdempotentAndRespectsLimits) {
  Rng rng(2);
  for (int i = 0; i < 2000; i++) {
    const Program program = random_program(rng);
    ASSERT_TRUE(is_canonical(program));
    ASSERT_LE(program.ops.size(), kMaxOps);
    ASSERT_LE(program.directives.size(), kMaxDirectives);
  }
}

TEST(Program, RemoveOpTakesItsDirectivesAndRenumbersTheRest) {
  Program program;
  program.ops = {op(OpKind::kMmap, 0), op(OpKind::kHit, 1), op(OpKind::kMunmap, 2)};
  program.directives = {{0, 1, DirectiveKind::kFail, 0},
                        {1, 2, DirectiveKind::kStale, 1},
                        {2, 3, DirectiveKind::kFail, 0},
                        {kTimerContext, 1, DirectiveKind::kPreempt, 0}};
  remove_op(program, 1);
  ASSERT_EQ(program.ops.size(), 2u);
  EXPECT_EQ(program.ops[1].kind, OpKind::kMunmap);
  const std::vector<Directive> expected = {{0, 1, DirectiveKind::kFail, 0},
                                           {1, 3, DirectiveKind::kFail, 0},
                                           {kTimerContext, 1, DirectiveKind::kPreempt, 0}};
  EXPECT_EQ(program.directives, expected);
}

TEST(Program, InsertOpRenumbersTheDirectivesBehindIt) {
  Program program;
  program.ops = {op(OpKind::kMmap, 0), op(OpKind::kHit, 1)};
  program.directives = {{0, 1, DirectiveKind::kFail, 0}, {1, 2, DirectiveKind::kStale, 1}};
  insert_op(program, 1, op(OpKind::kFault, 1));
  const std::vector<Directive> expected = {{0, 1, DirectiveKind::kFail, 0},
                                           {2, 2, DirectiveKind::kStale, 1}};
  EXPECT_EQ(program.directives, expected);
  EXPECT_TRUE(is_canonical(program));
}

TEST(Program, DirectivesOfFindsExactlyThoseOfTheOperation) {
  Rng rng(3);
  for (int i = 0; i < 500; i++) {
    const Program program = random_program(rng);
    size_t sum = 0;
    for (size_t n = 0; n < program.ops.size(); n++) {
      sum += directives_of(program, static_cast<uint16_t>(n)).size();
    }
    for (unsigned n = 0; n < kContextCount; n++) {
      sum += directives_of(program, static_cast<uint16_t>(kFirstContext + n)).size();
    }
    ASSERT_EQ(sum, program.directives.size());
  }
}

TEST(Program, CpuOrdersAreAllPermutationsStartingWithTheIdentity) {
  EXPECT_EQ(cpu_order(0), (std::array<uint8_t, 4>{0, 1, 2, 3}));
  EXPECT_EQ(cpu_order(23), (std::array<uint8_t, 4>{3, 2, 1, 0}));
  std::set<std::array<uint8_t, 4>> all;
  for (uint8_t i = 0; i < kPermutationCount; i++) all.insert(cpu_order(i));
  EXPECT_EQ(all.size(), kPermutationCount);
}

}  // namespace
}  // namespace vmafuzz::input
