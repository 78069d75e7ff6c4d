// What a picture is made of: arrows, bands and counters of executions whose interleaving is known.
#include "report/interleaving.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bodies.h"
#include "report/listing.h"
#include "scene.h"

namespace vmafuzz::report {
namespace {

using sim::DirectiveKind;

class InterleavingTest : public SceneTest {
 protected:
  // "text -> text" of every arrow of that kind, in order.
  static std::vector<std::string> arrows(const Interleaving& picture, ArrowKind kind) {
    std::vector<std::string> texts;
    for (const Arrow& arrow : picture.arrows) {
      if (arrow.kind != kind) continue;
      texts.push_back(
          absl::StrCat(picture.items[arrow.from].text, " to ", picture.items[arrow.to].text));
    }
    return texts;
  }
  static std::vector<std::string> bands(const Interleaving& picture, BandKind kind) {
    std::vector<std::string> texts;
    for (const Band& band : picture.bands) {
      if (band.kind != kind) continue;
      texts.push_back(absl::StrCat(picture.lanes[band.lane].title, " from ",
                                   picture.items[band.first].text, " to ",
                                   picture.items[band.last].text));
    }
    return texts;
  }

  // The reader looks at the counter, then at the field, then again, all while the writer is inside.
  Timeline look_inside_section() {
    bodies::mm* mm = nullptr;
    return play({[&] { bodies::shrink(mm); }, [&] { bodies::look(mm); }},
                {{0, 6, DirectiveKind::kPreempt, 1},
                 {1, 2, DirectiveKind::kStale, 1},
                 {1, 4, DirectiveKind::kStale, 1}},
                [&] {
                  mm = sim::new_global<bodies::mm>("mm_struct", "mm0");
                  mm->mm_lock_seq.set(4);
                  mm->vm_start.set(0x4000);
                });
  }

