#include "flat_map.h"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace vmafuzz::kernel {

bool FlatMap::all_free(unsigned long at, unsigned long count) const {
  for (unsigned long p = at; p < at + count && p < kPages; ++p) {
    if (pages[p].mapped) return false;
  }
  return true;
}

long FlatMap::lowest_gap(unsigned long count) const {
  for (unsigned long at = 0; at + count <= kPages; ++at) {
    if (all_free(at, count)) return static_cast<long>(at);
  }
  return -ENOMEM;
}

long FlatMap::mmap(unsigned long at, unsigned long count, unsigned long prot, unsigned long flags,
                   int slot, unsigned long pgoff) {
  const bool fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
  const bool shared = (flags & MAP_SHARED) != 0;
  if (fixed && at + count > kPages) return -ENOMEM;
  if (!fixed && (at + count > kPages || any_mapped(at, count))) {
    const long gap = lowest_gap(count);
    if (gap < 0) return gap;
    at = static_cast<unsigned long>(gap);
  }
  if ((flags & MAP_FIXED_NOREPLACE) != 0 && any_mapped(at, count)) return -EEXIST;
  if (slot >= 0 && slot % 2 == 1 && shared && (prot & PROT_WRITE) != 0) return -EACCES;
  for (unsigned long i = 0; i < count; ++i) {
    pages[at + i] = {true, slot, slot < 0 ? 0 : pgoff + i, prot, shared, 0};
  }
  return static_cast<long>(at);
}

long FlatMap::munmap(unsigned long at, unsigned long count) {
  if (at + count > kPages) return -EINVAL;
  std::fill_n(pages.begin() + static_cast<long>(at), count, FlatPage());
  return 0;
}

long FlatMap::mprotect(unsigned long at, unsigned long count, unsigned long prot) {
  for (unsigned long p = at; p < at + count; ++p) {
    if (p >= kPages || !pages[p].mapped) return -ENOMEM;
    const bool read_only = pages[p].shared && pages[p].file % 2 == 1;
    if (read_only && (prot & PROT_WRITE) != 0) return -EACCES;
    pages[p].prot = prot;
  }
  return 0;
}

long FlatMap::move(unsigned long at, unsigned long count, unsigned long new_count, unsigned long to,
                   bool keep) {
  std::vector<FlatPage> source(pages.begin() + static_cast<long>(at),
                               pages.begin() + static_cast<long>(at + count));
  if (!keep) munmap(at, count);
  for (unsigned long i = 0; i < new_count; ++i) {
    FlatPage page = source[std::min(i, count - 1)];
    if (i >= count && page.file >= 0) page.pgoff += i - (count - 1);
    pages[to + i] = page;
  }
  return static_cast<long>(to);
}

long FlatMap::mremap(unsigned long at, unsigned long count, unsigned long new_count,
                     unsigned long flags, unsigned long to, unsigned long end) {
  const bool fixed = (flags & MREMAP_FIXED) != 0;
  const bool keep = (flags & MREMAP_DONTUNMAP) != 0;
  if (fixed || keep) {
    if (to + new_count > kPages) return -EINVAL;
    if ((flags & MREMAP_MAYMOVE) == 0 || (keep && count != new_count)) return -EINVAL;
    if (at + count > to && to + new_count > at) return -EINVAL;
  }
  if (end == 0) return -EFAULT;
  const bool shrinks = new_count < count;
  if (!fixed && !keep) {
    if (new_count == count) return static_cast<long>(at);
    if (shrinks) {
      const long err = munmap(at + new_count, count - new_count);
      return err != 0 ? err : static_cast<long>(at);
    }
  }
  if (at + (shrinks ? new_count : count) > end) return -EFAULT;
  if (fixed) munmap(to, new_count);
  if (fixed && shrinks) {
    const long err = munmap(at + new_count, count - new_count);
    if (err != 0) return err;
    count = new_count;
  }
  if (fixed) return move(at, count, new_count, to, keep);
  if (keep) {
    long gap = static_cast<long>(to);
    if (any_mapped(to, new_count)) gap = lowest_gap(new_count);
    return gap < 0 ? gap : move(at, count, new_count, static_cast<unsigned long>(gap), true);
  }
  const bool in_place =
      at + count == end && at + new_count <= kPages && all_free(end, new_count - count);
  if (in_place) {
    std::vector<FlatPage> grown;
    for (unsigned long i = count; i < new_count; ++i) {
      FlatPage page = pages[at + i - 1];
      if (page.file >= 0) ++page.pgoff;
      pages[at + i] = page;
    }
    return static_cast<long>(at);
  }
  if ((flags & MREMAP_MAYMOVE) == 0) return -ENOMEM;
  const long gap = lowest_gap(new_count);
  return gap < 0 ? gap : move(at, count, new_count, static_cast<unsigned long>(gap), false);
}

long FlatMap::set_brk(unsigned long to) {
  if (to < 24) return static_cast<long>(brk);
  if (to < brk) {
    // Refused if nothing is left to unmap.
    if (all_free(to, brk - to)) return static_cast<long>(brk);
    munmap(to, brk - to);
  } else if (to > brk) {
    // One page is left free behind it.
    if (to > kPages || any_mapped(brk, to + 1 - brk)) return static_cast<long>(brk);
    for (unsigned long p = brk; p < to; ++p) {
      pages[p] = {true, -1, 0, PROT_READ | PROT_WRITE, false, 0};
    }
  }
  brk = to;
  return static_cast<long>(brk);
}

long FlatMap::madvise(unsigned long at, unsigned long count, unsigned long set,
                      unsigned long clear) {
  long result = 0;
  for (unsigned long p = at; p < at + count; ++p) {
    if (p >= kPages || !pages[p].mapped) {
      result = -ENOMEM;
    } else {
      pages[p].advice = (pages[p].advice & ~clear) | set;
    }
  }
  return result;
}

}  // namespace vmafuzz::kernel
