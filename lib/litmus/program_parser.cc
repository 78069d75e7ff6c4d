// The program: "P<k>(parameters) { statements }" for k = 0, 1, 2...
// Only what herd7's C subset has is accepted; a construct that it lacks is named in the error.
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "litmus/parser.h"

namespace vmafuzz::litmus {
namespace {

struct BinaryLevel {
  absl::string_view text;
  BinaryOp op;
  int precedence;  // higher binds tighter
};

constexpr auto kBinary = std::to_array<BinaryLevel>({
    {"|", BinaryOp::kOr, 1},
    {"^", BinaryOp::kXor, 2},
    {"&", BinaryOp::kAnd, 3},
    {"==", BinaryOp::kEq, 4},
    {"!=", BinaryOp::kNe, 4},
    {"<", BinaryOp::kLt, 5},
    {">", BinaryOp::kGt, 5},
    {"<=", BinaryOp::kLe, 5},
    {">=", BinaryOp::kGe, 5},
    {"+", BinaryOp::kAdd, 6},
    {"-", BinaryOp::kSub, 6},
    {"*", BinaryOp::kMul, 7},
    {"/", BinaryOp::kDiv, 7},
});

const BinaryLevel* find_binary(const Token& token) {
  for (const BinaryLevel& level : kBinary) {
    if (token.kind == TokenKind::kPunctuation && token.is(level.text)) return &level;
  }
  return nullptr;
}

class ProgramParser {
 public:
  ProgramParser(Cursor cursor, LitmusTest& test,
                std::vector<std::vector<absl::string_view>>& parameters)
      : cursor_(std::move(cursor)), test_(test), parameters_(parameters) {}

  absl::Status run() {
    while (!cursor_.at_end()) {
      if (absl::Status s = thread(); !s.ok()) return s;
    }
    return test_.threads.empty() ? cursor_.unexpected("'P0', the first thread") : absl::OkStatus();
  }

 private:
  // Statements and expressions nest as deeply as the text says: bounded, so that no text
  // overflows the stack.
  static constexpr int kMaxDepth = 200;

  absl::Status thread() {
    cursor_.accept("void");
    const std::string name = absl::StrCat("P", test_.threads.size());
    if (!cursor_.accept(name)) {
      return cursor_.unexpected(absl::StrCat("'", name, "', the next thread"));
    }
    test_.threads.emplace_back();
    parameters_.emplace_back();
    if (absl::Status s = parameter_list(); !s.ok()) return s;
    if (!cursor_.peek().is("{")) return cursor_.unexpected("'{'");
    auto body = statement();
    if (!body.ok()) return body.status();
    current().body = std::move(body->body);
    return absl::OkStatus();
  }

  absl::Status parameter_list() {
    if (absl::Status s = cursor_.expect("("); !s.ok()) return s;
    if (cursor_.peek().is("void") && cursor_.peek(1).is(")")) cursor_.take();
    if (cursor_.accept(")")) return absl::OkStatus();
    do {
      if (!skip_type_words(cursor_)) return cursor_.unexpected("the type of a parameter");
      if (!cursor_.peek().is("*")) return cursor_.unexpected("'*': a parameter is a pointer");
      while (cursor_.accept("*")) {
      }
      const auto name = cursor_.expect_name("the name of a parameter");
      if (!name.ok()) return name.status();
      if (cursor_.peek().is("[")) {
        return unsupported_at(cursor_.file(), cursor_.peek().position, kNoArrays);
      }
      test_.global(*name);
      parameters_.back().push_back(*name);
    } while (cursor_.accept(","));
    return cursor_.expect(")");
  }

  Thread& current() { return test_.threads.back(); }

  bool is_parameter(absl::string_view name) const {
    for (absl::string_view p : parameters_.back()) {
      if (p == name) return true;
    }
    return false;
  }

  absl::StatusOr<Stmt> statement() {
    if (++depth_ > kMaxDepth) return too_deep();
    absl::StatusOr<Stmt> result = statement_at();
    --depth_;
    return result;
  }

