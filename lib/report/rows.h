// The lines of a diagram before they are laid out in columns.
#ifndef VMAFUZZ_REPORT_ROWS_H_
#define VMAFUZZ_REPORT_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "report/timeline.h"

namespace vmafuzz::report {

enum class RowKind : uint8_t { kOperation, kFunction, kEvent, kLeftOut, kRepeated, kVerdict };

struct Row {
  int cpu = 0;
  int indent = 0;
  std::string text;  // '\n' begins a line of its own
  int counter = -1;  // this row's event changed that counter
  std::string count;
  uint32_t step = 0;  // of the execution; 0: not an event
  RowKind kind = RowKind::kEvent;
  int source = -1;  // index into Timeline::steps; -1: made of no single one
  // The same thing again; a counter may have gone on.
  bool repeats(const Row& other) const {
    return cpu == other.cpu && indent == other.indent && counter == other.counter &&
           (counter < 0 ? text == other.text : what() == other.what());
  }
  // Of a row that changes a counter: its text without the counter's new value.
  std::string what() const { return absl::StrReplaceAll(text, {{absl::StrCat(" = ", count), ""}}); }
};

// Whether the row's event changes that counter, or reads it.
bool is_about(const Timeline& timeline, const Row& row, int counter);

// Headings of operations and functions, events, "..." for what is left out, and the verdict.
std::vector<Row> make_rows(const Timeline& timeline, const std::vector<std::string>& operations,
                           bool full);

// Where one CPU does the same several times in a row: once, then "(the last 3 lines 40 more
// times)", with what a counter is at after them.
std::vector<Row> fold_repetitions(std::vector<Row> rows);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_ROWS_H_
