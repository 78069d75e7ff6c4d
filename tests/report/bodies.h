// What the CPUs of the scenes run. Reports name functions, files and lines: the #line below keeps
// them what the golden texts say wherever this stands.
#ifndef VMAFUZZ_TESTS_REPORT_BODIES_H_
#define VMAFUZZ_TESTS_REPORT_BODIES_H_

#include "../sim/fixture.h"
#include "kernel/rwsem.h"

namespace vmafuzz::report::bodies {

using namespace kernel;  // NOLINT: bodies read like kernel code
using sim::Globals;

// clang-format off
#line 10 "scene.c"
inline void publish(Globals* g) {
  WRITE_ONCE(g->x, 1);
  WRITE_ONCE(g->x, 2);
  smp_wmb();
  WRITE_ONCE(g->y, 1);
}
inline void consume(Globals* g) {
  (void)READ_ONCE(g->z);
  (void)READ_ONCE(g->y);
  (void)READ_ONCE(g->x);
}

#line 30 "scene.c"
struct thing {
  Shared<int> count;
  template <class V>
  void visit(V&& v) { v("count", count); }
};
struct owner {
  Shared<thing*> p;
  template <class V>
  void visit(V&& v) { v("p", p); }
};
inline void drop_thing(owner* o, sim::KmemCache<thing>* cache) {
  thing* t = o->p.peek();
  rcu_assign_pointer(o->p, nullptr);
  cache->free(t);
}
inline void use_thing(owner* o) {
  thing* t = rcu_dereference(o->p);
  if (t != nullptr) (void)READ_ONCE(t->count);
}

#line 60 "scene.c"
inline void lock_both(spinlock_t& first, spinlock_t& second) {
  spin_lock(first);
  spin_lock(second);
  spin_unlock(second);
  spin_unlock(first);
}

#line 70 "scene.c"
inline void wait_for_flag(Globals* g) {
  while (READ_ONCE(g->x) == 0) cpu_relax();
}
inline void touch(Globals* g) { WRITE_ONCE(g->x, 0); }

#line 80 "scene.c"
inline void store_word(Globals* g) { g->x.set(0x00020001); }
inline void load_word(Globals* g) { (void)data_race(g->x); }
inline void load_plain(Globals* g) { (void)g->x.get(); }

#line 90 "scene.c"
struct mm {
  rw_semaphore mmap_lock{"mmap_lock"};
  Shared<unsigned long> mm_lock_seq;
  Shared<unsigned long> vm_start;
  template <class V>
  void visit(V&& v) {
    v("mmap_lock", mmap_lock);
    v("mm_lock_seq", mm_lock_seq);
    v("vm_start", vm_start);
  }
};
inline void shrink(mm* mm) {
  down_write(mm->mmap_lock);
  WRITE_ONCE(mm->mm_lock_seq, 5);
  smp_wmb();
  WRITE_ONCE(mm->vm_start, 0x5000);
  smp_wmb();
  WRITE_ONCE(mm->mm_lock_seq, 6);
  up_write(mm->mmap_lock);
}
// Without smp_rmb() before the second look.
inline void look(mm* mm) {
  const unsigned long seq = smp_load_acquire(mm->mm_lock_seq);
  (void)data_race(mm->vm_start);
  if (READ_ONCE(mm->mm_lock_seq) == seq) sim::machine.fail("wrong-uprobe", "a test's lookup");
}
// clang-format on

}  // namespace vmafuzz::report::bodies

#endif  // VMAFUZZ_TESTS_REPORT_BODIES_H_