  absl::Status too_deep() const {
    return unsupported_at(cursor_.file(), cursor_.peek().position, "program nests too deeply");
  }

  absl::StatusOr<Stmt> statement_at() {
    const Token& first = cursor_.peek();
    if (first.is("{")) return block();
    if (first.is("if")) return conditional(Stmt::Kind::kIf);
    if (first.is("while")) return conditional(Stmt::Kind::kWhile);
    if (first.is(";")) {
      Stmt empty = make(Stmt::Kind::kBlock);
      cursor_.take();
      return empty;
    }
    absl::StatusOr<Stmt> result = first.is("*")              ? plain_store()
                                  : is_type_word(first.text) ? declaration()
                                  : cursor_.peek(1).is("=")  ? assignment()
                                                             : call_statement();
    if (!result.ok()) return result;
    if (absl::Status s = cursor_.expect(";"); !s.ok()) return s;
    return result;
  }

  Stmt make(Stmt::Kind kind) const {
    Stmt stmt;
    stmt.kind = kind;
    stmt.position = cursor_.peek().position;
    return stmt;
  }

  absl::StatusOr<Stmt> block() {
    Stmt stmt = make(Stmt::Kind::kBlock);
    cursor_.take();
    while (!cursor_.accept("}")) {
      if (cursor_.at_end()) return cursor_.unexpected("'}'");
      auto inner = statement();
      if (!inner.ok()) return inner;
      stmt.body.push_back(*std::move(inner));
    }
    return stmt;
  }

  absl::StatusOr<Stmt> conditional(Stmt::Kind kind) {
    Stmt stmt = make(kind);
    cursor_.take();
    if (absl::Status s = cursor_.expect("("); !s.ok()) return s;
    auto condition = expression();
    if (!condition.ok()) return condition.status();
    stmt.first = *std::move(condition);
    if (absl::Status s = cursor_.expect(")"); !s.ok()) return s;
    auto body = statement();
    if (!body.ok()) return body;
    stmt.body.push_back(*std::move(body));
    if (kind == Stmt::Kind::kIf && cursor_.accept("else")) {
      auto otherwise = statement();
      if (!otherwise.ok()) return otherwise;
      stmt.body.push_back(*std::move(otherwise));
    }
    return stmt;
  }

  absl::StatusOr<Stmt> plain_store() {
    Stmt stmt = make(Stmt::Kind::kStore);
    cursor_.take();
    auto address = unary();
    if (!address.ok()) return address.status();
    stmt.first = *std::move(address);
    if (absl::Status s = cursor_.expect("="); !s.ok()) return s;
    auto value = expression();
    if (!value.ok()) return value.status();
    stmt.second = *std::move(value);
    return stmt;
  }

  // "int r1, *r2 = x": a block of the assignments.
  absl::StatusOr<Stmt> declaration() {
    Stmt stmt = make(Stmt::Kind::kBlock);
    skip_type_words(cursor_);
    do {
      while (cursor_.accept("*")) {
      }
      if (cursor_.peek().kind != TokenKind::kName) return cursor_.unexpected("the name of a local");
      if (cursor_.peek(1).is("[")) {
        return unsupported_at(cursor_.file(), cursor_.peek(1).position, kNoArrays);
      }
      if (cursor_.peek(1).is("=")) {
        auto assigned = assignment();
        if (!assigned.ok()) return assigned;
        stmt.body.push_back(*std::move(assigned));
      } else {
        const auto local = target();
        if (!local.ok()) return local.status();
      }
    } while (cursor_.accept(","));
    return stmt;
  }

  absl::StatusOr<int> target() {
    const Position position = cursor_.peek().position;
    const auto name = cursor_.expect_name("the name of a local");
    if (!name.ok()) return name.status();
    if (is_parameter(*name)) {
      return unsupported_at(cursor_.file(), position,
                            absl::StrCat("'", *name, "' is a parameter, not a local"));
    }
    return current().local(*name);
  }

