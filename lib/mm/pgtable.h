// Page tables, as far as a uprobe cares: one word a page, and the lock over them.
//
// An address space is 40 pages (input: 32 that a program may name, and room for the longest range
// that begins in the last one). Who changes entries holds mm->page_table_lock and stores with
// set_pte(); the hardware's walk, which takes no lock, is ptep_get().
#ifndef VMAFUZZ_MM_PGTABLE_H_
#define VMAFUZZ_MM_PGTABLE_H_

#include "kernel/barrier.h"

namespace vmafuzz::kernel {

inline constexpr int PAGE_SHIFT = 12;
inline constexpr unsigned long PAGE_SIZE = 1ul << PAGE_SHIFT;
inline constexpr unsigned long PAGE_MASK = ~(PAGE_SIZE - 1);
inline constexpr unsigned long kTaskPages = 40;
inline constexpr unsigned long TASK_SIZE = kTaskPages << PAGE_SHIFT;
// Where in its page the probed instruction is, in memory as in the file.
inline constexpr unsigned long kProbeOffset = 0x10;

constexpr unsigned long PAGE_ALIGN(unsigned long x) { return (x + PAGE_SIZE - 1) & PAGE_MASK; }
constexpr unsigned long offset_in_page(unsigned long x) { return x & ~PAGE_MASK; }
constexpr unsigned long PHYS_PFN(unsigned long x) { return x >> PAGE_SHIFT; }

// A page table entry's bits.
enum : unsigned long {
  kPtePresent = 1,
  kPteBreakpoint = 2,  // the probed instruction is replaced: then kPteAnon too
  kPteAnon = 4,        // a private copy, no longer the file's page
};

struct pgtable {
  Shared<unsigned long> pte[kTaskPages];
  template <class V>
  void visit(V&& v) {
    static constexpr const char* kNames[] = {
        "0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9",  "10", "11", "12", "13",
        "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27",
        "28", "29", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39"};
    static_assert(sizeof(kNames) / sizeof(*kNames) == kTaskPages);
    for (unsigned long i = 0; i < kTaskPages; ++i) v(kNames[i], pte[i]);
  }
};

inline unsigned long ptep_get(const Shared<unsigned long>& pte, Site site = Site::current()) {
  return READ_ONCE(pte, site);
}
inline void set_pte(Shared<unsigned long>& pte, unsigned long value, Site site = Site::current()) {
  WRITE_ONCE(pte, value, site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_PGTABLE_H_
