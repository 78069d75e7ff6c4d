// mremap(): growing, shrinking and moving, with everything that is lost if it fails half-way.
#include <algorithm>

#include "kernel/rules.h"
#include "oracle/call.h"

namespace vmafuzz::oracle {

// --- mremap
// ----------------------------------------------------------------------------------------

static bool wants_new_place(const Request& r) {
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
  arm(join(at, true, joins_right(at, true)));
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
  if (!kernel::rules.remap_move) {
    if (const long error = check_remap(m, true)) return error;
  }
  const auto length = static_cast<unsigned long>(m.new_pages) << PAGE_SHIFT;
  const long to = free_range(m.to, length, m.fixed);
  return to < 0 ? to : move(m, to_page(static_cast<unsigned long>(to)));
}

// Only moved, not resized, since 6.17: several areas at once, with the holes between them. Not all
// or nothing.
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
  // Before 6.17 one area at most moves, and the place is lost before anything is checked.
  const bool checks_first = kernel::rules.remap_move || !wants_new_place(r);
  if (fixed && old_length == new_length && kernel::rules.remap_move) return move_all(r);

  const bool keep = (r.flags & kernel::MREMAP_DONTUNMAP) != 0;
  const Move m{to_page(r.addr), to_page(old_length), to_page(new_length), r.new_addr, fixed, keep};
  if (map_.at(m.from) < 0) return -EFAULT;
  if (checks_first) {
    if (const long error = check_remap(m, wants_new_place(r))) return error;
  }
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

}  // namespace vmafuzz::oracle
