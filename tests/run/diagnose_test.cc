// Each finding's diagnosis names what was wrong, and not only the lookup as a whole.
#include "run/diagnose.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "input/text.h"

namespace vmafuzz::run {
namespace {

struct Expectation {
  const char* repro;
  bool sequential;    // shown without any stale load
  const char* named;  // part of a line
};

void PrintTo(const Expectation& e, std::ostream* out) { *out << e.repro; }

constexpr char kBackingFiles[] = "gone with type-stable memory for backing files";
constexpr char kWholeLookup[] = "the lookup and the sequence counter that it relies on";
constexpr char kOdd[] = "gone with mm_lock_seq odd while mmap_lock is held for writing";
constexpr char kBits[] = "gone with mm_lock_seq of 32 bits";

constexpr char kWriteLocked[] =
    "gone with a test in lookup_aug02_draft() whether the VMA is write-locked";
constexpr char kNotParity[] =
    "gone with step a.3 of lookup_plan_a_e() testing whether the VMA is write-locked";

constexpr Expectation kExpectations[] = {
    {"peter-sketch-livelock", true,
     "gone with mm_lock_seq sampled again on every turn of the loop in lookup_peter_sketch()"},
    {"peter-sketch-wrong-uprobe", true,
     "gone with a test in lookup_peter_sketch() whether mm_lock_seq is odd"},
    {"peter-sketch-use-after-free", true, kBackingFiles},
    {"aug02-draft-wrong-uprobe", true, kWriteLocked},
    {"aug02-draft-stale-uprobe", true, kWriteLocked},
    {"aug02-draft-use-after-free", true, kBackingFiles},
    {"plan-a-e-wrong-uprobe", true, kNotParity},
    {"plan-a-e-fallback-forever", true, kNotParity},
    {"plan-a-e-use-after-free", true, kBackingFiles},
    {"aug05-draft-wrong-uprobe", false,
     "gone with smp_wmb() between the store to vm_area_struct.vm_lock_seq at vma_lock.cc"},
    {"aug05-draft-wrong-uprobe", false,
     "and the load of vm_area_struct.vm_lock_seq at lookup_aug05_draft"},
    {"aug05-draft-wrong-uprobe", false,
     "gone with smp_wmb() in vma_start_write() after vm_lock_seq is stored; and with smp_rmb() at "
     "the beginning of mm_end_vma_speculation()"},
    {"aug05-draft-use-after-free", true, kBackingFiles},
    {"aug05-wrong-slab-use-after-free", true, "gone with type-stable memory for files"},
    {"suren-rfc-wrong-uprobe", false, "the load of mm0.mm_lock_seq at lookup_suren_rfc.cc"},
    {"suren-rfc-use-after-free", true, kBackingFiles},
    {"suren-rfc-wrap-wrong-uprobe", true, kBits},
    {"v1-wrong-uprobe", false, "the load of mm0.mm_lock_seq at lookup_v1.cc"},
    {"v1-use-after-free", true, kBackingFiles},
    {"v1-acquire-at-end-wrong-uprobe", false, "gone with smp_rmb() before the last look"},
    {"v1-acquire-at-end-wrong-uprobe", false, "the load of mm0.mm_lock_seq at lookup_v1.cc"},
    {"v1-release-at-begin-wrong-uprobe", false, "gone with smp_wmb() after mm_lock_seq has become"},
    {"v1-release-at-begin-wrong-uprobe", false,
     "gone with smp_wmb() between the store to mm0.mm_lock_seq"},
    {"v2-no-patch1-wrong-uprobe", true, kOdd},
    {"v2-no-patch1-fallback-forever", true, kOdd},
    {"v2-int-wrong-uprobe", true, kBits},
    {"v2-no-patch3-use-after-free", true, kBackingFiles},
    {"canary-data-race", true, "gone without seq-read-plainly"},
    {"nhit-data-race", true, "gone without plain-nhit"},
    {"nhit-data-race", true, "then lost-update shows"},
    {"nhit-marked-lost-update", true, "gone without marked-nhit"},
};

input::Program read(const std::string& name) {
  std::ifstream stream(absl::StrCat(VMAFUZZ_SOURCE_DIR, "/repro/", name, ".repro"));
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  absl::StatusOr<input::Program> program = input::parse_text(text);
  EXPECT_TRUE(program.ok()) << name << ": " << program.status();
  return program.ok() ? *program : input::Program{};
}

class Diagnose : public ::testing::TestWithParam<Expectation> {};

TEST_P(Diagnose, NamesWhatWasWrong) {
  const input::Program program = read(GetParam().repro);
  Executor executor;
  const variants::Kernel* kernel = variants::find_kernel(program.kernel);
  ASSERT_NE(kernel, nullptr);
  ASSERT_TRUE(executor.set_target({kernel, program.bugs, program.options}).ok());
  const Diagnosis diagnosis = diagnose(executor, program);
  EXPECT_EQ(diagnosis.sequential, GetParam().sequential);
  EXPECT_GT(diagnosis.shown, 0);
  const std::vector<std::string> lines = diagnosis.lines();
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return absl::StrContains(line, GetParam().named);
  })) << absl::StrJoin(lines, "\n");
  for (const std::string& line : lines) EXPECT_FALSE(absl::StrContains(line, kWholeLookup)) << line;
}

