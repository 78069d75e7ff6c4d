// Where memory comes from and goes to: mmap(), munmap(), brk(), stacks.
#include "oracle/call.h"

namespace vmafuzz::oracle {

// --- mmap
// ------------------------------------------------------------------------------------------

// What the mapping may do, or an error.
static long flags_of(const Request& r, unsigned long* flags) {
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
  if (r.file == nullptr && type == kernel::MAP_SHARED) area.file = fresh_identity(fresh_++);
  const long index = place(area);
  if (index < 0) return index;
  arm(static_cast<int>(index));
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

}  // namespace vmafuzz::oracle
