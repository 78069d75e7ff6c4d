#include "sim/slab.h"

#include "sim/trace.h"

namespace vmafuzz::sim {

Object* KmemCacheBase::take(bool* fresh, Site site) {
  Object* object = nullptr;
  if (free_count_ > 0) {
    object = free_[--free_count_];
    *fresh = !type_stable_;
    ++object->generation;
    object->live = true;
    object->allocated = site;
    object->freed_by = kNoCpu;
  } else {
    object = arena.allocate(type_, nullptr, site);
    *fresh = true;
  }
  if (object == nullptr) return nullptr;
  ++live_;
  machine.note_object(Event::kAlloc, *object, site);
  return object;
}

void KmemCacheBase::give_back(void* memory, Site site) {
  Object* object = arena.object_of(memory);
  if (object == nullptr || object->type != &type_ || object->base != memory) {
    machine.fail(
        "double-free", [&] { return std::string("not an object of cache ") + type_.name; }, site);
  }
  if (!object->live) {
    machine.fail_pair(
        "double-free", [&] { return object_name(*object) + " freed again"; }, site, object->freed);
  }
  object->live = false;
  object->freed = site;
  object->freed_by = static_cast<uint8_t>(machine.cpu());
  object->freed_op = machine.current().op;
  --live_;
  machine.note_object(Event::kFree, *object, site);
  if (!type_stable_) poison(*object);
  if (free_count_ < kMaxFree) free_[free_count_++] = object;
}

int count_live(const ObjectType& type) {
  int count = 0;
  for (size_t i = 1; i < arena.object_count(); ++i) {
    const Object& object = arena.object_at(i);
    if (object.type == &type && object.live) ++count;
  }
  return count;
}

void Machine::note_object(Event event, const Object& object, Site site) {
  mix_state(arena.id_of(object.base) + static_cast<uint64_t>(event));
  mix(arena.id_of(object.base) + static_cast<uint64_t>(event));
  if (options_.track_state && !alone_) director_->changes_lifetime(current_->id);
  if (options_.trace) trace_note(event, object.type->name, arena.offset_of(object.base), site);
}

}  // namespace vmafuzz::sim
