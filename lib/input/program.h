// Program: one test, everything that decides an execution.
//
// A program is operations (op.h), grouped by the cpu that runs them; *directives*, the explicit
// deviations from the default "keep running this cpu, read the newest store, nothing fails"; and a
// *search* header, which may name a strategy that decides from a seed whatever the directives leave
// open (directives come first: failures, for one, are never a strategy's choice). A program whose
// strategy is kNone is in replay form: the directives say everything. Recording a search execution
// gives a program in replay form that executes the same.
//
// The text form (text.h) carries everything; the byte form (bytes.h) carries header, operations and
// directives, which is all that an executor needs once it knows the kernel.
//
// Canonical form, which decode, parse and the mutator produce and canonicalize() restores:
//   1. every field of every operation, directive and of the header is in range (wrap rules below);
//   2. ops are grouped by cpu, setup first; within one cpu, the order is program order;
//   3. directives are sorted by (op, access); several at one access keep their order, which is the
//      order in which they apply;
//   4. every directive's op exists, or is a context (kKworkerContext...);
//   5. at most kMaxOps operations and kMaxDirectives directives;
//   6. fields that mean nothing are zero: the whole header when strategy is kNone, policy_arg where
//      the policy takes none, arg of directives that take none.
#ifndef VMAFUZZ_INPUT_PROGRAM_H_
#define VMAFUZZ_INPUT_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "input/op.h"

namespace vmafuzz::input {

inline constexpr size_t kMaxOps = 64;
inline constexpr size_t kMaxDirectives = 256;
inline constexpr uint16_t kMaxAccess = 65535;

// ---- Header: how to search
// -----------------------------------------------------------------------

enum class Strategy : uint8_t {
  kNone,        // replay form: the directives say everything
  kSticky,      // keep the current cpu with a fixed probability
  kUrw,         // weighted by remaining work
  kSurw,        // the same over a sampled subset of the locations
  kPos,         // partial order sampling
  kPct,         // priorities with depth - 1 change points
  kRoundRobin,  // switch at every access
  kPortfolio,   // one of the above drawn per execution
};
inline constexpr int kStrategyCount = 8;

enum class ReadPolicy : uint8_t {
  kNewest,
  kNewestStale,  // newest, but policy_arg loads read an older store
  kOldestFresh,  // oldest legal store, but policy_arg loads read a new one
  kGeometric,    // one store further back with probability 1/2 each
  kUniform,
};
inline constexpr int kReadPolicyCount = 5;

inline constexpr uint8_t kMaxDepth = 15;
inline constexpr uint8_t kMaxPolicyArg = 15;
inline constexpr uint8_t kPermutationCount = 24;  // orders of kCpuCount cpus

struct Header {
  Strategy strategy = Strategy::kNone;
  ReadPolicy policy = ReadPolicy::kNewest;
  bool eager = false;       // run relaxed and release stores at once
  uint8_t policy_arg = 0;   // 0..15, for kNewestStale and kOldestFresh
  uint8_t depth = 0;        // 0..15, the strategy's parameter; 0: its default
  uint8_t permutation = 0;  // 0..23: the order in which the strategy numbers the cpus
  uint32_t seed = 0;