  absl::StatusOr<Stmt> assignment() {
    Stmt stmt = make(Stmt::Kind::kAssign);
    const auto local = target();
    if (!local.ok()) return local.status();
    stmt.local = *local;
    if (absl::Status s = cursor_.expect("="); !s.ok()) return s;
    auto value = expression();
    if (!value.ok()) return value.status();
    stmt.first = *std::move(value);
    return stmt;
  }

  absl::StatusOr<Stmt> call_statement() {
    Stmt stmt = make(Stmt::Kind::kCall);
    skip_casts();
    if (cursor_.peek().kind != TokenKind::kName || !cursor_.peek(1).is("(")) {
      return cursor_.unexpected("a statement");
    }
    auto expr = call();
    if (!expr.ok()) return expr.status();
    stmt.first = *std::move(expr);
    return stmt;
  }

  absl::StatusOr<Expr> expression() { return binary(0); }

  // Precedence climbing; every operator associates to the left.
  absl::StatusOr<Expr> binary(int above) {
    absl::StatusOr<Expr> left = unary();
    for (;;) {
      if (!left.ok()) return left;
      const BinaryLevel* level = find_binary(cursor_.peek());
      if (level == nullptr || level->precedence <= above) return left;
      Expr both = make(Expr::Kind::kBinary);
      both.op = level->op;
      cursor_.take();
      absl::StatusOr<Expr> right = binary(level->precedence);
      if (!right.ok()) return right;
      both.children.push_back(*std::move(left));
      both.children.push_back(*std::move(right));
      left = std::move(both);
    }
  }

  Expr make(Expr::Kind kind) const {
    Expr expr;
    expr.kind = kind;
    expr.position = cursor_.peek().position;
    return expr;
  }

  // "(int *)": casts change nothing, a value is an integer or an address whatever its type.
  void skip_casts() {
    while (cursor_.peek().is("(") && is_type_word(cursor_.peek(1).text)) {
      cursor_.take();
      skip_type_words(cursor_);
      while (cursor_.accept("*")) {
      }
      if (!cursor_.accept(")")) return;  // the caller meets what is wrong
    }
  }

  absl::StatusOr<Expr> unary() {
    if (++depth_ > kMaxDepth) return too_deep();
    absl::StatusOr<Expr> result = unary_at();
    --depth_;
    return result;
  }

  absl::StatusOr<Expr> unary_at() {
    skip_casts();
    if (cursor_.peek().is("*")) {
      Expr load = make(Expr::Kind::kLoad);
      cursor_.take();
      auto address = unary();
      if (!address.ok()) return address;
      load.children.push_back(*std::move(address));
      return load;
    }
    if (cursor_.accept("(")) {
      auto inner = expression();
      if (!inner.ok()) return inner;
      if (absl::Status s = cursor_.expect(")"); !s.ok()) return s;
      return inner;
    }
    if (cursor_.peek().kind == TokenKind::kName) return name();
    Expr constant = make(Expr::Kind::kConstant);
    const auto number = cursor_.expect_integer("an expression");
    if (!number.ok()) return number.status();
    constant.value = *number;
    return constant;
  }

  absl::StatusOr<Expr> name() {
    const Token token = cursor_.peek();
    if (cursor_.peek(1).is("(")) {
      auto result = call();
      if (result.ok() && !info_of(result->primitive).returns) {
        return malformed_at(cursor_.file(), token.position,
                            absl::StrCat("'", token.text, "' returns no value"));
      }
      return result;
    }
    Expr expr = make(Expr::Kind::kLocal);
    cursor_.take();
    if (is_parameter(token.text)) {
      expr.kind = Expr::Kind::kConstant;
      const int global = test_.global(token.text);
      expr.value = address_of(global);
      if (absl::Status s = use(global, GlobalKind::kData, token); !s.ok()) return s;
    } else {
      expr.local = current().local(token.text);
    }
    return expr;
  }

