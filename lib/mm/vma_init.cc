// VMA objects: where they come from, how they are filled, where they go (mm/vma_init.c).
#include "mm/mm.h"

namespace vmafuzz::kernel {

namespace {
platform::KmemCache<vm_area_struct> vm_area_cachep("vm_area_struct", true);
}  // namespace

void vma_init_reset() { vm_area_cachep.reset(rules.vma_free == free_kind::type_stable); }
int live_vmas() { return vm_area_cachep.live(); }

// vma_init(): a memset(), then what is not zero. The stores are plain, and in recycled memory a
// reader may still look at what they overwrite. vm_refcnt is zero in every VMA that is free.
static void vma_init(vm_area_struct* vma, mm_struct* mm, Site site) {
  vma->vm_start.set(0, site);
  vma->vm_end.set(0, site);
  vma->vm_mm.set(nullptr, site);
  vma->vm_flags.set(0, site);
  vma->vm_lock_seq.set(0, site);
  vma->anon_vma_chain.set(nullptr, site);
  vma->anon_vma.set(nullptr, site);
  vma->vm_pgoff.set(0, site);
  vma->vm_file.set(nullptr, site);
  vma->shared_next.set(nullptr, site);
  vma->shared_prev.set(nullptr, site);
  vma->vm_mm.set(mm, site);
  vma_lock_init(vma, false, site);
}

// Field by field, in the kernel's order.
static void vm_area_init_from(const vm_area_struct* src, vm_area_struct* dest, Site site) {
  dest->vm_mm.set(src->vm_mm.get(site), site);
  dest->vm_start.set(src->vm_start.get(site), site);
  dest->vm_end.set(src->vm_end.get(site), site);
  dest->anon_vma.set(src->anon_vma.get(site), site);
  dest->vm_pgoff.set(src->vm_pgoff.get(site), site);
  dest->vm_file.set(src->vm_file.get(site), site);
  vm_flags_init(dest, src->vm_flags.get(site), site);
}

static vm_area_struct* kmem_cache_alloc(Site site) {
  vm_area_struct* vma = vm_area_cachep.alloc(site);
  if (vma != nullptr) slab_take_over(vma->vm_freeptr, site);
  return vma;
}
static void kmem_cache_free(vm_area_struct* vma, Site site) {
  slab_hand_back(vma->vm_freeptr, site);
  vm_area_cachep.free(vma, site);
}

vm_area_struct* vm_area_alloc(mm_struct* mm, Site site) {
  vm_area_struct* vma = kmem_cache_alloc(site);
  if (vma != nullptr) vma_init(vma, mm, site);
  return vma;
}

vm_area_struct* vm_area_dup(vm_area_struct* orig, Site site) {
  vm_area_struct* vma = kmem_cache_alloc(site);
  if (vma == nullptr) return nullptr;
  vm_area_init_from(orig, vma, site);
  vma_lock_init(vma, true, site);
  vma->anon_vma_chain.set(nullptr, site);
  return vma;
}

static void vm_area_free_rcu_cb(void* object) {
  kmem_cache_free(static_cast<vm_area_struct*>(object), Site::current());
}

void vm_area_free(vm_area_struct* vma, Site site) {
  vma_assert_detached(vma, site);
  if (rules.vma_free == free_kind::after_rcu) {
    call_rcu(&vm_area_free_rcu_cb, vma, site);
  } else {
    kmem_cache_free(vma, site);
  }
}

}  // namespace vmafuzz::kernel
