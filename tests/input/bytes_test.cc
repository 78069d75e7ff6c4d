#include "input/bytes.h"

#include <set>

#include "gtest/gtest.h"
#include "random_program.h"

namespace vmafuzz::input {
namespace {

TEST(Bytes, RoundTripEveryCanonicalProgram) {
  Rng rng(1);
  for (int i = 0; i < 20000; i++) {
    const Program program = random_program(rng);
    ASSERT_EQ(decode(encode(program)), program);
  }
}

TEST(Bytes, AnyBytesDecodeToACanonicalProgram) {
  Rng rng(2);
  for (int i = 0; i < 20000; i++) {
    const Program program = decode(random_bytes(rng, 2 * kMaxBytes));
    ASSERT_TRUE(is_canonical(program));
    for (const Op& op : program.ops) ASSERT_TRUE(valid(op));
  }
}

TEST(Bytes, EncodingOfADecodingIsAFixedPoint) {
  Rng rng(3);
  for (int i = 0; i < 20000; i++) {
    const std::vector<uint8_t> canonical = encode(decode(random_bytes(rng, 600)));
    ASSERT_EQ(encode(decode(canonical)), canonical);
    ASSERT_LE(canonical.size(), kMaxBytes);
  }
}

// Bytes are stored in corpora: this layout may be added to but not changed.
TEST(Bytes, LayoutIsStable) {
  Program program;
  program.header = {Strategy::kUrw, ReadPolicy::kOldestFresh, true, 2, 3, 5, 0x12345678};
  Op mmap = simplest_op(OpKind::kMmap, 0);
  mmap.set(ArgId::kPage, 4);
  mmap.set(ArgId::kLen, 4);
  mmap.set(ArgId::kFile, 0);
  mmap.set(ArgId::kPgoff, 1);
  program.ops = {mmap, simplest_op(OpKind::kHit, 2)};
  program.directives = {{1, 0x0102, DirectiveKind::kStale, 3},
                        {kRcuContext, 9, DirectiveKind::kPreempt, 1}};
  // mmap's arguments: mm 2 bits, page 5, len - 1 3, file 3, pgoff 4, prot 3, sharing 1,
  // placement 2, growsdown 1.
  const uint32_t args = 4u << 2 | 3u << 7 | 0u << 10 | 1u << 13 | 3u << 17;
  const std::vector<uint8_t> expected = {2,
                                         0x82,
                                         0x23,
                                         5,
                                         0x78,
                                         0x56,
                                         0x34,
                                         0x12,  // header
                                         0,
                                         args & 255,
                                         args >> 8 & 255,
                                         args >> 16 & 255,  // mmap
                                         2 << 5 | 12,
                                         0,
                                         0,
                                         0,  // hit
                                         1 << 5 | 24,
                                         0x02,
                                         0x01,
                                         3,  // @258 stale 3
                                         0 << 5 | 26,
                                         9,
                                         0,
                                         1};  // rcu: @9
  EXPECT_EQ(encode(program), expected);
}

// Corpora from before `growsdown` have a zero there: the highest bit of an mmap.
TEST(Bytes, GrowsDownIsTheBitThatWasSpare) {
  Program program;
  program.ops = {simplest_op(OpKind::kMmap, 0)};
  std::vector<uint8_t> bytes = encode(program);
  EXPECT_EQ(bytes.back() & 0x80, 0);
  EXPECT_EQ(decode(bytes).ops[0].get(ArgId::kGrowsDown), 0);
  bytes.back() |= 0x80;
  program.ops[0].set(ArgId::kGrowsDown, 1);
  EXPECT_EQ(decode(bytes), program);
  EXPECT_EQ(encode(program), bytes);
}

TEST(Bytes, ShortHeaderIsFilledUpWithZeros) {
  EXPECT_EQ(decode(std::vector<uint8_t>{}), Program{});
  const Program program = decode(std::vector<uint8_t>{1, 0, 0, 0, 0xAB});
  EXPECT_EQ(program.header.strategy, Strategy::kSticky);
  EXPECT_EQ(program.header.seed, 0xABu);
}

TEST(Bytes, IncompleteRecordAtTheEndIsIgnored) {
  Program program;
  program.ops = {simplest_op(OpKind::kHit, 1)};
  std::vector<uint8_t> bytes = encode(program);
  bytes.insert(bytes.end(), {12, 1, 1});
  EXPECT_EQ(decode(bytes), program);
}

TEST(Bytes, DirectivesBeforeTheFirstOperationAreDropped) {
  std::vector<uint8_t> bytes(kHeaderBytes, 0);
  bytes.insert(bytes.end(), {4 << 5 | 24, 3, 0, 0});  // @3 fail
  bytes.insert(bytes.end(), {1 << 5 | 12, 0, 0, 0});  // cpu0: hit
  const Program program = decode(bytes);
  EXPECT_EQ(program.ops.size(), 1u);
  EXPECT_TRUE(program.directives.empty());
}

TEST(Bytes, OperationsBeyondTheLimitAreDroppedWithTheirDirectives) {
  std::vector<uint8_t> bytes(kHeaderBytes, 0);
  for (size_t i = 0; i < kMaxOps + 3; i++) {
    bytes.insert(bytes.end(), {1 << 5 | 12, 0, 0, 0});
    bytes.insert(bytes.end(), {4 << 5 | 24, 3, 0, 0});
  }
  const Program program = decode(bytes);
  EXPECT_EQ(program.ops.size(), kMaxOps);
  EXPECT_EQ(program.directives.size(), kMaxOps);
}

TEST(Bytes, EveryCodeIsReachableFromRandomBytes) {
  Rng rng(4);
  std::set<OpKind> ops;
  std::set<DirectiveKind> directives;
  std::set<Strategy> strategies;
  for (int i = 0; i < 200; i++) {
    const Program program = decode(random_bytes(rng, 300));
    strategies.insert(program.header.strategy);
    for (const Op& op : program.ops) ops.insert(op.kind);
    for (const Directive& directive : program.directives) directives.insert(directive.kind);
  }
  EXPECT_EQ(ops.size(), static_cast<size_t>(kOpKindCount));
  EXPECT_EQ(directives.size(), static_cast<size_t>(kDirectiveKindCount));
  EXPECT_EQ(strategies.size(), static_cast<size_t>(kStrategyCount));
}

TEST(Bytes, DecodingIntoAUsedProgramLeavesNothingBehind) {
  Rng rng(5);
  Program program = random_text_program(rng);
  const std::vector<uint8_t> bytes = encode(random_program(rng));
  decode(bytes, program);
  EXPECT_EQ(program, decode(bytes));
}

}  // namespace
}  // namespace vmafuzz::input
