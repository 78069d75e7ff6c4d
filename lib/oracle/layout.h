// The VMA list as a plain interval map: what an address space looks like when nobody is changing
// it. Part of the sequential specification (specification.h); shares no code with lib/mm.
//
// Areas are disjoint, in order, and lie on page boundaries. Two neighbours that could be one area
// may still be two: whether they are is part of the specification.
#ifndef VMAFUZZ_ORACLE_LAYOUT_H_
#define VMAFUZZ_ORACLE_LAYOUT_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "mm/mm_types.h"

namespace vmafuzz::oracle {

// Files and anonymous reverse maps are told apart and never looked into.
using Identity = const void*;
// Something new that the specification cannot name beforehand: the file behind shared anonymous
// memory, the anonymous reverse map of an area that had none. One for each number; the comparison
// with what is found gives it its name.
inline constexpr int kFreshIdentities = 48;
Identity fresh_identity(int number);
// Its number, or -1 for what is known.
int fresh_number(Identity identity);

struct Area {
  unsigned start;  // pages
  unsigned end;    // the first page after it
  unsigned long pgoff;
  unsigned long flags;  // VM_*
  Identity file;
  Identity anon;  // anon_vma; null until something private was written
  unsigned pages() const { return end - start; }
  bool anonymous() const { return file == nullptr; }
  bool operator==(const Area&) const = default;
};

class Layout {
 public:
  static constexpr unsigned kPages = static_cast<unsigned>(kernel::kTaskPages);

  // A list costs what it holds: places behind count() are neither set nor copied.
  Layout() {}
  Layout(const Layout& other) { *this = other; }
  Layout& operator=(const Layout& other) {
    count_ = other.count_;
    std::copy_n(other.areas_.begin(), count_, areas_.begin());
    return *this;
  }

  void clear() { count_ = 0; }
  int count() const { return count_; }
  Area& operator[](int index) { return areas_[static_cast<size_t>(index)]; }
  const Area& operator[](int index) const { return areas_[static_cast<size_t>(index)]; }

  // Index of the area with that page; -1: none.
  int at(unsigned page) const;
  // Index of the first area that ends after the page; count() if there is none.
  int first_after(unsigned page) const;
  bool is_free(unsigned start, unsigned end) const;

  // Cuts the area in two where the page begins. REQUIRES: the page is in it and not its first.
  void cut(int index, unsigned page);
  void erase(int index);
  // REQUIRES: its range is free. Returns its index.
  int insert(const Area& area);
  // As it stands, behind the others: for whoever copies a list that may be in no order.
  void append(const Area& area) { areas_[static_cast<size_t>(count_++)] = area; }
  // The area and its right neighbour become one, which has everything of the left one and what
  // anonymous reverse map either has.
  void join_right(int index);

  bool operator==(const Layout& other) const;
  // "[0-4 file#0+0 0x75) [6-8 anon+6 0x8100073 anon_vma#1)"
  std::string picture() const;

 private:
  std::array<Area, kPages + 1> areas_;
  int count_ = 0;
};

// The model's VMAs as they are now, without being an access.
void read_layout(kernel::mm_struct* mm, Layout* layout);

}  // namespace vmafuzz::oracle

#endif  // VMAFUZZ_ORACLE_LAYOUT_H_
