#include "input/op.h"

#include <algorithm>
#include <cassert>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vmafuzz::input {
namespace {

constexpr absl::string_view kMmWords[] = {"mm0", "mm1"};
constexpr absl::string_view kFileWords[] = {"f0", "f1", "f2", "f3", "f4", "f5", "f6", "none"};
constexpr absl::string_view kInodeWords[] = {"i0", "i1", "i2", "i3"};
constexpr absl::string_view kProtWords[] = {"none", "r", "rw", "rx", "rwx", "w"};
constexpr absl::string_view kSharingWords[] = {"private", "shared"};
constexpr absl::string_view kPlacementWords[] = {"hint", "fixed", "noreplace"};
constexpr absl::string_view kAdviceWords[] = {"dontfork",   "dofork",      "dontdump", "dodump",
                                              "mergeable",  "unmergeable", "hugepage", "nohugepage",
                                              "random",     "sequential",  "normal",   "wipeonfork",
                                              "keeponfork", "dontneed",    "free"};

// ---- Builders of one argument each -------------------------------------------------------------

constexpr ArgSchema number(ArgId id, absl::string_view name, uint8_t bits, uint8_t min,
                           uint8_t count) {
  return {id, name, ArgKind::kNumber, TextForm::kKeyed, bits, min, count, min, false, {}};
}

constexpr ArgSchema word(ArgId id, absl::string_view name, TextForm form, uint8_t bits,
                         uint8_t simplest, std::span<const absl::string_view> words) {
  const auto count = static_cast<uint8_t>(words.size());
  return {id, name, ArgKind::kWord, form, bits, 0, count, simplest, false, words};
}

constexpr ArgSchema flag(ArgId id, absl::string_view name) {
  return {id, name, ArgKind::kFlag, TextForm::kBare, 1, 0, 2, 0, true, {}};
}

constexpr ArgSchema optional(ArgSchema arg) {
  arg.optional = true;
  return arg;
}

constexpr uint8_t simple(Prot prot) { return static_cast<uint8_t>(prot); }

constexpr ArgSchema kMm = word(ArgId::kMm, "mm", TextForm::kBare, 2, 0, kMmWords);
constexpr ArgSchema kPage = number(ArgId::kPage, "page", 5, 0, kPageCount);
constexpr ArgSchema kLen = number(ArgId::kLen, "len", 3, 1, kMaxLenPages);
constexpr ArgSchema kPgoff = number(ArgId::kPgoff, "pgoff", 4, 0, kPgoffCount);
constexpr ArgSchema kProt =
    word(ArgId::kProt, "prot", TextForm::kKeyed, 3, simple(Prot::kRx), kProtWords);
constexpr ArgSchema kInode = word(ArgId::kInode, "inode", TextForm::kKeyed, 2, 0, kInodeWords);
constexpr ArgSchema kConsumer =
    optional(number(ArgId::kConsumer, "consumer", 1, 0, kConsumerCount));
constexpr ArgSchema times(uint8_t bits) {
  return optional(number(ArgId::kTimes, "times", bits, 1, static_cast<uint8_t>(1 << bits)));
}
// A slot, without `none`.
constexpr ArgSchema kFileSlot =
    word(ArgId::kFile, "file", TextForm::kKeyed, 3, 0, std::span(kFileWords).first<kFileCount>());

// ---- The table ---------------------------------------------------------------------------------

constexpr ArgSchema kMmapArgs[] = {
    kMm,
    kPage,
    kLen,
    optional(word(ArgId::kFile, "file", TextForm::kKeyed, 3, kFileNone, kFileWords)),
    optional(kPgoff),
    kProt,
    word(ArgId::kSharing, "sharing", TextForm::kBare, 1, 0, kSharingWords),
    optional(word(ArgId::kPlacement, "placement", TextForm::kBare, 2, 0, kPlacementWords)),
    flag(ArgId::kGrowsDown, "growsdown"),
};
constexpr ArgSchema kMunmapArgs[] = {kMm, kPage, kLen};
constexpr ArgSchema kMprotectArgs[] = {kMm, kPage, kLen, kProt};
constexpr ArgSchema kMremapArgs[] = {
    kMm,
    kPage,
    kLen,
    number(ArgId::kNewLen, "newlen", 3, 1, kMaxLenPages),
    number(ArgId::kNewPage, "newpage", 5, 0, kPageCount),
    flag(ArgId::kMayMove, "maymove"),
    flag(ArgId::kFixed, "fixed"),
    flag(ArgId::kDontUnmap, "dontunmap"),
};
// Where nothing moves, a write section that changes nothing: a counter of 8 bits comes round in
// 128.
constexpr ArgSchema kBrkArgs[] = {kMm, kPage, times(7)};
constexpr ArgSchema kMadviseArgs[] = {kMm, kPage, kLen,
                                      word(ArgId::kAdvice, "advice", TextForm::kKeyed, 4,
                                           static_cast<uint8_t>(Advice::kDontFork), kAdviceWords)};
constexpr ArgSchema kGrowStackArgs[] = {kMm, kPage};
constexpr ArgSchema kFaultArgs[] = {kMm, kPage, flag(ArgId::kWrite, "write")};
constexpr ArgSchema kOpenArgs[] = {kFileSlot, kInode, flag(ArgId::kBacking, "backing")};
constexpr ArgSchema kCloseArgs[] = {kFileSlot};
constexpr ArgSchema kRegisterArgs[] = {kInode, kPgoff, kConsumer};
constexpr ArgSchema kUnregisterArgs[] = {kInode, kPgoff, kConsumer};
constexpr ArgSchema kHitArgs[] = {kMm, kPage, times(2)};

constexpr OpSchema kOps[] = {
    {OpKind::kMmap, "mmap",
     "map len pages of a file (f0..f3 ordinary, f4..f6 backing, none: anonymous) at page; a file "
     "never opened is opened on inode i<n % 4>; growsdown: a stack (private anonymous memory only)",
     kMmapArgs},
    {OpKind::kMunmap, "munmap", "unmap len pages from page; holes are allowed", kMunmapArgs},
    {OpKind::kMprotect, "mprotect", "change the protection of len pages from page", kMprotectArgs},
    {OpKind::kMremap, "mremap",
     "resize or move len pages at page to newlen pages; newpage counts with fixed or dontunmap",
     kMremapArgs},
    {OpKind::kBrk, "brk", "move the end of the heap to page, `times` times in a row", kBrkArgs},
    {OpKind::kMadvise, "madvise", "advise len pages from page", kMadviseArgs},
    {OpKind::kGrowStack, "grow_stack",
     "write to page, so that the growsdown mapping above it grows down to there", kGrowStackArgs},
    {OpKind::kFault, "fault", "page fault in page, through lock_vma_under_rcu", kFaultArgs},
    {OpKind::kOpen, "open",
     "open a file slot on an inode, closing what the slot held; backing: from the class of backing "
     "files, whatever the slot",
     kOpenArgs},
    {OpKind::kClose, "close", "drop the file slot's own reference", kCloseArgs},
    {OpKind::kRegister, "register", "register a uprobe consumer at (inode, pgoff)", kRegisterArgs},
    {OpKind::kUnregister, "unregister", "unregister the consumer from (inode, pgoff)",
     kUnregisterArgs},
    {OpKind::kHit, "hit", "a task executes the probed instruction in page, `times` times",
     kHitArgs},
};

// ---- What the table must satisfy, checked by the compiler --------------------------------------

constexpr int total_bits(const OpSchema& op) {
  int bits = 0;
  for (const ArgSchema& arg : op.args) bits += arg.bits;
  return bits;
}

constexpr bool well_formed(const ArgSchema& arg) {
  const bool fits = arg.count >= 1 && arg.count <= (1 << arg.bits);
  const bool default_in_range = arg.simplest >= arg.min && arg.simplest <= arg.max();
  const bool words_match = arg.kind != ArgKind::kWord || arg.words.size() == arg.count;
  return fits && default_in_range && words_match && (arg.kind == ArgKind::kNumber || arg.min == 0);
}

constexpr bool well_formed_table() {
  for (size_t i = 0; i < std::size(kOps); i++) {
    const OpSchema& op = kOps[i];
    if (op.kind != static_cast<OpKind>(i)) return false;
    if (op.args.size() > kMaxArgs || total_bits(op) > kArgBits) return false;
    for (const ArgSchema& arg : op.args) {
      if (!well_formed(arg)) return false;
    }
  }
  return true;
}

static_assert(std::size(kOps) == kOpKindCount);
static_assert(well_formed_table());

// slots[kind][id] is the argument's position, or -1.
using SlotTable = std::array<std::array<int8_t, kArgIdCount>, kOpKindCount>;

constexpr SlotTable make_slots() {
  SlotTable slots{};
  for (auto& row : slots) row.fill(-1);
  for (const OpSchema& op : kOps) {
    for (size_t i = 0; i < op.args.size(); i++) {
      slots[static_cast<size_t>(op.kind)][static_cast<size_t>(op.args[i].id)] =
          static_cast<int8_t>(i);
    }
  }
  return slots;
}

constexpr SlotTable kSlots = make_slots();

}  // namespace

