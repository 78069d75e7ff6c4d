#include "oracle/specification.h"

#include <algorithm>

#include "mm/errno.h"
#include "mm/mm.h"
#include "mm/mman.h"

namespace vmafuzz::oracle {

using kernel::PAGE_SHIFT;
using kernel::PAGE_SIZE;
using kernel::Request;
using kernel::TASK_SIZE;

// --- choices
// -----------------------------------------------------------------------------------------

bool Failures::here() {
  if (used_ == kSteps) return false;
  const int step = used_++;
  if (step >= known_) fails_[static_cast<size_t>(step)] = false;
  return fails_[static_cast<size_t>(step)];
}

bool Failures::next() {
  // The last step that did not fail and may, given those before it.
  for (int step = used_ - 1; step >= 0; --step) {
    const auto at = fails_.begin() + step;
    if (*at || std::count(fails_.begin(), at, true) >= budget_) continue;
    *at = true;
    known_ = step + 1;
    used_ = 0;
    return true;
  }
  return false;
}

namespace {

constexpr long kNoMemory = -ENOMEM;
constexpr unsigned kGuardGap = static_cast<unsigned>(kernel::stack_guard_gap >> PAGE_SHIFT);
constexpr unsigned long kAccess = kernel::VM_READ | kernel::VM_WRITE | kernel::VM_EXEC;
constexpr unsigned long kMay = kernel::VM_MAYREAD | kernel::VM_MAYWRITE | kernel::VM_MAYEXEC;
constexpr unsigned long kShared = kernel::VM_SHARED | kernel::VM_MAYSHARE;
// Does not keep two areas apart; what is joined has it if any part had it.
constexpr unsigned long kSticky = kernel::VM_SOFTDIRTY | kernel::VM_MAYBE_GUARD;
// Never joined.
constexpr unsigned long kSpecial =
    kernel::VM_IO | kernel::VM_DONTEXPAND | kernel::VM_PFNMAP | kernel::VM_MIXEDMAP;

bool aligned(unsigned long address) { return address % PAGE_SIZE == 0; }
unsigned long round_up(unsigned long bytes) { return (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1); }
unsigned to_page(unsigned long address) { return static_cast<unsigned>(address >> PAGE_SHIFT); }
long to_address(unsigned page) { return static_cast<long>(page) << PAGE_SHIFT; }

bool same_reverse_map(Identity a, Identity b) { return a == nullptr || b == nullptr || a == b; }

// One call on one address space. Members that return long return 0 or an error.
class Call {
 public:
  Call(Space* space, Failures* failures)
      : space_(*space), map_(space->layout), failures_(*failures) {}

  long mmap(const Request& r);
  long munmap(unsigned long address, unsigned long length);
  long mprotect(const Request& r);
  long madvise(const Request& r);
  long brk(unsigned long to);
  long mremap(const Request& r);
  long grow_stack(unsigned page);
  long set_up_stack();

 private:
  bool full() const { return map_.count() >= kernel::sysctl_max_map_count; }
  long cut(int index, unsigned page);
  // Cuts out [start, end) and leaves it in the list, to be removed by erase_range().
  long cut_out(unsigned start, unsigned end);
  void erase_range(unsigned start, unsigned end);
  long remove(unsigned start, unsigned end);

  static bool alike(const Area& left, const Area& right);
  bool joins_left(int index) const;
  bool joins_right(int index, bool joined_left) const;
  int join(int index, bool left, bool right);
  // A new area, joined with its neighbours where it can be. Index, or -ENOMEM.
  long place(const Area& area);

  // [start, end) of the area gets these flags, with neighbours joined or new borders cut.
  long change(unsigned start, unsigned end, unsigned long flags);
  long advise(const Request& r, unsigned start, unsigned end);

  unsigned lowest_wanted(int index) const;
  long free_range(unsigned long hint, unsigned long length, bool fixed) const;

