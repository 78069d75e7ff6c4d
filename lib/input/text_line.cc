#include "input/text_line.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace vmafuzz::input {
namespace {

constexpr size_t kMaxQuotedBytes = 32;  // of a found token in a message

// The line without its comment: '#' counts at the start and after a space only, so that a name may
// hold one without surprise in the middle of a word.
absl::string_view without_comment(absl::string_view line) {
  for (size_t i = 0; i < line.size(); i++) {
    if (line[i] == '#' && (i == 0 || absl::ascii_isspace(line[i - 1]))) return line.substr(0, i);
  }
  return line;
}

std::string quoted(const Token& token) {
  if (token.at_end()) return "end of line";
  const bool cut = token.text.size() > kMaxQuotedBytes;
  return absl::StrCat("'", absl::CHexEscape(token.text.substr(0, kMaxQuotedBytes)),
                      cut ? "..." : "", "'");
}

}  // namespace

TextLine::TextLine(absl::string_view raw, absl::string_view file, int number)
    : file_(file),
      number_(number),
      text_(absl::StripTrailingAsciiWhitespace(without_comment(raw))) {}

size_t TextLine::skip_spaces() const {
  size_t at = at_;
  while (at < text_.size() && absl::ascii_isspace(text_[at])) at++;
  return at;
}

Token TextLine::token(size_t begin, size_t end) const {
  return {text_.substr(begin, end - begin), static_cast<int>(begin) + 1};
}

Token TextLine::peek() const {
  const size_t begin = skip_spaces();
  size_t end = begin;
  while (end < text_.size() && !absl::ascii_isspace(text_[end])) end++;
  return token(begin, end);
}

Token TextLine::next() {
  const Token token = peek();
  at_ = static_cast<size_t>(token.column) - 1 + token.text.size();
  return token;
}

Token TextLine::next_until(char stop) {
  Token token = peek();
  const size_t found = token.text.find(stop);
  if (found != absl::string_view::npos) {
    token.text = token.text.substr(0, std::max<size_t>(found, 1));
  }
  at_ = static_cast<size_t>(token.column) - 1 + token.text.size();
  return token;
}

absl::Status TextLine::expected(absl::string_view what, const Token& found) const {
  return error(found.column, absl::StrCat("expected ", what, ", found ", quoted(found)));
}

absl::Status TextLine::error(int column, absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(file_, ":", number_, ":", column, ": ", message));
}

std::optional<uint32_t> parse_decimal(absl::string_view text, uint32_t max) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
    if (value > max) return std::nullopt;
  }
  return static_cast<uint32_t>(value);
}

std::optional<uint32_t> parse_number(absl::string_view text) {
  constexpr uint32_t kMax = std::numeric_limits<uint32_t>::max();
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  if (!hex) return parse_decimal(text, kMax);
  uint64_t value = 0;
  for (const char c : text.substr(2)) {
    if (!absl::ascii_isxdigit(c)) return std::nullopt;
    const char lower = absl::ascii_tolower(c);
    value = value * 16 + static_cast<uint64_t>(lower <= '9' ? lower - '0' : lower - 'a' + 10);
    if (value > kMax) return std::nullopt;
  }
  return static_cast<uint32_t>(value);
}

}  // namespace vmafuzz::input
