// The final piece:
//   ['locations' '[' loc (';' loc)* [';'] ']'] ['filter' prop] ('exists' | '~exists' | 'forall')
//   prop
// "\/" binds loosest, then "/\", then "=>" (to the right), then "~" / "not".
#include "absl/strings/str_cat.h"
#include "litmus/parser.h"

namespace vmafuzz::litmus {
namespace {

using Kind = Proposition::Kind;

class FinalParser {
 public:
  FinalParser(Cursor cursor, LitmusTest& test) : cursor_(std::move(cursor)), test_(test) {}

  absl::Status run() {
    if (cursor_.accept("locations")) {
      if (absl::Status s = locations(); !s.ok()) return s;
    }
    if (cursor_.accept("filter")) {
      auto filter = proposition();
      if (!filter.ok()) return filter.status();
      test_.filter = *std::move(filter);
    }
    if (cursor_.at_end()) return absl::OkStatus();
    return quantified();
  }

 private:
  // Propositions nest as deeply as the text says: bounded, so that no text overflows the stack.
  static constexpr int kMaxDepth = 200;

  absl::Status quantified() {
    if (cursor_.accept("exists")) {
      test_.quantifier = Quantifier::kExists;
    } else if (cursor_.accept("forall")) {
      test_.quantifier = Quantifier::kForall;
    } else if (cursor_.peek().is("~") && cursor_.peek(1).is("exists")) {
      cursor_.take();
      cursor_.take();
      test_.quantifier = Quantifier::kNotExists;
    } else if (cursor_.peek().is("final") || cursor_.peek().is("observed") ||
               cursor_.peek().is("cases")) {
      return unsupported_at(cursor_.file(), cursor_.peek().position,
                            absl::StrCat("'", cursor_.peek().text, "' is not supported"));
    } else {
      return cursor_.unexpected("'exists', '~exists' or 'forall'");
    }
    auto condition = proposition();
    if (!condition.ok()) return condition.status();
    test_.condition = *std::move(condition);
    cursor_.accept(";");
    return cursor_.at_end() ? absl::OkStatus() : cursor_.unexpected("the end of the test");
  }

  absl::Status locations() {
    if (absl::Status s = cursor_.expect("["); !s.ok()) return s;
    while (!cursor_.accept("]")) {
      const auto loc = location();
      if (!loc.ok()) return loc.status();
      test_.locations.push_back(*loc);
      while (cursor_.accept("*") || skip_type_words(cursor_)) {
      }
      if (!cursor_.accept(";") && !cursor_.peek().is("]")) return cursor_.unexpected("';' or ']'");
    }
    cursor_.accept(";");
    return absl::OkStatus();
  }

  absl::StatusOr<Location> location() {
    if (cursor_.peek().kind == TokenKind::kNumber) return local();
    const bool bracket = cursor_.accept("[");
    if (!bracket) cursor_.accept("*");
    const auto name = cursor_.expect_name("a location");
    if (!name.ok()) return name.status();
    if (bracket) {
      if (absl::Status s = cursor_.expect("]"); !s.ok()) return s;
    } else if (cursor_.peek().is("[")) {
      return unsupported_at(cursor_.file(), cursor_.peek().position, kNoArrays);
    }
    return Location{Location::kGlobal, test_.global(*name)};
  }

  absl::StatusOr<Location> local() {
    const Token thread = cursor_.take();
    if (absl::Status s = cursor_.expect(":"); !s.ok()) return s;
    const auto name = cursor_.expect_name("the name of a local");
    if (!name.ok()) return name.status();
    if (thread.number >= static_cast<int64_t>(test_.threads.size())) {
      return malformed_at(cursor_.file(), thread.position,
                          absl::StrCat("there is no thread ", thread.text));
    }
    const int index = static_cast<int>(thread.number);
    return Location{index, test_.threads[index].local(*name)};
  }

  absl::StatusOr<Proposition> proposition() {
    if (++depth_ > kMaxDepth) {
      return unsupported_at(cursor_.file(), cursor_.peek().position, "condition nests too deeply");
    }
    auto result = chain("\\/", Kind::kOr, [this] {
      return chain("/\\", Kind::kAnd, [this] { return implication(); });
    });
    --depth_;
    return result;
  }

  template <class Operand>
  absl::StatusOr<Proposition> chain(absl::string_view op, Kind kind, Operand operand) {
    absl::StatusOr<Proposition> first = operand();
    if (!first.ok() || !cursor_.peek().is(op)) return first;
    Proposition all;
    all.kind = kind;
    all.children.push_back(*std::move(first));
    while (cursor_.accept(op)) {
      absl::StatusOr<Proposition> next = operand();
      if (!next.ok()) return next;
      all.children.push_back(*std::move(next));
    }
    return all;
  }

  absl::StatusOr<Proposition> implication() {
    auto left = negation();
    if (!left.ok() || !cursor_.accept("=>")) return left;
    if (++depth_ > kMaxDepth) return cursor_.unexpected("a condition that nests less deeply");
    auto right = implication();
    --depth_;
    if (!right.ok()) return right;
    Proposition both;
    both.kind = Kind::kImplies;
    both.children.push_back(*std::move(left));
    both.children.push_back(*std::move(right));
    return both;
  }

  absl::StatusOr<Proposition> negation() {
    bool negated = false;
    while (cursor_.accept("~") || cursor_.accept("not")) negated = !negated;
    auto inner = atom();
    if (!inner.ok() || !negated) return inner;
    Proposition result;
    result.kind = Kind::kNot;
    result.children.push_back(*std::move(inner));
    return result;
  }

  absl::StatusOr<Proposition> atom() {
    if (cursor_.accept("(")) {
      auto inner = proposition();
      if (!inner.ok()) return inner;
      if (absl::Status s = cursor_.expect(")"); !s.ok()) return s;
      return inner;
    }
    Proposition result;
    if (cursor_.accept("true")) return result;
    if (cursor_.accept("false")) {
      result.kind = Kind::kFalse;
      return result;
    }
    const auto left = location();
    if (!left.ok()) return left.status();
    result.left = *left;
    if (cursor_.accept("=") || cursor_.accept("==")) {
      result.kind = Kind::kEqual;
    } else if (cursor_.accept("!=")) {
      result.kind = Kind::kNotEqual;
    } else {
      return cursor_.unexpected("'=' or '!='");
    }
    if (absl::Status s = right_side(result); !s.ok()) return s;
    return result;
  }

  absl::Status right_side(Proposition& result) {
    const bool is_local = cursor_.peek().kind == TokenKind::kNumber && cursor_.peek(1).is(":");
    if (is_local || cursor_.peek().is("[") || cursor_.peek().is("*")) {
      const auto right = location();
      if (!right.ok()) return right.status();
      result.right_is_location = true;
      result.right = *right;
      return absl::OkStatus();
    }
    if (cursor_.accept("&") || cursor_.peek().kind == TokenKind::kName) {
      const auto name = cursor_.expect_name("the name of a global");
      if (!name.ok()) return name.status();
      result.value = address_of(test_.global(*name));
      return absl::OkStatus();
    }
    const auto number = cursor_.expect_integer("a number or a location");
    if (!number.ok()) return number.status();
    result.value = *number;
    return absl::OkStatus();
  }

  Cursor cursor_;
  LitmusTest& test_;
  int depth_ = 0;
};

}  // namespace

absl::Status parse_final(Cursor cursor, LitmusTest& test) {
  return FinalParser(std::move(cursor), test).run();
}

}  // namespace vmafuzz::litmus
