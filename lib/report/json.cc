// The report as JSON. The only file of lib/report that knows the library.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "input/text.h"
#include "report/directives.h"
#include "report/names.h"
#include "report/report.h"

namespace vmafuzz::report {
namespace {

using Json = nlohmann::ordered_json;

const char* kind_name(StepKind kind) {
  switch (kind) {
    case StepKind::kBegin:
      return "begin";
    case StepKind::kEnd:
      return "end";
    case StepKind::kLoad:
      return "load";
    case StepKind::kStore:
      return "store";
    case StepKind::kRmw:
      return "rmw";
    case StepKind::kLock:
      return "lock";
    case StepKind::kFence:
      return "fence";
    case StepKind::kSwitch:
      return "switch";
    case StepKind::kBlock:
      return "block";
    case StepKind::kAlloc:
      return "alloc";
    case StepKind::kFree:
      return "free";
    case StepKind::kReader:
      return "reader";
    case StepKind::kGrace:
      return "grace";
    case StepKind::kFail:
      return "fail";
    case StepKind::kNote:
      return "note";
  }
  return "?";
}

const char* order_name(uint8_t order) {
  switch (static_cast<sim::Order>(order)) {
    case sim::Order::kAcquire:
      return "acquire";
    case sim::Order::kRelease:
      return "release";
    case sim::Order::kFull:
      return "full";
    case sim::Order::kRelaxed:
    case sim::Order::kNoReturn:
      break;
  }
  return "relaxed";
}

Json place_json(const Place& place) { return {{"function", place.function}, {"at", place.line}}; }

void add_load(const Step& step, Json* json) {
  if (step.from_cpu != sim::kNoCpu) {
    (*json)["from"] = place_json(step.from);
    (*json)["from"]["cpu"] = cpu_name(step.from_cpu);
  }
  if (step.torn) (*json)["torn"] = true;
  if (step.reloaded) (*json)["reloaded"] = true;
  if (step.stale == 0) return;
  (*json)["stale"] = step.stale;
  (*json)["missed"] = place_json(step.missed);
  (*json)["missed"]["value"] = step.before;
}

Json step_json(const Step& step) {
  Json json = {{"step", step.step},
               {"cpu", cpu_name(step.cpu)},
               {"op", step.op},
               {"access", step.access},
               {"event", kind_name(step.kind)},
               {"text", step.text},
               {"in", place_json(step.at)},
               {"shown", step.shown}};
  if (step.is_access()) {
    json["location"] = absl::StrCat(step.object_name, ".", step.field);
    json["value"] = step.value;
    json["order"] = order_name(step.order);
    json["plain"] = step.plain;
    json["data_race"] = step.may_race;
    if (step.kind == StepKind::kLoad) {
      add_load(step, &json);
    } else {
      json["before"] = step.before;
    }
  }
  if (step.kind == StepKind::kSwitch) {
    json["to"] = cpu_name(step.target);
    json["preempts"] = step.preempts;
  }
  return json;
}

Json verdict_json(const Report& report) {
  const Failure& failure = report.timeline.failure;
  if (failure.verdict.empty()) return nullptr;
  Json json = {{"name", failure.verdict},      {"what", failure.what},
               {"cpu", cpu_name(failure.cpu)}, {"op", failure.op},
               {"in", place_json(failure.at)}, {"why", report.sentence}};
  if (!failure.other.function.empty()) json["other"] = place_json(failure.other);
  return json;
}

Json picture_json(const Report& report) {
  Json versions = Json::array();
  for (const PictureRow& row : report.picture) {
    Json pages = Json::array();
    for (size_t i = 0; i < row.pages.size(); ++i) {
      const oracle::PageView& page = row.pages[i];
      if (!page.mapped) continue;
      Json entry = {{"page", i}, {"flags", flags_name(page.flags)}};
      if (page.inode != nullptr) {
        entry["inode"] = page.ino;
        entry["pgoff"] = page.pgoff;
      }
      pages.push_back(std::move(entry));
    }
    versions.push_back({{"label", row.label}, {"pages", std::move(pages)}});
  }
  Json json = {{"mm", report.mm}, {"versions", std::move(versions)}};
  json["text"] = draw(report.picture, report.marked_page);
  if (report.marked_page >= 0) json["page"] = report.marked_page;
  return json;
}

Json directives_json(const Report& report) {
  Json list = Json::array();
  for (size_t i = 0; i < report.deviations.size(); ++i) {
    const input::Directive& directive = report.program.directives[i];
    list.push_back({{"op", directive.op},
                    {"access", directive.access},
                    {"directive", input::directive_text(directive)},
                    {"words", report.deviations[i]}});
  }
  return list;
}

}  // namespace

std::string to_json(const Report& report) {
  Json steps = Json::array();
  for (const Step& step : report.timeline.steps) steps.push_back(step_json(step));
  const std::vector<std::string> operations = operation_names(report.program);
  const Json json = {
      {"kernel", report.kernel},
      {"verdict", verdict_json(report)},
      {"operations", operations},
      {"address_space", picture_json(report)},
      {"directives", directives_json(report)},
      {"diagnosis", report.diagnosis},
      {"diagram", diagram(report.timeline, operations)},
      {"trace", std::move(steps)},
      {"trace_hash", absl::StrCat("0x", absl::Hex(report.trace_hash, absl::kZeroPad16))},
      {"idle_directives", report.idle},
      {"program", input::print_text(report.program)},
  };
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vmafuzz::report
