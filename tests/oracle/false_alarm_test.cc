// Programs that correct kernels were once reported for, by mistakes of the judge or the machine.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "input/text.h"
#include "run/executor.h"

namespace vmafuzz::oracle {
namespace {

void expect_silence(const char* text) {
  const absl::StatusOr<input::Program> program = input::parse_text(text);
  ASSERT_TRUE(program.ok()) << program.status();
  run::Executor executor;
  for (const char* kernel : {"6.14", "6.15", "6.18"}) {
    ASSERT_TRUE(executor.set_target({variants::find_kernel(kernel), {}, {}}).ok());
    run::Outcome outcome;
    executor.run(*program, {}, &outcome);
    EXPECT_EQ(outcome.verdict, "") << kernel << ": " << outcome.what;
  }
}

// cpu0 learns, by an smp_wmb() of cpu1, what the section has stored before the count became even.
// That is not yet the count.
TEST(FalseAlarms, SectionIsKnownButNotItsLastStore) {
  expect_silence(R"(# vmafuzz repro v1
setup:
  register   inode=i0 pgoff=0
  mmap       mm0 page=0 len=1 file=f0 prot=rx private
cpu0:
  register   inode=i0 pgoff=1 consumer=1
    @33 preempt cpu1
  hit        mm0 page=0
    @5 stale 1
cpu1:
  brk        mm0 page=0
  register   inode=i0 pgoff=1
)");
}

// The same, learned on the way through another address space.
TEST(FalseAlarms, SectionIsKnownThroughAnotherAddressSpace) {
  expect_silence(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=1 len=3 file=f0 prot=rx private
  mmap       mm1 page=0 len=2 file=f0 prot=rx private
  register   inode=i0 pgoff=2
cpu0:
  munmap     mm0 page=2 len=1
    @500 preempt cpu1
cpu1:
  munmap     mm1 page=0 len=1
cpu2:
  mremap     mm1 page=0 len=1 newlen=1 newpage=0
  hit        mm0 page=3
    @5 stale 1
)");
}

// A load that the compiler does twice has seen the newest store, so that smp_rmb() orders what
// follows behind it: the walk finds that the node, whose pivot is an rcu_head by now, is dead.
TEST(FalseAlarms, SecondLoadOrdersWhatFollows) {
  expect_silence(R"(# vmafuzz repro v1
setup:
  mmap       mm0 page=1 len=1 file=f0 prot=rx private
  register   inode=i0 pgoff=0
cpu0:
  hit        mm0 page=0
    @1 preempt cpu1
  brk        mm0 page=25
    @1 preempt cpu1
cpu1:
  hit        mm0 page=1
    @1 preempt cpu0
    @11 preempt cpu0
    @11 stale 1
    @11 reload
    @14 stale 1
)");
}

// What is mapped over is counted beside what replaces it, for a moment: mremap(), which looks at
// map_count without the lock, may see one too many where the list never held as many.
TEST(FalseAlarms, MapCountOfTheMiddleOfASection) {
  std::string text = "# vmafuzz repro v1\nsetup:\n";
  for (int page = 0; page < 24; ++page) {
    absl::StrAppend(&text, "  mmap mm0 page=", page, " len=1 ", page % 2 != 0 ? "file=f0 " : "",
                    "prot=rx private fixed\n");
  }
  absl::StrAppend(&text, R"(cpu0:
  mremap     mm0 page=0 len=1 newlen=1 newpage=1 maymove fixed
    @1 preempt cpu1
    @2 stale 1
cpu1:
  mmap       mm0 page=0 len=1 file=f0 prot=rx private fixed
)");
  expect_silence(text.c_str());
}

}  // namespace
}  // namespace vmafuzz::oracle
