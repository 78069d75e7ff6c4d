// Final states of a litmus test: their layout, the condition on them, and herd7's form of printing.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "litmus/test.h"

namespace vmafuzz::litmus {

// A final state is one row of values: every local of every thread, then every global. A local never
// assigned on the path taken is its initial value, 0 unless the test says otherwise.
using State = std::vector<Value>;

class Layout {
 public:
  explicit Layout(const LitmusTest& test);
  int size() const { return globals_ + static_cast<int>(test_.globals.size()); }
  int index(Location location) const {
    return location.thread == Location::kGlobal ? globals_ + location.index
                                                : threads_[location.thread] + location.index;
  }
  const LitmusTest& test() const { return test_; }

 private:
  const LitmusTest& test_;
  std::vector<int> threads_;
  int globals_ = 0;
};

bool holds(const Proposition& proposition, const Layout& layout, absl::Span<const Value> state);

// The locations that herd7 prints: those of the condition and of "locations", locals first by
// thread and name, then globals by name, each once.
std::vector<Location> shown_locations(const LitmusTest& test);

// One "location=value" of a printed state.
struct Binding {
  Location location;
  Value value = 0;
};

// Reads a line "0:r0=1; 1:r1=x; [x]=2;" as format_state writes it. Errors: InvalidArgument if it
// has another form or names what the test has not.
absl::StatusOr<std::vector<Binding>> parse_state(const LitmusTest& test, absl::string_view line);

// "0:r0=1; 1:r1=x; [x]=2;": an address prints as the bare variable.
std::string format_state(const Layout& layout, const std::vector<Location>& locations,
                         absl::Span<const Value> state);
std::string format_value(const LitmusTest& test, Value value);
std::string format_location(const LitmusTest& test, Location location);
std::string format_condition(const LitmusTest& test);  // "exists (0:r0=1 /\ [x]=2)"
absl::string_view test_kind(const LitmusTest& test);   // "Allowed", "Forbidden" or "Required"

enum class Observed : uint8_t { kNever, kSometimes, kAlways };
absl::string_view observed_name(Observed observed);

// What the final states of a test amount to. Counts are of distinct printed states, not of
// executions as in herd7: compare states, never counts.
struct Observation {
  std::vector<std::string> states;  // distinct, sorted; those that the filter lets through
  int positive = 0;                 // states in which the condition's proposition holds
  int negative = 0;
  Observed observed = Observed::kNever;
  bool ok = false;  // the quantified condition holds
};

// `states` may hold duplicates. A printed state counts as positive if the proposition holds in some
// state printed so, and as negative if it fails in some.
Observation observe(const LitmusTest& test, const std::vector<State>& states,
                    const std::vector<Location>& locations);

// herd7's block of text for one test, from "Test NAME" to "Observation", without time and hash.
// `kind` and `condition` as test_kind() and format_condition() give them.
std::string format_observation(absl::string_view name, absl::string_view kind,
                               absl::string_view condition, const Observation& observation);

}  // namespace vmafuzz::litmus
