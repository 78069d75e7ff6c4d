#include "fuzz/supervisor/status.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/words.h"
#include "report/svg.h"

namespace vmafuzz::supervisor {
namespace {

using nlohmann::ordered_json;
using report::short_number;

constexpr auto kReplace = ordered_json::error_handler_t::replace;

double unix_now() { return absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()); }

// Microseconds are what floating point has left of the seconds since 1970, and enough.
double rounded(double value) { return std::round(value * 1000) / 1000; }

ordered_json group_json(const GroupStatus& now, const Group& group, const GroupRecord& record) {
  return {{"name", now.name},
          {"engine", group.engine->name},
          {"executor", group.engine->executor},
          {"kernel", group.target.kernel},
          {"bugs", group.target.bugs},
          {"options", group.target.options},
          {"expected", group.expected},
          {"workers", now.workers},
          {"launches", record.launches},
          {"restarts", record.restarts},
          {"seconds", rounded(now.totals.seconds)},
          {"executions", now.totals.executions},
          {"rate", std::round(now.rate)},
          {"accesses", now.totals.accesses},
          {"gave_up", now.totals.gave_up},
          {"edges", now.edges},
          {"features", now.features},
          {"kept", now.totals.kept},
          {"last_new", rounded(now.last_new)},
          {"buckets", now.buckets},
          {"hits", now.hits}};
}

ordered_json worker_json(const Worker& worker, const Fleet& fleet, double seconds) {
  const double age = std::chrono::duration<double>(Clock::now() - worker.started).count();
  const pid_t pid = worker.process ? worker.process->pid() : 0;
  return {{"id", worker.id},
          {"group", fleet.groups()[worker.group].name},
          {"pid", pid},
          {"since", rounded(seconds - age)},
          {"executions", worker.executions},
          {"rate", std::round(worker.rate)},
          {"memory_bytes", resident_bytes(pid)}};
}

ordered_json bucket_json(const std::string& name, const Finding& finding, uint64_t hits) {
  const bool done = finding.state != State::kNew;
  const std::string base = "found/" + name;
  return {{"name", name},
          {"kernel", finding.target.kernel},
          {"bugs", finding.target.bugs},
          {"options", finding.target.options},
          {"verdict", finding.verdict},
          {"bucket", finding.bucket},
          {"what", finding.what},
          {"hits", hits},
          {"first_seconds", rounded(finding.first_seconds)},
          {"first_unix", rounded(finding.first_unix)},
          {"first_executions", finding.execution},
          {"engine", finding.engine},
          {"executor", finding.executor},
          {"shows_on", finding.shows_on},
          {"state", state_name(finding.state)},
          {"repro", done ? base + ".repro" : ""},
          {"report", done ? base + ".txt" : ""},
          {"json", base + ".json"},
          {"ops", finding.ops},
          {"directives", finding.directives}};
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

Snapshot take_snapshot(const Fleet& fleet, const Findings& findings, const Corpus& corpus,
                       const Ledger& ledger) {
  Snapshot now;
  now.corpus = corpus.size();
  now.corpus_bytes = corpus.bytes();
  for (size_t i = 0; i < fleet.groups().size(); ++i) {
    const Group& group = fleet.groups()[i];
    GroupStatus status;
    status.name = group.name;
    status.totals = fleet.totals_of(group);
    for (const Worker& worker : fleet.workers()) {
      if (worker.group != i || worker.ended || !worker.process) continue;
      ++status.workers;
      status.rate += worker.rate;
    }
    status.edges = group.seen->edges.load(std::memory_order_relaxed);
    status.features = group.seen->features.load(std::memory_order_relaxed);
    status.buckets = status.totals.hits.size();
    status.broken = group.failed_launches >= kMaxFailedLaunches;
    for (const auto& [bucket, hits] : status.totals.hits) {
      status.hits += hits;
      now.bucket_hits[bucket] += hits;
    }
    const auto record = ledger.groups.find(group.name);
    if (record != ledger.groups.end()) status.last_new = record->second.last_new;
    now.executions += status.totals.executions;
    now.hits += status.hits;
    now.rate += status.rate;
    now.groups.push_back(std::move(status));
  }
  for (const std::string& name : findings.names()) {
    if (findings.find(name)->state != State::kNew) ++now.triaged;
  }
  return now;
}

std::string status_json(const Snapshot& now, const Plan& plan, const Fleet& fleet,
                        const Findings& findings, const Ledger& ledger,
                        const std::vector<std::string>& warnings) {
  ordered_json groups = ordered_json::array();
  for (size_t i = 0; i < now.groups.size(); ++i) {
    groups.push_back(
        group_json(now.groups[i], fleet.groups()[i], ledger.groups.at(now.groups[i].name)));
  }
  ordered_json workers = ordered_json::array();
  for (const Worker& worker : fleet.workers()) {
    if (worker.process && !worker.ended) workers.push_back(worker_json(worker, fleet, now.seconds));
  }
  ordered_json buckets = ordered_json::array();
  for (const std::string& name : findings.names()) {
    const auto hits = now.bucket_hits.find(name);
    buckets.push_back(
        bucket_json(name, *findings.find(name), hits == now.bucket_hits.end() ? 0 : hits->second));
  }
  ordered_json limit;  // null
  if (std::isfinite(now.limit)) limit = rounded(now.limit);
  const ordered_json all = {{"version", 1},
                            {"state", now.state},
                            {"pid", getpid()},
                            {"host", host_name()},
                            {"commit", plan.commit},
                            {"command", plan.command},
                            {"started_unix", rounded(ledger.started_unix)},
                            {"updated_unix", rounded(unix_now())},
                            {"seconds", rounded(now.seconds)},
                            {"limit", limit},
                            {"sessions", ledger.sessions},
                            {"executions", now.executions},
                            {"rate", std::round(now.rate)},
                            {"corpus", now.corpus},
                            {"corpus_bytes", now.corpus_bytes},
                            {"free_bytes", now.free_bytes},
                            {"warnings", warnings},
                            {"groups", groups},
                            {"workers", workers},
                            {"buckets", buckets}};
  return all.dump(1, ' ', false, kReplace) + "\n";
}

std::string event_line(const std::string& event, double seconds, const std::string& keys) {
  ordered_json line = {{"t", rounded(unix_now())}, {"seconds", rounded(seconds)}, {"event", event}};
  line.update(ordered_json::parse(keys));
  return line.dump(-1, ' ', false, kReplace);
}

// Times only grow, so that any order and a damaged line will do.
double last_seconds(const std::string& events) {
  double seconds = 0;
  std::ifstream in(events, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    const ordered_json event = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!event.is_object() || !event.contains("seconds")) continue;
    const ordered_json& value = event["seconds"];
    if (value.is_number()) seconds = std::max(seconds, value.get<double>());
  }
  return seconds;
}

std::string progress_keys(const Snapshot& now, const Snapshot& before, size_t buckets) {
  ordered_json groups = ordered_json::array();
  for (size_t i = 0; i < now.groups.size(); ++i) {
    const GroupStatus& group = now.groups[i];
    if (i < before.groups.size() && before.groups[i].totals.executions == group.totals.executions)
      continue;
    groups.push_back({{"name", group.name},
                      {"executions", group.totals.executions},
                      {"rate", std::round(group.rate)},
                      {"edges", group.edges},
                      {"features", group.features},
                      {"buckets", group.buckets},
                      {"hits", group.hits},
                      {"seconds", rounded(group.totals.seconds)}});
  }
  const ordered_json keys = {{"executions", now.executions},
                             {"rate", std::round(now.rate)},
                             {"corpus", now.corpus},
                             {"corpus_bytes", now.corpus_bytes},
                             {"free_bytes", now.free_bytes},
                             {"buckets", buckets},
                             {"hits", now.hits},
                             {"groups", groups}};
  return keys.dump(-1, ' ', false, kReplace);
}

// ---- for people ----

namespace {

std::string short_count(uint64_t count) { return short_number(static_cast<double>(count)); }

std::string run_line(const Snapshot& now, size_t buckets) {
  std::vector<std::string> fields = {clock_text(now.seconds)};
  if (now.state != "running") fields.push_back(now.state);
  if (std::isfinite(now.left)) fields.push_back(clock_text(now.left) + " left");
  fields.push_back(short_count(now.executions) + " executions");
  fields.push_back(short_number(now.rate) + "/s");
  fields.push_back(absl::StrCat("found ", buckets));
  if (buckets > now.triaged) fields.push_back(absl::StrCat(buckets - now.triaged, " in triage"));
  fields.push_back("corpus " + short_count(now.corpus));
  fields.push_back(short_count(now.hits) + " hits");
  return absl::StrJoin(fields, "  ");
}

}  // namespace

std::vector<std::string> progress_lines(const Snapshot& now, size_t buckets) {
  std::vector<std::string> lines = {run_line(now, buckets)};
  constexpr absl::string_view kNames = "engine/kernel";
  size_t width = kNames.size();
  for (const GroupStatus& group : now.groups) {
    if (group.workers > 0) width = std::max(width, group.name.size());
  }
  const auto add_row = [&](absl::string_view name, const auto&... cells) {
    lines.push_back(absl::StrFormat("  %-*s  %5s  %5s  %5s  %5s  %8s  %5s  %7s",
                                    static_cast<int>(width), name, cells...));
  };
  for (const GroupStatus& group : now.groups) {
    if (group.workers == 0) continue;
    if (lines.size() == 1)
      add_row(kNames, "execs", "/s", "edges", "pairs", "last new", "found", "workers");
    add_row(group.name, short_count(group.totals.executions), short_number(group.rate),
            short_count(group.edges), short_count(group.features),
            report::short_time(std::max(0.0, now.seconds - group.last_new)),
            short_count(group.buckets), short_count(group.workers));
  }
  return lines;
}

std::vector<std::string> summary_lines(const Snapshot& now, const Findings& findings) {
  uint64_t accesses = 0;
  uint64_t gave_up = 0;
  for (const GroupStatus& group : now.groups) {
    accesses += group.totals.accesses;
    gave_up += group.totals.gave_up;
  }
  const double rate = now.seconds > 0 ? static_cast<double>(now.executions) / now.seconds : 0;
  std::vector<std::string> lines = {absl::StrFormat(
      "%s executions, %s accesses in %s (%s/s); %s longer than the limit; corpus %s (%s)",
      grouped(now.executions), grouped(accesses), clock_text(now.seconds),
      grouped(static_cast<uint64_t>(rate)), grouped(gave_up), grouped(now.corpus),
      size_text(now.corpus_bytes))};
  for (const GroupStatus& group : now.groups) {
    if (group.broken) lines.push_back("its workers do not start: " + group.name);
  }
  if (findings.names().empty()) lines.emplace_back("nothing found");
  for (const std::string& name : findings.names()) {
    const Finding& finding = *findings.find(name);
    const auto hits = now.bucket_hits.find(name);
    lines.push_back(absl::StrFormat("%-60s %10s  first at %s  %s%s", name,
                                    plural(hits == now.bucket_hits.end() ? 0 : hits->second, "hit"),
                                    clock_text(finding.first_seconds), state_name(finding.state),
                                    finding.state == State::kNew
                                        ? ""
                                        : absl::StrCat(", ", plural(finding.ops, "operation"), ", ",
                                                       plural(finding.directives, "directive"))));
  }
  return lines;
}

}  // namespace vmafuzz::supervisor
