// Minimising: from a program in replay form that shows a bug to a small one that shows the same.
//
// The minimiser works on operations and directives, never on bytes, and knows nothing of what
// executes them: the caller answers one question, "does this candidate show the same bucket?".
// After delta debugging (Zeller and Hildebrandt, 2002) in the order that syzkaller's
// prog/minimization.go established, largest first:
//
//   1. drop cpus;  2. drop operations, chunks then singles, a dropped operation's switches moved to
//   its successor where dropping them too loses the bug;  3. drop directives, chunks then singles;
//   4. lower staleness;  5. simplify arguments, alone and all of one value together, join
//   cpus, and move operations to the setup;  6. move switches to operation boundaries;  7. drop
//   setup operations;
//
// repeated until a whole round changes nothing. Deletion gets stuck where the effect is not
// monotonic, which for interleavings is the rule: a program with another schedule, not a subset of
// this one, is often smaller. So then the caller is asked to search again around the result, with
// a directive less, with operations left out, several and then each in turn, and with fewer
// repetitions. Where that finds nothing either, operations are traded: one is dropped and another
// one changed. Whatever is found is minimised like the original. Every accepted candidate is
// smaller by Size, which is well-founded, so this ends; it also ends when a budget is used up.
//
// The result is 1-minimal, unless the budget ran out: without any one of its operations (and the
// directives attached to it), or any one directive, the bug is gone. Each such candidate was
// executed.
#ifndef VMAFUZZ_INPUT_MINIMIZE_H_
#define VMAFUZZ_INPUT_MINIMIZE_H_

#include <climits>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "input/program.h"

namespace vmafuzz::input {

// What "smaller" means, the first difference deciding.
struct Size {
  size_t ops = 0;
  size_t directives = 0;
  uint32_t staleness = 0;     // sum over `stale K`
  uint32_t off_boundary = 0;  // switches in the middle of an operation
  uint32_t weight = 0;        // distance of arguments from their simplest values

  friend auto operator<=>(const Size&, const Size&) = default;
};

Size measure(const Program& program);

// True if the candidate, in replay form, shows the bucket that is being minimised. Must be
// deterministic, and must ignore directives whose access never comes. No candidate is asked twice.
using Reproduce = std::function<bool(const Program& candidate)>;

struct SearchRequest {
  const Program& program;  // its operations are to be kept; its directives are a hint at most
  size_t max_directives;   // of what is found; kMaxDirectives: however many
  size_t directives_now;   // of the program that is being minimised, with all its operations
  int max_executions;
  uint64_t seed;  // everything random comes from it
};

struct SearchResult {
  std::optional<Program> found;  // in replay form
  int executions = 0;            // used, found or not
};

// Tries other executions of the operations, looking for the same bucket. What it finds is checked
// with Reproduce before it is believed.
using Search = std::function<SearchResult(const SearchRequest&)>;

struct MinimizeOptions {
  int max_executions = 20000;            // calls of Reproduce
  int max_search_executions = 200000;    // in all searches
  int max_total_executions = INT_MAX;    // of both
  int executions_per_search = 2000;      // in one
  int executions_without_ops = 16000;    // in those that leave out an operation each, together
  int executions_without_several = 300;  // in one that leaves out several
  size_t max_search_directives = 8;      // the largest bound that is worth a search
  uint64_t seed = 1;
};

struct MinimizeStats {
  Size before;
  Size after;
  int executions = 0;  // calls of Reproduce
  int duplicates = 0;  // candidates answered from memory instead
  int searches = 0;
  int search_executions = 0;
  int search_successes = 0;    // searches that gave a smaller program
  int rounds = 0;              // of all passes
  bool out_of_budget = false;  // some candidate was not tried for want of executions
  bool one_minimal = false;    // verified
};

struct MinimizeResult {
  Program program;  // canonical, replay form; text-only fields as given
  MinimizeStats stats;
};

// Minimises `program`. A null `search` leaves that step out.
// Errors: InvalidArgument if the program is not in replay form, FailedPrecondition if it does not
// show the bug in the first place.
absl::StatusOr<MinimizeResult> minimize(const Program& program, const Reproduce& reproduce,
                                        const Search& search, const MinimizeOptions& options = {});

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_MINIMIZE_H_
