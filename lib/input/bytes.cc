#include "input/bytes.h"

#include <algorithm>

namespace vmafuzz::input {
namespace {

constexpr unsigned kCodeMask = 31;
constexpr unsigned kHighShift = 5;
constexpr unsigned kFirstDirectiveCode = 24;  // below: operations
constexpr unsigned kOpDirectiveCode = 24;
constexpr unsigned kFirstContextCode = 25;
constexpr unsigned kEagerBit = 0x80;
static_assert(kOpKindCount <= kFirstDirectiveCode);
static_assert(kDirectiveKindCount <= 8 && kCpuCount + 1 <= 8);

uint32_t read_u32(const uint8_t* bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

void append_u32(std::vector<uint8_t>& bytes, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(value >> shift));
}

Header decode_header(std::span<const uint8_t> bytes) {
  std::array<uint8_t, kHeaderBytes> raw{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), raw.size()), raw.begin());
  Header header;
  header.strategy = static_cast<Strategy>(raw[0]);
  header.policy = static_cast<ReadPolicy>(raw[1] & ~kEagerBit);
  header.eager = (raw[1] & kEagerBit) != 0;
  header.depth = raw[2] & 15;
  header.policy_arg = raw[2] >> 4;
  header.permutation = raw[3];
  header.seed = read_u32(&raw[4]);
  return header;
}

void append_header(std::vector<uint8_t>& bytes, const Header& header) {
  bytes.push_back(static_cast<uint8_t>(header.strategy));
  const unsigned eager = header.eager ? kEagerBit : 0;
  bytes.push_back(static_cast<uint8_t>(static_cast<unsigned>(header.policy) | eager));
  bytes.push_back(static_cast<uint8_t>(header.depth | header.policy_arg << 4));
  bytes.push_back(header.permutation);
  append_u32(bytes, header.seed);
}

Op decode_op(uint32_t record) {
  Op op;
  op.kind = static_cast<OpKind>((record & kCodeMask) % kOpKindCount);
  op.cpu = (record & 0xFF) >> kHighShift;
  uint32_t packed = record >> 8;
  const OpSchema& row = schema(op.kind);
  for (size_t i = 0; i < row.args.size(); i++) {
    const ArgSchema& arg = row.args[i];
    const uint32_t raw = packed & ((1u << arg.bits) - 1);
    op.arg[i] = static_cast<uint8_t>(arg.min + raw % arg.count);
    packed >>= arg.bits;
  }
  return op;
}

uint32_t encode_op(const Op& op) {
  uint32_t packed = 0;
  unsigned shift = 0;
  const OpSchema& row = schema(op.kind);
  for (size_t i = 0; i < row.args.size(); i++) {
    packed |= static_cast<uint32_t>(op.arg[i] - row.args[i].min) << shift;
    shift += row.args[i].bits;
  }
  return packed << 8 | static_cast<uint32_t>(op.cpu) << kHighShift | static_cast<uint32_t>(op.kind);
}

bool names_context(unsigned code) {
  return code >= kFirstContextCode && code < kFirstContextCode + kContextCount;
}

Directive decode_directive(uint32_t record, uint16_t op) {
  Directive directive;
  directive.op = op;
  directive.kind = static_cast<DirectiveKind>((record & 0xFF) >> kHighShift);
  directive.access = static_cast<uint16_t>(record >> 8);
  directive.arg = static_cast<uint8_t>(record >> 24);
  return directive;
}

uint32_t encode_directive(const Directive& directive) {
  const uint32_t code = directive.of_context() ? kFirstContextCode + (directive.op - kFirstContext)
                                               : kOpDirectiveCode;
  return static_cast<uint32_t>(directive.arg) << 24 | static_cast<uint32_t>(directive.access) << 8 |
         static_cast<uint32_t>(directive.kind) << kHighShift | code;
}

void clear(Program& program) {
  program.header = Header{};
  program.story.clear();
  program.kernel.clear();
  program.bugs.clear();
  program.options.clear();
  program.expect.clear();
  program.ops.clear();
  program.directives.clear();
}

}  // namespace

void decode(std::span<const uint8_t> bytes, Program& program) {
  clear(program);
  bytes = bytes.first(std::min(bytes.size(), kMaxDecodedBytes));
  program.header = decode_header(bytes);
  bool has_op = false;  // false again once operations are dropped: their directives go with them
  for (size_t at = kHeaderBytes; at + kRecordBytes <= bytes.size(); at += kRecordBytes) {
    const uint32_t record = read_u32(&bytes[at]);
    const unsigned code = record & kCodeMask;
    if (code < kFirstDirectiveCode) {
      has_op = program.ops.size() < kMaxOps;
      if (has_op) program.ops.push_back(decode_op(record));
      continue;
    }
    if (program.directives.size() == kMaxDirectives) continue;
    if (names_context(code)) {
      const auto context = static_cast<uint16_t>(kFirstContext + (code - kFirstContextCode));
      program.directives.push_back(decode_directive(record, context));
    } else if (has_op) {
      const auto op = static_cast<uint16_t>(program.ops.size() - 1);
      program.directives.push_back(decode_directive(record, op));
    }
  }
  canonicalize(program);
}

Program decode(std::span<const uint8_t> bytes) {
  Program program;
  decode(bytes, program);
  return program;
}

std::vector<uint8_t> encode(const Program& program) {
  Program canonical;
  canonical.header = program.header;
  canonical.ops = program.ops;
  canonical.directives = program.directives;
  canonicalize(canonical);

  std::vector<uint8_t> bytes;
  bytes.reserve(kHeaderBytes + kRecordBytes * (canonical.ops.size() + canonical.directives.size()));
  append_header(bytes, canonical.header);
  auto directive = canonical.directives.begin();
  const auto append_directives_of = [&](size_t op) {
    for (; directive != canonical.directives.end() && directive->op <= op; ++directive) {
      append_u32(bytes, encode_directive(*directive));
    }
  };
  for (size_t i = 0; i < canonical.ops.size(); i++) {
    append_u32(bytes, encode_op(canonical.ops[i]));
    append_directives_of(i);
  }
  append_directives_of(kTimerContext);
  return bytes;
}

}  // namespace vmafuzz::input
