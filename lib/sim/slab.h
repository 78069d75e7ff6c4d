// Slab caches: where objects come from, how long they live, who gets them next.
//
// Reuse is last in, first out, across everything that shares a cache. An ordinary cache hands freed
// memory out again as a new object and any access in between is a use-after-free; freeing after a
// grace period is done by freeing from a callback (rcu.h). The memory of a type-stable cache
// (SLAB_TYPESAFE_BY_RCU) keeps its contents and its history of stores when it is reused: a reader
// may touch it at any time and must find out by itself whose it is now.
#ifndef VMAFUZZ_SIM_SLAB_H_
#define VMAFUZZ_SIM_SLAB_H_

#include <new>

#include "sim/arena.h"
#include "sim/memory.h"
#include "sim/object_type.h"

namespace vmafuzz::sim {

// A named object that lives through the whole execution (an mm, a lock, a tree root).
template <class T, class... Args>
T* new_global(const char* type_name, const char* label, Args&&... args) {
  Object* object = arena.allocate(object_type<T>(type_name), label, Site::current());
  return object == nullptr ? nullptr : new (object->base) T(std::forward<Args>(args)...);
}

// The label under which reports name the object at `address`, instead of its type and number.
inline void set_label(const void* address, const char* label) {
  arena.object_of(address)->label = label;
}

class KmemCacheBase {
 public:
  KmemCacheBase(const ObjectType& type, bool type_stable)
      : type_(type), type_stable_(type_stable) {}
  // Forgets everything; belongs to the beginning of an execution, with arena.reset().
  void reset(bool type_stable) {
    live_ = 0;
    free_count_ = 0;
    type_stable_ = type_stable;
  }
  bool type_stable() const { return type_stable_; }
  int live() const { return live_; }

 protected:
  // *fresh: the memory needs constructing.
  Object* take(bool* fresh, Site site);
  void give_back(void* memory, Site site);

  const ObjectType& type_;
  bool type_stable_;
  int live_ = 0;

 private:
  static constexpr int kMaxFree = 4096;
  Object* free_[kMaxFree];
  int free_count_ = 0;
};

template <class T>
class KmemCache : public KmemCacheBase {
 public:
  KmemCache(const char* name, bool type_stable)
      : KmemCacheBase(object_type<T>(name), type_stable) {}

  // Null when a `fail` directive says so or memory is exhausted. Contents of reused type-stable
  // memory are what they were.
  T* alloc(Site site = Site::current()) {
    if (machine.injected_failure(site)) return nullptr;
    return alloc_nofail(site);
  }
  // __GFP_NOFAIL, preallocated and set-up objects.
  T* alloc_nofail(Site site = Site::current()) {
    bool fresh = false;
    Object* object = take(&fresh, site);
    if (object == nullptr) machine.fail(kStepLimit, "simulated memory is exhausted", site);
    return fresh ? new (object->base) T() : reinterpret_cast<T*>(object->base);
  }
  void free(T* object, Site site = Site::current()) { give_back(object, site); }
};

// Runs after every other CPU has finished: objects of `type` that were never freed.
int count_live(const ObjectType& type);

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_SLAB_H_
