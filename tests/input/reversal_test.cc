// Operations that take others back.
#include "input/reversal.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "input/mutate.h"
#include "input/text.h"

namespace vmafuzz::input {
namespace {

// The reversal of the last operation of a program whose set-up maps pages 4..9 of mm0.
std::string reversal(absl::string_view line) {
  const absl::StatusOr<Program> program =
      parse_text(absl::StrCat("# vmafuzz repro v1\nsetup:\n  mmap mm0 page=4 len=6 file=f0 pgoff=1 "
                              "prot=rx private\ncpu1:\n  ",
                              line, "\n"));
  EXPECT_TRUE(program.ok()) << program.status();
  const std::optional<Op> back = reversal_of(*program, program->ops.back());
  if (!back.has_value()) return "";
  EXPECT_TRUE(valid(*back));
  EXPECT_EQ(back->cpu, 2);
  return op_text(*back);
}

TEST(Reversal, WhatIsUnmappedIsMappedAsItWas) {
  EXPECT_EQ(reversal("munmap mm0 page=6 len=2"),
            "mmap mm0 page=6 len=2 file=f0 pgoff=3 prot=rx private fixed");
  // As far as there was something.
  EXPECT_EQ(reversal("munmap mm0 page=8 len=4"),
            "mmap mm0 page=8 len=2 file=f0 pgoff=5 prot=rx private fixed");
}

TEST(Reversal, WhatIsMappedOverIsMappedAgain) {
  EXPECT_EQ(reversal("mmap mm0 page=5 len=1 file=f1 prot=r private fixed"),
            "mmap mm0 page=5 len=1 file=f0 pgoff=2 prot=rx private fixed");
}

TEST(Reversal, ProtectionAndAdviceGoBack) {
  EXPECT_EQ(reversal("mprotect mm0 page=5 len=2 prot=r"), "mprotect mm0 page=5 len=2 prot=rx");
  EXPECT_EQ(reversal("madvise mm0 page=5 len=2 advice=dontfork"),
            "madvise mm0 page=5 len=2 advice=dofork");
  EXPECT_EQ(reversal("madvise mm0 page=5 len=2 advice=random"),
            "madvise mm0 page=5 len=2 advice=normal");
}

TEST(Reversal, WhatWasMovedMovesHome) {
  EXPECT_EQ(reversal("mremap mm0 page=5 len=2 newlen=3 newpage=20 maymove fixed"),
            "mremap mm0 page=20 len=3 newlen=2 newpage=5 maymove fixed");
}

TEST(Reversal, NothingWhereNothingCanBeTakenBack) {
  EXPECT_EQ(reversal("mprotect mm0 page=5 len=2 prot=rx"), "");  // as it was
  EXPECT_EQ(reversal("munmap mm0 page=2 len=3"), "");            // begins in a hole
  EXPECT_EQ(reversal("munmap mm1 page=6 len=1"), "");
  EXPECT_EQ(reversal("madvise mm0 page=5 len=2 advice=dontneed"), "");
  EXPECT_EQ(reversal("mremap mm0 page=5 len=2 newlen=2 newpage=20 maymove dontunmap"), "");
  EXPECT_EQ(reversal("hit mm0 page=5"), "");
}

// Scenarios hold such pairs often, the first half in the set-up among them: then lookups meet the
// merge alone.
TEST(Reversal, ScenariosMergeWhatTheySplit) {
  Rng rng(1);
  int merges = 0;
  int alone = 0;
  for (int i = 0; i < 2000; ++i) {
    const Program program = random_scenario(rng);
    bool here = false;
    bool set_up = false;
    for (size_t a = 0; a < program.ops.size(); ++a) {
      std::optional<Op> back = reversal_of(program, program.ops[a]);
      if (!back.has_value()) continue;
      for (size_t b = a + 1; b < program.ops.size(); ++b) {
        if (program.ops[b].cpu == 0) continue;
        back->cpu = program.ops[b].cpu;
        if (!(*back == program.ops[b])) continue;
        here = true;
        set_up |= program.ops[a].cpu == 0;
      }
    }
    merges += here;
    alone += set_up;
  }
  // 489 and 460 where nothing is taken back on purpose.
  EXPECT_GT(merges, 800);
  EXPECT_GT(alone, 650);
}

}  // namespace
}  // namespace vmafuzz::input