  using Texts = std::vector<std::string>;
};

TEST_F(InterleavingTest, LoadsPointToTheStoreTheyReadAndToTheOneTheyMissed) {
  const Timeline timeline = play({[&] { bodies::publish(g); }, [&] { bodies::consume(g); }},
                                 {{1, 4, DirectiveKind::kStale, 1}});
  const Interleaving picture = interleaving_of(timeline, {"publish()", "consume()"});
  EXPECT_EQ(arrows(picture, ArrowKind::kReadsFrom),
            (Texts{"g.y = 1 to g.y -> 1", "g.x = 1 to g.x -> 1"}));
  EXPECT_EQ(arrows(picture, ArrowKind::kMissed), (Texts{"g.x = 2 to g.x -> 1"}));
}

TEST_F(InterleavingTest, ValuesFromBeforeTheConcurrentPartHaveNoStoreToPointTo) {
  const Timeline timeline = play({[&] { bodies::publish(g); }, [&] { bodies::consume(g); }},
                                 {{1, 4, DirectiveKind::kStale, 2}});
  const Interleaving picture = interleaving_of(timeline, {"publish()", "consume()"});
  EXPECT_EQ(arrows(picture, ArrowKind::kReadsFrom), (Texts{"g.y = 1 to g.y -> 1"}));
  EXPECT_EQ(arrows(picture, ArrowKind::kMissed), (Texts{"g.x = 2 to g.x -> 0"}));
  const auto stale = std::find_if(picture.items.begin(), picture.items.end(),
                                  [](const Item& item) { return item.mark == Mark::kStaleLoad; });
  ASSERT_NE(stale, picture.items.end());
  EXPECT_EQ(stale->text, "g.x -> 0");
  EXPECT_TRUE(absl::StartsWith(stale->remark, "<-- STALE by 2")) << stale->remark;
}

TEST_F(InterleavingTest, OneCpuReadingItsOwnStoresHasNoArrows) {
  const Timeline timeline = play({[&] {
                                    bodies::publish(g);
                                    bodies::consume(g);
                                  },
                                  [&] { bodies::publish(g); }},
                                 {});
  EXPECT_TRUE(interleaving_of(timeline, {}, true).arrows.empty());
}

TEST_F(InterleavingTest, SectionsSpeculationAndCounter) {
  const Timeline timeline = look_inside_section();
  const Interleaving picture = interleaving_of(timeline, {"munmap()", "hit()"});
  // The section ends with the execution: nobody gave the lock up.
  EXPECT_EQ(bands(picture, BandKind::kWriteSection),
            (Texts{"CPU0 from mmap_write_lock(mm0) to --> cpu1"}));
  EXPECT_EQ(bands(picture, BandKind::kSpeculation),
            (Texts{"CPU1 from mm0.mm_lock_seq -> 4  (acquire) to mm0.mm_lock_seq -> 4"}));
  EXPECT_TRUE(bands(picture, BandKind::kReadSection).empty());
  ASSERT_EQ(picture.tracks.size(), 1u);
  EXPECT_EQ(picture.tracks[0].name, "mm0.mm_lock_seq");
  EXPECT_EQ(picture.tracks[0].first, "4");
  ASSERT_EQ(picture.tracks[0].changes.size(), 1u);
  EXPECT_EQ(picture.items[picture.tracks[0].changes[0].first].text, "mm0.mm_lock_seq = 5");
  EXPECT_EQ(picture.tracks[0].changes[0].second, "5");
}

TEST_F(InterleavingTest, VerdictPointsBackToWhatItClashesWith) {
  bodies::owner* owner = nullptr;
  sim::KmemCache<bodies::thing> cache("thing", false);
  const Timeline timeline =
      play({[&] { bodies::use_thing(owner); }, [&] { bodies::drop_thing(owner, &cache); }},
           {{0, 3, DirectiveKind::kPreempt, 1}}, [&] {
             cache.reset(false);
             owner = sim::new_global<bodies::owner>("owner", "owner");
             owner->p.set(cache.alloc_nofail());
           });
  ASSERT_EQ(timeline.failure.verdict, "use-after-free");
  const Interleaving picture = interleaving_of(timeline, {"use()", "drop()"});
  const Texts clashes = arrows(picture, ArrowKind::kClash);
  ASSERT_EQ(clashes.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(clashes[0], "free thing#1 to *** use-after-free")) << clashes[0];
}

TEST_F(InterleavingTest, ReadSideSectionsLastToTheEndIfNobodyLeaves) {
  bodies::owner* owner = nullptr;
  sim::KmemCache<bodies::thing> cache("thing", false);
  const Timeline timeline = play({[&] {
                                    kernel::rcu_read_lock();
                                    kernel::rcu_read_unlock();
                                    kernel::rcu_read_lock();
                                    bodies::use_thing(owner);
                                    kernel::rcu_read_unlock();
                                  },
                                  [&] { bodies::drop_thing(owner, &cache); }},
                                 {{0, 6, DirectiveKind::kPreempt, 1}}, [&] {
                                   cache.reset(false);
                                   owner = sim::new_global<bodies::owner>("owner", "owner");
                                   owner->p.set(cache.alloc_nofail());
                                 });
  ASSERT_EQ(timeline.failure.verdict, "use-after-free");
  const Interleaving picture = interleaving_of(timeline, {"use()", "drop()"}, true);
  const Texts readers = bands(picture, BandKind::kReader);
  ASSERT_EQ(readers.size(), 2u);
  EXPECT_EQ(readers[0], "CPU0 from rcu_read_lock() to rcu_read_unlock()");
  EXPECT_TRUE(absl::StartsWith(readers[1], "CPU0 from rcu_read_lock() to *** use-after-free"))
      << readers[1];
}

TEST_F(InterleavingTest, ListingIsTheSameForAnyNumberOfCpus) {
  const Interleaving picture = interleaving_of(look_inside_section(), {"munmap()", "hit()"});
  EXPECT_EQ("\n" + listing(picture, 60), R"(
step | seq | cpu  |
-----+-----+------+-----------------------------------------
     |   4 |      |
     |     | CPU0 | munmap()
     |     |      |  shrink(), scene.c:102
   4 |     |      |   mmap_write_lock(mm0)
   5 |   5 |      |   mm0.mm_lock_seq = 5
   6 |     |      |   smp_wmb()
   7 |     |      |   mm0.vm_start = 0x5000
     |     |      |   --> cpu1
     |     | CPU1 | hit()
     |     |      |  look(), scene.c:112
  10 |     |      |   mm0.mm_lock_seq -> 4 (acquire)
     |     |      |     <-- STALE by 1: reads 4, missed 5
     |     |      |         stored at scene.c:103 (shrink)
  11 |     |      |   mm0.vm_start -> 0x5000
  12 |     |      |   mm0.mm_lock_seq -> 4
     |     |      |     <-- STALE by 1: reads 4, missed 5
     |     |      |         stored at scene.c:103 (shrink)
     |     |      |  *** wrong-uprobe at scene.c:114 (look)
)");
}

}  // namespace
}  // namespace vmafuzz::report
