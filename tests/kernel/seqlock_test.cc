// seqcount_t: a reader believes a pair only if it was one, and each of the four barriers is needed.
#include "kernel/seqlock.h"

#include "explore_fixture.h"
#include "kernel/spinlock.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: reads like the model

struct Globals {
  seqcount_t seq;
  spinlock_t lock;
  Shared<int> x, y;
  template <class V>
  void visit(V&& v) {
    v("seq", seq);
    v("lock", lock);
    v("x", x);
    v("y", y);
  }
};

class Seqcount : public Exhaustive {
 protected:
  void make() override { g = sim::new_global<Globals>("globals", "g"); }

  // x and y are always equal outside of a section.
  void write_pair() {
    spin_lock(g->lock);
    write_seqcount_begin(g->seq);
    const int value = g->x.get() + 1;
    data_race_store(g->x, value);
    data_race_store(g->y, value);
    write_seqcount_end(g->seq);
    spin_unlock(g->lock);
  }
  // r: the pair, or 9 for one that is not believed.
  void report(bool believed, int x, int y) {
    r[0] = believed ? x : 9;
    if (believed) r[1] = y;
  }
  void read_pair() {
    unsigned seq;
    if (!raw_seqcount_try_begin(g->seq, &seq)) return report(false, 0, 0);
    const int x = data_race(g->x), y = data_race(g->y);
    report(!read_seqcount_retry(g->seq, seq), x, y);
  }

  // The same protocol with barriers left out, one at a time.
  struct Without {
    bool begin_wmb = true, end_wmb = true, acquire = true, rmb = true;
  };
  Outcomes outcomes_of(Without w) {
    const auto writer = [=, this] {
      WRITE_ONCE(g->seq.sequence, 1);
      if (w.begin_wmb) smp_wmb();
      data_race_store(g->x, 1);
      data_race_store(g->y, 1);
      if (w.end_wmb) smp_wmb();
      WRITE_ONCE(g->seq.sequence, 2);
    };
    const auto reader = [=, this] {
      const unsigned seq =
          w.acquire ? smp_load_acquire(g->seq.sequence) : READ_ONCE(g->seq.sequence);
      if ((seq & 1) != 0) return report(false, 0, 0);
      const int x = data_race(g->x), y = data_race(g->y);
      if (w.rmb) smp_rmb();
      report(READ_ONCE(g->seq.sequence) == seq, x, y);
    };
    return outcomes({writer, reader});
  }

  Globals* g = nullptr;
};

const Outcomes kWhole{"00", "11", "9"};

TEST_F(Seqcount, ReaderBelievesOnlyWholePairs) {
  EXPECT_EQ(outcomes({[&] { write_pair(); }, [&] { read_pair(); }}), kWhole);
  EXPECT_EQ(outcomes({[&] {
                        write_pair();
                        write_pair();
                      },
                      [&] { read_pair(); }}),
            (Outcomes{"00", "11", "22", "9"}));
  EXPECT_EQ(outcomes({[&] { write_pair(); }, [&] { write_pair(); }, [&] { read_pair(); }}),
            (Outcomes{"00", "11", "22", "9"}));
}

TEST_F(Seqcount, EachBarrierIsNeeded) {
  EXPECT_EQ(outcomes_of({}), kWhole);
  const auto mixes = [](const Outcomes& got) { return got.contains("01") || got.contains("10"); };
  EXPECT_TRUE(mixes(outcomes_of({.begin_wmb = false})));
  EXPECT_TRUE(mixes(outcomes_of({.end_wmb = false})));
  EXPECT_TRUE(mixes(outcomes_of({.acquire = false})));
  EXPECT_TRUE(mixes(outcomes_of({.rmb = false})));
}

TEST_F(Seqcount, WaitingReaderComesThrough) {
  const auto reader = [&] {
    const unsigned seq = read_seqcount_begin(g->seq);
    const int x = data_race(g->x), y = data_race(g->y);
    report(!read_seqcount_retry(g->seq, seq), x, y);
  };
  // An enumeration is not fair: it also has the schedules in which the writer never goes on.
  Outcomes got = outcomes({[&] { write_pair(); }, reader}, {.max_stale = 3});
  EXPECT_EQ(got.erase("livelock"), 1u);
  EXPECT_EQ(got, kWhole);
}

TEST_F(Seqcount, TwoWritersAtOnceAreAVerdict) {
  const auto unlocked = [&] {
    write_seqcount_begin(g->seq);
    write_seqcount_end(g->seq);
  };
  EXPECT_TRUE(outcomes({unlocked, unlocked}).contains("data-race"));
  EXPECT_EQ(outcomes({[&] {
              write_seqcount_begin(g->seq);
              write_seqcount_begin(g->seq);
            }}),
            (Outcomes{"counter-parity"}));
  EXPECT_EQ(outcomes({[&] { write_seqcount_end(g->seq); }}), (Outcomes{"counter-parity"}));
}

TEST_F(Seqcount, CounterWrapsWithoutNotice) {
  EXPECT_EQ(outcomes({[&] {
              g->seq.sequence.set(~1u);
              unsigned seq = 0;
              ASSERT_TRUE(raw_seqcount_try_begin(g->seq, &seq));
              write_pair();
              EXPECT_EQ(g->seq.sequence.peek(), 0u);
              r[0] = read_seqcount_retry(g->seq, seq);
            }}),
            (Outcomes{"1"}));
}

}  // namespace
}  // namespace vmafuzz
