#include "input/text.h"

#include "gtest/gtest.h"
#include "input/bytes.h"
#include "random_program.h"

namespace vmafuzz::input {
namespace {

constexpr char kExample[] = R"(# vmafuzz repro v1
# The reader believes fields that a split is changing.
#
#   second paragraph
kernel: aug02-draft
bugs: no-rmb, int-counter
options: counter-bits=8 order=first
expect: wrong-uprobe
search: urw oldest-fresh=2 eager depth=3 order=2013 seed=0x1234
setup:
  mmap       mm0 page=4 len=4 file=f0 prot=rx private
  register   inode=i0 pgoff=2
cpu0:
  munmap     mm0 page=4 len=1
    @5 hold end
    @12 preempt cpu1
cpu1:
  hit        mm0 page=6
    @7 tear
    @9 stale 1
kworker:
  @3 preempt cpu0
)";

Program parse(absl::string_view text) {
  const absl::StatusOr<Program> program = parse_text(text);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *program : Program{};
}

TEST(Text, ReadsEveryPartOfTheForm) {
  const Program program = parse(kExample);
  EXPECT_EQ(program.story,
            (std::vector<std::string>{"The reader believes fields that a split is changing.", "",
                                      "  second paragraph"}));
  EXPECT_EQ(program.kernel, "aug02-draft");
  EXPECT_EQ(program.bugs, (std::vector<std::string>{"no-rmb", "int-counter"}));
  EXPECT_EQ(program.options, (std::vector<std::string>{"counter-bits=8", "order=first"}));
  EXPECT_EQ(program.expect, "wrong-uprobe");
  EXPECT_EQ(program.header.strategy, Strategy::kUrw);
  EXPECT_EQ(program.header.policy, ReadPolicy::kOldestFresh);
  EXPECT_EQ(program.header.policy_arg, 2);
  EXPECT_TRUE(program.header.eager);
  EXPECT_EQ(program.header.depth, 3);
  EXPECT_EQ(cpu_order(program.header.permutation), (std::array<uint8_t, 4>{2, 0, 1, 3}));
  EXPECT_EQ(program.header.seed, 0x1234u);
  ASSERT_EQ(program.ops.size(), 4u);
  EXPECT_EQ(program.ops[0].get(ArgId::kFile), 0);
  EXPECT_EQ(program.ops[1].get(ArgId::kPgoff), 2);
  EXPECT_EQ(program.ops[3].cpu, 2);
  const std::vector<Directive> directives = {
      {2, 5, DirectiveKind::kHold, kHoldEnd},
      {2, 12, DirectiveKind::kPreempt, static_cast<uint8_t>(SwitchTarget::kCpu1)},
      {3, 7, DirectiveKind::kTear, 0},
      {3, 9, DirectiveKind::kStale, 1},
      {kKworkerContext, 3, DirectiveKind::kPreempt, static_cast<uint8_t>(SwitchTarget::kCpu0)}};
  EXPECT_EQ(program.directives, directives);
}

TEST(Text, PrintsTheCanonicalFormUnchanged) { EXPECT_EQ(print_text(parse(kExample)), kExample); }

TEST(Text, RoundTripsEveryCanonicalProgram) {
  Rng rng(1);
  for (int i = 0; i < 5000; i++) {
    const Program program = random_text_program(rng);
    const std::string text = print_text(program);
    const absl::StatusOr<Program> back = parse_text(text);
    ASSERT_TRUE(back.ok()) << back.status() << "\n" << text;
    ASSERT_EQ(*back, program) << text;
    ASSERT_EQ(print_text(*back), text);
  }
}

TEST(Text, LayoutIsFree) {
  const Program neat = parse(
      "# vmafuzz repro v1\nkernel: k\nsetup:\n  mmap mm1 page=4 len=2 prot=r shared fixed\n"
      "cpu0:\n  hit mm1 page=4\n    @2 fail\n");
  const Program free = parse(
      "# vmafuzz repro v1  \r\n\r\n kernel:k # which\r\n\tcpu0:  # later\r\n"
      "hit page=4 mm=mm1 times=1\r\n@2  fail # once\r\nsetup:\r\n"
      "      mmap fixed shared prot=r len=2 page=4 mm1\r\n");
  EXPECT_EQ(free, neat);
}

TEST(Text, SectionsMayComeInAnyOrderAndDirectivesFollowTheirOperation) {
  const Program program = parse(
      "# vmafuzz repro v1\ncpu1:\n hit mm0 page=1\n  @3 stale 2\ncpu0:\n hit mm0 page=2\n"
      "  @9 fail\n  @4 fail\n");
  ASSERT_EQ(program.ops.size(), 2u);
  EXPECT_EQ(program.ops[0].get(ArgId::kPage), 2);
  const std::vector<Directive> expected = {{0, 4, DirectiveKind::kFail, 0},
                                           {0, 9, DirectiveKind::kFail, 0},
                                           {1, 3, DirectiveKind::kStale, 2}};
  EXPECT_EQ(program.directives, expected);
}

TEST(Text, CommentsAfterTheFirstLineOfContentAreNotStory) {
  const Program program = parse("# vmafuzz repro v1\n\n# story\n\n# more\nkernel: k\n# not\n");
  EXPECT_EQ(program.story, (std::vector<std::string>{"story", "more"}));
}

TEST(Text, EmptyProgramIsTheVersionLineAlone) {
  EXPECT_EQ(print_text(Program{}), "# vmafuzz repro v1\n");
  EXPECT_EQ(parse("# vmafuzz repro v1"), Program{});
}

// Whatever a fuzzer does to a repro file, parsing ends in a program or in a positioned error.
TEST(Text, DamagedTextGivesAProgramOrAPositionedError) {
  Rng rng(2);
  int accepted = 0;
  for (int i = 0; i < 20000; i++) {
    std::string text = kExample;
    for (uint32_t n = 1 + rng.below(3); n > 0; n--) {
      const size_t at = rng.below(text.size());
      switch (rng.below(4)) {
        case 0:
          text[at] = static_cast<char>(rng.below(256));
          break;
        case 1:
          text.erase(at, 1 + rng.below(12));
          break;
        case 2:
          text.insert(at, text.substr(rng.below(text.size()), 1 + rng.below(20)));
          break;
        default:
          text.resize(at + 1);
      }
    }
    const absl::StatusOr<Program> program = parse_text(text);
    if (program.ok()) {
      accepted++;
      ASSERT_TRUE(is_canonical(*program));
      const absl::StatusOr<Program> again = parse_text(print_text(*program));
      ASSERT_TRUE(again.ok()) << again.status() << "\n" << text;
      ASSERT_EQ(*again, *program);
    } else {
      ASSERT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
      ASSERT_EQ(program.status().message().find("repro:"), 0u) << program.status();
      ASSERT_NE(program.status().message().find(": expected "), absl::string_view::npos)
          << program.status();
    }
  }
  EXPECT_GT(accepted, 100);
  EXPECT_LT(accepted, 19000);
}

}  // namespace
}  // namespace vmafuzz::input
