// Programs as text: the .repro form that people read, edit and mail, and that corpus/ and repro/
// hold. Text carries everything a Program has.
//
//   # vmafuzz repro v1                 first line, exactly; other versions are refused
//   # The story of this repro.         comment lines before the first other line are kept
//   kernel: aug02-draft                header lines, each at most once, in any order:
//   bugs: name, name                     bug switches that are on
//   options: counter-bits=8 key=value    settings of the kernel
//   expect: wrong-uprobe                 verdict, or none
//   search: urw oldest-fresh=2 eager depth=3 order=2013 seed=0x1234
//   setup:                             sections: setup, cpu0..cpu3, and kworker, rcu, timer,
//     mmap mm0 page=4 len=4 prot=rx private      which hold directives only
//   cpu0:
//     munmap mm0 page=4 len=1
//       @12 preempt cpu1               directive of the operation above: at its 12th access
//       @5 hold end
//
// "search" is absent in replay form. After "search: STRATEGY" any of a read policy (newest,
// newest-stale=D, oldest-fresh=D, geometric, uniform), eager, depth=N, order=DDDD (the order in
// which the strategy numbers the cpus) and seed=N may follow. Operations and their arguments are
// the table of op.h; arguments may come in any order. Indentation and blank lines are free. '#' at
// the start of a line or after a space begins a comment; lines may end in CR LF.
#ifndef VMAFUZZ_INPUT_TEXT_H_
#define VMAFUZZ_INPUT_TEXT_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "input/program.h"

namespace vmafuzz::input {

inline constexpr size_t kMaxTextBytes = 1 << 20;
inline constexpr size_t kMaxNameBytes = 64;    // of a kernel, bug, option or verdict
inline constexpr size_t kMaxListedNames = 32;  // bugs, options
inline constexpr absl::string_view kTextVersionLine = "# vmafuzz repro v1";

struct ParseOptions {
  // Put before line and column in messages.
  std::string file = "repro";

  // Each may refuse a value with a status whose message says what was expected; parse_text() adds
  // the position. A null function accepts any name.
  using Check = std::function<absl::Status(absl::string_view)>;
  Check check_kernel;
  Check check_bug;
  Check check_option;  // sees "key=value"
  Check check_expect;
};

// Parses a whole file. The result is canonical. Errors are InvalidArgument with a message of the
// form "FILE:LINE:COLUMN: expected WHAT, found WHAT"; line and column count from 1, columns in
// bytes. Takes time linear in the text and never fails in any other way, whatever the text.
absl::StatusOr<Program> parse_text(absl::string_view text, const ParseOptions& options = {});

// The canonical text: parse_text(print_text(p)) equals p for every canonical p whose names are
// names (valid_name) and whose story lines have neither line ends nor trailing spaces.
std::string print_text(const Program& program);

// Letters, digits and . _ + - with a letter or digit first, at most kMaxNameBytes.
bool valid_name(absl::string_view name);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_TEXT_H_
