// What changes the flags of a range: mprotect(), madvise().
#include <algorithm>

#include "oracle/call.h"

namespace vmafuzz::oracle {

// --- mprotect, madvise
// -------------------------------------------------------------------------------

long Call::change(unsigned start, unsigned end, unsigned long flags) {
  int index = map_.at(start);
  const Area whole = map_[index];
  // As if it were an area of its own: does it go with what is beside it?
  Area changed = whole;
  changed.start = start;
  changed.end = end;
  changed.pgoff += start - whole.start;
  changed.flags = flags;
  const bool special = (flags & kSpecial) != 0;
  const bool left =
      !special && start == whole.start && index > 0 && alike(map_[index - 1], changed);
  bool right =
      !special && end == whole.end && index + 1 < map_.count() && alike(changed, map_[index + 1]);
  if (left && right) right = same_reverse_map(map_[index - 1].anon, map_[index + 1].anon);
  if (!left && !right) return change_apart(index, start, end, flags);
  if (failures_.here()) return kNoMemory;
  if (start > whole.start) map_.cut(index++, start);
  if (end < whole.end) map_.cut(index, end);
  map_[index].flags = flags;
  index = join(index, left, right);
  // What is left of the area below or above has a new border, too.
  if (start > whole.start) arm(index - 1);
  arm(index);
  if (end < whole.end) arm(index + 1);
  return 0;
}

// Not joined with anything. The flags come last.
long Call::change_apart(int index, unsigned start, unsigned end, unsigned long flags) {
  if (start > map_[index].start) {
    if (full()) return kNoMemory;
    if (const long error = cut(index++, start, true)) return error;
  }
  if (end < map_[index].end) {
    if (full()) return kNoMemory;
    if (const long error = cut(index, end, false)) return error;
  }
  map_[index].flags = flags;
  return 0;
}

long Call::mprotect(const Request& r) {
  const unsigned start = to_page(r.addr);
  const unsigned end = to_page(r.addr + round_up(r.len));
  unsigned page = start;
  while (page < end) {
    const int index = map_.at(page);
    if (index < 0) return kNoMemory;  // a hole; what was done stays done
    const Area area = map_[index];
    unsigned long flags = (r.prot & kAccess) | (area.flags & ~kAccess);
    // VM_MAYREAD, VM_MAYWRITE and VM_MAYEXEC are what mprotect() may ask for.
    if ((flags & kAccess & ~(flags >> 4)) != 0) return -EACCES;
    const unsigned to = std::min(area.end, end);
    if (flags != area.flags) {
      constexpr unsigned long kPaid = kernel::VM_ACCOUNT | kernel::VM_WRITE | kernel::VM_HUGETLB |
                                      kernel::VM_SHARED | kernel::VM_NORESERVE;
      if ((flags & kernel::VM_WRITE) != 0) {
        if ((area.flags & kPaid) == 0) {
          if (failures_.here()) return kNoMemory;
          flags |= kernel::VM_ACCOUNT;
        }
      } else if (area.anonymous() && area.anon == nullptr) {
        flags &= ~kernel::VM_ACCOUNT;  // never written: nothing is owed
      }
      if (const long error = change(page, to, flags)) return error;
    }
    page = map_[map_.at(page)].end;
  }
  return 0;
}

// The flags that the advice stands for, or -EINVAL.
static long advised(int advice, const Area& area, unsigned long* flags) {
  const auto set = [&](unsigned long on, unsigned long off) {
    *flags = (*flags & ~off) | on;
    return 0L;
  };
  const bool special = (area.flags & kSpecial) != 0;
  switch (advice) {
    case kernel::MADV_NORMAL:
      return set(0, kernel::VM_SEQ_READ | kernel::VM_RAND_READ);
    case kernel::MADV_RANDOM:
      return set(kernel::VM_RAND_READ, kernel::VM_SEQ_READ);
    case kernel::MADV_SEQUENTIAL:
      return set(kernel::VM_SEQ_READ, kernel::VM_RAND_READ);
    case kernel::MADV_DONTFORK:
      return set(kernel::VM_DONTCOPY, 0);
    case kernel::MADV_DOFORK:
      return special ? -EINVAL : set(0, kernel::VM_DONTCOPY);
    case kernel::MADV_DONTDUMP:
      return set(kernel::VM_DONTDUMP, 0);
    case kernel::MADV_DODUMP:
      return special ? -EINVAL : set(0, kernel::VM_DONTDUMP);
    case kernel::MADV_WIPEONFORK:  // private anonymous memory only
      if (!area.anonymous() || (area.flags & kernel::VM_SHARED) != 0) return -EINVAL;
      return set(kernel::VM_WIPEONFORK, 0);
    case kernel::MADV_KEEPONFORK:
      return set(0, kernel::VM_WIPEONFORK);
    case kernel::MADV_MERGEABLE: {  // shared memory is passed over without a word
      const bool never = special || (area.flags & (kShared | kernel::VM_HUGETLB)) != 0;
      return never ? 0 : set(kernel::VM_MERGEABLE, 0);
    }
    case kernel::MADV_UNMERGEABLE:
      return set(0, kernel::VM_MERGEABLE);
    case kernel::MADV_HUGEPAGE:
      return set(kernel::VM_HUGEPAGE, kernel::VM_NOHUGEPAGE);
    case kernel::MADV_NOHUGEPAGE:
      return set(kernel::VM_NOHUGEPAGE, kernel::VM_HUGEPAGE);
    default:
      return -EINVAL;
  }
}

long Call::advise(const Request& r, unsigned start, unsigned end) {
  const Area area = map_[map_.at(start)];
  unsigned long flags = area.flags;
  if (const long error = advised(r.advice, area, &flags)) return error;
  if (flags == area.flags) return 0;
  const long error = change(start, end, flags);
  return error == kNoMemory ? -EAGAIN : error;
}

// Holes are passed over and told of in the end.
long Call::madvise(const Request& r) {
  const unsigned end = to_page(r.addr + round_up(r.len));
  unsigned page = to_page(r.addr);
  long result = 0;
  while (page < end) {
    const int index = map_.first_after(page);
    if (index == map_.count()) return kNoMemory;
    if (map_[index].start > page) {
      result = kNoMemory;
      page = map_[index].start;
      if (page >= end) break;
    }
    if (const long error = advise(r, page, std::min(map_[index].end, end))) return error;
    page = map_[map_.at(page)].end;
  }
  return result;
}

}  // namespace vmafuzz::oracle
