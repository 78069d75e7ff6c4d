// Programs as bytes: what fuzzing engines store, mutate and exchange.
//
// Layout, little-endian:
//
//   offset 0   strategy, modulo kStrategyCount
//          1   bits 0..6 read policy, modulo kReadPolicyCount; bit 7 eager
//          2   bits 0..3 depth, bits 4..7 policy_arg
//          3   cpu permutation, modulo kPermutationCount
//          4   seed, 32 bits
//          8   records of 4 bytes
//
//   record     byte 0, bits 0..4: code; bits 5..7: cpu of an operation, or kind of a directive
//              code 0..23   operation (modulo kOpKindCount); bytes 1..3 hold the arguments, each in
//                           the width of its schema, the first in the lowest bits
//              code 24, 28..31  directive of the operation record before it
//              code 25..27  directive of a context: kworker, rcu, timer
//              directive: bytes 1..2 access number (0 means 1), byte 3 argument
//
// Fixed-size records keep havoc mutations aligned. Every byte string decodes: a short header is
// filled up with zeros, unknown codes and values wrap into range, directives without an operation
// and whatever exceeds the limits are dropped, and so is an incomplete record at the end.
#ifndef VMAFUZZ_INPUT_BYTES_H_
#define VMAFUZZ_INPUT_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "input/program.h"

namespace vmafuzz::input {

inline constexpr size_t kHeaderBytes = 8;
inline constexpr size_t kRecordBytes = 4;
inline constexpr size_t kMaxBytes = kHeaderBytes + kRecordBytes * (kMaxOps + kMaxDirectives);

// Decodes into `program`, whose former content is discarded but whose memory is reused. The result
// is canonical; its text-only fields are empty. Looks at no more than the first kMaxDecodedBytes.
inline constexpr size_t kMaxDecodedBytes = 64 * 1024;
void decode(std::span<const uint8_t> bytes, Program& program);
Program decode(std::span<const uint8_t> bytes);

// The canonical bytes of a program: decode(encode(p)) equals canonical p without its text-only
// fields, and encode(decode(b)) is a fixed point for every b. At most kMaxBytes.
std::vector<uint8_t> encode(const Program& program);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_BYTES_H_