  friend bool operator==(const Header&, const Header&) = default;
};

// The cpus in the order in which the strategy shall number them. Index 0 is the identity; the
// others follow in lexicographic order. Strategies and mutators favour low numbers, so a fixed
// numbering would always favour the same role (engine measurements: "writer first").
std::array<uint8_t, kCpuCount> cpu_order(uint8_t permutation);

absl::string_view strategy_name(Strategy strategy);     // "none", "sticky", "urw"...
absl::string_view read_policy_name(ReadPolicy policy);  // "newest", "newest-stale"...
bool takes_arg(ReadPolicy policy);

// ---- Directives: what deviates
// -------------------------------------------------------------------

enum class DirectiveKind : uint8_t {
  kPreempt,  // before this access, continue with another cpu or context (arg: SwitchTarget)
  kStale,    // this load reads `arg` stores back, 1..kMaxStale
  kTear,     // this plain load is torn: half of the old value, half of the new
  kReload,   // this plain load is done twice
  kFail,     // this allocation, killable lock or breakpoint removal fails
  kHold,     // what becomes ready here is held back for `arg` accesses, or kHoldEnd
  kExpire,   // a timer expires now
};
inline constexpr int kDirectiveKindCount = 7;

inline constexpr uint8_t kMaxStale = 15;  // the machine keeps the last 16 stores
inline constexpr uint8_t kHoldEnd = 255;  // `hold end`: until the other cpus are done

// arg of kPreempt: 0..3 are cpu0..cpu3 (one less than Op::cpu), then the simulated contexts.
enum class SwitchTarget : uint8_t { kCpu0, kCpu1, kCpu2, kCpu3, kKworker, kRcu, kTimer };
inline constexpr int kSwitchTargetCount = 7;

// A simulated context (work queue, RCU callbacks, timers) runs code that belongs to no operation.
// A directive addresses its accesses with one of these in place of an operation's index; accesses
// then count from the context's first access in the execution. In text they stand in a section of
// their own, "kworker:", "rcu:" or "timer:".
inline constexpr uint16_t kFirstContext = 0xFFFD;
inline constexpr uint16_t kKworkerContext = 0xFFFD;
inline constexpr uint16_t kRcuContext = 0xFFFE;
inline constexpr uint16_t kTimerContext = 0xFFFF;
inline constexpr int kContextCount = 3;

struct Directive {
  uint16_t op = 0;      // index into Program::ops, or a context
  uint16_t access = 1;  // the n-th access of that operation, from 1
  DirectiveKind kind = DirectiveKind::kPreempt;
  uint8_t arg = 0;

  bool of_context() const { return op >= kFirstContext; }
  friend bool operator==(const Directive&, const Directive&) = default;
};

// Range of a directive kind's argument; {0, 0} where it takes none.
struct DirectiveArgRange {
  uint8_t min;
  uint8_t max;
};
DirectiveArgRange arg_range(DirectiveKind kind);

absl::string_view directive_name(DirectiveKind kind);       // "preempt", "stale"...
absl::string_view switch_target_name(SwitchTarget target);  // "cpu0", "kworker"...
absl::string_view context_name(uint16_t context);           // "kworker", "rcu", "timer"

// "preempt cpu1", "hold end": the directive without its position.
std::string directive_text(const Directive& directive);

// ---- Program
// -------------------------------------------------------------------------------------

struct Program {
  Header header;

  // Text only; bytes do not carry these.
  std::vector<std::string> story;    // leading comment lines, without "# "
  std::string kernel;                // empty: the caller's default
  std::vector<std::string> bugs;     // names of bug switches
  std::vector<std::string> options;  // "key=value", in order
  std::string expect;                // a verdict's name, "none", or empty: not stated

  std::vector<Op> ops;
  std::vector<Directive> directives;

  bool replay_form() const { return header.strategy == Strategy::kNone; }
  friend bool operator==(const Program&, const Program&) = default;
};

// Restores the canonical form (rules 1-6 above): wraps what is out of range, regroups operations
// and renumbers directives with them, drops directives without an operation, then whatever exceeds
// the limits. Idempotent.
void canonicalize(Program& program);
bool is_canonical(const Program& program);

void canonicalize(Header& header);
// Wraps kind, access and arg; `op` is left alone.
void wrap(Directive& directive);

// Removes the operation at `index` and its directives, and renumbers the others.
void remove_op(Program& program, size_t index);
// Removes every operation for which `keep` is false. REQUIRES: keep.size() == ops.size().
void keep_ops(Program& program, const std::vector<bool>& keep);
// Inserts an operation before `index` (which may be ops.size()) and renumbers directives. The
// result may need canonicalize() if op.cpu does not belong there.
void insert_op(Program& program, size_t index, const Op& op);

// Directives of one operation, as a range of a canonical program's directives.
std::span<const Directive> directives_of(const Program& program, uint16_t op);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_PROGRAM_H_
