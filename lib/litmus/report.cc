// A test's report as text and as a line of JSON.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "litmus/batch.h"

namespace vmafuzz::litmus {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kOutcomes[] = {"explored", "cut-off", "unsupported", "failed"};

Json observation_json(const FileReport& report) {
  return {{"kind", report.quantifier_word},
          {"condition", report.condition},
          {"states", report.observation.states},
          {"observation", std::string(observed_name(report.observation.observed))},
          {"ok", report.observation.ok},
          {"positive", report.observation.positive},
          {"negative", report.observation.negative},
          {"executions", report.executions},
          {"blocked", report.blocked},
          {"cut", report.cut},
          {"pruned", report.pruned}};
}

void read_observation(const Json& json, FileReport& report) {
  json.at("kind").get_to(report.quantifier_word);
  json.at("condition").get_to(report.condition);
  json.at("states").get_to(report.observation.states);
  json.at("ok").get_to(report.observation.ok);
  json.at("positive").get_to(report.observation.positive);
  json.at("negative").get_to(report.observation.negative);
  json.at("executions").get_to(report.executions);
  json.at("blocked").get_to(report.blocked);
  json.at("cut").get_to(report.cut);
  json.at("pruned").get_to(report.pruned);
  report.observation.observed = report.observation.positive == 0   ? Observed::kNever
                                : report.observation.negative == 0 ? Observed::kAlways
                                                                   : Observed::kSometimes;
}

FileReport read_report(const Json& json) {
  FileReport report;
  json.at("path").get_to(report.path);
  json.at("name").get_to(report.name);
  const std::string outcome = json.at("outcome").get<std::string>();
  for (int i = 0; i < 4; ++i) {
    if (outcome == kOutcomes[i]) report.outcome = static_cast<FileOutcome>(i);
  }
  if (json.contains("error")) json.at("error").get_to(report.error);
  if (json.contains("title")) json.at("title").get_to(report.title);
  if (json.contains("result")) json.at("result").get_to(report.result);
  if (report.explored()) read_observation(json, report);
  if (json.contains("reference")) {
    const Json& reference = json.at("reference");
    report.has_reference = true;
    reference.at("unsound").get_to(report.comparison.unsound);
    reference.at("witnesses").get_to(report.witnesses);
    reference.at("missing").get_to(report.comparison.missing);
    reference.at("missing_inorder").get_to(report.comparison.missing_inorder);
    reference.at("append").get_to(report.comparison.append);
    reference.at("inorder").get_to(report.comparison.inorder);
  }
  return report;
}

void append_states(std::string& text, absl::string_view what,
                   const std::vector<std::string>& states,
                   const std::vector<std::string>& witnesses) {
  if (states.empty()) return;
  absl::StrAppend(&text, what, " ", states.size(), "\n");
  for (size_t i = 0; i < states.size(); ++i) {
    absl::StrAppend(&text, "  ", states[i], "\n");
    if (i < witnesses.size()) absl::StrAppend(&text, "    by ", witnesses[i], "\n");
  }
}

}  // namespace

std::string report_to_json(const FileReport& report) {
  Json json = {{"path", report.path},
               {"name", report.name},
               {"outcome", kOutcomes[static_cast<int>(report.outcome)]}};
  if (!report.error.empty()) json["error"] = report.error;
  if (!report.title.empty()) json["title"] = report.title;
  if (!report.result.empty()) json["result"] = report.result;
  if (report.explored()) json.update(observation_json(report));
  if (report.has_reference) {
    json["reference"] = {{"sound", report.comparison.sound()},
                         {"complete", report.comparison.complete()},
                         {"unsound", report.comparison.unsound},
                         {"witnesses", report.witnesses},
                         {"missing", report.comparison.missing},
                         {"missing_inorder", report.comparison.missing_inorder},
                         {"append", report.comparison.append},
                         {"inorder", report.comparison.inorder}};
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<FileReport> report_from_json(absl::string_view line) {
  const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  try {
    return read_report(json);
  } catch (const Json::exception& error) {  // the library's way of saying that a field is missing
    return absl::InvalidArgumentError(absl::StrCat("not a report: ", error.what()));
  }
}

std::string format_report(const FileReport& report) {
  if (!report.explored()) {
    return absl::StrCat("Test ", report.name, " ", kOutcomes[static_cast<int>(report.outcome)],
                        ": ", report.error, "\n");
  }
  std::string text = format_observation(report.title, report.quantifier_word, report.condition,
                                        report.observation);
  if (report.title != report.name) absl::StrAppend(&text, "File ", report.path, "\n");
  if (report.outcome == FileOutcome::kCutOff) {
    absl::StrAppend(&text, "Cut off after ", report.executions, " executions\n");
  }
  if (report.contradicts_header()) {
    absl::StrAppend(&text, "Header says ", report.result, "\n");
  }
  append_states(text, "Unsound", report.comparison.unsound, report.witnesses);
  append_states(text, "Missing", report.comparison.missing, {});
  return text;
}

bool FileReport::contradicts_header() const {
  if (outcome != FileOutcome::kExplored) return false;
  if (result != "Never" && result != "Sometimes" && result != "Always") return false;
  return result != observed_name(observation.observed);
}

}  // namespace vmafuzz::litmus
