// The memory that simulated objects live in: one region, laid out the same way in every execution.
//
// Everything that a model shares between CPUs is placed here, so that an address is an offset that
// means the same in every process. reset() forgets all of it without touching it.
#ifndef VMAFUZZ_SIM_ARENA_H_
#define VMAFUZZ_SIM_ARENA_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/director.h"
#include "sim/location.h"

namespace vmafuzz::sim {

// Called for each field of an object: its name, the name of the field around it or null, its
// location.
using FieldVisitor = void (*)(void* context, const char* outer, const char* name,
                              Location& location);

struct ObjectType {
  const char* name;
  size_t size;
  void (*visit)(void* object, FieldVisitor visitor, void* context);  // all its locations
};

struct Object {
  const ObjectType* type = nullptr;
  char* base = nullptr;
  const char* label = nullptr;  // "mm0", or null: type name and number
  uint16_t number = 0;          // n-th object of its type in this execution
  uint16_t generation = 0;      // times it was handed out
  bool live = false;
  Site allocated, freed;
  uint8_t freed_by = kNoCpu;
  uint16_t freed_op = 0;
  // The store through which each CPU last loaded a pointer to this object, together with what that
  // load's own address depended on (Machine::chained()): its later accesses here depend on it.
  uint32_t pointer_store[8] = {};
};

class Arena {
 public:
  static constexpr size_t kBytes = 8u << 20;
  static constexpr size_t kGranule = 64;
  static constexpr uint64_t kTornPointer = 64;  // what a torn pointer points at

  Arena();
  void reset();

  char* base() const { return base_; }
  size_t used() const { return used_; }  // bytes from base() that this execution has used

  // A new object of `type`, 64-byte aligned, not constructed. Null when the arena is full.
  Object* allocate(const ObjectType& type, const char* label, Site site);

  uint64_t id_of(const void* address) const {
    assert(contains(address));  // anything else would differ from process to process
    return static_cast<uint64_t>(static_cast<const char*>(address) - base_) << 8;
  }
  bool contains(const void* address) const { return address >= base_ && address < base_ + kBytes; }
  uint64_t offset_of(const void* address) const {
    return address == nullptr ? 0
                              : static_cast<uint64_t>(static_cast<const char*>(address) - base_);
  }
  void* at(uint64_t offset) const { return offset == 0 ? nullptr : base_ + offset; }
  // The object that holds `address`, or null.
  Object* object_of(const void* address) const;
  // All objects of this execution, in order of allocation: for leak checks.
  size_t object_count() const { return object_count_; }
  Object& object_at(size_t index) { return objects_[index]; }  // 1 .. object_count() - 1

 private:
  uint16_t next_number(const ObjectType& type);

  char* base_ = nullptr;
  size_t used_ = 0;
  std::vector<uint16_t> granules_;  // object index of each granule
  std::vector<Object> objects_;
  std::vector<std::pair<const ObjectType*, uint16_t>> type_counts_;
  size_t object_count_ = 0;
};

extern Arena arena;

// Marks every location of the object as freed, or as usable again.
void poison(Object& object);
void unpoison(Object& object);

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_ARENA_H_
