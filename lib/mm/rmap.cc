// anon_vma and its chains (mm/rmap.c), as far as merging asks for them: who shares one, and who has
// been through fork.
#include "mm/mm.h"

namespace vmafuzz::kernel {

namespace {

platform::KmemCache<anon_vma> anon_vma_cachep("anon_vma", false);
platform::KmemCache<anon_vma_chain> anon_vma_chain_cachep("anon_vma_chain", false);

// anon_vma_chain_link(); the anon_vma is locked.
void anon_vma_chain_link(vm_area_struct* vma, anon_vma_chain* avc, anon_vma* anon, Site site) {
  avc->anon_vma.set(anon, site);
  avc->same_vma.set(vma->anon_vma_chain.get(site), site);
  vma->anon_vma_chain.set(avc, site);
  anon->num_children.set(anon->num_children.get(site) + 1, site);
}

// anon_vma_compatible(): a comes right before b and differs in nothing but what mprotect changes.
bool anon_vma_compatible(const vm_area_struct* a, const vm_area_struct* b, Site site) {
  if (a->vm_end.get(site) != b->vm_start.get(site)) return false;
  if (a->vm_file.get(site) != b->vm_file.get(site)) return false;
  const vm_flags_t different = a->vm_flags.get(site) ^ b->vm_flags.get(site);
  if ((different & ~(VM_ACCESS_FLAGS | VM_IGNORE_MERGE)) != 0) return false;
  return b->vm_pgoff.get(site) == a->vm_pgoff.get(site) + vma_pages(a, site);
}

// The neighbour's anon_vma may be about to be set by another fault, under the same mmap_lock held
// for reading. Then it is one that is fit to be shared.
anon_vma* reusable_anon_vma(const vm_area_struct* old, const vm_area_struct* a,
                            const vm_area_struct* b, Site site) {
  if (!anon_vma_compatible(a, b, site)) return nullptr;
  anon_vma* anon = READ_ONCE(old->anon_vma, site);
  if (anon == nullptr) return nullptr;
  // list_is_singular(), which the kernel leaves unmarked.
  const anon_vma_chain* first = data_race(old->anon_vma_chain, site);
  const bool singular = first != nullptr && data_race(first->same_vma, site) == nullptr;
  return singular ? anon : nullptr;
}

anon_vma* find_mergeable_anon_vma(vm_area_struct* vma, Site site) {
  mm_struct* mm = vma->vm_mm.get(site);
  const unsigned long end = vma->vm_end.get(site);
  anon_vma* anon = nullptr;
  if (const vm_area_struct* next = vma_lookup(mm, end)) {
    anon = reusable_anon_vma(next, vma, next, site);
    if (anon != nullptr) return anon;
  }
  if (const vm_area_struct* prev = vma_prev(mm, vma->vm_start.get(site))) {
    anon = reusable_anon_vma(prev, prev, vma, site);
  }
  return anon;
}

}  // namespace

void rmap_reset() {
  anon_vma_cachep.reset(false);
  anon_vma_chain_cachep.reset(false);
}
int live_anon_vmas() { return anon_vma_cachep.live() + anon_vma_chain_cachep.live(); }

void anon_vma_lock_write(anon_vma* anon_vma, Site site) { down_write(anon_vma->rwsem, site); }
void anon_vma_unlock_write(anon_vma* anon_vma, Site site) { up_write(anon_vma->rwsem, site); }

static int __anon_vma_prepare(vm_area_struct* vma, Site site) {
  mm_struct* mm = vma->vm_mm.get(site);
  anon_vma_chain* avc = anon_vma_chain_cachep.alloc(site);
  if (avc == nullptr) return -ENOMEM;
  anon_vma* anon = find_mergeable_anon_vma(vma, site);
  anon_vma* allocated = nullptr;
  if (anon == nullptr) {
    anon = allocated = anon_vma_cachep.alloc(site);
    if (anon == nullptr) {
      anon_vma_chain_cachep.free(avc, site);
      return -ENOMEM;
    }
  }
  anon_vma_lock_write(anon, site);
  // page_table_lock: two faults may be here for one VMA.
  spin_lock(mm->page_table_lock, site);
  const bool first = vma->anon_vma.get(site) == nullptr;
  if (first) {
    vma->anon_vma.set(anon, site);
    anon_vma_chain_link(vma, avc, anon, site);
  }
  spin_unlock(mm->page_table_lock, site);
  anon_vma_unlock_write(anon, site);
  if (first) return 0;
  anon_vma_chain_cachep.free(avc, site);
  if (allocated != nullptr) anon_vma_cachep.free(allocated, site);
  return 0;
}

int anon_vma_prepare(vm_area_struct* vma, Site site) {
  // Another fault may be setting it; the kernel looks without a mark.
  if (data_race(vma->anon_vma, site) != nullptr) return 0;
  return __anon_vma_prepare(vma, site);
}

int anon_vma_clone(vm_area_struct* dst, vm_area_struct* src, Site site) {
  if (src->anon_vma.get(site) == nullptr) return 0;
  for (anon_vma_chain* pavc = src->anon_vma_chain.get(site); pavc != nullptr;
       pavc = pavc->same_vma.get(site)) {
    anon_vma_chain* avc = anon_vma_chain_cachep.alloc(site);
    if (avc == nullptr) {
      unlink_anon_vmas(dst, site);
      return -ENOMEM;
    }
    anon_vma* anon = pavc->anon_vma.get(site);
    anon_vma_lock_write(anon, site);
    anon_vma_chain_link(dst, avc, anon, site);
    anon_vma_unlock_write(anon, site);
  }
  return 0;
}

void unlink_anon_vmas(vm_area_struct* vma, Site site) {
  while (anon_vma_chain* avc = vma->anon_vma_chain.get(site)) {
    anon_vma* anon = avc->anon_vma.get(site);
    anon_vma_lock_write(anon, site);
    const int left = anon->num_children.get(site) - 1;
    anon->num_children.set(left, site);
    anon_vma_unlock_write(anon, site);
    vma->anon_vma_chain.set(avc->same_vma.get(site), site);
    anon_vma_chain_cachep.free(avc, site);
    if (left == 0) anon_vma_cachep.free(anon, site);
  }
  if (vma->anon_vma.get(site) != nullptr) vma->anon_vma.set(nullptr, site);
}

bool vma_is_fork_child(const vm_area_struct* vma, Site site) {
  if (vma == nullptr || vma->anon_vma.get(site) == nullptr) return false;
  const anon_vma_chain* first = vma->anon_vma_chain.get(site);
  return first != nullptr && first->same_vma.get(site) != nullptr;
}

}  // namespace vmafuzz::kernel
