#include "litmus/primitives.h"

#include <array>
#include <cstddef>

#include "absl/container/flat_hash_map.h"

namespace vmafuzz::litmus {
namespace {

constexpr auto kInfo = std::to_array<PrimitiveInfo>({
#define VMAFUZZ_LITMUS_INFO(name, arguments, returns, base, suffix) \
  {#name, arguments, returns, Primitive::base, Suffix::suffix},
    VMAFUZZ_LITMUS_PRIMITIVES(VMAFUZZ_LITMUS_INFO)
#undef VMAFUZZ_LITMUS_INFO
});

using Names = absl::flat_hash_map<absl::string_view, Primitive>;

Names make_names() {
  Names names;
  for (size_t i = 0; i < kInfo.size(); ++i) names[kInfo[i].name] = static_cast<Primitive>(i);
  return names;
}

}  // namespace

const PrimitiveInfo& info_of(Primitive primitive) { return kInfo[static_cast<size_t>(primitive)]; }

const Primitive* find_primitive(absl::string_view name) {
  static const Names names = make_names();
  const auto found = names.find(name);
  return found == names.end() ? nullptr : &found->second;
}

}  // namespace vmafuzz::litmus
