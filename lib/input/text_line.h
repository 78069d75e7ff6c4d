// One line of program text cut into tokens, and the errors that point into it. Internal to
// lib/input.
#ifndef VMAFUZZ_INPUT_TEXT_LINE_H_
#define VMAFUZZ_INPUT_TEXT_LINE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vmafuzz::input {

// A piece of a line. `column` counts from 1; an empty text stands for the end of the line.
struct Token {
  absl::string_view text;
  int column = 1;

  bool at_end() const { return text.empty(); }
};

// A cursor over one line. Views into the text given to the constructor, which must outlive it.
class TextLine {
 public:
  // `raw` is the line without its line end; `file` and `number` are for messages.
  TextLine(absl::string_view raw, absl::string_view file, int number);

  // True if nothing is left but spaces and comment.
  bool at_end() const { return peek().at_end(); }

  // The next token: up to a space, or the end of the line.
  Token peek() const;
  Token next();

  // The same, but the token also ends before `stop`, and is just `stop` if the line goes on so.
  Token next_until(char stop);

  // InvalidArgument "FILE:LINE:COLUMN: expected WHAT, found TOKEN".
  absl::Status expected(absl::string_view what, const Token& found) const;

  // The same position, but a message of the caller's.
  absl::Status error(int column, absl::string_view message) const;

 private:
  size_t skip_spaces() const;
  Token token(size_t begin, size_t end) const;

  absl::string_view file_;
  int number_;
  absl::string_view text_;  // without comment and trailing spaces
  size_t at_ = 0;
};

// Decimal digits only, at most `max`.
std::optional<uint32_t> parse_decimal(absl::string_view text, uint32_t max);
// Decimal, or hexadecimal after 0x.
std::optional<uint32_t> parse_number(absl::string_view text);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_TEXT_LINE_H_