INSTANTIATE_TEST_SUITE_P(Repros, Diagnose, ::testing::ValuesIn(kExpectations));

TEST(Diagnosis, IsExpectedOfEveryRepro) {
  const std::filesystem::path folder = absl::StrCat(VMAFUZZ_SOURCE_DIR, "/repro");
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".repro") continue;
    EXPECT_TRUE(std::any_of(
        std::begin(kExpectations), std::end(kExpectations),
        [&](const Expectation& expected) { return expected.repro == file.path().stem(); }))
        << file.path();
  }
}

// A VMA that has been write-locked then has an odd vm_lock_seq for good, which that lookup refuses.
TEST(Diagnosis, TakesNoLookupThatAlwaysRefusesForACure) {
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel("plan-a-e"), {}, {}}).ok());
  for (const char* repro : {"plan-a-e-wrong-uprobe", "plan-a-e-use-after-free"}) {
    const Diagnosis diagnosis = diagnose(executor, read(repro));
    for (const std::string& line : diagnosis.lines()) {
      EXPECT_FALSE(absl::StrContains(line, "mm_lock_seq odd")) << line;
    }
  }
}

// Here the lookup is refused as it is, once, and would be always with that rule.
TEST(Diagnosis, PrefersACureThatRefusesNoLookup) {
  const absl::StatusOr<input::Program> program = input::parse_text(R"(# vmafuzz repro v1
setup:
  mmap mm0 page=20 len=1 prot=rx private
  mmap mm0 page=0 len=3 file=f0 prot=rx private
  register inode=i0 pgoff=1
  register inode=i0 pgoff=2
  register inode=i0 pgoff=0
cpu0:
  munmap mm0 page=20 len=1
  munmap mm0 page=1 len=1
    @94 preempt cpu1
cpu1:
  hit mm0 page=1
)");
  ASSERT_TRUE(program.ok()) << program.status();
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel("plan-a-e"), {}, {}}).ok());
  const std::string rules = absl::StrJoin(diagnose(executor, *program).rules, "\n");
  EXPECT_TRUE(absl::StrContains(rules, "whether the VMA is write-locked")) << rules;
  EXPECT_FALSE(absl::StrContains(rules, "mm_lock_seq odd")) << rules;
}

// What is said of barriers follows from what barriers did.
TEST(Diagnosis, SaysNothingOfOrdersThatItDidNotSee) {
  for (const char* repro : {"bugs/end-without-wmb", "bugs/lookup-not-retried", "v1-wrong-uprobe"}) {
    const input::Program program = read(repro);
    Executor executor;
    const variants::Kernel* kernel = variants::find_kernel(program.kernel);
    ASSERT_TRUE(executor.set_target({kernel, program.bugs, program.options}).ok());
    const Diagnosis diagnosis = diagnose(executor, program);
    const std::string shown = diagnosis.lines().at(0);
    EXPECT_FALSE(absl::StrContains(shown, "no matter of barriers")) << repro << ": " << shown;
    EXPECT_EQ(absl::StrContains(shown, "an order is missing"), !diagnosis.barriers.empty())
        << repro;
  }
}

