// Values of litmus tests: an integer, the address of a global, or what srcu_read_lock() returned.
//
// All fit one 64-bit word, so that memory, registers and read-modify-writes need not tell them
// apart: the address of global number g is kAddressBase + g, and reader number n of a srcu_struct
// is -kAddressBase - n; to the test it is 0, as in herd7, but srcu_read_unlock() must know it.
// Numbers in a test are below 2^62 (the lexer refuses larger ones) and arithmetic whose result
// leaves (-2^62, 2^62) is an error, so a word means one thing only.
#pragma once

#include <cstdint>

namespace vmafuzz::litmus {

using Value = int64_t;

inline constexpr Value kAddressBase = Value{1} << 62;

constexpr Value address_of(int global) { return kAddressBase + global; }
constexpr bool is_address(Value value) { return value >= kAddressBase; }
// Only of an address.
constexpr int global_of(Value address) { return static_cast<int>(address - kAddressBase); }

constexpr Value reader_token(int reader) { return -kAddressBase - reader; }
constexpr bool is_reader(Value value) { return value <= -kAddressBase; }
// Only of a token.
constexpr int reader_of(Value token) { return static_cast<int>(-kAddressBase - token); }

// The value as the test sees it.
constexpr Value visible(Value value) { return is_reader(value) ? 0 : value; }

}  // namespace vmafuzz::litmus
