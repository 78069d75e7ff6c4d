// seqcount_t (include/linux/seqlock.h): readers that are never in a writer's way find out at the
// end whether one was in theirs. Odd: a writer is inside. Writers exclude each other by a lock of
// theirs; two at once are a data-race or counter-parity verdict.
#ifndef VMAFUZZ_KERNEL_SEQLOCK_H_
#define VMAFUZZ_KERNEL_SEQLOCK_H_

#include "kernel/barrier.h"

namespace vmafuzz::kernel {

struct seqcount_t {
  Shared<unsigned> sequence;
  template <class V>
  void visit(V&& v) {
    v("sequence", sequence);
  }
};

// --- readers
// -----------------------------------------------------------------------------------------

// The acquire pairs with smp_wmb() in do_raw_write_seqcount_end().
inline unsigned raw_read_seqcount(const seqcount_t& s, Site site = Site::current()) {
  return smp_load_acquire(s.sequence, site);
}
inline unsigned raw_read_seqcount_begin(const seqcount_t& s, Site site = Site::current()) {
  unsigned seq;
  while (((seq = raw_read_seqcount(s, site)) & 1) != 0) cpu_relax(site);
  return seq;
}
inline unsigned read_seqcount_begin(const seqcount_t& s, Site site = Site::current()) {
  return raw_read_seqcount_begin(s, site);
}
// Does not wait: false while a writer is inside.
inline bool raw_seqcount_try_begin(const seqcount_t& s, unsigned* start,
                                   Site site = Site::current()) {
  *start = raw_read_seqcount(s, site);
  return (*start & 1) == 0;
}
// True: what was read since `start` is not to be believed. smp_rmb() pairs with smp_wmb() in
// do_raw_write_seqcount_begin(): whoever read a store of the section sees the odd number here.
inline bool read_seqcount_retry(const seqcount_t& s, unsigned start, Site site = Site::current()) {
  smp_rmb(site);
  return READ_ONCE(s.sequence, site) != start;
}

// --- writers
// -----------------------------------------------------------------------------------------

inline void expect_parity(unsigned sequence, unsigned parity, Site site) {
  if ((sequence & 1) == parity) return;
  platform::machine.fail("counter-parity",
                         parity == 0 ? "a write section begins inside of another"
                                     : "a write section ends that never began",
                         site);
}
// The kernel's increment is plain inside of kcsan_nestable_atomic_begin(): its load is checked
// against other writers, its store is not against readers.
inline void do_raw_write_seqcount_begin(seqcount_t& s, Site site = Site::current()) {
  const unsigned sequence = s.sequence.get(site);
  expect_parity(sequence, 0, site);
  WRITE_ONCE(s.sequence, sequence + 1, site);
  smp_wmb(site);
}
inline void do_raw_write_seqcount_end(seqcount_t& s, Site site = Site::current()) {
  smp_wmb(site);
  const unsigned sequence = s.sequence.get(site);
  expect_parity(sequence, 1, site);
  WRITE_ONCE(s.sequence, sequence + 1, site);
}
inline void write_seqcount_begin(seqcount_t& s, Site site = Site::current()) {
  do_raw_write_seqcount_begin(s, site);
}
inline void write_seqcount_end(seqcount_t& s, Site site = Site::current()) {
  do_raw_write_seqcount_end(s, site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_SEQLOCK_H_
