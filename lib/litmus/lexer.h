// Tokens of one piece of a litmus test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "litmus/source.h"

namespace vmafuzz::litmus {

enum class TokenKind { kEnd, kName, kNumber, kPunctuation };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  absl::string_view text;  // empty at the end
  int64_t number = 0;      // kNumber only, never negative: a sign is a token of its own
  Position position;

  bool is(absl::string_view punctuation_or_name) const {
    return kind != TokenKind::kNumber && text == punctuation_or_name;
  }
};

enum class Comments { kMl, kC };

// Cuts a piece into tokens, dropping comments; the last token is kEnd. Numbers are decimal and
// below 2^62, so that they can never be taken for an address (see value.h).
absl::StatusOr<std::vector<Token>> tokenize(absl::string_view file, const Piece& piece,
                                            Comments comments);

// A position in a list of tokens, with the checks that every parser of a piece needs.
class Cursor {
 public:
  Cursor(absl::string_view file, std::vector<Token> tokens)
      : file_(file), tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& token = peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }
  bool at_end() const { return peek().kind == TokenKind::kEnd; }
  bool accept(absl::string_view text) {
    if (!peek().is(text)) return false;
    take();
    return true;
  }
  absl::Status expect(absl::string_view text);
  absl::StatusOr<absl::string_view> expect_name(absl::string_view what);
  // [-]digits
  absl::StatusOr<int64_t> expect_integer(absl::string_view what);
  // "expected WHAT, met 'TOKEN'" at the next token.
  absl::Status unexpected(absl::string_view what) const;
  absl::string_view file() const { return file_; }

 private:
  absl::string_view file_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
};

}  // namespace vmafuzz::litmus
