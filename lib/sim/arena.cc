#include "sim/arena.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace vmafuzz::sim {

Arena arena;

namespace {
constexpr size_t kMaxObjects = 16384;
constexpr size_t kReserved = 4096;  // nothing lives below: null and torn pointers
}  // namespace

Arena::Arena() {
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "vmafuzz: no address space for %zu bytes of simulated memory\n", kBytes);
    std::exit(3);
  }
  base_ = static_cast<char*>(memory);
  granules_.resize(kBytes / kGranule);
  objects_.resize(kMaxObjects);
  // What a torn pointer points at: locations that fail at the first access.
  auto* torn = reinterpret_cast<Location*>(base_ + kTornPointer);
  for (size_t i = 0; i < (kReserved - kTornPointer) / sizeof(Location); ++i) torn[i].flags = kWild;
  reset();
}

void Arena::reset() {
  used_ = kReserved;
  object_count_ = 1;  // 0: no object
  type_counts_.clear();
}

Object* Arena::allocate(const ObjectType& type, const char* label, Site site) {
  const size_t bytes = (type.size + kGranule - 1) / kGranule * kGranule;
  if (used_ + bytes > kBytes || object_count_ == kMaxObjects) return nullptr;
  Object& object = objects_[object_count_];
  object = Object{};
  object.type = &type;
  object.base = base_ + used_;
  object.label = label;
  object.number = next_number(type);
  object.live = true;
  object.allocated = site;
  const size_t first = used_ / kGranule;
  for (size_t i = 0; i < bytes / kGranule; ++i) {
    granules_[first + i] = static_cast<uint16_t>(object_count_);
  }
  used_ += bytes;
  ++object_count_;
  return &object;
}

uint16_t Arena::next_number(const ObjectType& type) {
  for (auto& [known, count] : type_counts_) {
    if (known == &type) return ++count;
  }
  type_counts_.emplace_back(&type, 1);
  return 1;
}

Object* Arena::object_of(const void* address) const {
  if (!contains(address)) return nullptr;
  const size_t offset = static_cast<size_t>(static_cast<const char*>(address) - base_);
  if (offset < kReserved || offset >= used_) return nullptr;
  return const_cast<Object*>(&objects_[granules_[offset / kGranule]]);
}

void poison(Object& object) {
  object.type->visit(
      object.base, [](void*, const char*, const char*, Location& field) { field.flags |= kFreed; },
      nullptr);
}

void unpoison(Object& object) {
  object.type->visit(
      object.base, [](void*, const char*, const char*, Location& field) { field.flags &= ~kFreed; },
      nullptr);
}

}  // namespace vmafuzz::sim
