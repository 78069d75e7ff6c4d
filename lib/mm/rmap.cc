// anon_vma and its chains (mm/rmap.c), as far as merging asks for them: who shares one, and who has
// been through fork.
#include "mm/mm.h"

namespace vmafuzz::kernel {

namespace {

// SLAB_TYPESAFE_BY_RCU with a constructor (anon_vma_init()): its lock can always be taken.
platform::KmemCache<anon_vma> anon_vma_cachep("anon_vma", true);
platform::KmemCache<anon_vma_chain> anon_vma_chain_cachep("anon_vma_chain", false);

// anon_vma_chain_link(); the anon_vma is locked.
void anon_vma_chain_link(vm_area_struct* vma, anon_vma_chain* avc, anon_vma* anon) {
  avc->anon_vma.set(anon);
  avc->same_vma.set(vma->anon_vma_chain.get());
  vma->anon_vma_chain.set(avc);
  anon->num_children.set(anon->num_children.get() + 1);
}

// anon_vma_compatible(): a comes right before b and differs in nothing but what mprotect changes.
bool anon_vma_compatible(const vm_area_struct* a, const vm_area_struct* b) {
  if (a->vm_end.get() != b->vm_start.get()) return false;
  if (a->vm_file.get() != b->vm_file.get()) return false;
  const vm_flags_t different = a->vm_flags.get() ^ b->vm_flags.get();
  if ((different & ~(VM_ACCESS_FLAGS | VM_IGNORE_MERGE)) != 0) return false;
  return b->vm_pgoff.get() == a->vm_pgoff.get() + vma_pages(a);
}

// The neighbour's anon_vma may be about to be set by another fault, under the same mmap_lock held
// for reading. Then it is one that is fit to be shared.
anon_vma* reusable_anon_vma(const vm_area_struct* old, const vm_area_struct* a,
                            const vm_area_struct* b) {
  if (!anon_vma_compatible(a, b)) return nullptr;
  anon_vma* anon = READ_ONCE(old->anon_vma);
  if (anon == nullptr) return nullptr;
  // list_is_singular(), which the kernel leaves unmarked: it compares two pointers and follows
  // neither. This one is followed, so that it must not be torn.
  const anon_vma_chain* first = READ_ONCE(old->anon_vma_chain);
  const bool singular = first != nullptr && data_race(first->same_vma) == nullptr;
  return singular ? anon : nullptr;
}

anon_vma* find_mergeable_anon_vma(vm_area_struct* vma) {
  mm_struct* mm = vma->vm_mm.get();
  const unsigned long end = vma->vm_end.get();
  anon_vma* anon = nullptr;
  if (const vm_area_struct* next = vma_lookup(mm, end)) {
    anon = reusable_anon_vma(next, vma, next);
    if (anon != nullptr) return anon;
  }
  if (const vm_area_struct* prev = vma_prev(mm, vma->vm_start.get())) {
    anon = reusable_anon_vma(prev, prev, vma);
  }
  return anon;
}

}  // namespace

void rmap_reset() {
  anon_vma_cachep.reset(true);
  anon_vma_chain_cachep.reset(false);
}
int live_anon_vmas() { return anon_vma_cachep.live() + anon_vma_chain_cachep.live(); }

void anon_vma_lock_write(anon_vma* anon_vma) { down_write(anon_vma->rwsem); }
void anon_vma_unlock_write(anon_vma* anon_vma) { up_write(anon_vma->rwsem); }

static int __anon_vma_prepare(vm_area_struct* vma) {
  mm_struct* mm = vma->vm_mm.get();
  anon_vma_chain* avc = anon_vma_chain_cachep.alloc();
  if (avc == nullptr) return -ENOMEM;
  anon_vma* anon = find_mergeable_anon_vma(vma);
  anon_vma* allocated = nullptr;
  if (anon == nullptr) {
    anon = allocated = anon_vma_cachep.alloc();
    if (anon == nullptr) {
      anon_vma_chain_cachep.free(avc);
      return -ENOMEM;
    }
  }
  anon_vma_lock_write(anon);
  // page_table_lock: two faults may be here for one VMA.
  spin_lock(mm->page_table_lock);
  const bool first = vma->anon_vma.get() == nullptr;
  if (first) {
    vma->anon_vma.set(anon);
    anon_vma_chain_link(vma, avc, anon);
  }
  spin_unlock(mm->page_table_lock);
  anon_vma_unlock_write(anon);
  if (first) return 0;
  anon_vma_chain_cachep.free(avc);
  if (allocated != nullptr) anon_vma_cachep.free(allocated);
  return 0;
}

int anon_vma_prepare(vm_area_struct* vma) {
  // Another fault may be setting it; the kernel looks without a mark.
  if (data_race(vma->anon_vma) != nullptr) return 0;
  return __anon_vma_prepare(vma);
}

int anon_vma_clone(vm_area_struct* dst, vm_area_struct* src) {
  if (src->anon_vma.get() == nullptr) return 0;
  for (anon_vma_chain* pavc = src->anon_vma_chain.get(); pavc != nullptr;
       pavc = pavc->same_vma.get()) {
    anon_vma_chain* avc = anon_vma_chain_cachep.alloc();
    if (avc == nullptr) {
      unlink_anon_vmas(dst);
      return -ENOMEM;
    }
    anon_vma* anon = pavc->anon_vma.get();
    anon_vma_lock_write(anon);
    anon_vma_chain_link(dst, avc, anon);
    anon_vma_unlock_write(anon);
  }
  return 0;
}

void unlink_anon_vmas(vm_area_struct* vma) {
  while (anon_vma_chain* avc = vma->anon_vma_chain.get()) {
    anon_vma* anon = avc->anon_vma.get();
    anon_vma_lock_write(anon);
    const int left = anon->num_children.get() - 1;
    anon->num_children.set(left);
    anon_vma_unlock_write(anon);
    vma->anon_vma_chain.set(avc->same_vma.get());
    anon_vma_chain_cachep.free(avc);
    if (left == 0) anon_vma_cachep.free(anon);
  }
  if (vma->anon_vma.get() != nullptr) vma->anon_vma.set(nullptr);
}

bool vma_is_fork_child(const vm_area_struct* vma) {
  if (vma == nullptr || vma->anon_vma.get() == nullptr) return false;
  const anon_vma_chain* first = vma->anon_vma_chain.get();
  return first != nullptr && first->same_vma.get() != nullptr;
}

}  // namespace vmafuzz::kernel
