// Operations: the vocabulary of a test program, described by one table.
//
// An operation is what a CPU of the simulated machine does: a system call, a page fault, a uprobe
// (un)registration, or the execution of a probed instruction. The table behind schema() is the only
// place that defines one; decode, encode, text, mutate, minimise and `vmafuzz show` are all driven
// by it. To add an operation: append an OpKind, append a row in op.cc, and teach the executor to
// perform it. Append only: kinds and ArgIds are stored in corpora by number.
//
// Units. Addresses, lengths and file offsets are in pages. Pages 0..31 may be named; with a length
// of at most 8 an operation never reaches past page kAddressPages - 1. A uprobe sits at file offset
// pgoff * PAGE_SIZE + a fixed offset within the page, the same for all.
//
// Files. f0..f3 are ordinary files, f4..f6 are backing files (the kind that overlayfs hands to
// mmap). `open` binds a file slot to an inode; a slot that was never opened is opened on inode
// i<n % 4> when it is first used, so that a program needs no preamble.
//
// Thread safety: everything here is constant data or a value.
#ifndef VMAFUZZ_INPUT_OP_H_
#define VMAFUZZ_INPUT_OP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace vmafuzz::input {

inline constexpr int kMaxArgs = 9;        // of one operation
inline constexpr int kArgBits = 24;       // of one operation in its 4-byte record
inline constexpr int kCpuCount = 4;       // cpu0..cpu3
inline constexpr int kMmCount = 2;        // mm0, mm1 (the records have room for 4)
inline constexpr int kPageCount = 32;     // pages that an operation may name
inline constexpr int kMaxLenPages = 8;    // longest range
inline constexpr int kAddressPages = 40;  // kPageCount + kMaxLenPages
inline constexpr int kFileCount = 7;      // f0..f6
inline constexpr int kOrdinaryFileCount = 4;
inline constexpr int kInodeCount = 4;     // i0..i3
inline constexpr int kPgoffCount = 16;    // file offsets in pages, 0..15
inline constexpr int kConsumerCount = 2;  // consumers per (inode, pgoff)
inline constexpr uint8_t kFileNone = 7;   // `file=none`: anonymous memory

enum class OpKind : uint8_t {
  kMmap,
  kMunmap,
  kMprotect,
  kMremap,
  kBrk,
  kMadvise,
  kGrowStack,
  kFault,
  kOpen,
  kClose,
  kRegister,
  kUnregister,
  kHit,
};
inline constexpr int kOpKindCount = 13;

// What an argument means, whichever operation it belongs to: two arguments with one id name the
// same kind of thing, which is what lets the mutator and the minimiser relate operations.
enum class ArgId : uint8_t {
  kMm,
  kPage,
  kLen,
  kFile,
  kPgoff,
  kProt,
  kSharing,
  kPlacement,
  kNewLen,
  kNewPage,
  kMayMove,
  kFixed,
  kDontUnmap,
  kAdvice,
  kWrite,
  kInode,
  kBacking,
  kConsumer,
  kTimes,
  kGrowsDown,
};
inline constexpr int kArgIdCount = 20;

// Values of ArgId::kProt, kSharing, kPlacement and kAdvice, in the order of their words.
enum class Prot : uint8_t { kNone, kR, kRw, kRx, kRwx, kW };
enum class Sharing : uint8_t { kPrivate, kShared };
// kHint: as mmap() without MAP_FIXED, taken if free. kNoReplace: MAP_FIXED_NOREPLACE.
enum class Placement : uint8_t { kHint, kFixed, kNoReplace };
enum class Advice : uint8_t {
  kDontFork,
  kDoFork,
  kDontDump,
  kDoDump,
  kMergeable,
  kUnmergeable,
  kHugePage,
  kNoHugePage,
  kRandom,
  kSequential,
  kNormal,
  kWipeOnFork,
  kKeepOnFork,
  kDontNeed,
  kFree,
};

enum class ArgKind : uint8_t {
  kNumber,  // min .. min + count - 1, written in decimal
  kWord,    // one of `words`
  kFlag,    // 0 or 1, written as its name or left out
};

enum class TextForm : uint8_t {
  kKeyed,  // key=value
  kBare,   // the word alone (`mm0`, `private`, `maymove`); key=value is understood too
};

struct ArgSchema {
  ArgId id;
  absl::string_view name;
  ArgKind kind;
  TextForm form;
  uint8_t bits;      // width in the 4-byte record; value - min is stored there
  uint8_t min;       // smallest value; 0 unless kNumber
  uint8_t count;     // number of values, count <= 1 << bits
  uint8_t simplest;  // the value the minimiser aims at, and the default where optional
  bool optional;     // may be left out of the text, and is by print when it has the default
  std::span<const absl::string_view> words;  // kWord: `count` of them

  constexpr uint8_t max() const { return static_cast<uint8_t>(min + count - 1); }
};

struct OpSchema {
  OpKind kind;
  absl::string_view name;
  absl::string_view help;  // one line for people
  std::span<const ArgSchema> args;
};

// One operation. `arg[i]` is the value (not the bit pattern) of schema(kind).args[i]; the rest are
// zero. cpu 0 is setup, which runs alone before the others start; cpu n is cpu<n-1>.
struct Op {
  OpKind kind = OpKind::kMmap;
  uint8_t cpu = 0;
  std::array<uint8_t, kMaxArgs> arg = {};

  // Value of the argument `id`, or 0 where the operation has no such argument.
  uint8_t get(ArgId id) const;
  // Sets it; nothing happens where the operation has no such argument.
  // REQUIRES: min <= value <= max of its schema.
  void set(ArgId id, uint8_t value);

  friend bool operator==(const Op&, const Op&) = default;
};

// The table, in order of OpKind.
std::span<const OpSchema> all_ops();
const OpSchema& schema(OpKind kind);

// The row with that name, or null.
const OpSchema* find_op(absl::string_view name);

// Position of `id` among the operation's arguments, or -1.
int arg_slot(OpKind kind, ArgId id);

// An operation with every argument at its simplest value.
Op simplest_op(OpKind kind, uint8_t cpu);

// `value` brought into the argument's range by wrapping, so that any byte means something.
uint8_t wrap_arg(const ArgSchema& arg, unsigned value);

// True if kind, cpu and every argument are in range and unused arguments are zero.
bool valid(const Op& op);

// Brings every field into range.
void wrap(Op& op);

// The inode on which a file slot is opened when no `open` says otherwise.
constexpr uint8_t default_inode(uint8_t file) { return static_cast<uint8_t>(file % kInodeCount); }

// How an argument's value is written: "4", "rx", "mm0"; for a flag its name.
std::string value_text(const ArgSchema& arg, uint8_t value);

// The values that text may give the argument, for messages: "0..31" or "none, r, rw".
std::string allowed_values(const ArgSchema& arg);

// The operation as one line of text, without its cpu: "munmap mm0 page=4 len=1".
std::string op_text(const Op& op);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_OP_H_
