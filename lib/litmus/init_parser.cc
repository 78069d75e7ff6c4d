// The initial state:
//   item ( ';' item )* [';']        item: [type] ['*'...] loc ['=' value]
//   loc: x | '[' x ']' | k ':' reg  value: [-]int | x | '&' x | ATOMIC_INIT(int)
// A name as a value is the address of that global, never its content.
#include "absl/strings/str_cat.h"
#include "litmus/parser.h"

namespace vmafuzz::litmus {
namespace {

class InitParser {
 public:
  InitParser(Cursor cursor, LitmusTest& test, std::vector<LocalInit>& local_inits)
      : cursor_(std::move(cursor)), test_(test), local_inits_(local_inits) {}

  absl::Status run() {
    while (!cursor_.at_end()) {
      if (cursor_.accept(";")) continue;
      if (absl::Status s = item(); !s.ok()) return s;
      if (!cursor_.at_end() && !cursor_.peek().is(";")) return cursor_.unexpected("';'");
    }
    return absl::OkStatus();
  }

 private:
  absl::Status item() {
    skip_type_words(cursor_);
    while (cursor_.accept("*")) {
    }
    if (cursor_.peek().kind == TokenKind::kNumber) return local_item();
    const bool bracket = cursor_.accept("[");
    const auto name = cursor_.expect_name("the name of a global");
    if (!name.ok()) return name.status();
    if (bracket) {
      if (absl::Status s = cursor_.expect("]"); !s.ok()) return s;
    } else if (cursor_.peek().is("[")) {
      return unsupported_at(cursor_.file(), cursor_.peek().position, kNoArrays);
    }
    const int global = test_.global(*name);
    if (!cursor_.accept("=")) return absl::OkStatus();
    const auto initial = value();
    if (!initial.ok()) return initial.status();
    test_.globals[global].initial = *initial;
    return absl::OkStatus();
  }

  absl::Status local_item() {
    const Token thread = cursor_.take();
    if (absl::Status s = cursor_.expect(":"); !s.ok()) return s;
    const auto name = cursor_.expect_name("the name of a local");
    if (!name.ok()) return name.status();
    LocalInit init{static_cast<int>(thread.number), *name, 0, thread.position};
    if (thread.number > 1000) return no_such_thread(thread);
    if (cursor_.accept("=")) {
      const auto initial = value();
      if (!initial.ok()) return initial.status();
      init.value = *initial;
    }
    local_inits_.push_back(init);
    return absl::OkStatus();
  }

  absl::Status no_such_thread(const Token& thread) const {
    return malformed_at(cursor_.file(), thread.position,
                        absl::StrCat("there is no thread ", thread.text));
  }

  absl::StatusOr<Value> value() {
    if (cursor_.peek().is("{")) {
      return unsupported_at(cursor_.file(), cursor_.peek().position, kNoArrays);
    }
    if (cursor_.accept("ATOMIC_INIT")) {
      if (absl::Status s = cursor_.expect("("); !s.ok()) return s;
      const auto number = cursor_.expect_integer("a number");
      if (!number.ok()) return number.status();
      if (absl::Status s = cursor_.expect(")"); !s.ok()) return s;
      return *number;
    }
    const bool reference = cursor_.accept("&");
    if (reference || cursor_.peek().kind == TokenKind::kName) {
      const auto name = cursor_.expect_name("the name of a global");
      if (!name.ok()) return name.status();
      return address_of(test_.global(*name));
    }
    return cursor_.expect_integer("a number or the name of a global");
  }

  Cursor cursor_;
  LitmusTest& test_;
  std::vector<LocalInit>& local_inits_;
};

}  // namespace

absl::Status parse_init(Cursor cursor, LitmusTest& test, std::vector<LocalInit>& local_inits) {
  return InitParser(std::move(cursor), test, local_inits).run();
}

}  // namespace vmafuzz::litmus
