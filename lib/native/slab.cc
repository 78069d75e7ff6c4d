#include "native/slab.h"

#include <cstring>

#include "native/threads.h"
#include "native/tsan.h"
#include "sim/machine.h"
#include "sim/trace.h"

namespace vmafuzz::native {
namespace {

// The arena and the caches are used by one CPU at a time. No order: the model's caches give none
// but what slab.h says.
class WorldLock {
 public:
  WorldLock() : held_(machine.executor() == Executor::kThreads) {
    if (held_) threads.world_lock().lock();
  }
  ~WorldLock() {
    if (held_) threads.world_lock().unlock();
  }
  WorldLock(const WorldLock&) = delete;
  WorldLock& operator=(const WorldLock&) = delete;

 private:
  bool held_;
};

void poison_fields(sim::Object& object) {
  object.type->visit(
      object.base,
      [](void*, const char*, const char*, Location& field) {
        __atomic_fetch_or(&field.flags, uint8_t{sim::kFreed}, __ATOMIC_RELAXED);
      },
      nullptr);
}

}  // namespace

void* new_global_memory(const sim::ObjectType& type, const char* label) {
  sim::Object* object = sim::arena.allocate(type, label, Site::current());
  return object == nullptr ? nullptr : object->base;
}

void set_label(const void* address, const char* label) {
  sim::arena.object_of(address)->label = label;
}

void KmemCacheBase::reset(bool type_stable) {
  live_ = 0;
  free_count_ = 0;
  type_stable_ = type_stable;
}

void* KmemCacheBase::take(bool* fresh, Site site) {
  const WorldLock lock;
  sim::Object* object = nullptr;
  if (free_count_ > 0) {
    object = free_[--free_count_];
    *fresh = !type_stable_;
    ++object->generation;
    object->live = true;
    object->allocated = site;
    object->freed_by = kNoCpu;
    if (!type_stable_ && !machine.alone()) tsan::acquire(object);
  } else {
    object = sim::arena.allocate(type_, nullptr, site);
    *fresh = true;
  }
  if (object == nullptr) machine.fail(sim::kStepLimit, "the arena is exhausted", site);
  ++live_;
  machine.note_object(sim::Event::kAlloc, *object, site);
  return object->base;
}

void KmemCacheBase::constructed(void* memory) {
  if (!type_stable_) machine.write_object(memory, type_.size, Site::current());
}

void KmemCacheBase::give_back(void* memory, Site site) {
  const WorldLock lock;
  sim::Object* object = sim::arena.object_of(memory);
  if (object == nullptr || object->type != &type_ || object->base != memory) {
    machine.fail(
        "double-free", [&] { return std::string("not an object of cache ") + type_.name; }, site);
  }
  if (!object->live) {
    machine.fail_pair(
        "double-free", [&] { return sim::object_name(*object) + " freed again"; }, site,
        object->freed);
  }
  object->live = false;
  object->freed = site;
  object->freed_by = static_cast<uint8_t>(machine.cpu());
  object->freed_op = machine.op();
  --live_;
  machine.note_object(sim::Event::kFree, *object, site);
  if (!type_stable_) {
    machine.write_object(memory, type_.size, site);
    if (!machine.alone()) tsan::release(object);
    poison_fields(*object);
  }
  if (free_count_ < kMaxFree) free_[free_count_++] = object;
}

}  // namespace vmafuzz::native