std::span<const OpSchema> all_ops() { return kOps; }

const OpSchema& schema(OpKind kind) {
  assert(static_cast<int>(kind) < kOpKindCount);
  return kOps[static_cast<size_t>(kind)];
}

const OpSchema* find_op(absl::string_view name) {
  for (const OpSchema& op : kOps) {
    if (op.name == name) return &op;
  }
  return nullptr;
}

int arg_slot(OpKind kind, ArgId id) {
  return kSlots[static_cast<size_t>(kind)][static_cast<size_t>(id)];
}

uint8_t Op::get(ArgId id) const {
  const int slot = arg_slot(kind, id);
  return slot < 0 ? 0 : arg[static_cast<size_t>(slot)];
}

void Op::set(ArgId id, uint8_t value) {
  const int slot = arg_slot(kind, id);
  if (slot >= 0) arg[static_cast<size_t>(slot)] = value;
}

Op simplest_op(OpKind kind, uint8_t cpu) {
  Op op{kind, cpu, {}};
  const OpSchema& row = schema(kind);
  for (size_t i = 0; i < row.args.size(); i++) op.arg[i] = row.args[i].simplest;
  return op;
}

uint8_t wrap_arg(const ArgSchema& arg, unsigned value) {
  if (value >= arg.min && value <= arg.max()) return static_cast<uint8_t>(value);
  return static_cast<uint8_t>(arg.min + value % arg.count);
}