// Type-stable backing files have nothing to do with an order, nor a barrier with freed memory.
TEST(Diagnosis, DoesNotNameWhatDoesNotHelp) {
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel("v1"), {}, {}}).ok());
  const Diagnosis order = diagnose(executor, read("v1-wrong-uprobe"));
  for (const std::string& line : order.lines()) {
    EXPECT_FALSE(absl::StrContains(line, "backing files")) << line;
  }
  const Diagnosis freed = diagnose(executor, read("v1-use-after-free"));
  EXPECT_TRUE(freed.barriers.empty());
}

// The writer walks the tree by the same code: its accesses are not the reader's neighbours.
TEST(Diagnosis, NamesNeighboursOnTheCpuThatHasTheBarrier) {
  const input::Program program = read("bugs/try-begin-relaxed");
  Executor executor;
  const variants::Kernel* kernel = variants::find_kernel(program.kernel);
  ASSERT_TRUE(executor.set_target({kernel, program.bugs, program.options}).ok());
  const Diagnosis diagnosis = diagnose(executor, program);
  const std::string barriers = absl::StrJoin(diagnosis.barriers, "\n");
  EXPECT_TRUE(absl::StrContains(barriers,
                                "with smp_rmb() between the load of mm0.mm_lock_seq at "
                                "lookup_merged.cc"))
      << barriers;
  EXPECT_TRUE(absl::StrContains(barriers, " on cpu0")) << barriers;
  EXPECT_FALSE(absl::StrContains(barriers, "mprotect.cc")) << barriers;
}

// smp_mb() before its first look keeps a reader from being late, whatever is wrong behind it.
TEST(Diagnosis, TriesFullBarriersOnlyWhereNothingElseHelps) {
  for (const char* repro : {"bugs/counter-wraps", "bugs/copy-insn-without-wmb"}) {
    const input::Program program = read(repro);
    Executor executor;
    const variants::Kernel* kernel = variants::find_kernel(program.kernel);
    ASSERT_TRUE(executor.set_target({kernel, program.bugs, program.options}).ok());
    const Diagnosis diagnosis = diagnose(executor, program);
    EXPECT_FALSE(diagnosis.rules.empty()) << repro;
    for (const std::string& barrier : diagnosis.barriers) {
      EXPECT_FALSE(absl::StrContains(barrier, "smp_mb()")) << barrier;
    }
  }
}

// Barriers would order these accesses as well, but what the kernel lacks says more.
TEST(Diagnosis, NamesNoBarrierForADataRaceThatARuleCures) {
  for (const char* repro : {"bugs/copy-insn-without-wmb", "bugs/vma-read-lock-relaxed"}) {
    const input::Program program = read(repro);
    Executor executor;
    const variants::Kernel* kernel = variants::find_kernel(program.kernel);
    ASSERT_TRUE(executor.set_target({kernel, program.bugs, program.options}).ok());
    const Diagnosis diagnosis = diagnose(executor, program);
    ASSERT_EQ(diagnosis.verdict, "data-race") << repro;
    EXPECT_FALSE(diagnosis.rules.empty()) << repro;
    EXPECT_TRUE(diagnosis.barriers.empty()) << absl::StrJoin(diagnosis.barriers, "\n");
  }
}

TEST(Diagnosis, LeavesTheExecutorAsItWas) {
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel("v2-int"), {}, {}}).ok());
  const input::Program program = read("v2-int-wrong-uprobe");
  Outcome before, after;
  executor.run(program, {}, &before);
  diagnose(executor, program);
  executor.run(program, {}, &after);
  EXPECT_EQ(before.trace_hash, after.trace_hash);
  EXPECT_EQ(before.verdict, after.verdict);
}

TEST(Diagnosis, IsEmptyWhereNothingIsFound) {
  Executor executor;
  ASSERT_TRUE(executor.set_target({variants::find_kernel("6.18"), {}, {}}).ok());
  EXPECT_TRUE(diagnose(executor, read("v1-wrong-uprobe")).lines().empty());
}

}  // namespace
}  // namespace vmafuzz::run
