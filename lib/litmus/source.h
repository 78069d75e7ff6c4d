// Cutting a C-LKMM litmus test into its four pieces, and error positions.
//
// A litmus file is cut structurally before anything is parsed, because the pieces have different
// comment syntax: ML comments (nested "(* ... *)") in the header, the initial state and the final
// piece, C comments in the program, where "(*" is how READ_ONCE(*x) begins.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vmafuzz::litmus {

// 1-based line and column (in bytes) in the whole file.
struct Position {
  int line = 1;
  int column = 1;
};

// A part of the file's text and where its first byte stands. The text is a view of the caller's.
struct Piece {
  absl::string_view text;
  Position start;
};

struct Pieces {
  absl::string_view title;  // the name on the header's first line
  // The words after "Result:" and "Machine:" in the header, or empty.
  absl::string_view result, machine;
  Piece init;  // between the braces, without them
  Piece program;
  Piece final;  // from the first keyword to the end of the file; may be empty
};

// "FILE:LINE:COLUMN: message" as an InvalidArgument status: text that is not a litmus test.
absl::Status malformed_at(absl::string_view file, Position position, absl::string_view message);
// The same as an Unimplemented status: accepted by herd7, not by this parser.
absl::Status unsupported_at(absl::string_view file, Position position, absl::string_view message);

// Cuts `text`, which must outlive the result. `file` is used in errors only.
absl::StatusOr<Pieces> cut(absl::string_view file, absl::string_view text);

}  // namespace vmafuzz::litmus
