#include "fuzz/supervisor/finding.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "fuzz/supervisor/files.h"

namespace vmafuzz::supervisor {
namespace {

using nlohmann::json;

constexpr const char* kStates[] = {"new", "minimal", "small", "whole", "unreproduced"};

constexpr size_t kMaxFileName = 200;  // file systems allow 255; suffixes and temporaries need some

}  // namespace

std::string target_name(const TargetNames& target) {
  std::string name = target.kernel;
  for (const std::string& bug : target.bugs) absl::StrAppend(&name, "+", bug);
  for (const std::string& option : target.options) absl::StrAppend(&name, "+", option);
  return name;
}

TargetNames target_of_name(absl::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '+');
  TargetNames target;
  target.kernel = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    const bool option = absl::StrContains(parts[i], '=');
    (option ? target.options : target.bugs).push_back(parts[i]);
  }
  return target;
}

const char* state_name(State state) { return kStates[static_cast<size_t>(state)]; }

std::string verdict_of_bucket(absl::string_view bucket) {
  return std::string(bucket.substr(0, bucket.find(':')));
}

std::string bucket_file_name(const TargetNames& target, absl::string_view bucket) {
  const std::string full = absl::StrCat(target_name(target), "-", bucket);
  std::string name = full;
  bool exact = true;
  for (char& c : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ||
        c == '+' || c == '=')
      continue;
    exact = exact && c == ':';
    c = '-';
  }
  if (!exact || name.size() > kMaxFileName || name[0] == '.') {
    name.resize(std::min(name.size(), kMaxFileName));
    if (name[0] == '.') name[0] = '-';
    absl::StrAppend(&name, "-", sha1_name(full).substr(0, 8));
  }
  return name;
}

std::string replay_flags(absl::string_view shows_on) {
  if (shows_on == "tsan-fibres") return "--tsan ";
  if (shows_on == "tsan-threads") return "--threads --times 1000 ";
  return "";
}

std::string to_json(const Finding& finding) {
  const json object = {
      {"kernel", finding.target.kernel},    {"bugs", finding.target.bugs},
      {"options", finding.target.options},  {"engine", finding.engine},
      {"executor", finding.executor},       {"worker", finding.worker},
      {"execution", finding.execution},     {"first_seconds", finding.first_seconds},
      {"first_unix", finding.first_unix},   {"verdict", finding.verdict},
      {"bucket", finding.bucket},           {"input", absl::BytesToHexString(finding.input)},
      {"state", state_name(finding.state)}, {"what", finding.what},
      {"shows_on", finding.shows_on},       {"ops", finding.ops},
      {"directives", finding.directives},   {"tries", finding.tries}};
  return object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::StatusOr<Finding> finding_from_json(absl::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  Finding finding;
  // The library throws where a key is missing or of another type; files may hold anything.
  try {
    object.at("kernel").get_to(finding.target.kernel);
    object.at("bugs").get_to(finding.target.bugs);
    object.at("options").get_to(finding.target.options);
    object.at("engine").get_to(finding.engine);
    object.at("executor").get_to(finding.executor);
    object.at("worker").get_to(finding.worker);
    object.at("execution").get_to(finding.execution);
    object.at("first_seconds").get_to(finding.first_seconds);
    object.at("first_unix").get_to(finding.first_unix);
    object.at("verdict").get_to(finding.verdict);
    object.at("bucket").get_to(finding.bucket);
    object.at("what").get_to(finding.what);
    finding.shows_on = object.value("shows_on", "");  // findings of older runs have none
    object.at("ops").get_to(finding.ops);
    object.at("directives").get_to(finding.directives);
    object.at("tries").get_to(finding.tries);
    const std::string state = object.at("state").get<std::string>();
    const auto named = std::find(std::begin(kStates), std::end(kStates), state);
    if (named == std::end(kStates)) return absl::InvalidArgumentError("no such state: " + state);
    finding.state = static_cast<State>(named - std::begin(kStates));
    const std::string hex = object.at("input").get<std::string>();
    const bool is_hex = hex.find_first_not_of("0123456789abcdef") == hex.npos;
    if (!is_hex || hex.size() % 2 != 0) return absl::InvalidArgumentError("input is not in hex");
    finding.input = absl::HexStringToBytes(hex);
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not a finding: ", error.what()));
  }
  return finding;
}

}  // namespace vmafuzz::supervisor
