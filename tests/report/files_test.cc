// What reports say of the programs in repro/ and corpus/: nothing that did not happen.
#include "files.h"

#include <regex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "report/cause.h"
#include "report/directives.h"
#include "report/interleaving.h"
#include "report/svg.h"
#include "scene.h"

namespace vmafuzz::report {
namespace {

std::vector<std::string> texts(const Report& report, StepKind kind) {
  std::vector<std::string> texts;
  for (const Step& step : report.timeline.steps) {
    if (step.kind == kind && step.shown) texts.push_back(step.text);
  }
  return texts;
}

TEST(Files, NothingIsTornOrReloadedWithoutADirectiveThatSaysSo) {
  for (const auto& file : program_files()) {
    const Report report = report_of_file(file);
    const auto by_compiler = [](const input::Directive& d) {
      return d.kind == input::DirectiveKind::kTear || d.kind == input::DirectiveKind::kReload;
    };
    const std::vector<input::Directive>& directives = report.program.directives;
    if (std::any_of(directives.begin(), directives.end(), by_compiler)) continue;
    for (const Step& step : report.timeline.steps) {
      EXPECT_FALSE(step.torn || step.reloaded)
          << file << ": step " << step.step << ", " << step.text;
    }
  }
}

TEST(Files, GracePeriodsAreCalledByTheirDomains) {
  const Report report = report_of_our("repro/findings/moved-mapping.repro");
  std::vector<std::string> fences = texts(report, StepKind::kFence);
  std::erase_if(fences, [](const std::string& text) { return !absl::StartsWith(text, "sync"); });
  EXPECT_EQ(fences,
            (std::vector<std::string>{"synchronize_rcu_tasks_trace()", "synchronize_srcu()"}));
}

TEST(Files, PlacesAreInTheModel) {
  for (const auto& file : program_files()) {
    const Report report = report_of_file(file);
    for (const Step& step : report.timeline.steps) {
      EXPECT_FALSE(absl::StartsWith(step.at.line, "stl_")) << file << ": " << step.at.line;
    }
  }
}

TEST(Files, ThreeColumnsKeepTheWidthIfTheyCan) {
  const Report report = report_of_our("repro/suren-rfc-wrong-uprobe.repro");
  ExplainOptions options;
  options.file = "some.repro";
  for (const int width : {92, 110, 160}) {
    options.diagram.width = width;
    const auto widest = widest_line(explain(report, options));
    EXPECT_LE(widest, static_cast<size_t>(width));
    EXPECT_GT(widest, static_cast<size_t>(width) - 12);
  }
  options.diagram.width = 79;
  EXPECT_LE(widest_line(explain(report, options)), 92u);
}

// Narrower than that, it says so instead of being wider.
TEST(Files, WidthsThatCanBeHadAreKept) {
  for (const char* file : {"repro/canary-data-race.repro", "repro/v1-wrong-uprobe.repro",
                           "repro/suren-rfc-wrong-uprobe.repro"}) {
    const Report report = report_of_our(file);
    ExplainOptions options;
    options.file = file;
    options.diagram.width = std::max(40, least_width(report, options));
    EXPECT_LE(widest_line(explain(report, options)), static_cast<size_t>(options.diagram.width))
        << file;
  }
  const Report report = report_of_our("repro/suren-rfc-wrong-uprobe.repro");
  EXPECT_GT(least_width(report), 79);
}

//  RCU frees what the lookup had found, after the lookup.
TEST(Files, ReadSideSectionsAreDrawnWhereRcuFrees) {
  const Report report = report_of_our("repro/suren-rfc-wrong-uprobe.repro");
  const std::string text = explain(report);
  const size_t lock = text.find("rcu_read_lock()"), unlock = text.find("rcu_read_unlock()");
  const size_t freed = text.find("free vma#");
  ASSERT_NE(lock, text.npos) << text;
  ASSERT_NE(unlock, text.npos) << text;
  ASSERT_NE(freed, text.npos) << text;
  EXPECT_LT(lock, unlock);
  EXPECT_LT(unlock, freed);
}

// How many of the steps that the sentence names are drawn.
int drawn_of_cause(const Report& report) {
  int drawn = 0;
  for (const int step : cause_of(report.timeline).steps) {
    drawn += report.timeline.steps[static_cast<size_t>(step)].shown ? 1 : 0;
  }
  return drawn;
}

// "at step 12", "from step 12 to step 15", "at steps 12 and 15".
std::vector<uint32_t> steps_in(const std::string& sentence) {
  static const std::regex kSteps(R"(\bsteps? (\d+)(?: and (\d+))?)");
  std::vector<uint32_t> steps;
  for (std::sregex_iterator it(sentence.begin(), sentence.end(), kSteps), end; it != end; ++it) {
    for (const size_t group : {1, 2}) {
      if ((*it)[group].matched) steps.push_back(std::stoul((*it)[group]));
    }
  }
  return steps;
}

// Whoever reads the sentence looks for its steps in the picture.
TEST(Sentence, NamesNoStepThatIsNotDrawn) {
  for (const auto& file : program_files()) {
    const Report report = report_of_file(file);
    const Interleaving picture = interleaving_of(report.timeline, operation_names(report.program));
    for (const uint32_t step : steps_in(report.sentence)) {
      EXPECT_TRUE(std::any_of(picture.items.begin(), picture.items.end(),
                              [step](const Item& item) { return item.step == step; }))
          << file << ": step " << step << " of\n"
          << report.sentence;
    }
  }
}

// That it stays the same is what such a lookup went by.
TEST(Files, ACounterThatIsOnlyReadIsShownAlongTime) {
  const Report report = report_of_our("repro/v2-no-patch1-wrong-uprobe.repro");
  const std::vector<std::string> operations = operation_names(report.program);
  EXPECT_TRUE(absl::StartsWith(diagram(report.timeline, operations), "step | seq | CPU0"));
  const Interleaving picture = interleaving_of(report.timeline, operations);
  ASSERT_EQ(picture.tracks.size(), 1u);
  EXPECT_TRUE(picture.tracks[0].changes.empty());
  EXPECT_TRUE(absl::StrContains(svg_interleaving(picture, {}), "mm0.mm_lock_seq = "));
}

TEST(Files, AStaleLoadOfWhatWasStoredTwiceMissesNoValue) {
  const Report report = report_of_our("repro/bugs/try-begin-relaxed.repro");
  const auto& steps = report.timeline.steps;
  const auto load = std::find_if(steps.begin(), steps.end(), [](const Step& step) {
    return step.stale > 0 && step.value == step.before;
  });
  ASSERT_NE(load, steps.end());
  EXPECT_TRUE(absl::StartsWith(
      load->remark, "<-- STALE by 1: reads vma#2[1-3), the same as the newest store's at "))
      << load->remark;
}

//  Nobody is blamed who had finished before the lookup, unless the lookup was not bound to know.
TEST(Sentence, OfADyingUprobeNamesWhoLetGoOfIt) {
  const Report report = report_of_our("repro/findings/dying-uprobe.repro");
  EXPECT_TRUE(absl::StartsWith(report.sentence, "cpu1 let go of uprobe(i0 page 0) at step "))
      << report.sentence;
  EXPECT_TRUE(absl::StrContains(report.sentence, "; cpu0 still found it at step "))
      << report.sentence;
  EXPECT_EQ(drawn_of_cause(report), 2);
  EXPECT_FALSE(absl::StrContains(report.sentence, "mmap_lock")) << report.sentence;
  EXPECT_TRUE(absl::StrContains(report.timeline.failure.what, "the uprobe of i0 page 0, whose"))
      << report.timeline.failure.what;
}

TEST(Sentence, TellsAFreeThatWaitedForNobodyFromOneThatWaitedForOthers) {
  const char* const kOther = "the grace period that the free waited for is not one that this use";
  for (const char* bug : {"uprobe-freed-after-rcu", "uprobe-freed-after-srcu"}) {
    const Report report = report_of_our(absl::StrCat("repro/bugs/", bug, ".repro"));
    EXPECT_TRUE(absl::StrContains(report.sentence, kOther)) << report.sentence;
  }
  const Report at_once = report_of_our("repro/bugs/uprobe-freed-at-once.repro");
  EXPECT_FALSE(absl::StrContains(at_once.sentence, kOther)) << at_once.sentence;
}

TEST(Sentence, TellsTearDownFromSetUp) {
  const Report report = report_of_our("repro/bugs/refcount-inc-on-zero.repro");
  EXPECT_TRUE(absl::StrContains(report.sentence, ", and tear-down used it")) << report.sentence;
  EXPECT_TRUE(absl::StrContains(report.timeline.failure.what, "accessed by tear-down"));
}

TEST(Sentence, NamesTheStoreThatTheLookupMissed) {
  const Report report = report_of_our("repro/bugs/try-begin-relaxed.repro");
  EXPECT_EQ(report.sentence,
            "cpu0 read mm0.mm_lock_seq = 12 at step 1047 and again at step 1065: nobody stored to "
            "it in between. In between it read vma#2[1-3).vm_pgoff = 0 (stored by cpu2 at step "
            "811) together with vma#2[1-3).vm_start = 0x2000 (cpu2 had stored 0x1000 at step 809). "
            "cpu2 held mmap_lock for writing from step 748 to step 1028: it was done by then, but "
            "cpu0 was not bound to see all that it had stored.");
}

TEST(Sentence, DoesNotTakeADiscardedSpeculationForTheResult) {
  const Report report = report_of_our("repro/findings/unprobed-mapping.repro");
  EXPECT_TRUE(absl::StartsWith(report.sentence,
                               "cpu0's result is that of the locked lookup, under mmap_lock from "
                               "step 418 on; the speculation before it came to nothing."))
      << report.sentence;
  EXPECT_TRUE(absl::EndsWith(report.timeline.failure.what,
                             "; it maps i0 page 0 (r-xs, not to be probed: VM_MAYSHARE)"))
      << report.timeline.failure.what;
}

// What led to the VMA is a cause as well as what was read of it.
TEST(Sentence, NamesTheOldTreeThatLedToAVmaThatWasGone) {
  const Report report = report_of_our("repro/bugs/section-ends-before-unlink.repro");
  EXPECT_TRUE(absl::StrContains(report.sentence,
                                "In between it read mm0.mm_mt.ma_root = node#1 (cpu0 had stored "
                                "NULL at step "))
      << report.sentence;
  const auto& steps = report.timeline.steps;
  const auto even = std::find_if(steps.begin(), steps.end(), [](const Step& step) {
    return step.cpu == 0 && step.text == "mm0.mm_lock_seq = 6";
  });
  ASSERT_NE(even, steps.end());
  EXPECT_TRUE(absl::EndsWith(report.sentence, absl::StrCat(", but had made the count even at step ",
                                                           even->step, ", before that store.")))
      << report.sentence;
}

TEST(Sentence, OfALookupThatNobodyDisturbedSaysWhatItWentBy) {
  const Report report = report_of_our("repro/bugs/inode-not-kept.repro");
  EXPECT_TRUE(absl::EndsWith(report.sentence,
                             "In between it read vma#1[0-1).vm_file = f0, vma#1[0-1).vm_pgoff = "
                             "0, vma#1[0-1).vm_start = 0, f0.f_inode = i0, uprobe(i1 page "
                             "0).inode = i0 (in whose memory i1 was when the uprobe was made), "
                             "none of which another CPU changed meanwhile."))
      << report.sentence;
  const auto shows = [&](const std::string& field) {
    return std::any_of(
        report.timeline.steps.begin(), report.timeline.steps.end(),
        [&](const Step& step) { return step.shown && step.field == field && step.cpu == 0; });
  };
  EXPECT_TRUE(shows("f_inode") && shows("vm_pgoff") && shows("inode"));
}

TEST(Sentence, OfAPageAtRestNamesWhoStoredToItLast) {
  const Report moved = report_of_our("repro/findings/moved-mapping.repro");
  EXPECT_TRUE(absl::StrContains(moved.sentence,
                                "It was cpu1 that stored present+anon+breakpoint to mm0.pte[1] at "
                                "step "))
      << moved.sentence;
  EXPECT_TRUE(std::any_of(
      moved.timeline.steps.begin(), moved.timeline.steps.end(),
      [](const Step& step) { return step.shown && absl::StartsWith(step.text, "mm0.pte[1] ="); }));
  const Report left = report_of_our("repro/bugs/failed-unregister-removes.repro");
  EXPECT_TRUE(absl::StrContains(left.sentence, "mm0.pte[0] is as set-up left it: cpu0 failed at "))
      << left.sentence;
}

// mremap() split the mapping; the mmap() after it, of another page, has nothing to do with that.
TEST(Sentence, BlamesTheSectionThatChangedWhatWasRead) {
  const Report report = report_of_text(R"(# vmafuzz repro v1
kernel: aug02-draft
expect: wrong-uprobe
setup:
  mmap       mm0 page=1 len=4 file=f1 prot=rx private
  register   inode=i1 pgoff=0
  register   inode=i1 pgoff=3
cpu0:
  mremap     mm0 page=1 len=1 newlen=1 newpage=4 maymove fixed
    @1 preempt cpu1
  mmap       mm0 page=0 len=1 prot=rx private
cpu1:
  hit        mm0 page=1
    @15 preempt cpu0
    @20 stale 1
)");
  ASSERT_EQ(report.timeline.failure.verdict, "wrong-uprobe");
  const Step* split = nullptr;
  const Step* lock = nullptr;
  for (const Step& step : report.timeline.steps) {
    if (absl::StartsWith(step.text, "mmap_write_lock(") && lock == nullptr) lock = &step;
    if (step.text == "vma#1[1-5).vm_start = 0x4000") split = &step;
  }
  ASSERT_NE(split, nullptr);
  ASSERT_NE(lock, nullptr);
  EXPECT_TRUE(absl::StrContains(report.sentence,
                                absl::StrCat("(cpu0 had stored 0x4000 at step ", split->step, ")")))
      << report.sentence;
  EXPECT_TRUE(absl::StrContains(
      report.sentence,
      absl::StrCat("cpu0 held mmap_lock for writing from step ", lock->step, " to")))
      << report.sentence;
}

}  // namespace
}  // namespace vmafuzz::report
