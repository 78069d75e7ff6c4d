#include "litmus/state.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vmafuzz::litmus {
namespace {

using Kind = Proposition::Kind;

// Locals first, by thread and name; then globals by name.
auto order_key(const LitmusTest& test, Location location) {
  const bool global = location.thread == Location::kGlobal;
  return std::make_tuple(global, location.thread,
                         global ? test.globals[location.index].name
                                : test.threads[location.thread].locals[location.index]);
}

void sort_unique(const LitmusTest& test, std::vector<Location>& locations) {
  std::sort(locations.begin(), locations.end(),
            [&](Location a, Location b) { return order_key(test, a) < order_key(test, b); });
  locations.erase(std::unique(locations.begin(), locations.end()), locations.end());
}

void collect(const Proposition& proposition, std::vector<Location>& locations) {
  if (proposition.kind == Kind::kEqual || proposition.kind == Kind::kNotEqual) {
    locations.push_back(proposition.left);
    if (proposition.right_is_location) locations.push_back(proposition.right);
  }
  for (const Proposition& child : proposition.children) collect(child, locations);
}

// How tightly each form binds; see condition_parser.cc.
int precedence(Kind kind) {
  switch (kind) {
    case Kind::kOr:
      return 0;
    case Kind::kAnd:
      return 1;
    case Kind::kImplies:
      return 2;
    case Kind::kNot:
      return 3;
    default:
      return 4;
  }
}

std::string format(const LitmusTest& test, const Proposition& p);

std::string format_child(const LitmusTest& test, const Proposition& child, int above) {
  const std::string text = format(test, child);
  return precedence(child.kind) > above ? text : absl::StrCat("(", text, ")");
}

std::string format_chain(const LitmusTest& test, const Proposition& p, absl::string_view op) {
  std::string text;
  for (const Proposition& child : p.children) {
    absl::StrAppend(&text, text.empty() ? "" : op, format_child(test, child, precedence(p.kind)));
  }
  return text;
}

std::string format(const LitmusTest& test, const Proposition& p) {
  switch (p.kind) {
    case Kind::kTrue:
      return "true";
    case Kind::kFalse:
      return "false";
    case Kind::kNot:
      return absl::StrCat("not ", format_child(test, p.children[0], 4));
    case Kind::kAnd:
      return format_chain(test, p, " /\\ ");
    case Kind::kOr:
      return format_chain(test, p, " \\/ ");
    case Kind::kImplies:
      return format_chain(test, p, " => ");
    case Kind::kEqual:
    case Kind::kNotEqual:
      break;
  }
  const std::string right =
      p.right_is_location ? format_location(test, p.right) : format_value(test, p.value);
  const std::string equation = absl::StrCat(format_location(test, p.left), "=", right);
  return p.kind == Kind::kEqual ? equation : absl::StrCat("not (", equation, ")");
}

absl::string_view quantifier_text(Quantifier quantifier) {
  switch (quantifier) {
    case Quantifier::kExists:
      return "exists";
    case Quantifier::kNotExists:
      return "~exists";
    case Quantifier::kForall:
      return "forall";
  }
  return "";
}

// "[x]" or "0:r1".
bool find_location(const LitmusTest& test, absl::string_view text, Location* location) {
  absl::string_view name = text;
  if (absl::ConsumePrefix(&name, "[") && absl::ConsumeSuffix(&name, "]")) {
    *location = {Location::kGlobal, test.find_global(name)};
    return location->index >= 0;
  }
  const std::pair<absl::string_view, absl::string_view> sides =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  int thread;
  if (!absl::SimpleAtoi(sides.first, &thread) || thread < 0 ||
      thread >= static_cast<int>(test.threads.size())) {
    return false;
  }
  *location = {thread, test.threads[thread].find_local(sides.second)};
  return location->index >= 0;
}

}  // namespace

Layout::Layout(const LitmusTest& test) : test_(test) {
  for (const Thread& thread : test.threads) {
    threads_.push_back(globals_);
    globals_ += static_cast<int>(thread.locals.size());
  }
}

bool holds(const Proposition& p, const Layout& layout, absl::Span<const Value> state) {
  switch (p.kind) {
    case Kind::kTrue:
      return true;
    case Kind::kFalse:
      return false;
    case Kind::kEqual:
    case Kind::kNotEqual: {
      const Value right = p.right_is_location ? state[layout.index(p.right)] : p.value;
      return (state[layout.index(p.left)] == right) == (p.kind == Kind::kEqual);
    }
    case Kind::kNot:
      return !holds(p.children[0], layout, state);
    case Kind::kAnd:
      return std::all_of(p.children.begin(), p.children.end(),
                         [&](const Proposition& c) { return holds(c, layout, state); });
    case Kind::kOr:
      return std::any_of(p.children.begin(), p.children.end(),
                         [&](const Proposition& c) { return holds(c, layout, state); });
    case Kind::kImplies:
      return !holds(p.children[0], layout, state) || holds(p.children[1], layout, state);
  }
  return false;
}

