#include "litmus/scanner.h"

#include <cctype>

namespace vmafuzz::litmus {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)); }

absl::string_view Scanner::word() const {
  size_t end = offset_;
  while (end < text_.size() && is_word(text_[end])) ++end;
  return text_.substr(offset_, end - offset_);
}

void Scanner::advance(size_t count) {
  for (; count > 0 && !at_end(); --count, ++offset_) {
    if (text_[offset_] == '\n') {
      position_ = {position_.line + 1, 1};
    } else {
      ++position_.column;
    }
  }
}

void Scanner::skip_line() {
  while (!at_end() && peek() != '\n') advance();
}

absl::Status Scanner::skip_ml_comment() {
  const Position begin = position_;
  int depth = 0;
  do {
    if (at_end()) return malformed_at(file_, begin, "comment is not closed");
    const bool open = looking_at("(*"), close = looking_at("*)");
    depth += open - close;
    advance(open || close ? 2 : 1);
  } while (depth > 0);
  return absl::OkStatus();
}

absl::Status Scanner::skip_c_comment() {
  if (looking_at("//")) {
    skip_line();
    return absl::OkStatus();
  }
  const Position begin = position_;
  advance(2);
  while (!at_end() && !looking_at("*/")) advance();
  if (at_end()) return malformed_at(file_, begin, "comment is not closed");
  advance(2);
  return absl::OkStatus();
}

absl::Status Scanner::skip_string() {
  const Position begin = position_;
  advance();
  while (!at_end() && peek() != '"') advance();
  if (at_end()) return malformed_at(file_, begin, "string is not closed");
  advance();
  return absl::OkStatus();
}

}  // namespace vmafuzz::litmus
