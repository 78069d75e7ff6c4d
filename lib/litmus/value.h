// Values of litmus tests: an integer, or the address of a global.
//
// Both fit one 64-bit word, so that memory, registers and read-modify-writes need not tell them
// apart: the address of global number g is kAddressBase + g. Numbers in a test are below 2^62
// (the lexer refuses larger ones) and arithmetic whose result leaves (-2^62, 2^62) is an error, so
// a word means one thing only.
#pragma once

#include <cstdint>

namespace vmafuzz::litmus {

using Value = int64_t;

inline constexpr Value kAddressBase = Value{1} << 62;

constexpr Value address_of(int global) { return kAddressBase + global; }
constexpr bool is_address(Value value) { return value >= kAddressBase; }
// Only of an address.
constexpr int global_of(Value address) { return static_cast<int>(address - kAddressBase); }

}  // namespace vmafuzz::litmus
