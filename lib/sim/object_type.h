// How the lifetime checks and reports find the fields of a structure: from its visit().
#ifndef VMAFUZZ_SIM_OBJECT_TYPE_H_
#define VMAFUZZ_SIM_OBJECT_TYPE_H_

#include "sim/arena.h"

namespace vmafuzz::sim {

template <class T>
void visit_object(void* object, FieldVisitor visitor, void* context);

// Locations nested in a field of T get the field's name before their own.
template <class T>
struct FieldWalk {
  FieldVisitor visitor;
  void* context;
  const char* outer = nullptr;
  template <class F>
  void operator()(const char* name, F& field) {
    if constexpr (requires { field.location(); }) {
      visitor(context, outer, name, field.location());
    } else {
      field.visit(FieldWalk{visitor, context, outer == nullptr ? name : outer});
    }
  }
};

template <class T>
void visit_object(void* object, FieldVisitor visitor, void* context) {
  static_cast<T*>(object)->visit(FieldWalk<T>{visitor, context});
}

template <class T>
inline ObjectType type_record{nullptr, sizeof(T), &visit_object<T>};

// The type record of T. `name` is the kernel's name of the structure: the same each time. Written
// each time, since a local static takes another path the first time, and an engine that counts
// edges then sees an input behave differently the second time.
template <class T>
const ObjectType& object_type(const char* name) {
  type_record<T>.name = name;
  return type_record<T>;
}

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_OBJECT_TYPE_H_
