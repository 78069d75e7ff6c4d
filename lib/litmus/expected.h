// Reference sets of final states, and how the states that a machine shows compare with them.
//
// The file has one JSON object a line: {"name", "quantifier", "verdict", "lkmm": [state...],
// "append": [...], "inorder": [...]}. `lkmm` is every state that the full Linux model allows,
// `append` what a machine can show that executes in order and appends stores to a history,
// `inorder` what one can show that may also place a store before others in coherence order. A state
// is a line "0:r0=1; [x]=2;" whose locations are the same in every line of a test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "litmus/state.h"

namespace vmafuzz::litmus {

struct ExpectedTest {
  std::string name;
  std::string quantifier;  // "exists", "~exists", "forall"
  std::string verdict;     // "Never", "Sometimes", "Always": under the full model
  std::vector<std::string> lkmm, append, inorder;  // sorted
};

using Expected = absl::flat_hash_map<std::string, ExpectedTest>;

// Errors: NotFound if the file cannot be read, InvalidArgument with file and line for a line that
// is not such an object.
absl::StatusOr<Expected> load_expected(const std::string& path);
absl::StatusOr<Expected> parse_expected(absl::string_view file, absl::string_view text);

// The locations that the expected states name; those of herd7 if there is no state at all.
absl::StatusOr<std::vector<Location>> expected_locations(const LitmusTest& test,
                                                         const ExpectedTest& expected);

struct Comparison {
  std::vector<std::string> unsound;          // shown, but outside lkmm
  std::vector<std::string> missing;          // in append, but not shown
  std::vector<std::string> missing_inorder;  // in inorder, but not shown
  size_t append = 0, inorder = 0;            // how many there are
  bool sound() const { return unsound.empty(); }
  bool complete() const { return missing.empty(); }
};

// `shown` must be sorted, as in Observation.
Comparison compare(const std::vector<std::string>& shown, const ExpectedTest& expected);

// Sums over tests.
struct Summary {
  int files = 0;
  int unsupported = 0;  // not parsed
  int failed = 0;       // parsed, but not explored to the end
  int unexpected = 0;   // no line in the reference
  int tests = 0;        // compared
  int sound = 0;
  int complete = 0;
  int64_t append = 0, append_shown = 0;
  int64_t inorder = 0, inorder_shown = 0;

  void add(const Comparison& comparison);
  std::string format() const;  // a table, one line per number
};

}  // namespace vmafuzz::litmus
