// mmap_lock and mm_lock_seq (include/linux/mmap_lock.h), in every form that rules.counter names.
//
//   at_unlock  6.4 .. 6.12: counts finished write sections
//   both       Suren Baghdasaryan's RFC of 7 August 2024 up to v3: odd while write-locked
//   seqcount   merged in 6.14: the same by seqcount_t
//
// The counter has rules.counter_bits bits and wraps. Order is always: lock, odd ... even, unlock; a
// downgraded section is even, and lookups may speculate during it.
#ifndef VMAFUZZ_MM_MMAP_LOCK_H_
#define VMAFUZZ_MM_MMAP_LOCK_H_

#include "kernel/bugs.h"
#include "mm/mm_types.h"
#include "mm/observer.h"

namespace vmafuzz::kernel {

inline void mmap_assert_locked(const mm_struct* mm, Site site = Site::current()) {
  rwsem_assert_held(mm->mmap_lock, site);
}
inline void mmap_assert_write_locked(const mm_struct* mm, Site site = Site::current()) {
  rwsem_assert_held_write(mm->mmap_lock, site);
}

// --- the counter
// -------------------------------------------------------------------------------------

constexpr unsigned long mm_lock_seq_mask(uint8_t bits) {
  return bits >= 64 ? ~0ul : (1ul << bits) - 1;
}
// Parity means something: the counter is odd while the lock is held for writing.
inline bool mm_lock_seq_has_parity() {
  return rules.counter == counter_kind::both || rules.counter == counter_kind::seqcount;
}

inline void expect_mm_lock_parity(const mm_struct* mm, unsigned long parity, Site site) {
  if ((mm->mm_lock_seq.peek() & 1) == parity) return;
  platform::machine.fail("counter-parity",
                         parity == 0 ? "mm_lock_seq is odd where mmap_lock was just taken"
                                     : "mm_lock_seq is even at the end of a write section",
                         site);
}

inline void mm_lock_seqcount_begin(mm_struct* mm, Site site = Site::current()) {
  if (!mm_lock_seq_has_parity()) return;
  expect_mm_lock_parity(mm, 0, site);
  const unsigned long next = (mm->mm_lock_seq.get(site) + 1) & mm_lock_seq_mask(rules.counter_bits);
  switch (rules.begin_order) {
    case write_begin_order::store_release:
      return smp_store_release(mm->mm_lock_seq, next, site);
    case write_begin_order::store_wmb:
      WRITE_ONCE(mm->mm_lock_seq, next, site);
      return smp_wmb(site);
    case write_begin_order::relaxed:
      return WRITE_ONCE(mm->mm_lock_seq, next, site);
  }
}

inline void mm_lock_seqcount_end(mm_struct* mm, Site site = Site::current()) {
  if (rules.counter == counter_kind::none) return;
  if (mm_lock_seq_has_parity()) expect_mm_lock_parity(mm, 1, site);
  const unsigned long next = (mm->mm_lock_seq.get(site) + 1) & mm_lock_seq_mask(rules.counter_bits);
  switch (rules.end_order) {
    case write_end_order::store_release:
      return smp_store_release(mm->mm_lock_seq, next, site);
    case write_end_order::wmb_store:
      smp_wmb(site);
      return WRITE_ONCE(mm->mm_lock_seq, next, site);
    case write_end_order::relaxed:
      return WRITE_ONCE(mm->mm_lock_seq, next, site);
  }
}

// The reader's first look at the counter, and its last, in the order that rules give them. What the
// values mean is the protocol's business.
inline unsigned long mm_lock_seq_read_begin(const mm_struct* mm, Site site = Site::current()) {
  if (bug(Bug::seq_read_plainly)) return mm->mm_lock_seq.get(site);
  return rules.reader_begin == read_begin_order::load_acquire
             ? smp_load_acquire(mm->mm_lock_seq, site)
             : READ_ONCE(mm->mm_lock_seq, site);
}
inline unsigned long mm_lock_seq_read_end(const mm_struct* mm, Site site = Site::current()) {
  switch (rules.reader_end) {
    case read_end_order::load_acquire:
      return smp_load_acquire(mm->mm_lock_seq, site);
    case read_end_order::rmb_load:
      smp_rmb(site);
      break;
    case read_end_order::relaxed:
      break;
  }
  return READ_ONCE(mm->mm_lock_seq, site);
}

// Does not wait for the writer: it may sleep for long. Always false without a counter that has
// parity.
inline bool mmap_lock_speculate_try_begin(const mm_struct* mm, unsigned long* seq,
                                          Site site = Site::current()) {
  if (!mm_lock_seq_has_parity()) return false;
  *seq = mm_lock_seq_read_begin(mm, site);
  if (bug(Bug::no_odd_test)) return true;
  return (*seq & 1) == 0;
}
// True: what was read since is not to be believed.
inline bool mmap_lock_speculate_retry(const mm_struct* mm, unsigned long seq,
                                      Site site = Site::current()) {
  return mm_lock_seq_read_end(mm, site) != seq;
}

// --- the lock
// ----------------------------------------------------------------------------------------

inline void mmap_write_lock(mm_struct* mm, Site site = Site::current()) {
  down_write(mm->mmap_lock, site);
  mm_lock_seqcount_begin(mm, site);
  if (observer != nullptr) observer->write_section_begins(mm);
}
inline void mmap_write_lock_nested(mm_struct* mm, int subclass, Site site = Site::current()) {
  down_write_nested(mm->mmap_lock, subclass, site);
  mm_lock_seqcount_begin(mm, site);
  if (observer != nullptr) observer->write_section_begins(mm);
}
// 0 or -EINTR. A lock that was not taken leaves the counter alone.
inline int mmap_write_lock_killable(mm_struct* mm, Site site = Site::current()) {
  const int ret = down_write_killable(mm->mmap_lock, site);
  if (ret != 0) {
    if (bug(Bug::killable_failure_counts)) mm_lock_seqcount_begin(mm, site);
    return ret;
  }
  mm_lock_seqcount_begin(mm, site);
  if (observer != nullptr) observer->write_section_begins(mm);
  return 0;
}

// Gives up all VMA write locks at once. Nobody but the two functions below may call it.
inline void vma_end_write_all(mm_struct* mm, Site site = Site::current()) {
  mmap_assert_write_locked(mm, site);
  mm_lock_seqcount_end(mm, site);
}
inline void mmap_write_unlock(mm_struct* mm, Site site = Site::current()) {
  if (observer != nullptr) observer->write_section_ends(mm);
  vma_end_write_all(mm, site);
  up_write(mm->mmap_lock, site);
}
inline void mmap_write_downgrade(mm_struct* mm, Site site = Site::current()) {
  if (observer != nullptr) observer->write_section_ends(mm);
  if (!bug(Bug::downgrade_keeps_section)) vma_end_write_all(mm, site);
  downgrade_write(mm->mmap_lock, site);
}

inline void mmap_read_lock(mm_struct* mm, Site site = Site::current()) {
  down_read(mm->mmap_lock, site);
}
inline int mmap_read_lock_killable(mm_struct* mm, Site site = Site::current()) {
  return down_read_killable(mm->mmap_lock, site);
}
inline bool mmap_read_trylock(mm_struct* mm, Site site = Site::current()) {
  return down_read_trylock(mm->mmap_lock, site);
}
inline void mmap_read_unlock(mm_struct* mm, Site site = Site::current()) {
  up_read(mm->mmap_lock, site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_MMAP_LOCK_H_
