#include "litmus/source.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "litmus/scanner.h"

namespace vmafuzz::litmus {
namespace {

// "Cycle=...", "Orig=...": lines that the diy generators leave in the header.
bool at_key_value(const Scanner& scanner) {
  const absl::string_view key = scanner.word();
  return !key.empty() && scanner.rest().substr(key.size(), 1) == "=";
}

// Skips comments, strings and generated lines of the header; stops at anything else.
absl::Status skip_header_noise(Scanner& scanner) {
  while (!scanner.at_end()) {
    absl::Status status;
    if (is_blank(scanner.peek())) {
      scanner.advance();
    } else if (scanner.looking_at("(*")) {
      status = scanner.skip_ml_comment();
    } else if (scanner.peek() == '"') {
      status = scanner.skip_string();
    } else if (scanner.looking_at("//") || at_key_value(scanner)) {
      scanner.skip_line();
    } else {
      break;
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> cut_title(absl::string_view file, absl::string_view text,
                                            Scanner& scanner) {
  if (absl::Status s = skip_header_noise(scanner); !s.ok()) return s;
  if (scanner.at_end() || scanner.word() != "C") {
    return malformed_at(file, scanner.position(), "expected 'C NAME', the header of a C test");
  }
  scanner.advance();
  while (!scanner.at_end() && (scanner.peek() == ' ' || scanner.peek() == '\t')) scanner.advance();
  const size_t begin = scanner.offset();
  while (!scanner.at_end() && !is_blank(scanner.peek())) scanner.advance();
  if (scanner.offset() == begin) {
    return malformed_at(file, scanner.position(), "expected the test's name after 'C'");
  }
  return text.substr(begin, scanner.offset() - begin);
}

// Free text may stand between the title and the initial state: herd7 reads it as remarks. Leaves
// the scanner behind the closing brace.
absl::StatusOr<Piece> cut_init(absl::string_view file, absl::string_view text, Scanner& scanner) {
  for (;;) {
    if (absl::Status s = skip_header_noise(scanner); !s.ok()) return s;
    if (scanner.at_end()) {
      return malformed_at(file, scanner.position(), "expected '{', the start of the initial state");
    }
    if (scanner.peek() == '{') break;
    scanner.advance(std::max<size_t>(scanner.word().size(), 1));
  }
  const Position open = scanner.position();
  scanner.advance();
  const size_t begin = scanner.offset();
  const Position start = scanner.position();
  for (int depth = 1;;) {
    if (scanner.at_end()) return malformed_at(file, open, "'{' is not closed");
    if (scanner.looking_at("(*")) {
      if (absl::Status s = scanner.skip_ml_comment(); !s.ok()) return s;
      continue;
    }
    if (scanner.peek() == '{') ++depth;
    if (scanner.peek() == '}' && --depth == 0) break;
    scanner.advance();
  }
  const Piece piece{text.substr(begin, scanner.offset() - begin), start};
  scanner.advance();
  return piece;
}

// The word after "Result:" in the header, where by custom a comment says what the model allows.
absl::string_view find_word(absl::string_view header, absl::string_view mark) {
  const size_t at = header.find(mark);
  if (at == header.npos) return {};
  absl::string_view rest = header.substr(at + mark.size());
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  size_t length = 0;
  while (length < rest.size() && is_word(rest[length])) ++length;
  return rest.substr(0, length);
}

bool starts_final(absl::string_view word) {
  static constexpr std::array<absl::string_view, 7> kWords = {
      "exists", "forall", "final", "locations", "filter", "observed", "cases"};
  for (absl::string_view w : kWords) {
    if (w == word) return true;
  }
  return false;
}

absl::StatusOr<Piece> cut_program(absl::string_view text, Scanner& scanner) {
  const size_t begin = scanner.offset();
  const Position start = scanner.position();
  while (!scanner.at_end()) {
    if (scanner.looking_at("/*") || scanner.looking_at("//")) {
      if (absl::Status s = scanner.skip_c_comment(); !s.ok()) return s;
    } else if (scanner.peek() == '~') {
      break;  // only "~exists": the program has no such operator
    } else if (is_word(scanner.peek())) {
      const absl::string_view word = scanner.word();
      if (starts_final(word)) break;
      scanner.advance(word.size());
    } else {
      scanner.advance();
    }
  }
  return Piece{text.substr(begin, scanner.offset() - begin), start};
}

}  // namespace

absl::Status malformed_at(absl::string_view file, Position position, absl::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat(file, ":", position.line, ":", position.column, ": ", message));
}

absl::Status unsupported_at(absl::string_view file, Position position, absl::string_view message) {
  return absl::UnimplementedError(
      absl::StrCat(file, ":", position.line, ":", position.column, ": ", message));
}

absl::StatusOr<Pieces> cut(absl::string_view file, absl::string_view text) {
  Scanner scanner(file, Piece{text, {}});
  const auto title = cut_title(file, text, scanner);
  if (!title.ok()) return title.status();
  const auto init = cut_init(file, text, scanner);
  if (!init.ok()) return init.status();
  const auto program = cut_program(text, scanner);
  if (!program.ok()) return program.status();
  const Piece final{text.substr(scanner.offset()), scanner.position()};
  const absl::string_view header = text.substr(0, init->text.data() - text.data());
  return Pieces{
      *title, find_word(header, "Result:"), find_word(header, "Machine:"), *init, *program, final};
}

}  // namespace vmafuzz::litmus