  absl::StatusOr<Expr> call() {
    Expr expr = make(Expr::Kind::kCall);
    const Token name = cursor_.take();
    const Primitive* primitive = find_primitive(name.text);
    if (primitive == nullptr) {
      return unsupported_at(cursor_.file(), name.position,
                            absl::StrCat("'", name.text, "' is not a known primitive"));
    }
    expr.primitive = *primitive;
    if (absl::Status s = cursor_.expect("("); !s.ok()) return s;
    bool first = true;
    for (char convention : info_of(*primitive).arguments) {
      if (!first) {
        if (absl::Status s = cursor_.expect(","); !s.ok()) return s;
      }
      first = false;
      auto argument = this->argument(convention, name);
      if (!argument.ok()) return argument;
      expr.children.push_back(*std::move(argument));
    }
    if (absl::Status s = cursor_.expect(")"); !s.ok()) return s;
    return expr;
  }

  absl::StatusOr<Expr> argument(char convention, const Token& function) {
    if (convention == 'K') return object(GlobalKind::kLock);
    if (convention == 'S') return object(GlobalKind::kSrcu);
    if (convention != 'L') return expression();
    skip_casts();
    if (!cursor_.accept("*")) {
      return cursor_.unexpected(absl::StrCat("'*': ", function.text, " takes an lvalue"));
    }
    return unary();
  }

  absl::StatusOr<Expr> object(GlobalKind kind) {
    const Token token = cursor_.peek();
    if (token.kind != TokenKind::kName || !is_parameter(token.text)) {
      return cursor_.unexpected("the name of a parameter");
    }
    Expr expr = make(Expr::Kind::kConstant);
    cursor_.take();
    const int global = test_.global(token.text);
    expr.value = address_of(global);
    if (absl::Status s = use(global, kind, token); !s.ok()) return s;
    return expr;
  }

  // A lock or srcu_struct is an object of its own kind: the model gives no meaning to other
  // accesses to it (lock.cat flags them as mixed-lock-accesses).
  absl::Status use(int global, GlobalKind kind, const Token& token) {
    if (used_.size() <= static_cast<size_t>(global)) used_.resize(global + 1, false);
    if (used_[global] && test_.globals[global].kind != kind) {
      return unsupported_at(
          cursor_.file(), token.position,
          absl::StrCat("'", token.text, "' is used both as a lock or srcu_struct and otherwise"));
    }
    used_[global] = true;
    test_.globals[global].kind = kind;
    return absl::OkStatus();
  }

  Cursor cursor_;
  LitmusTest& test_;
  std::vector<std::vector<absl::string_view>>& parameters_;
  std::vector<bool> used_;  // per global: some thread has used it, so that its kind is known
  int depth_ = 0;
};

}  // namespace

bool is_type_word(absl::string_view name) {
  static constexpr auto kWords = std::to_array<absl::string_view>({"int",
                                                                   "long",
                                                                   "short",
                                                                   "char",
                                                                   "void",
                                                                   "signed",
                                                                   "unsigned",
                                                                   "volatile",
                                                                   "const",
                                                                   "struct",
                                                                   "bool",
                                                                   "_Bool",
                                                                   "atomic_t",
                                                                   "atomic_long_t",
                                                                   "atomic64_t",
                                                                   "spinlock_t",
                                                                   "raw_spinlock_t",
                                                                   "intptr_t",
                                                                   "uintptr_t",
                                                                   "size_t",
                                                                   "u8",
                                                                   "u16",
                                                                   "u32",
                                                                   "u64",
                                                                   "s8",
                                                                   "s16",
                                                                   "s32",
                                                                   "s64"});
  for (absl::string_view word : kWords) {
    if (word == name) return true;
  }
  return false;
}

bool skip_type_words(Cursor& cursor) {
  bool any = false;
  while (cursor.peek().kind == TokenKind::kName && is_type_word(cursor.peek().text)) {
    any = true;
    const bool is_struct = cursor.take().is("struct");
    if (is_struct && cursor.peek().kind == TokenKind::kName) cursor.take();
  }
  return any;
}

absl::Status parse_program(Cursor cursor, LitmusTest& test,
                           std::vector<std::vector<absl::string_view>>& parameters) {
  return ProgramParser(std::move(cursor), test, parameters).run();
}

}  // namespace vmafuzz::litmus
