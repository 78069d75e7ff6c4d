// Doubly linked lists that readers may walk under RCU (include/linux/list.h, rculist.h).
#ifndef VMAFUZZ_KERNEL_LIST_H_
#define VMAFUZZ_KERNEL_LIST_H_

#include "kernel/barrier.h"
#include "kernel/container_of.h"

namespace vmafuzz::kernel {

struct list_head {
  Shared<list_head*> next, prev;
  template <class V>
  void visit(V&& v) {
    v("next", next);
    v("prev", prev);
  }
};

#define list_entry(ptr, type, member) container_of(ptr, type, member)

inline void INIT_LIST_HEAD(list_head* list, Site site = Site::current()) {
  WRITE_ONCE(list->next, list, site);
  WRITE_ONCE(list->prev, list, site);
}
inline bool list_empty(const list_head* head, Site site = Site::current()) {
  return READ_ONCE(head->next, site) == head;
}

inline void list_add(list_head* entry, list_head* head, Site site = Site::current()) {
  list_head* next = head->next.get(site);
  next->prev.set(entry, site);
  entry->next.set(next, site);
  entry->prev.set(head, site);
  WRITE_ONCE(head->next, entry, site);
}
inline void list_del(list_head* entry, Site site = Site::current()) {
  list_head* next = entry->next.get(site);
  list_head* prev = entry->prev.get(site);
  next->prev.set(prev, site);
  WRITE_ONCE(prev->next, next, site);
}

// Readers may be on the list. Writers exclude each other.
inline void list_add_rcu(list_head* entry, list_head* head, Site site = Site::current()) {
  list_head* next = head->next.get(site);
  entry->next.set(next, site);
  entry->prev.set(head, site);
  rcu_assign_pointer(head->next, entry, site);
  next->prev.set(entry, site);
}
// Readers that stand on the entry still find their way: its next stays. Free it after they have
// left.
inline void list_del_rcu(list_head* entry, Site site = Site::current()) {
  list_head* next = entry->next.get(site);
  list_head* prev = entry->prev.get(site);
  next->prev.set(prev, site);
  WRITE_ONCE(prev->next, next, site);
  entry->prev.set(nullptr, site);  // LIST_POISON2
}
// The entry after p, as a reader sees it; the list's head at the end.
inline list_head* list_next_rcu(const list_head* p, Site site = Site::current()) {
  list_head* next = rcu_dereference(p->next, site);
  // What is an entry's without being shared is read next, and no machine watches that.
  if (next == nullptr) [[unlikely]] {
    platform::machine.fail("null-dereference",
                           "a list leads to a null pointer: its entry's memory was reused", site);
  }
  return next;
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_LIST_H_
