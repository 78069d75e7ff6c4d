// What every call is made of: areas are cut in two, joined with what is beside them, placed and
// removed.
#include "oracle/call.h"

namespace vmafuzz::oracle {

// --- cutting
// -----------------------------------------------------------------------------------------

long Call::cut(int index, unsigned page, bool upper_is_old) {
  if (failures_.here()) return kNoMemory;
  map_.cut(index, page);
  arm(upper_is_old ? index + 1 : index);
  arm(upper_is_old ? index : index + 1);
  return 0;
}

long Call::cut_out(unsigned start, unsigned end) {
  int index = map_.first_after(start);
  if (index == map_.count() || map_[index].start >= end) return 0;
  if (map_[index].start < start) {
    // One area more than allowed is tolerated for a moment, two are not.
    if (map_[index].end > end && full()) return kNoMemory;
    if (const long error = cut(index, start, true)) return error;
    ++index;
  }
  for (; index < map_.count() && map_[index].start < end; ++index) {
    if (map_[index].end > end) {
      if (const long error = cut(index, end, false)) return error;
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

// --- breakpoints
// -----------------------------------------------------------------------------------------

bool may_share_reverse_map(const Area& a, const Area& b) {
  return a.end == b.start && a.file == b.file &&
         ((a.flags ^ b.flags) & ~(kAccess | kSticky)) == 0 && a.pgoff + a.pages() == b.pgoff;
}

// An area that is new or whose borders have moved gets a breakpoint in each probed page that has
// none, unless that fails. The page is the task's own from then on, and so the area needs an
// anonymous reverse map, which it keeps when the breakpoint goes. Not for memory that is shared,
// may not be executed, or may be written to at that moment.
bool Call::arm(int index) {
  Area& area = map_[index];
  constexpr unsigned long kAsked =
      kernel::VM_HUGETLB | kernel::VM_MAYEXEC | kernel::VM_MAYSHARE | kernel::VM_WRITE;
  if (area.anonymous() || area.anon != nullptr) return false;
  if ((area.flags & kAsked) != kernel::VM_MAYEXEC || !space_.probes->any(area)) return false;
  if (!failures_.either()) return false;
  if (index + 1 < map_.count() && may_share_reverse_map(area, map_[index + 1])) {
    area.anon = map_[index + 1].anon;
  }
  if (area.anon == nullptr && index > 0 && may_share_reverse_map(map_[index - 1], area)) {
    area.anon = map_[index - 1].anon;
  }
  if (area.anon == nullptr) area.anon = fresh_identity(fresh_++);
  return true;
}

// Registering a uprobe takes the lock anew for each area.
long Call::install() {
  for (int i = 0; i < map_.count(); ++i) {
    if (arm(i)) break;
  }
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

// --- room for what comes
// ----------------------------------------------------------------------------------------

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

}  // namespace vmafuzz::oracle
