// Why verdicts about one access or one trap came about, in words and in the diagram.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files.h"

namespace vmafuzz::report {
namespace {

void expect_says(const Report& report, const std::string& words) {
  EXPECT_TRUE(absl::StrContains(report.sentence, words)) << words << "\nnot in\n"
                                                         << report.sentence;
}

// A load or store of that text; the first, or null.
const Step* find_step(const Report& report, int cpu, const std::string& text) {
  for (const Step& step : report.timeline.steps) {
    if (step.cpu == cpu && step.is_access() && absl::StartsWith(step.text, text)) return &step;
  }
  ADD_FAILURE() << "cpu" << cpu << " has no step " << text;
  return nullptr;
}

void expect_drawn(const Report& report, int cpu, const std::string& text) {
  const Step* step = find_step(report, cpu, text);
  if (step == nullptr) return;
  EXPECT_TRUE(step->shown) << text;
  EXPECT_TRUE(absl::StrContains(explain(report), absl::StrCat(step->step, " |"))) << text;
}

std::string at(const Step* step) {
  return step == nullptr ? "?" : absl::StrCat(" at step ", step->step);
}

TEST(Cause, NoVerdictOfTheseClassesIsOnlyRepeated) {
  int seen = 0;
  for (const auto& file : program_files()) {
    const Report report = report_of_file(file);
    const Failure& failure = report.timeline.failure;
    const bool told = failure.verdict == "fallback-forever" || failure.verdict == "torn-pointer" ||
                      failure.verdict == "null-dereference" || failure.verdict == "tree-corrupt" ||
                      failure.verdict == "layout" || failure.verdict == "lost-update" ||
                      failure.verdict == "missed-uprobe";
    if (!told) continue;
    ++seen;
    EXPECT_NE(report.sentence, failure.what + ".") << file;
    EXPECT_GT(report.sentence.size(), 60u) << file << ": " << report.sentence;
  }
  EXPECT_GE(seen, 20);
}

TEST(Cause, OfATrapThatTheDescentMissesIsTheRotation) {
  const Report report = report_of_our("repro/bugs/lookup-not-retried.repro");
  expect_says(report, "mm0.pte[1] = present+anon+breakpoint");
  expect_says(report,
              "as set-up left it, but found no uprobe where it looked for uprobe(i0 page 0)");
  const Step* store = find_step(report, 1, "uprobes.uprobes_seqcount.sequence = 6");
  const Step* rotation = find_step(report, 1, "uprobe(i1 page 0).rb_node.rb_left = NULL");
  expect_says(report,
              absl::StrCat("although cpu1 had stored 6", at(store), " in insert_uprobe() ("));
  expect_says(report, "and then uprobe(i1 page 0).rb_node.rb_left = NULL at step ");
  expect_says(report, absl::StrCat("by cpu1", at(rotation), " in rotate() ("));
}

TEST(Cause, OfATrapNamesTheStoreThatTheDescentMissed) {
  const Report report = report_of_our("repro/bugs/erase-without-seqcount.repro");
  expect_says(report,
              "uprobe(i0 page 2).rb_node.rb_left = NULL at step 450, although kworker had stored "
              "uprobe(i0 page 0) at step ");
}

TEST(Cause, OfATrapWithoutMappingIsTheUnmapping) {
  const Report report = report_of_our("repro/bugs/negative-result-trusted.repro");
  const Step* cleared = find_step(report, 0, "mm0.mm_mt.ma_root = NULL");
  expect_says(report, absl::StrCat("stored over node#2 by cpu0", at(cleared), " in new_root() ("));
  EXPECT_TRUE(absl::EndsWith(report.sentence, ": no mapping.")) << report.sentence;
  // The breakpoint that is still there.
  expect_drawn(report, 1, "mm0.pte[1] -> present+anon+breakpoint");
}

TEST(Cause, OfATrapNamesWhoPutTheBreakpointThere) {
  const Report report = report_of_our("repro/bugs/register-under-read-lock.repro");
  const Step* installed = find_step(report, 1, "mm0.pte[0] = present+anon+breakpoint");
  expect_says(report, absl::StrCat("stored by cpu1", at(installed), " in install_breakpoint() ("));
  expect_says(report, "stored over uprobe(i0 page 0) by kworker at step ");
  expect_says(report, "The locked lookup read the same at steps ");
}

TEST(Cause, OfATrapTellsTwoUprobesOfOneNameApart) {
  const Report report = report_of_our("repro/bugs/replaced-node-not-cleared.repro");
  const Step* inserted = find_step(report, 0, "uprobes.uprobes_tree.rb_root = uprobe(i0 page 0)");
  expect_says(report, absl::StrCat("stored over uprobe(i0 page 0), which cpu0 had put there",
                                   at(inserted), ", by kworker at step "));
  expect_says(report, "(the work item of another uprobe(i0 page 0))");
}

TEST(Cause, OfARefusalIsAnOddCounterThatNobodyMakesEven) {
  const Report munmap = report_of_our("repro/bugs/downgrade-keeps-section.repro");
  const Step* store = find_step(munmap, 0, "mm0.mm_lock_seq = 5");
  const Step* downgrade = find_step(munmap, 0, "mmap_write_downgrade(mm0)");
  expect_says(munmap,
              absl::StrCat("an odd value, stored by cpu0", at(store), " in sys_munmap() ("));
  expect_says(munmap, absl::StrCat("Nobody has stored to mm0.mm_lock_seq since, although cpu0 gave "
                                   "up mmap_lock for writing",
                                   at(downgrade)));
  expect_drawn(munmap, 0, "mm0.mm_lock_seq = 5");
  expect_drawn(munmap, 0, "mm0.mm_lock_seq -> 5  (acquire)");

  const Report killed = report_of_our("repro/bugs/killable-failure-counts.repro");
  EXPECT_TRUE(absl::EndsWith(killed.sentence, ", and cpu0 did not hold mmap_lock then."))
      << killed.sentence;
  expect_drawn(killed, 0, "mm0.mm_lock_seq -> 5  (acquire)");

  const Report v2 = report_of_our("repro/v2-no-patch1-fallback-forever.repro");
  expect_says(v2, "cpu0 read mm0.mm_lock_seq = 3 at step ");
  expect_drawn(v2, 0, "mm0.mm_lock_seq -> 3  (acquire)");
}

// Nobody else runs, and nothing was stored since set-up: the loads are all that there is.
TEST(Cause, OfARefusalIsDrawnThoughNobodyElseRuns) {
  const Report report = report_of_our("repro/plan-a-e-fallback-forever.repro");
  expect_says(report, "and vma#2[0-1).vm_lock_seq = 1 at step ");
  expect_says(report, ", an odd value, as set-up left it; its speculation ended there");
  expect_drawn(report, 0, "mm0.mm_lock_seq -> 2  (acquire)");
  expect_drawn(report, 0, "vma#2[0-1).vm_lock_seq -> 1  (acquire)");
}

TEST(Cause, OfATornPointerIsTwoStores) {
  const Report report = report_of_our("repro/bugs/torn-vm-file.repro");
  const Step* file = find_step(report, 0, "vma#1[0-1).vm_file = f1");
  const Step* null = find_step(report, 0, "vma#1[0-0).vm_file = NULL");
  expect_says(report, absl::StrCat("half is of f1, stored by cpu0", at(file), " in "));
  expect_says(report,
              absl::StrCat("half is of NULL, stored by cpu0", at(null), " in vma_init() ("));
}

TEST(Cause, OfANullDereferenceIsTheLoadAndWhoStoredNull) {
  const Report report = report_of_our("repro/bugs/vm-file-unchecked.repro");
  const Step* load = find_step(report, 0, "vma#2[0-1).vm_file -> NULL");
  const Step* null = find_step(report, 1, "vma#2[0-0).vm_file = NULL");
  expect_says(report, absl::StrCat("cpu0 read vma#2[0-1).vm_file = NULL", at(load), " in "));
  expect_says(report, absl::StrCat("stored by cpu1", at(null), " in vma_init() ("));
  expect_says(report, "It had come to vma#2[0-1) by node#1.slot[0] = vma#2[0-1) at step ");
}

TEST(Cause, OfAWalkThroughAReplacedNodeIsTheStaleLook) {
  const Report report = report_of_our("repro/bugs/maple-dead-without-rmb.repro");
  const Step* root = find_step(report, 0, "mm0.mm_mt.ma_root = node#2");
  const Step* dead = find_step(report, 0, "node#1.parent = node#1");
  expect_says(report, absl::StrCat("node#2 was put in its place by cpu0", at(root), " in "));
  expect_says(report, absl::StrCat("although cpu0 had stored node#1", at(dead), " in retire() ("));
  expect_drawn(report, 0, "node#1.parent = node#1");
  const Report unchecked = report_of_our("repro/bugs/maple-dead-unchecked.repro");
  EXPECT_TRUE(absl::EndsWith(unchecked.sentence, "did not look again whether the node is dead."))
      << unchecked.sentence;
}

TEST(Cause, OfALostUpdateIsTwoIncrementsOfOneValue) {
  for (const char* file : {"repro/bugs/marked-nhit.repro", "repro/nhit-marked-lost-update.repro"}) {
    const Report report = report_of_our(file);
    const Step* mine = find_step(report, 0, "trace_uprobe#1.nhit.0 = 1");
    const Step* other = find_step(report, 1, "trace_uprobe#1.nhit.0 = 1");
    const Step* its = find_step(report, 1, "trace_uprobe#1.nhit.0 -> 0");
    expect_says(report,
                absl::StrCat("; cpu1 read 0", at(its), ". 1 was stored by cpu1", at(other)));
    expect_says(report, absl::StrCat("and 1 once more over it by cpu0", at(mine), " in "));
  }
}

TEST(Cause, OfALayoutIsTheFieldThatDiffers) {
  const Report moved = report_of_our("repro/bugs/mremap-keeps-offset.repro");
  expect_says(moved, "left [5-6 anon+1 0x8000075) where the specification has [5-6 anon+5 ");
  const Step* store = find_step(moved, 0, "vma#2[5-6).vm_pgoff = 1");
  expect_says(moved, absl::StrCat("was 1, over 0, by cpu0", at(store), " in vma_set_range() ("));
  const Report whole = report_of_our("repro/bugs/munmap-whole-vma.repro");
  expect_says(whole, "It stored nothing to vm_start or vm_end of vma#1[0-2).");
  const Report own = report_of_our("repro/bugs/merge-drops-anon-vma.repro");
  expect_says(own, "mm0.pte[1] = present+anon was stored by cpu0 at step ");
}

// The machine names no site of a load: the trace has it.
TEST(Cause, OfARaceWithAnEarlierLoadNamesAndDrawsTheLoad) {
  const struct {
    const char* file;
    const char* load;
    const char* function;
  } kRaces[] = {
      {"repro/canary-data-race.repro", "mm0.mm_lock_seq -> 4", "lookup_merged"},
      {"repro/bugs/seq-read-plainly.repro", "mm0.mm_lock_seq -> 4", "lookup_merged"},
      {"repro/bugs/locked-lookup-without-lock.repro", "", "find_active_uprobe_locked"},
  };
  for (const auto& race : kRaces) {
    const Report report = report_of_our(race.file);
    expect_says(report, absl::StrCat(" and the plain load in ", race.function, "() ("));
    ASSERT_GE(report.timeline.failure.racing_access, 0) << race.file;
    const auto index = static_cast<size_t>(report.timeline.failure.racing_access);
    const Step& load = report.timeline.steps[index];
    EXPECT_TRUE(load.plain && load.kind == StepKind::kLoad && load.shown) << race.file;
    EXPECT_NE(load.cpu, report.timeline.failure.cpu);
    EXPECT_TRUE(absl::StartsWith(load.text, race.load)) << load.text;
    expect_says(report, absl::StrCat("at step ", load.step, " may run at the same time."));
    EXPECT_TRUE(absl::StrContains(explain(report), absl::StrCat(load.step, " |"))) << race.file;
  }
}

}  // namespace
}  // namespace vmafuzz::report
