// What the model tells whoever judges it. Called a few times an operation, never per access;
// observers look at the newest values (Shared::peek) and change nothing.
#ifndef VMAFUZZ_MM_OBSERVER_H_
#define VMAFUZZ_MM_OBSERVER_H_

namespace vmafuzz::kernel {

struct file;
struct mm_struct;
struct uprobe;
struct uprobe_consumer;

// What a task asks of an address space, as its system call or page fault begins.
struct Request {
  enum Kind : unsigned char {
    kNone,
    kMmap,
    kMunmap,
    kMprotect,
    kMadvise,
    kMremap,
    kBrk,    // to addr
    kFault,  // at addr
    kSetUpStack,
  };
  Kind kind = kNone;
  mm_struct* mm = nullptr;
  unsigned long addr = 0;  // bytes, all of them
  unsigned long len = 0;
  unsigned long prot = 0;
  unsigned long flags = 0;  // MAP_*, MREMAP_*
  int advice = 0;
  unsigned long new_len = 0;
  unsigned long new_addr = 0;
  const file* file = nullptr;  // null: anonymous memory
  unsigned long pgoff = 0;     // pages
  bool readable = false;       // what the file is open for
  bool writable = false;
};

class Observer {
 public:
  virtual ~Observer() = default;
  // Around each request, in the task that makes it: before it takes a lock, and with what it
  // returns to the task after it has given all of them up.
  virtual void request_begins(const Request& request) = 0;
  virtual void request_returns(long result) = 0;
  // The mmap write lock of mm was taken / is about to be released or downgraded: what was changed
  // in between becomes true at one instant of the section.
  virtual void write_section_begins(mm_struct* mm) = 0;
  virtual void write_section_ends(mm_struct* mm) = 0;
  // Inside of a write section: map_count is about to be stored. mremap() reads it without the lock.
  virtual void map_count_changes(mm_struct* mm, int count) = 0;
  // A consumer was put on the uprobe's list; breakpoints follow. / It is off the list again, and
  // its breakpoints are gone where no other consumer needs them (unless uprobe->leaked). Every
  // consumer that was added is removed, also where its registration fails.
  virtual void consumer_added(uprobe* u, uprobe_consumer* uc) = 0;
  virtual void consumer_removed(uprobe* u, uprobe_consumer* uc) = 0;
  // A lookup of the uprobe at vaddr, in the task that trapped: each attempt, speculative or under
  // mmap_lock, begins and returns once. Null from a speculative one means that it gave up.
  virtual void lookup_begins(mm_struct* mm, unsigned long vaddr) = 0;
  virtual void lookup_returns(mm_struct* mm, unsigned long vaddr, uprobe* u, bool speculative) = 0;
};

extern Observer* observer;  // may be null

inline void tell_request_begins(const Request& request) {
  if (observer != nullptr) observer->request_begins(request);
}
inline long tell_request_returns(long result) {
  if (observer != nullptr) observer->request_returns(result);
  return result;
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_OBSERVER_H_
