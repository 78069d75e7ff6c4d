#include "litmus/lexer.h"

#include <array>
#include <cctype>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "litmus/scanner.h"
#include "litmus/value.h"

namespace vmafuzz::litmus {
namespace {

// Longest first. "<<" ends a test (herd7 ignores what follows).
constexpr std::array<absl::string_view, 8> kOperators = {
    "/\\", "\\/", "=>", "==", "!=", "<=", ">=", "<<"};
constexpr absl::string_view kSingles = "(){}[]*;,:=~&|^<>+-/";

class Lexer {
 public:
  Lexer(absl::string_view file, const Piece& piece, Comments comments)
      : file_(file), scanner_(file, piece), comments_(comments) {}

  absl::StatusOr<std::vector<Token>> run() {
    std::vector<Token> tokens;
    for (;;) {
      if (absl::Status s = skip_blanks(); !s.ok()) return s;
      if (scanner_.at_end() || scanner_.looking_at("<<")) break;
      const absl::StatusOr<Token> token = next();
      if (!token.ok()) return token.status();
      tokens.push_back(*token);
    }
    tokens.push_back(Token{TokenKind::kEnd, {}, 0, scanner_.position()});
    return tokens;
  }

 private:
  absl::Status skip_blanks() {
    while (!scanner_.at_end()) {
      absl::Status status;
      if (is_blank(scanner_.peek())) {
        scanner_.advance();
      } else if (comments_ == Comments::kMl && scanner_.looking_at("(*")) {
        status = scanner_.skip_ml_comment();
      } else if (comments_ == Comments::kC &&
                 (scanner_.looking_at("//") || scanner_.looking_at("/*"))) {
        status = scanner_.skip_c_comment();
      } else {
        break;
      }
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Token> next() {
    const char c = scanner_.peek();
    if (std::isdigit(static_cast<unsigned char>(c))) return number();
    if (is_word(c)) return take(TokenKind::kName, scanner_.word().size());
    for (absl::string_view op : kOperators) {
      if (scanner_.looking_at(op)) return take(TokenKind::kPunctuation, op.size());
    }
    if (kSingles.find(c) != kSingles.npos) return take(TokenKind::kPunctuation, 1);
    const unsigned char byte = c;
    return malformed_at(file_, scanner_.position(),
                        std::isprint(byte) ? absl::StrCat("met '", std::string(1, c),
                                                          "', with which no token starts")
                                           : absl::StrCat("met byte ", static_cast<int>(byte)));
  }

  absl::StatusOr<Token> number() {
    const absl::string_view digits = scanner_.word();
    int64_t value;
    if (!absl::SimpleAtoi(digits, &value) || value >= kAddressBase) {
      return malformed_at(file_, scanner_.position(),
                          absl::StrCat("expected a decimal number below 2^62, met '", digits, "'"));
    }
    Token token = take(TokenKind::kNumber, digits.size());
    token.number = value;
    return token;
  }

  Token take(TokenKind kind, size_t length) {
    const Token token{kind, scanner_.rest().substr(0, length), 0, scanner_.position()};
    scanner_.advance(length);
    return token;
  }

  absl::string_view file_;
  Scanner scanner_;
  Comments comments_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> tokenize(absl::string_view file, const Piece& piece,
                                            Comments comments) {
  return Lexer(file, piece, comments).run();
}

absl::Status Cursor::unexpected(absl::string_view what) const {
  const std::string met = at_end() ? std::string("the end") : absl::StrCat("'", peek().text, "'");
  return malformed_at(file_, peek().position, absl::StrCat("expected ", what, ", met ", met));
}

absl::Status Cursor::expect(absl::string_view text) {
  if (accept(text)) return absl::OkStatus();
  return unexpected(absl::StrCat("'", text, "'"));
}

absl::StatusOr<absl::string_view> Cursor::expect_name(absl::string_view what) {
  if (peek().kind != TokenKind::kName) return unexpected(what);
  return take().text;
}

absl::StatusOr<int64_t> Cursor::expect_integer(absl::string_view what) {
  const bool negative = peek().is("-") && peek(1).kind == TokenKind::kNumber;
  if (!negative && peek().kind != TokenKind::kNumber) return unexpected(what);
  if (negative) take();
  const int64_t value = take().number;
  return negative ? -value : value;
}

}  // namespace vmafuzz::litmus
