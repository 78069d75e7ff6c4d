// A cursor over text that keeps the line and column, with the comments of both languages.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "litmus/source.h"

namespace vmafuzz::litmus {

bool is_word(char c);  // may stand in a name
bool is_blank(char c);

class Scanner {
 public:
  Scanner(absl::string_view file, const Piece& piece)
      : file_(file), text_(piece.text), position_(piece.start) {}

  bool at_end() const { return offset_ >= text_.size(); }
  char peek() const { return text_[offset_]; }  // not at the end
  bool looking_at(absl::string_view s) const { return text_.substr(offset_, s.size()) == s; }
  absl::string_view rest() const { return text_.substr(offset_); }
  absl::string_view word() const;  // the letters, digits and underscores from here on
  size_t offset() const { return offset_; }
  Position position() const { return position_; }

  void advance(size_t count = 1);
  void skip_line();
  absl::Status skip_ml_comment();  // at "(*": with everything nested in it
  absl::Status skip_c_comment();   // at "/*" or "//"
  absl::Status skip_string();      // at a double quote

 private:
  absl::string_view file_, text_;
  size_t offset_ = 0;
  Position position_;
};

}  // namespace vmafuzz::litmus
