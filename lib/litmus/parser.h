// The parsers of the pieces of a litmus test; parse_litmus (test.h) puts them together.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "litmus/lexer.h"
#include "litmus/test.h"

namespace vmafuzz::litmus {

// "0:r1 = x" of the initial state. It is applied after the program was parsed: only then is it
// known which locals there are and which names are parameters.
struct LocalInit {
  int thread;
  absl::string_view name;
  Value value;
  Position position;
};

absl::Status parse_init(Cursor cursor, LitmusTest& test, std::vector<LocalInit>& local_inits);

// Fills test.threads and the kinds of the globals. `parameters[k]` are the names of thread k's
// parameters.
absl::Status parse_program(Cursor cursor, LitmusTest& test,
                           std::vector<std::vector<absl::string_view>>& parameters);

// The final piece; may be empty ("forall true").
absl::Status parse_final(Cursor cursor, LitmusTest& test);

// Skips type words ("struct foo", "volatile int"...); true if there was one.
bool skip_type_words(Cursor& cursor);
bool is_type_word(absl::string_view name);

// What "[" after a global's name is told.
inline constexpr absl::string_view kNoArrays = "arrays are not supported";

}  // namespace vmafuzz::litmus
