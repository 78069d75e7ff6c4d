#include "litmus/expected.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace vmafuzz::litmus {
namespace {

using Json = nlohmann::json;

bool read_string(const Json& object, const char* key, std::string* out) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return false;
  *out = found->get<std::string>();
  return true;
}

bool read_states(const Json& object, const char* key, std::vector<std::string>* out) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return false;
  for (const Json& state : *found) {
    if (!state.is_string()) return false;
    out->push_back(state.get<std::string>());
  }
  std::sort(out->begin(), out->end());
  return true;
}

// The first field that is missing or of another type; nullptr if all are there.
const char* read_test(const Json& object, ExpectedTest* test) {
  if (!read_string(object, "name", &test->name)) return "name";
  if (!read_string(object, "quantifier", &test->quantifier)) return "quantifier";
  if (!read_string(object, "verdict", &test->verdict)) return "verdict";
  if (!read_states(object, "lkmm", &test->lkmm)) return "lkmm";
  if (!read_states(object, "append", &test->append)) return "append";
  if (!read_states(object, "inorder", &test->inorder)) return "inorder";
  return nullptr;
}

std::vector<std::string> minus(const std::vector<std::string>& a,
                               const std::vector<std::string>& b) {
  std::vector<std::string> result;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result));
  return result;
}

std::string share(absl::string_view what, int64_t part, int64_t whole) {
  const double percent = whole == 0 ? 100.0 : 100.0 * part / whole;
  return absl::StrFormat("%-24s %8d of %8d  %6.2f%%\n", what, part, whole, percent);
}

}  // namespace

absl::StatusOr<Expected> parse_expected(absl::string_view file, absl::string_view text) {
  Expected result;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    const Json object = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", line_number, ": not a JSON object"));
    }
    ExpectedTest test;
    if (const char* field = read_test(object, &test)) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", line_number, ": field '", field, "' is missing or malformed"));
    }
    const std::string name = test.name;
    if (!result.emplace(name, std::move(test)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", line_number, ": '", name, "' stands twice"));
    }
  }
  return result;
}

absl::StatusOr<Expected> load_expected(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (!in || !(text << in.rdbuf())) return absl::NotFoundError(absl::StrCat(path, ": cannot read"));
  return parse_expected(path, text.str());
}

absl::StatusOr<std::vector<Location>> expected_locations(const LitmusTest& test,
                                                         const ExpectedTest& expected) {
  if (expected.lkmm.empty()) return shown_locations(test);
  const auto bindings = parse_state(test, expected.lkmm.front());
  if (!bindings.ok()) return bindings.status();
  std::vector<Location> result;
  for (const Binding& binding : *bindings) result.push_back(binding.location);
  return result;
}

Comparison compare(const std::vector<std::string>& shown, const ExpectedTest& expected) {
  Comparison result;
  result.unsound = minus(shown, expected.lkmm);
  result.missing = minus(expected.append, shown);
  result.missing_inorder = minus(expected.inorder, shown);
  result.append = expected.append.size();
  result.inorder = expected.inorder.size();
  return result;
}

void Summary::add(const Comparison& comparison) {
  ++tests;
  sound += comparison.sound();
  complete += comparison.complete();
  append += comparison.append;
  append_shown += comparison.append - comparison.missing.size();
  inorder += comparison.inorder;
  inorder_shown += comparison.inorder - comparison.missing_inorder.size();
}

std::string Summary::format() const {
  return absl::StrCat(
      share("files parsed", files - unsupported, files),
      share("explored to the end", files - unsupported - failed, files - unsupported),
      absl::StrFormat("%-24s %8d\n", "without a reference", unexpected),
      share("sound tests", sound, tests), share("complete tests", complete, tests),
      share("append states shown", append_shown, append),
      share("inorder states shown", inorder_shown, inorder));
}

}  // namespace vmafuzz::litmus