bool valid(const Op& op) {
  if (static_cast<int>(op.kind) >= kOpKindCount || op.cpu > kCpuCount) return false;
  const OpSchema& row = schema(op.kind);
  for (size_t i = 0; i < kMaxArgs; i++) {
    if (i >= row.args.size()) {
      if (op.arg[i] != 0) return false;
    } else if (op.arg[i] < row.args[i].min || op.arg[i] > row.args[i].max()) {
      return false;
    }
  }
  return true;
}

void wrap(Op& op) {
  op.kind = static_cast<OpKind>(static_cast<int>(op.kind) % kOpKindCount);
  op.cpu = static_cast<uint8_t>(op.cpu % (kCpuCount + 1));
  const OpSchema& row = schema(op.kind);
  for (size_t i = 0; i < kMaxArgs; i++) {
    op.arg[i] = i < row.args.size() ? wrap_arg(row.args[i], op.arg[i]) : uint8_t{0};
  }
}

std::string value_text(const ArgSchema& arg, uint8_t value) {
  switch (arg.kind) {
    case ArgKind::kNumber:
      return absl::StrCat(static_cast<int>(value));
    case ArgKind::kWord:
      return std::string(arg.words[value]);
    case ArgKind::kFlag:
      return std::string(arg.name);
  }
  return {};
}

std::string allowed_values(const ArgSchema& arg) {
  switch (arg.kind) {
    case ArgKind::kNumber:
      return absl::StrCat(static_cast<int>(arg.min), "..", static_cast<int>(arg.max()));
    case ArgKind::kWord:
      return absl::StrJoin(arg.words, ", ");
    case ArgKind::kFlag:
      return std::string(arg.name);
  }
  return {};
}

std::string op_text(const Op& op) {
  const OpSchema& row = schema(op.kind);
  std::string line(row.name);
  for (size_t i = 0; i < row.args.size(); i++) {
    const ArgSchema& arg = row.args[i];
    if (arg.optional && op.arg[i] == arg.simplest) continue;
    absl::StrAppend(&line, " ");
    if (arg.form == TextForm::kKeyed) absl::StrAppend(&line, arg.name, "=");
    absl::StrAppend(&line, value_text(arg, op.arg[i]));
  }
  return line;
}

}  // namespace vmafuzz::input
