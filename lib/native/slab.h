// Slab caches on real memory: sim/slab.h says what they are. Objects come from the same arena.
//
// ThreadSanitizer sees what an allocator does: freeing an object of an ordinary cache writes all of
// it (an access that does not come before is reported), handing it out again comes after that, and
// so does the writing of its initial contents. The memory of a type-stable cache stays what it was,
// and being reused orders nothing.
#ifndef VMAFUZZ_NATIVE_SLAB_H_
#define VMAFUZZ_NATIVE_SLAB_H_

#include <new>

#include "native/shared.h"
#include "sim/object_type.h"

namespace vmafuzz::native {

using sim::object_type;

// Memory for an object of `type`; null if there is none. Nothing is constructed.
void* new_global_memory(const sim::ObjectType& type, const char* label);

template <class T, class... Args>
T* new_global(const char* type_name, const char* label, Args&&... args) {
  void* memory = new_global_memory(object_type<T>(type_name), label);
  return memory == nullptr ? nullptr : new (memory) T(std::forward<Args>(args)...);
}

// The label under which reports name the object at `address`, instead of its type and number.
void set_label(const void* address, const char* label);

class KmemCacheBase {
 public:
  KmemCacheBase(const sim::ObjectType& type, bool type_stable)
      : type_(type), type_stable_(type_stable) {}
  void reset(bool type_stable);
  bool type_stable() const { return type_stable_; }
  int live() const { return live_; }

 protected:
  void* take(bool* fresh, Site site);
  void constructed(void* memory);
  void give_back(void* memory, Site site);

 private:
  static constexpr int kMaxFree = 4096;
  const sim::ObjectType& type_;
  bool type_stable_;
  int live_ = 0;
  sim::Object* free_[kMaxFree];
  int free_count_ = 0;
};

template <class T>
class KmemCache : public KmemCacheBase {
 public:
  KmemCache(const char* name, bool type_stable)
      : KmemCacheBase(object_type<T>(name), type_stable) {}

  T* alloc(Site site = Site::current()) {
    if (machine.injected_failure(site)) return nullptr;
    return alloc_nofail(site);
  }
  T* alloc_nofail(Site site = Site::current()) {
    bool fresh = false;
    void* memory = take(&fresh, site);
    if (!fresh) return static_cast<T*>(memory);
    T* object = new (memory) T();
    constructed(memory);
    return object;
  }
  void free(T* object, Site site = Site::current()) { give_back(object, site); }
};

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_SLAB_H_