  struct Move {
    unsigned from;
    unsigned old_pages;
    unsigned new_pages;
    unsigned long to;  // address; a wish unless fixed
    bool fixed;
    bool keep;  // MREMAP_DONTUNMAP
  };
  long check_remap(const Move& m, bool to_new_place) const;
  long grow_in_place(int index, unsigned pages);
  long move_to(Move m);
  long move(const Move& m, unsigned to);
  long copy(const Area& source, unsigned from, unsigned to, unsigned pages);
  void unmap_moved(unsigned page, unsigned start, unsigned end, bool keep_account);
  long move_all(const Request& r);

  Space& space_;
  Layout& map_;
  Failures& failures_;
};

// --- cutting
// -----------------------------------------------------------------------------------------

long Call::cut(int index, unsigned page) {
  if (failures_.here()) return kNoMemory;
  map_.cut(index, page);
  return 0;
}

long Call::cut_out(unsigned start, unsigned end) {
  int index = map_.first_after(start);
  if (index == map_.count() || map_[index].start >= end) return 0;
  if (map_[index].start < start) {
    // One area more than allowed is tolerated for a moment, two are not.
    if (map_[index].end > end && full()) return kNoMemory;
    if (const long error = cut(index, start)) return error;
    ++index;
  }
  for (; index < map_.count() && map_[index].start < end; ++index) {
    if (map_[index].end > end) {
      if (const long error = cut(index, end)) return error;
    }
    if (failures_.here()) return kNoMemory;  // its place among those that will go
  }
  return 0;
}

void Call::erase_range(unsigned start, unsigned end) {
  const int index = map_.first_after(start);
  while (index < map_.count() && map_[index].start < end) map_.erase(index);
}

long Call::remove(unsigned start, unsigned end) {
  if (map_.is_free(start, end)) return 0;
  if (const long error = cut_out(start, end)) return error;
  if (failures_.here()) return kNoMemory;
  erase_range(start, end);
  return 0;
}

// --- joining
// -----------------------------------------------------------------------------------------

// They lie side by side in memory and in the file, and nothing tells them apart.
bool Call::alike(const Area& left, const Area& right) {
  return left.end == right.start && ((left.flags ^ right.flags) & ~kSticky) == 0 &&
         left.file == right.file && same_reverse_map(left.anon, right.anon) &&
         left.pgoff + left.pages() == right.pgoff;
}

bool Call::joins_left(int index) const {
  return index > 0 && (map_[index].flags & kSpecial) == 0 && alike(map_[index - 1], map_[index]);
}

// Both neighbours may go with an area in the middle and still not with each other. Then the left
// one does.
bool Call::joins_right(int index, bool joined_left) const {
  if (index + 1 >= map_.count() || (map_[index].flags & kSpecial) != 0) return false;
  if (!alike(map_[index], map_[index + 1])) return false;
  return !joined_left || same_reverse_map(map_[index - 1].anon, map_[index + 1].anon);
}

// Returns where the area is then.
int Call::join(int index, bool left, bool right) {
  unsigned long sticky = map_[index].flags & kSticky;
  if (right) {
    sticky |= map_[index + 1].flags & kSticky;
    map_.join_right(index);
  }
  if (left) {
    sticky |= map_[index - 1].flags & kSticky;
    map_.join_right(--index);
  }
  map_[index].flags |= sticky;
  return index;
}

long Call::place(const Area& area) {
  const int index = map_.insert(area);
  const bool left = joins_left(index);
  const bool right = joins_right(index, left);
  // Without memory for that, an area of its own is tried.
  if ((left || right) && !failures_.here()) return join(index, left, right);
  if (!failures_.here()) return index;
  map_.erase(index);
  return kNoMemory;
}

// --- mmap
// ------------------------------------------------------------------------------------------

// Below a growing stack a gap stays free.
unsigned Call::lowest_wanted(int index) const {
  const Area& area = map_[index];
  if ((area.flags & kernel::VM_GROWSDOWN) == 0) return area.start;
  return area.start > kGuardGap ? area.start - kGuardGap : 0;
}

// Where a mapping goes: as asked, or the lowest gap that it fits into. An address or an error.
long Call::free_range(unsigned long hint, unsigned long length, bool fixed) const {
  if (length > TASK_SIZE) return kNoMemory;
  if (fixed) {
    if (hint > TASK_SIZE - length) return kNoMemory;
    return aligned(hint) ? static_cast<long>(hint) : -EINVAL;
  }
  const unsigned pages = to_page(length);
  const auto fits = [&](unsigned start) {
    if (start + pages > Layout::kPages || map_.at(start) >= 0) return false;
    const int next = map_.first_after(start);
    return next == map_.count() || start + pages <= lowest_wanted(next);
  };
  const unsigned long wished = round_up(hint);
  if (wished <= TASK_SIZE - length && fits(to_page(wished))) return static_cast<long>(wished);
  for (unsigned start = 0; start + pages <= Layout::kPages; ++start) {
    const bool begins_gap = start == 0 || (map_.at(start - 1) >= 0 && map_.at(start) < 0);
    if (begins_gap && fits(start)) return to_address(start);
  }
  return kNoMemory;
}

// What the mapping may do, or an error.
long flags_of(const Request& r, unsigned long* flags) {
  *flags = (r.prot & kAccess) | kMay;
  if ((r.flags & kernel::MAP_GROWSDOWN) != 0) *flags |= kernel::VM_GROWSDOWN;
  if ((r.flags & kernel::MAP_NORESERVE) != 0) *flags |= kernel::VM_NORESERVE;
  const bool shared = (r.flags & kernel::MAP_TYPE) == kernel::MAP_SHARED;
  if (r.file != nullptr) {
    if (shared && (r.prot & kernel::PROT_WRITE) != 0 && !r.writable) return -EACCES;
    if (!r.readable) return -EACCES;
  }
  const bool grows = (r.flags & kernel::MAP_GROWSDOWN) != 0;
  if (grows && (shared || r.file != nullptr)) return -EINVAL;
  if (!shared) return 0;
  *flags |= kShared;
  // A file that is not open for writing is mapped like private memory that is never written;
  // that it was meant to be shared stays known.
  if (r.file != nullptr && !r.writable) *flags &= ~(kernel::VM_MAYWRITE | kernel::VM_SHARED);
  return 0;
}

long Call::mmap(const Request& r) {
  const unsigned long type = r.flags & kernel::MAP_TYPE;
  if (r.len == 0) return -EINVAL;
  if (type != kernel::MAP_SHARED && type != kernel::MAP_PRIVATE) return -EINVAL;
  const unsigned long length = round_up(r.len);
  if (length == 0) return kNoMemory;
  if (r.pgoff + (length >> PAGE_SHIFT) < r.pgoff) return -EOVERFLOW;
  if (map_.count() > kernel::sysctl_max_map_count) return kNoMemory;
  const bool no_replace = (r.flags & kernel::MAP_FIXED_NOREPLACE) != 0;
  const bool fixed = no_replace || (r.flags & kernel::MAP_FIXED) != 0;
  const long address = free_range(r.addr, length, fixed);
  if (address < 0) return address;
  const unsigned start = to_page(static_cast<unsigned long>(address));
  const unsigned end = start + to_page(length);
  if (no_replace && !map_.is_free(start, end)) return -EEXIST;

  Area area{start, end, r.pgoff, 0, r.file, nullptr};
  if (const long error = flags_of(r, &area.flags)) return error;
  if (r.file == nullptr) area.pgoff = type == kernel::MAP_SHARED ? 0 : start;

  if (const long error = cut_out(start, end)) return error;
  constexpr unsigned long kAccounting = kernel::VM_NORESERVE | kernel::VM_SHARED | kernel::VM_WRITE;
  if ((area.flags & kAccounting) == kernel::VM_WRITE) {
    if (failures_.here()) return kNoMemory;
    area.flags |= kernel::VM_ACCOUNT;
  }
  // What was there is gone from here on, whatever happens.
  erase_range(start, end);
  // Shared anonymous memory is a file of its own.
  if (r.file == nullptr && type == kernel::MAP_SHARED) area.file = fresh_identity();
  const long index = place(area);
  if (index < 0) return index;
  map_[static_cast<int>(index)].flags |= kernel::VM_SOFTDIRTY;
  return address;
}

long Call::munmap(unsigned long address, unsigned long length) {
  if (!aligned(address) || address > TASK_SIZE || length > TASK_SIZE - address) {
    return -EINVAL;
  }
  if (length == 0) return -EINVAL;
  return remove(to_page(address), to_page(address + round_up(length)));
}

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
  const bool joins = left || right;
  if (joins && failures_.here()) return kNoMemory;
  if (start > whole.start) {
    if (!joins && full()) return kNoMemory;
    if (!joins && failures_.here()) return kNoMemory;
    map_.cut(index++, start);
  }
  if (end < whole.end) {
    if (!joins && full()) return kNoMemory;
    if (!joins && failures_.here()) return kNoMemory;
    map_.cut(index, end);
  }
  map_[index].flags = flags;
  join(index, left, right);
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
long advised(int advice, const Area& area, unsigned long* flags) {
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

// --- brk, stacks
// -------------------------------------------------------------------------------------

// The new end, or the old one if nothing was done.
long Call::brk(unsigned long to) {
  const long old = static_cast<long>(space_.brk);
  const unsigned was = to_page(round_up(space_.brk));
  const unsigned wanted = to_page(round_up(to));
  if (to < kernel::kStartBrkPage << PAGE_SHIFT) return old;
  if (wanted < was) {
    if (map_.is_free(wanted, was) || remove(wanted, was) != 0) return old;
  } else if (wanted > was) {
    // A page stays free behind it, and the gap below a stack.
    if (wanted > Layout::kPages) return old;
    const int next = map_.first_after(was);
    if (next < map_.count() && map_[next].start < wanted + 1 + kGuardGap &&
        wanted + 1 > lowest_wanted(next)) {
      return old;
    }
    if (map_.count() > kernel::sysctl_max_map_count || failures_.here()) return old;
    const unsigned long flags = kernel::VM_READ | kernel::VM_WRITE | kMay | kernel::VM_ACCOUNT;
    int index = map_.insert({was, wanted, was, flags, nullptr, nullptr});
    // Only what is before it grows: there is nothing to be joined with behind it.
    const bool grows = was > kernel::kStartBrkPage && joins_left(index);
    if (failures_.here()) {
      map_.erase(index);
      return old;
    }
    if (grows) index = join(index, true, false);
    map_[index].flags |= kernel::VM_SOFTDIRTY;
  }
  space_.brk = to;
  return static_cast<long>(to);
}

long Call::grow_stack(unsigned page) {
  const int index = map_.first_after(page);
  if (index == map_.count() || map_[index].start <= page) return 0;
  Area& stack = map_[index];
  if ((stack.flags & kernel::VM_GROWSDOWN) == 0) return 0;
  if (index > 0) {
    const Area& below = map_[index - 1];
    const bool other = (below.flags & kAccess) != 0 && (below.flags & kernel::VM_GROWSDOWN) == 0;
    if (other && page - below.end < kGuardGap) return kNoMemory;
  }
  if (failures_.here() || stack.start - page > stack.pgoff) return kNoMemory;
  stack.pgoff -= stack.start - page;
  stack.start = page;
  return 0;
}

long Call::set_up_stack() {
  constexpr unsigned kTop = Layout::kPages - 1;
  if (failures_.here() || map_.at(kTop) >= 0) return kNoMemory;
  const unsigned long flags = kernel::VM_GROWSDOWN | kernel::VM_READ | kernel::VM_WRITE | kMay |
                              kernel::VM_ACCOUNT | kernel::VM_SOFTDIRTY;
  map_.insert({kTop, kTop + 1, kTop, flags, nullptr, nullptr});
  return 0;
}

// --- mremap
// ----------------------------------------------------------------------------------------

bool wants_new_place(const Request& r) {
  return (r.flags & (kernel::MREMAP_FIXED | kernel::MREMAP_DONTUNMAP)) != 0;
}

// Before anything is changed.
long Call::check_remap(const Move& m, bool to_new_place) const {
  const int index = map_.at(m.from);
  if (index < 0) return -EFAULT;
  if (!to_new_place && m.new_pages <= m.old_pages) return 0;
  const Area& area = map_[index];
  // Length 0 makes a second mapping of shared memory.
  if (m.old_pages == 0 && (area.flags & kShared) == 0) return -EINVAL;
  const bool fixed_size = (area.flags & (kernel::VM_DONTEXPAND | kernel::VM_PFNMAP)) != 0;
  if (m.keep && fixed_size) return -EINVAL;
  const unsigned stays = std::min(m.old_pages, m.new_pages);
  if (stays > area.end - m.from) return -EFAULT;
  return m.new_pages > stays && fixed_size ? -EFAULT : 0;
}

long Call::grow_in_place(int index, unsigned pages) {
  if ((map_[index].flags & kernel::VM_ACCOUNT) != 0 && failures_.here()) return kNoMemory;
  if (failures_.here()) return kNoMemory;
  // As if what is new were an area of the same kind right behind it.
  Area tail = map_[index];
  tail.pgoff += tail.pages();
  tail.start = tail.end;
  tail.end += pages;
  const int at = map_.insert(tail);
  if (!joins_left(at)) {
    map_.erase(at);
    return kNoMemory;
  }
  join(at, true, joins_right(at, true));
  return 0;
}

// The copy, joined with its new neighbours where it can be. Index, or -ENOMEM.
long Call::copy(const Area& source, unsigned from, unsigned to, unsigned pages) {
  Area area = source;
  area.start = to;
  area.end = to + pages;
  // Anonymous memory that nobody has written to has no offset to keep.
  const bool untouched = source.anonymous() && source.anon == nullptr;
  area.pgoff = untouched ? to : source.pgoff + (from - source.start);
  if (!map_.is_free(area.start, area.end)) return kNoMemory;
  return place(area);
}

// Unmaps [start, end), a part of the area with `page`, and ignores errors. Unmapping gives back
// what was accounted, which the copy owns now: VM_ACCOUNT goes from the area for that time, and
// only comes back if unmapping went well.
void Call::unmap_moved(unsigned page, unsigned start, unsigned end, bool keep_account) {
  Area& area = map_[map_.at(page)];
  const bool accounted = (area.flags & kernel::VM_ACCOUNT) != 0 && !keep_account;
  const bool before = area.start < start;
  const bool behind = area.end > end;
  if (accounted) area.flags &= ~kernel::VM_ACCOUNT;
  if (start == end || remove(start, end) != 0 || !accounted) return;
  if (before) map_[map_.at(start - 1)].flags |= kernel::VM_ACCOUNT;
  if (behind) map_[map_.at(end)].flags |= kernel::VM_ACCOUNT;
}

long Call::move(const Move& m, unsigned to) {
  // Taking the source out of the middle makes two more areas.
  if (map_.count() >= kernel::sysctl_max_map_count - 3) return kNoMemory;
  const Area source = map_[map_.at(m.from)];
  if ((source.flags & kernel::VM_ACCOUNT) != 0 && failures_.here()) return kNoMemory;
  const long placed = copy(source, m.from, to, m.new_pages);
  if (placed < 0) return placed;
  if (m.old_pages != 0 && failures_.here()) {
    // The pages could not be moved: the copy goes again.
    unmap_moved(to, to, to + m.new_pages, m.keep);
    return kNoMemory;
  }
  const unsigned end = m.from + m.old_pages;
  if (!m.keep) {
    unmap_moved(m.from, m.from, end, false);
    return to_address(to);
  }
  // Without its pages an area that was moved as a whole is as new. (Unless the copy is part of it.)
  Area& left = map_[map_.at(m.from)];
  const bool same = map_.at(m.from) == map_.at(to);
  if (!same && left.start == m.from && left.end == end) left.anon = nullptr;
  return to_address(to);
}

long Call::move_to(Move m) {
  if (m.fixed) {
    // The place is cleared first, and lost if something goes wrong afterwards.
    const unsigned to = to_page(m.to);
    if (const long error = remove(to, to + m.new_pages)) return error;
    if (map_.at(m.from) < 0) return -EFAULT;
  }
  if (m.new_pages < m.old_pages) {
    const long error = munmap(static_cast<unsigned long>(to_address(m.from + m.new_pages)),
                              static_cast<unsigned long>(to_address(m.old_pages - m.new_pages)));
    if (error != 0) return error;
    m.old_pages = m.new_pages;
  }
  const auto length = static_cast<unsigned long>(m.new_pages) << PAGE_SHIFT;
  const long to = free_range(m.to, length, m.fixed);
  return to < 0 ? to : move(m, to_page(static_cast<unsigned long>(to)));
}

// Only moved, not resized: several areas at once, with the holes between them. Not all or nothing.
long Call::move_all(const Request& r) {
  const unsigned first = to_page(r.addr);
  const unsigned end = to_page(r.addr + round_up(r.len));
  const bool keep = (r.flags & kernel::MREMAP_DONTUNMAP) != 0;
  unsigned long to = r.new_addr;
  long result = -EFAULT;
  unsigned done = first;  // of the source
  while (done < end) {
    const int index = map_.first_after(done);
    if (index == map_.count() || map_[index].start >= end) break;
    const unsigned hole = map_[index].start > done ? map_[index].start - done : 0;
    if (done == first && hole != 0) return -EFAULT;
    const unsigned from = done + hole;
    const unsigned upto = std::min(map_[index].end, end);
    const bool is_first = done == first;
    done = map_[index].end;
    const Move m{from, upto - from, upto - from, to + static_cast<unsigned long>(to_address(hole)),
                 true, keep};
    long moved = check_remap(m, true);
    if (moved == 0) moved = move_to(m);
    if (moved < 0) return moved;
    if (is_first) result = moved;
    to = static_cast<unsigned long>(moved + to_address(upto - from));
  }
  return result;
}

long Call::mremap(const Request& r) {
  const bool fixed = (r.flags & kernel::MREMAP_FIXED) != 0;
  const unsigned long old_length = round_up(r.len);
  const unsigned long new_length = round_up(r.new_len);
  if (fixed && old_length == new_length) return move_all(r);

  const bool keep = (r.flags & kernel::MREMAP_DONTUNMAP) != 0;
  const Move m{to_page(r.addr), to_page(old_length), to_page(new_length), r.new_addr, fixed, keep};
  if (const long error = check_remap(m, wants_new_place(r))) return error;
  if (wants_new_place(r)) return move_to(m);
  if (m.new_pages == m.old_pages) return static_cast<long>(r.addr);
  if (m.new_pages < m.old_pages) {
    const long error = munmap(r.addr + new_length, old_length - new_length);
    return error != 0 ? error : static_cast<long>(r.addr);
  }
  const int index = map_.at(m.from);
  const unsigned more = m.new_pages - m.old_pages;
  const unsigned area_end = map_[index].end;
  if (area_end - m.from == m.old_pages && area_end + more <= Layout::kPages &&
      map_.is_free(area_end, area_end + more)) {
    const long error = grow_in_place(index, more);
    return error != 0 ? error : static_cast<long>(r.addr);
  }
  if ((r.flags & kernel::MREMAP_MAYMOVE) == 0) return kNoMemory;
  const long to = free_range(0, new_length, false);
  return to < 0 ? to : move(m, to_page(static_cast<unsigned long>(to)));
}

// What mremap(2) refuses by its arguments alone.
long check_mremap(const Request& r) {
  constexpr unsigned long kKnown =
      kernel::MREMAP_MAYMOVE | kernel::MREMAP_FIXED | kernel::MREMAP_DONTUNMAP;
  const unsigned long old_length = round_up(r.len);
  const unsigned long length = round_up(r.new_len);
  if ((r.flags & ~kKnown) != 0 || !aligned(r.addr)) return -EINVAL;
  if (length == 0 || length > TASK_SIZE) return -EINVAL;
  if (!wants_new_place(r)) return 0;
  if (!aligned(r.new_addr) || r.new_addr > TASK_SIZE - length) return -EINVAL;
  if ((r.flags & kernel::MREMAP_MAYMOVE) == 0) return -EINVAL;
  const bool keep = (r.flags & kernel::MREMAP_DONTUNMAP) != 0;
  if (keep && old_length != length) return -EINVAL;
  const bool overlap = r.addr < r.new_addr + length && r.new_addr < r.addr + old_length;
  return overlap ? -EINVAL : 0;
}

}  // namespace

// --- the calls
// ---------------------------------------------------------------------------------------

bool ends_without_lock(const Request& r, long* result) {
  *result = 0;
  switch (r.kind) {
    case Request::kMprotect:
      if (!aligned(r.addr)) *result = -EINVAL;
      if (*result == 0 && r.len != 0 && r.addr + round_up(r.len) <= r.addr) *result = kNoMemory;
      return *result != 0 || r.len == 0;
    case Request::kMadvise:
      if (!aligned(r.addr) || r.len > TASK_SIZE) *result = -EINVAL;
      if (r.addr + round_up(r.len) < r.addr) *result = -EINVAL;
      return *result != 0 || r.len == 0;
    case Request::kMremap:
      *result = check_mremap(r);
      return *result != 0;
    default:
      return false;
  }
}

long perform(const Request& r, Space* space, Failures* failures) {
  Call call(space, failures);
  switch (r.kind) {
    case Request::kNone:
      return 0;
    case Request::kMmap:
      return call.mmap(r);
    case Request::kMunmap:
      return call.munmap(r.addr, r.len);
    case Request::kMprotect:
      return call.mprotect(r);
    case Request::kMadvise:
      return call.madvise(r);
    case Request::kMremap:
      return call.mremap(r);
    case Request::kBrk:
      return call.brk(r.addr);
    case Request::kFault:
      return call.grow_stack(to_page(r.addr));
    case Request::kSetUpStack:
      return call.set_up_stack();
  }
  return 0;
}

bool only_faulted(const Area& before, const Layout& layout, int index) {
  Area as_before = layout[index];
  as_before.anon = before.anon;
  if (as_before != before) return false;
  const Identity anon = layout[index].anon;
  if (anon == before.anon) return true;
  if (before.anon != nullptr || (before.flags & kernel::VM_SHARED) != 0) return false;
  // A neighbour's is shared where mprotect() alone keeps the two apart; nobody else's is.
  const auto beside = [&](int left, int right) {
    if (left < 0 || right >= layout.count()) return false;
    const Area& a = layout[left];
    const Area& b = layout[right];
    return a.anon == b.anon && a.end == b.start && a.file == b.file &&
           ((a.flags ^ b.flags) & ~(kAccess | kSticky)) == 0 && a.pgoff + a.pages() == b.pgoff;
  };
  if (beside(index - 1, index) || beside(index, index + 1)) return true;
  for (int i = 0; i < layout.count(); ++i) {
    if (i != index && layout[i].anon == anon) return false;
  }
  return true;
}

}  // namespace vmafuzz::oracle
