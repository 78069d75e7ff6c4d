// One call on one address space: the inside of the sequential specification (specification.h).
// Cutting and joining are in call.cc; mmap(), munmap(), brk() and stacks in call_map.cc; mprotect()
// and madvise() in call_flags.cc; mremap() in call_mremap.cc.
#ifndef VMAFUZZ_ORACLE_CALL_H_
#define VMAFUZZ_ORACLE_CALL_H_

#include "mm/errno.h"
#include "mm/mman.h"
#include "oracle/specification.h"

namespace vmafuzz::oracle {

using kernel::PAGE_SHIFT;
using kernel::PAGE_SIZE;
using kernel::Request;
using kernel::TASK_SIZE;

inline constexpr long kNoMemory = -ENOMEM;
inline constexpr unsigned kGuardGap = static_cast<unsigned>(kernel::stack_guard_gap >> PAGE_SHIFT);
inline constexpr unsigned long kAccess = kernel::VM_READ | kernel::VM_WRITE | kernel::VM_EXEC;
inline constexpr unsigned long kMay = kernel::VM_MAYREAD | kernel::VM_MAYWRITE | kernel::VM_MAYEXEC;
inline constexpr unsigned long kShared = kernel::VM_SHARED | kernel::VM_MAYSHARE;
// Does not keep two areas apart; what is joined has it if any part had it.
inline constexpr unsigned long kSticky = kernel::VM_SOFTDIRTY | kernel::VM_MAYBE_GUARD;
// Never joined.
inline constexpr unsigned long kSpecial =
    kernel::VM_IO | kernel::VM_DONTEXPAND | kernel::VM_PFNMAP | kernel::VM_MIXEDMAP;

inline bool aligned(unsigned long address) { return address % PAGE_SIZE == 0; }
inline unsigned long round_up(unsigned long bytes) {
  return (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}
inline unsigned to_page(unsigned long address) {
  return static_cast<unsigned>(address >> PAGE_SHIFT);
}
inline long to_address(unsigned page) { return static_cast<long>(page) << PAGE_SHIFT; }

// `a` comes right before `b` and differs in nothing but what mprotect() changes: what has no
// anonymous reverse map yet takes over the other's.
bool may_share_reverse_map(const Area& a, const Area& b);
inline bool same_reverse_map(Identity a, Identity b) {
  return a == nullptr || b == nullptr || a == b;
}

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
  long install();
  long set_up_stack();

 private:
  bool full() const { return map_.count() >= kernel::sysctl_max_map_count; }
  // Either part may be what the area was, which is the first to get its breakpoints.
  long cut(int index, unsigned page, bool upper_is_old);
  // Cuts out [start, end) and leaves it in the list, to be removed by erase_range().
  long cut_out(unsigned start, unsigned end);
  void erase_range(unsigned start, unsigned end);
  long remove(unsigned start, unsigned end);

  // True if it got a reverse map by that.
  bool arm(int index);

  static bool alike(const Area& left, const Area& right);
  bool joins_left(int index) const;
  bool joins_right(int index, bool joined_left) const;
  int join(int index, bool left, bool right);
  // A new area, joined with its neighbours where it can be. Index, or -ENOMEM.
  long place(const Area& area);

  // [start, end) of the area gets these flags, with neighbours joined or new borders cut.
  long change(unsigned start, unsigned end, unsigned long flags);
  long change_apart(int index, unsigned start, unsigned end, unsigned long flags);
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
  int fresh_ = 0;  // what the call has made
};

// What mremap(2) refuses by its arguments alone: an error, or 0.
long check_mremap(const Request& r);

}  // namespace vmafuzz::oracle

#endif  // VMAFUZZ_ORACLE_CALL_H_
