// The CPU0 | CPU1 diagram of executions whose interleaving is known, and the sentence about them.
#include "absl/strings/match.h"
#include "bodies.h"
#include "kernel/rcupdate.h"
#include "report/rows.h"
#include "scene.h"

namespace vmafuzz::report {
namespace {

using sim::DirectiveKind;

class DiagramTest : public SceneTest {};

TEST_F(DiagramTest, MessagePassingShowsTheStaleReadAndWhatItMissed) {
  const Timeline timeline = play({[&] { bodies::publish(g); }, [&] { bodies::consume(g); }},
                                 {{1, 4, DirectiveKind::kStale, 2}});
  expect_diagram(timeline, {"publish()", "consume()"}, R"(
step | CPU0                               | CPU1
-----+------------------------------------+-----------------------------------
     | publish()                          |
     |  publish(), scene.c:11             |
   2 |   g.x = 1                          |
   3 |   g.x = 2                          |
   4 |   smp_wmb()                        |
   5 |   g.y = 1                          |
     |                                    | consume()
     |                                    |   ...
     |                                    |  consume(), scene.c:18
   9 |                                    |   g.y -> 1
  10 |                                    |   g.x -> 0
     |                                    |     <-- STALE by 2: reads 0,
     |                                    |         missed 2 stored at
     |                                    |         scene.c:12 (publish)
)");
}

TEST_F(DiagramTest, CounterIsShownAlongTimeAndSecondLookIsStale) {
  bodies::mm* mm = nullptr;
  const Timeline timeline = play({[&] { bodies::shrink(mm); }, [&] { bodies::look(mm); }},
                                 {{0, 6, DirectiveKind::kPreempt, 1},
                                  {1, 2, DirectiveKind::kStale, 1},
                                  {1, 4, DirectiveKind::kStale, 1}},
                                 [&] {
                                   mm = sim::new_global<bodies::mm>("mm_struct", "mm0");
                                   mm->mm_lock_seq.set(4);
                                   mm->vm_start.set(0x4000);
                                 });
  expect_diagram(timeline, {"munmap(mm0, page 4, len 1)", "hit(mm0, page 4)"}, R"(
step | seq | CPU0                            | CPU1
-----+-----+---------------------------------+--------------------------------
     |   4 |                                 |
     |     | munmap(mm0, page 4, len 1)      |
     |     |  shrink(), scene.c:102          |
   4 |     |   mmap_write_lock(mm0)          |
   5 |   5 |   mm0.mm_lock_seq = 5           |
   6 |     |   smp_wmb()                     |
   7 |     |   mm0.vm_start = 0x5000         |
     |     |   --> cpu1                      |
     |     |                                 | hit(mm0, page 4)
     |     |                                 |  look(), scene.c:112
  10 |     |                                 |   mm0.mm_lock_seq -> 4
     |     |                                 |       (acquire)
     |     |                                 |     <-- STALE by 1: reads 4,
     |     |                                 |         missed 5 stored at
     |     |                                 |         scene.c:103 (shrink)
  11 |     |                                 |   mm0.vm_start -> 0x5000
  12 |     |                                 |   mm0.mm_lock_seq -> 4
     |     |                                 |     <-- STALE by 1: reads 4,
     |     |                                 |         missed 5 stored at
     |     |                                 |         scene.c:103 (shrink)
     |     |                                 |  *** wrong-uprobe at
     |     |                                 |      scene.c:114 (look)
)");
  EXPECT_EQ(
      sentence(timeline),
      R"(cpu1 read mm0.mm_lock_seq = 4 at step 10 (it was 5 by then) and again at step 12, when the newest was 5, stored in shrink() (scene.c:103). In between it read mm0.vm_start = 0x5000 (stored by cpu0 at step 7). cpu0 held mmap_lock for writing from step 4 on.)");
}

TEST_F(DiagramTest, SecondLookThatMissesAChangeIsWhyTheResultIsWrong) {
  bodies::mm* mm = nullptr;
  const Timeline timeline = play({[&] { bodies::shrink(mm); }, [&] { bodies::look(mm); }},
                                 {{0, 1, DirectiveKind::kPreempt, 1},
                                  {1, 3, DirectiveKind::kPreempt, 0},
                                  {0, 6, DirectiveKind::kPreempt, 1},
                                  {1, 4, DirectiveKind::kStale, 1}},
                                 [&] {
                                   mm = sim::new_global<bodies::mm>("mm_struct", "mm0");
                                   mm->mm_lock_seq.set(4);
                                   mm->vm_start.set(0x4000);
                                 });
  EXPECT_EQ(
      sentence(timeline),
      R"(cpu1 read mm0.mm_lock_seq = 4 at step 5, cpu0 made it 5 at step 8 in shrink() (scene.c:103); cpu1's look at step 12 in look() (scene.c:114) still returned 4, a stale value: no order between the CPUs rules that out. In between it read mm0.vm_start = 0x5000 (stored by cpu0 at step 10). cpu0 held mmap_lock for writing from step 7 on.)");
}

TEST_F(DiagramTest, UseAfterFreeNamesBothSides) {
  bodies::owner* o = nullptr;
  sim::KmemCache<bodies::thing> cache("thing", false);
  const Timeline timeline =
      play({[&] { bodies::drop_thing(o, &cache); }, [&] { bodies::use_thing(o); }},
           {{0, 1, DirectiveKind::kPreempt, 1}, {1, 3, DirectiveKind::kPreempt, 0}}, [&] {
             cache.reset(false);
             o = sim::new_global<bodies::owner>("owner", "o");
             o->p.set(cache.alloc_nofail());
           });
  expect_diagram(timeline, {"drop()", "use()"}, R"(
step | CPU0                               | CPU1
-----+------------------------------------+-----------------------------------
     | drop()                             |
     |   --> cpu1                         |
     |                                    | use()
     |                                    |  use_thing(), scene.c:46
   4 |                                    |   o.p -> thing#1
     |                                    |   --> cpu0
     |  drop_thing(), scene.c:42          |
   6 |   o.p = NULL (release)             |
   6 |   free thing#1                     |
     |                                    |  *** use-after-free at scene.c:47
     |                                    |      (use_thing), with scene.c:43
     |                                    |      (drop_thing)
)");
  EXPECT_EQ(
      sentence(timeline),
      R"(cpu0 freed thing#1 at step 6 in drop_thing() (scene.c:43); cpu1 had found it at step 4 in use_thing() (scene.c:46), by o.p, and used it in use_thing() (scene.c:47): nothing made the free wait.)");
}

TEST_F(DiagramTest, DeadlockShowsWhoWaitsAndWhatEachHolds) {
  kernel::spinlock_t *a = nullptr, *b = nullptr;
  const Timeline timeline =
      play({[&] { bodies::lock_both(*a, *b); }, [&] { bodies::lock_both(*b, *a); }},
           {{0, 3, DirectiveKind::kPreempt, 1}}, [&] {
             a = sim::new_global<kernel::spinlock_t>("spinlock_t", "a_lock");
             b = sim::new_global<kernel::spinlock_t>("spinlock_t", "b_lock");
           });
  expect_diagram(timeline, {"one()", "other()"}, R"(
step | CPU0                               | CPU1
-----+------------------------------------+-----------------------------------
     | one()                              |
     |  lock_both(), scene.c:61           |
   2 |   spin_lock(a_lock)                |
     |   --> cpu1                         |
     |                                    | other()
     |                                    |  lock_both(), scene.c:61
   5 |                                    |   spin_lock(b_lock)
     |                                    |   <waits for a_lock>
     |   <waits for b_lock>               |
     |  *** deadlock at scene.c:62        |
     |      (lock_both)                   |
)");
  EXPECT_EQ(
      sentence(timeline),
      R"(cpu0 waits for b_lock in lock_both() (scene.c:62) while it holds a_lock; cpu1 waits for a_lock in lock_both() (scene.c:62) while it holds b_lock.)");
}

TEST_F(DiagramTest, LivelockIsDrawnOnceAndCounted) {
  const Timeline timeline =
      play({[&] { bodies::wait_for_flag(g); }, [&] { bodies::touch(g); }}, {});
  expect_diagram(timeline, {"wait_for_flag()", "touch()"}, R"(
step | CPU0                               | CPU1
-----+------------------------------------+-----------------------------------
     | wait_for_flag()                    |
     |  wait_for_flag(), scene.c:71       |
   2 |   g.x -> 0                         |
     |   --> cpu1                         |
     |                                    | touch()
     |                                    |  touch(), scene.c:73
   5 |                                    |   g.x = 0
   7 |   g.x -> 0                         |
     |   (the last 1 line 97 more times)  |
     |  *** livelock at scene.c:71        |
     |      (wait_for_flag)               |
)");
  EXPECT_EQ(
      sentence(timeline),
      R"(cpu0 goes round in circles: it read g.x 99 times, first 0 in wait_for_flag() (scene.c:71), at the end 0 in wait_for_flag() (scene.c:71), and did not finish.)");
}

TEST_F(DiagramTest, TornAndRepeatedLoadsAreMarked) {
  const auto set_up = [&] { g->x.set(0x00040003); };
  Timeline timeline = play({[&] { bodies::store_word(g); }, [&] { bodies::load_word(g); }},
                           {{1, 2, DirectiveKind::kTear, 0}}, set_up);
  expect_diagram(timeline, {"store()", "load()"}, R"(
step | CPU0                               | CPU1
-----+------------------------------------+-----------------------------------
     | store()                            |
     |  store_word(), scene.c:80          |
   3 |   g.x = 0x20001                    |
     |                                    | load()
     |                                    |  load_word(), scene.c:81
   6 |                                    |   g.x -> 0x40001
     |                                    |     <-- TORN: half of it is older
     |                                    |         than the rest
)");
  timeline = play({[&] { bodies::store_word(g); }, [&] { bodies::load_word(g); }},
                  {{1, 2, DirectiveKind::kStale, 1}, {1, 2, DirectiveKind::kReload, 0}}, set_up);
  const std::string text = diagram(timeline, {"store()", "load()"});
  EXPECT_TRUE(absl::StrContains(text, "RELOADED")) << text;
  // What the value is, is not stale: the second read's.
  EXPECT_FALSE(absl::StrContains(text, "STALE")) << text;
}

TEST_F(DiagramTest, DataRaceNamesBothPlaces) {
  const Timeline timeline =
      play({[&] { bodies::store_word(g); }, [&] { bodies::load_plain(g); }}, {});
  expect_diagram(timeline, {"store()", "load()"}, R"(
step | CPU0                               | CPU1
-----+------------------------------------+-----------------------------------
     | store()                            |
     |  store_word(), scene.c:80          |
   2 |   g.x = 0x20001                    |
     |                                    | load()
     |                                    |  *** data-race at scene.c:82
     |                                    |      (load_plain), with scene.c:80
     |                                    |      (store_word)
)");
  EXPECT_EQ(
      sentence(timeline),
      R"(plain load of g.x by cpu1 and plain store by cpu0 are not ordered: load_plain() (scene.c:82) and the store in store_word() (scene.c:80) at step 2 may run at the same time.)");
}

TEST_F(DiagramTest, FullFormHasEveryAccessAndNoGaps) {
  const Timeline timeline = play({[&] { bodies::publish(g); }, [&] { bodies::consume(g); }}, {});
  DiagramOptions options;
  const std::string condensed = diagram(timeline, {"a()", "b()"}, options);
  options.full = true;
  const std::string full = diagram(timeline, {"a()", "b()"}, options);
  EXPECT_TRUE(absl::StrContains(condensed, "..."));
  EXPECT_FALSE(absl::StrContains(condensed, "g.z"));
  EXPECT_FALSE(absl::StrContains(full, "..."));
  EXPECT_TRUE(absl::StrContains(full, "g.z -> 0"));
  EXPECT_LT(widest_line(full), 80u);
}

TEST_F(DiagramTest, LeftOutReadSideSectionsAreDots) {
  const Timeline timeline = play({[&] { bodies::store_word(g); },
                                  [&] {
                                    bodies::load_word(g);
                                    kernel::rcu_read_lock();
                                    kernel::rcu_read_unlock();
                                    bodies::load_word(g);
                                  }},
                                 {});
  expect_diagram(timeline, {"store()", "load()"}, R"(
step | CPU0                               | CPU1
-----+------------------------------------+-----------------------------------
     | store()                            |
     |  store_word(), scene.c:80          |
   2 |   g.x = 0x20001                    |
     |                                    | load()
     |                                    |  load_word(), scene.c:81
   5 |                                    |   g.x -> 0x20001
     |                                    |   ...
   8 |                                    |   g.x -> 0x20001
)");
}

TEST_F(DiagramTest, NoTextIsWiderThanAskedFor) {
  const Timeline timeline = play({[&] { bodies::publish(g); }, [&] { bodies::consume(g); }},
                                 {{1, 4, DirectiveKind::kStale, 2}});
  for (int width : {40, 60, 79, 100, 200}) {
    DiagramOptions options;
    options.width = width;
    options.full = true;
    const std::string text =
        diagram(timeline, {"an_operation_with_a_long_name(mm0, page 4)", "b()"}, options);
    EXPECT_LE(widest_line(text), static_cast<size_t>(width));
  }
}

// Write sections that differ in the count alone are drawn once, and the count is what it is after
// the last of them; a section that does something else is not one of them.
TEST(Fold, RowsThatDifferInTheCountAloneAreOneRowWithTheLastCount) {
  std::vector<Row> rows;
  const auto add = [&](const char* text, int counter, int count) {
    Row row;
    row.text = text;
    row.counter = counter;
    row.source = static_cast<int>(rows.size());
    if (counter >= 0) {
      row.count = absl::StrCat(count);
      absl::StrAppend(&row.text, " = ", count);
    }
    rows.push_back(row);
  };
  for (int count = 7; count <= 11; count += 2) {
    add("mm0.mm_lock_seq", 0, count);
    add("smp_wmb()", -1, 0);
  }
  add("mm0.mm_lock_seq", 1, 13);
  const std::vector<Row> folded = fold_repetitions(rows);
  ASSERT_EQ(folded.size(), 4u);
  EXPECT_EQ(folded[0].count, "7");
  EXPECT_EQ(folded[2].text, "(the last 2 lines 2 more times)");
  EXPECT_EQ(folded[2].counter, 0);
  EXPECT_EQ(folded[2].count, "11");
  EXPECT_EQ(folded[2].source, 4) << "what others read";
  EXPECT_EQ(folded[3].count, "13") << "another counter";
}

TEST(Wrap, BreaksAtSpacesAndCutsWhatHasNone) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrap_text("one two three", 8, 2), (Lines{"one two", "  three"}));
  EXPECT_EQ(wrap_text("  indented text", 10, 4), (Lines{"  indented", "    text"}));
  EXPECT_EQ(wrap_text("abcdefghijkl", 5, 2), (Lines{"abcde", "  fgh", "  ijk", "  l"}));
  EXPECT_EQ(wrap_text("at maple_store.cc:230", 16, 2), (Lines{"at", "  maple_store.", "  cc:230"}));
  EXPECT_EQ(wrap_text("", 5, 2), (Lines{""}));
  EXPECT_EQ(wrap_text("a  b", 5, 2), (Lines{"a b"}));
}

}  // namespace
}  // namespace vmafuzz::report
