// An address space as a table of pages: what the memory system calls mean, without VMAs.
// Independent of lib/mm but for the numbers of flags and errors.
#ifndef VMAFUZZ_TESTS_MM_FLAT_MAP_H_
#define VMAFUZZ_TESTS_MM_FLAT_MAP_H_

#include <array>
#include <cstdint>

#include "mm/mm_types.h"
#include "mm/mman.h"

namespace vmafuzz::kernel {

struct FlatPage {
  bool mapped = false;
  int file = -1;            // slot; -1 anonymous
  unsigned long pgoff = 0;  // in the file
  unsigned long prot = 0;
  bool shared = false;
  unsigned long advice = 0;  // VM_* flags that madvise sets
  bool operator==(const FlatPage&) const = default;
};

class FlatMap {
 public:
  static constexpr unsigned long kPages = kTaskPages;
  std::array<FlatPage, kPages> pages;
  unsigned long brk = 24;  // page

  // Results in pages; errors as the system calls return them.
  long mmap(unsigned long at, unsigned long count, unsigned long prot, unsigned long flags,
            int slot, unsigned long pgoff);
  long munmap(unsigned long at, unsigned long count);
  long mprotect(unsigned long at, unsigned long count, unsigned long prot);
  // end: of the VMA that `at` is in, which pages alone do not tell; 0: in none.
  long mremap(unsigned long at, unsigned long count, unsigned long new_count, unsigned long flags,
              unsigned long to, unsigned long end);
  long set_brk(unsigned long to);
  long madvise(unsigned long at, unsigned long count, unsigned long set, unsigned long clear);

 private:
  bool all_free(unsigned long at, unsigned long count) const;
  bool any_mapped(unsigned long at, unsigned long count) const { return !all_free(at, count); }
  long lowest_gap(unsigned long count) const;
  long move(unsigned long at, unsigned long count, unsigned long new_count, unsigned long to,
            bool keep);
};

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_TESTS_MM_FLAT_MAP_H_
