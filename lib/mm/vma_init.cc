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
static void vma_init(vm_area_struct* vma, mm_struct* mm) {
  vma->vm_start.set(0);
  vma->vm_end.set(0);
  vma->vm_mm.set(nullptr);
  vma->vm_flags.set(0);
  vma->vm_lock_seq.set(0);
  vma->anon_vma_chain.set(nullptr);
  vma->anon_vma.set(nullptr);
  vma->vm_pgoff.set(0);
  vma->vm_file.set(nullptr);
  vma->shared_next.set(nullptr);
  vma->shared_prev.set(nullptr);
  vma->vm_mm.set(mm);
  vma_lock_init(vma, false);
}

// Field by field, in the kernel's order.
static void vm_area_init_from(const vm_area_struct* src, vm_area_struct* dest) {
  dest->vm_mm.set(src->vm_mm.get());
  dest->vm_start.set(src->vm_start.get());
  dest->vm_end.set(src->vm_end.get());
  dest->anon_vma.set(src->anon_vma.get());
  dest->vm_pgoff.set(src->vm_pgoff.get());
  dest->vm_file.set(src->vm_file.get());
  vm_flags_init(dest, src->vm_flags.get());
}

static vm_area_struct* kmem_cache_alloc() {
  vm_area_struct* vma = vm_area_cachep.alloc();
  if (vma != nullptr) slab_take_over(vma->vm_freeptr);
  return vma;
}
static void kmem_cache_free(vm_area_struct* vma) {
  slab_hand_back(vma->vm_freeptr);
  vm_area_cachep.free(vma);
}

vm_area_struct* vm_area_alloc(mm_struct* mm) {
  vm_area_struct* vma = kmem_cache_alloc();
  if (vma != nullptr) vma_init(vma, mm);
  return vma;
}

vm_area_struct* vm_area_dup(vm_area_struct* orig) {
  vm_area_struct* vma = kmem_cache_alloc();
  if (vma == nullptr) return nullptr;
  vm_area_init_from(orig, vma);
  vma_lock_init(vma, true);
  vma->anon_vma_chain.set(nullptr);
  return vma;
}

static void vm_area_free_rcu_cb(void* object) {
  kmem_cache_free(static_cast<vm_area_struct*>(object));
}

void vm_area_free(vm_area_struct* vma) {
  vma_assert_detached(vma);
  if (rules.vma_free == free_kind::after_rcu) {
    call_rcu(&vm_area_free_rcu_cb, vma);
  } else {
    kmem_cache_free(vma);
  }
}

}  // namespace vmafuzz::kernel
