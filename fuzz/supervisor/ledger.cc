#include "fuzz/supervisor/ledger.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "fuzz/supervisor/files.h"

namespace vmafuzz::supervisor {

using nlohmann::json;

void Totals::add(const Totals& other) {
  seconds += other.seconds;
  executions += other.executions;
  accesses += other.accesses;
  gave_up += other.gave_up;
  kept += other.kept;
  for (const auto& [bucket, count] : other.hits) hits[bucket] += count;
}

absl::Status Ledger::read(const std::string& path) {
  const absl::StatusOr<std::string> text = read_file_whole(path);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  const json object = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  Ledger read;
  try {
    object.at("seconds").get_to(read.seconds);
    object.at("started_unix").get_to(read.started_unix);
    object.at("sessions").get_to(read.sessions);
    object.at("next_worker").get_to(read.next_worker);
    object.at("folded").get_to(read.folded);
    for (const auto& [name, group] : object.at("groups").items()) {
      GroupRecord& record = read.groups[name];
      group.at("seconds").get_to(record.totals.seconds);
      group.at("executions").get_to(record.totals.executions);
      group.at("accesses").get_to(record.totals.accesses);
      group.at("gave_up").get_to(record.totals.gave_up);
      group.at("kept").get_to(record.totals.kept);
      group.at("hits").get_to(record.totals.hits);
      group.at("launches").get_to(record.launches);
      group.at("restarts").get_to(record.restarts);
      group.at("last_new").get_to(record.last_new);
    }
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no ledger of a run (", error.what(),
                     "); move it away to count from zero, corpus and findings stay"));
  }
  *this = std::move(read);
  return absl::OkStatus();
}

absl::Status Ledger::write(const std::string& path) const {
  json list = json::object();
  for (const auto& [name, record] : groups) {
    list[name] = {{"seconds", record.totals.seconds},   {"executions", record.totals.executions},
                  {"accesses", record.totals.accesses}, {"gave_up", record.totals.gave_up},
                  {"kept", record.totals.kept},         {"hits", record.totals.hits},
                  {"launches", record.launches},        {"restarts", record.restarts},
                  {"last_new", record.last_new}};
  }
  const json object = {{"version", 1},         {"seconds", seconds},
                       {"sessions", sessions}, {"started_unix", started_unix},
                       {"folded", folded},     {"next_worker", next_worker},
                       {"groups", list}};
  return write_durably(path, object.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace vmafuzz::supervisor
