// What the model tells whoever judges it. Called a few times an operation, never per access;
// observers look at the newest values (Shared::peek) and change nothing.
#ifndef VMAFUZZ_MM_OBSERVER_H_
#define VMAFUZZ_MM_OBSERVER_H_

namespace vmafuzz::kernel {

struct mm_struct;
struct uprobe;
struct uprobe_consumer;

class Observer {
 public:
  virtual ~Observer() = default;
  // The mmap write lock of mm was taken / is about to be released or downgraded: what was changed
  // in between becomes true at one instant of the section.
  virtual void write_section_begins(mm_struct* mm) = 0;
  virtual void write_section_ends(mm_struct* mm) = 0;
  // A consumer is on the uprobe's list / is off it again, and all its breakpoints are in place /
  // gone.
  virtual void consumer_added(uprobe* u, uprobe_consumer* uc) = 0;
  virtual void consumer_removed(uprobe* u, uprobe_consumer* uc) = 0;
};

extern Observer* observer;  // may be null

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_OBSERVER_H_