std::vector<Location> shown_locations(const LitmusTest& test) {
  std::vector<Location> result = test.locations;
  collect(test.condition, result);
  sort_unique(test, result);
  return result;
}

absl::StatusOr<std::vector<Binding>> parse_state(const LitmusTest& test, absl::string_view line) {
  std::vector<Binding> result;
  for (absl::string_view item : absl::StrSplit(line, ';')) {
    item = absl::StripAsciiWhitespace(item);
    if (item.empty()) continue;
    const std::pair<absl::string_view, absl::string_view> sides =
        absl::StrSplit(item, absl::MaxSplits('=', 1));
    Binding binding;
    if (!find_location(test, sides.first, &binding.location)) {
      return absl::InvalidArgumentError(
          absl::StrCat(test.name, " has no location '", sides.first, "'"));
    }
    if (!absl::SimpleAtoi(sides.second, &binding.value)) {
      const int global = test.find_global(sides.second);
      if (global < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(test.name, " has no value '", sides.second, "'"));
      }
      binding.value = address_of(global);
    }
    result.push_back(binding);
  }
  return result;
}

std::string format_value(const LitmusTest& test, Value value) {
  return is_address(value) ? test.globals[global_of(value)].name : absl::StrCat(value);
}

std::string format_location(const LitmusTest& test, Location location) {
  if (location.thread == Location::kGlobal) {
    return absl::StrCat("[", test.globals[location.index].name, "]");
  }
  return absl::StrCat(location.thread, ":", test.threads[location.thread].locals[location.index]);
}

std::string format_state(const Layout& layout, const std::vector<Location>& locations,
                         absl::Span<const Value> state) {
  std::string text;
  for (Location location : locations) {
    absl::StrAppend(&text, text.empty() ? "" : " ", format_location(layout.test(), location), "=",
                    format_value(layout.test(), state[layout.index(location)]), ";");
  }
  return text;
}

std::string format_condition(const LitmusTest& test) {
  return absl::StrCat(quantifier_text(test.quantifier), " (", format(test, test.condition), ")");
}

absl::string_view test_kind(const LitmusTest& test) {
  switch (test.quantifier) {
    case Quantifier::kExists:
      return "Allowed";
    case Quantifier::kNotExists:
      return "Forbidden";
    case Quantifier::kForall:
      return "Required";
  }
  return "";
}

absl::string_view observed_name(Observed observed) {
  switch (observed) {
    case Observed::kNever:
      return "Never";
    case Observed::kSometimes:
      return "Sometimes";
    case Observed::kAlways:
      return "Always";
  }
  return "";
}

Observation observe(const LitmusTest& test, const std::vector<State>& states,
                    const std::vector<Location>& locations) {
  const Layout layout(test);
  std::map<std::string, std::pair<bool, bool>> seen;  // printed state: holds, fails
  for (const State& state : states) {
    if (!holds(test.filter, layout, state)) continue;
    auto& [positive, negative] = seen[format_state(layout, locations, state)];
    (holds(test.condition, layout, state) ? positive : negative) = true;
  }
  Observation result;
  for (const auto& [text, signs] : seen) {
    result.states.push_back(text);
    result.positive += signs.first;
    result.negative += signs.second;
  }
  result.observed = result.positive == 0   ? Observed::kNever
                    : result.negative == 0 ? Observed::kAlways
                                           : Observed::kSometimes;
  switch (test.quantifier) {
    case Quantifier::kExists:
      result.ok = result.positive > 0;
      break;
    case Quantifier::kNotExists:
      result.ok = result.positive == 0;
      break;
    case Quantifier::kForall:
      result.ok = result.negative == 0;
      break;
  }
  return result;
}

std::string format_observation(absl::string_view name, absl::string_view kind,
                               absl::string_view condition, const Observation& observation) {
  std::string text =
      absl::StrCat("Test ", name, " ", kind, "\nStates ", observation.states.size(), "\n");
  for (const std::string& state : observation.states) absl::StrAppend(&text, state, "\n");
  absl::StrAppend(&text, observation.ok ? "Ok" : "No",
                  "\nWitnesses\nPositive: ", observation.positive,
                  " Negative: ", observation.negative, "\nCondition ", condition, "\nObservation ",
                  name, " ", observed_name(observation.observed), " ", observation.positive, " ",
                  observation.negative, "\n");
  return text;
}

}  // namespace vmafuzz::litmus
