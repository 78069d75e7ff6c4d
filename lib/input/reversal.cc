#include "input/reversal.h"

#include <algorithm>

namespace vmafuzz::input {
namespace {

uint8_t end_of(const Op& op) {
  return static_cast<uint8_t>(op.get(ArgId::kPage) + op.get(ArgId::kLen));
}

// The first mmap, other than `op` itself, whose range holds the page at which `op` begins, or null.
const Op* mapping_under(const Program& program, const Op& op) {
  const uint8_t page = op.get(ArgId::kPage);
  const auto covers = [&](const Op& other) {
    return other.kind == OpKind::kMmap && !(other == op) &&
           other.get(ArgId::kMm) == op.get(ArgId::kMm) && other.get(ArgId::kPage) <= page &&
           page < end_of(other);
  };
  const auto found = std::find_if(program.ops.begin(), program.ops.end(), covers);
  return found == program.ops.end() ? nullptr : &*found;
}

// What `mapping` had where `op` is, as far as both reach.
std::optional<Op> map_again(const Op& mapping, const Op& op) {
  const int delta = op.get(ArgId::kPage) - mapping.get(ArgId::kPage);
  const int pgoff = mapping.get(ArgId::kPgoff) + delta;
  if (pgoff >= kPgoffCount) return std::nullopt;
  Op again = mapping;
  again.cpu = op.cpu;
  again.set(ArgId::kPage, op.get(ArgId::kPage));
  again.set(ArgId::kLen,
            static_cast<uint8_t>(std::min(end_of(op), end_of(mapping)) - op.get(ArgId::kPage)));
  again.set(ArgId::kPgoff, static_cast<uint8_t>(pgoff));
  again.set(ArgId::kPlacement, static_cast<uint8_t>(Placement::kFixed));
  return again;
}

std::optional<Op> with(Op op, ArgId id, uint8_t value) {
  if (op.get(id) == value) return std::nullopt;
  op.set(id, value);
  return op;
}

Advice opposite(Advice advice) {
  switch (advice) {
    case Advice::kDontFork:
      return Advice::kDoFork;
    case Advice::kDoFork:
      return Advice::kDontFork;
    case Advice::kDontDump:
      return Advice::kDoDump;
    case Advice::kDoDump:
      return Advice::kDontDump;
    case Advice::kMergeable:
      return Advice::kUnmergeable;
    case Advice::kUnmergeable:
      return Advice::kMergeable;
    case Advice::kHugePage:
      return Advice::kNoHugePage;
    case Advice::kNoHugePage:
      return Advice::kHugePage;
    case Advice::kRandom:
    case Advice::kSequential:
      return Advice::kNormal;
    case Advice::kWipeOnFork:
      return Advice::kKeepOnFork;
    case Advice::kKeepOnFork:
      return Advice::kWipeOnFork;
    case Advice::kNormal:
    case Advice::kDontNeed:
    case Advice::kFree:
      break;
  }
  return advice;
}

std::optional<Op> move_home(const Op& op) {
  if (op.get(ArgId::kFixed) == 0 || op.get(ArgId::kDontUnmap) != 0) return std::nullopt;
  Op home = op;
  home.set(ArgId::kPage, op.get(ArgId::kNewPage));
  home.set(ArgId::kLen, op.get(ArgId::kNewLen));
  home.set(ArgId::kNewPage, op.get(ArgId::kPage));
  home.set(ArgId::kNewLen, op.get(ArgId::kLen));
  home.set(ArgId::kMayMove, 1);
  return home;
}

}  // namespace

std::optional<Op> reversal_of(const Program& program, const Op& op) {
  if (op.kind == OpKind::kMremap) return move_home(op);
  if (op.kind == OpKind::kMadvise) {
    const auto advice = static_cast<Advice>(op.get(ArgId::kAdvice));
    return with(op, ArgId::kAdvice, static_cast<uint8_t>(opposite(advice)));
  }
  const bool maps = op.kind == OpKind::kMmap || op.kind == OpKind::kMunmap;
  if (!maps && op.kind != OpKind::kMprotect) return std::nullopt;
  const Op* mapping = mapping_under(program, op);
  if (mapping == nullptr) return std::nullopt;
  if (maps) return map_again(*mapping, op);
  return with(op, ArgId::kProt, mapping->get(ArgId::kProt));
}

}  // namespace vmafuzz::input
