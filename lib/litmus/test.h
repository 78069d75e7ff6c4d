// A parsed litmus test: the initial state, one syntax tree per thread, and the final condition.
//
// Names are resolved while parsing: a global is an index into LitmusTest::globals, a local an
// index into its thread's locals (no block scoping, as in herd7: an inner "int r1" is the same
// r1). A thread's parameters are globals by reference, so "x" in a body is the address of x.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "litmus/primitives.h"
#include "litmus/source.h"
#include "litmus/value.h"

namespace vmafuzz::litmus {

enum class BinaryOp : uint8_t {
  kOr,
  kXor,
  kAnd,
  kEq,
  kNe,
  kLt,
  kGt,
  kLe,
  kGe,
  kAdd,
  kSub,
  kMul,
  kDiv
};

struct Expr {
  enum class Kind : uint8_t {
    kConstant,  // value: a number or the address of a global
    kLocal,     // local
    kLoad,      // plain load; children[0] is the address
    kBinary,    // op; two children
    kCall,      // primitive; its arguments, an lvalue given by its address
  };
  Kind kind = Kind::kConstant;
  Position position;
  Value value = 0;
  int local = 0;
  BinaryOp op = BinaryOp::kAdd;
  Primitive primitive = Primitive::READ_ONCE;
  std::vector<Expr> children;
};

struct Stmt {
  enum class Kind : uint8_t {
    kBlock,   // body
    kAssign,  // local = first
    kStore,   // plain store: *first = second
    kCall,    // first, a call whose value is dropped
    kIf,      // first; body[0], and body[1] if there is an else
    kWhile,   // first; body[0]
  };
  Kind kind = Kind::kBlock;
  Position position;
  int local = 0;
  Expr first, second;
  std::vector<Stmt> body;
};

struct Thread {
  std::vector<std::string> locals;
  std::vector<Value> initial;  // of each local: 0 unless the initial state says otherwise
  std::vector<Stmt> body;

  // The local of that name, made if it is new.
  int local(absl::string_view name);
  int find_local(absl::string_view name) const;  // -1 if there is none
};

// How the threads use a global. spin_* and srcu_* need an object of their kind.
enum class GlobalKind : uint8_t { kData, kLock, kSrcu };

struct Global {
  std::string name;
  GlobalKind kind = GlobalKind::kData;
  Value initial = 0;
};

// A local of a thread (thread >= 0), or a global (thread == kGlobal).
struct Location {
  static constexpr int kGlobal = -1;
  int thread = kGlobal;
  int index = 0;
  bool operator==(const Location&) const = default;
};

struct Proposition {
  enum class Kind : uint8_t { kTrue, kFalse, kEqual, kNotEqual, kNot, kAnd, kOr, kImplies };
  Kind kind = Kind::kTrue;
  // kEqual, kNotEqual: `left` against `right` if right_is_location, else against `value`.
  Location left, right;
  bool right_is_location = false;
  Value value = 0;
  std::vector<Proposition> children;
};

enum class Quantifier : uint8_t { kExists, kNotExists, kForall };

struct LitmusTest {
  std::string name;   // of the file
  std::string title;  // in the header
  // What the header says: "Never", "Sometimes", "Always", other words or nothing. `result` is the
  // verdict of the memory model, `machine` that of a machine that shows less of it.
  std::string result, machine;
  std::vector<Global> globals;
  std::vector<Thread> threads;
  std::vector<Location> locations;  // listed by "locations", in its order
  Proposition filter;               // kTrue if there is none
  Quantifier quantifier = Quantifier::kForall;
  Proposition condition;

  // The global of that name, made if it is new.
  int global(absl::string_view name);
  int find_global(absl::string_view name) const;  // -1 if there is none
};

// Parses the text of one file. `file` stands in errors ("FILE:LINE:COLUMN: ..."); the test is
// named after its stem, because several files may have one name in their text. Errors:
// InvalidArgument for text that is not a litmus test, Unimplemented for what herd7 knows and this
// parser does not.
absl::StatusOr<LitmusTest> parse_litmus(absl::string_view file, absl::string_view text);

// Reads and parses a file. NotFound if it cannot be read.
absl::StatusOr<LitmusTest> load_litmus(const std::string& path);

}  // namespace vmafuzz::litmus
