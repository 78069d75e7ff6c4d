#include "fuzz/run_report/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "fuzz/program_file.h"
#include "fuzz/supervisor/finding.h"

namespace vmafuzz::run_report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// --- what a key holds, or nothing if it holds something else

double number(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : 0;
}

std::string text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& array(const Json& json, const char* key) {
  static const Json* const empty = new Json(Json::array());
  const auto found = json.find(key);
  return found != json.end() && found->is_array() ? *found : *empty;
}

std::vector<std::string> texts(const Json& json, const char* key) {
  std::vector<std::string> list;
  for (const Json& item : array(json, key)) {
    if (item.is_string()) list.push_back(item.get<std::string>());
  }
  return list;
}

// --- which key of an object fills which field

template <class T>
struct Key {
  const char* name;
  std::variant<double T::*, std::string T::*, std::vector<std::string> T::*> field;
};

constexpr Key<RunFolder> kStatusKeys[] = {
    {"state", &RunFolder::state},
    {"host", &RunFolder::host},
    {"commit", &RunFolder::commit},
    {"command", &RunFolder::command},
    {"started_unix", &RunFolder::started_unix},
    {"updated_unix", &RunFolder::updated_unix},
    {"seconds", &RunFolder::seconds},
    {"limit", &RunFolder::limit},
    {"sessions", &RunFolder::sessions},
    {"executions", &RunFolder::executions},
    {"rate", &RunFolder::rate},
    {"corpus", &RunFolder::corpus},
    {"corpus_bytes", &RunFolder::corpus_bytes},
    {"warnings", &RunFolder::warnings},
};
constexpr Key<Group> kGroupKeys[] = {
    {"kernel", &Group::kernel},     {"bugs", &Group::bugs}, {"options", &Group::options},
    {"expected", &Group::expected}, {"rate", &Group::rate}, {"kept", &Group::kept},
    {"restarts", &Group::restarts},
};
// Those that only grow: events tell them too.
constexpr Key<Group> kGroupCounts[] = {
    {"seconds", &Group::seconds},   {"executions", &Group::executions}, {"edges", &Group::edges},
    {"features", &Group::features}, {"buckets", &Group::buckets},       {"hits", &Group::hits},
};
constexpr Key<Bucket> kBucketKeys[] = {
    {"name", &Bucket::name},
    {"kernel", &Bucket::kernel},
    {"bugs", &Bucket::bugs},
    {"options", &Bucket::options},
    {"verdict", &Bucket::verdict},
    {"bucket", &Bucket::bucket},
    {"what", &Bucket::what},
    {"hits", &Bucket::hits},
    {"first_seconds", &Bucket::first_seconds},
    {"first_unix", &Bucket::first_unix},
    {"first_executions", &Bucket::first_executions},
    {"group", &Bucket::group},
    {"engine", &Bucket::engine},
    {"executor", &Bucket::executor},
    {"shows_on", &Bucket::shows_on},
    {"state", &Bucket::state},
};

// What is missing, or of another type, leaves its field as it is. Numbers only grow.
template <class T, size_t kCount>
void fill(T& object, const Json& json, const Key<T> (&keys)[kCount]) {
  for (const Key<T>& key : keys) {
    const Json::const_iterator found = json.find(key.name);
    if (found == json.end()) continue;
    if (const auto* count = std::get_if<double T::*>(&key.field)) {
      double& known = object.*(*count);
      if (found->is_number()) known = std::max(known, found->template get<double>());
    } else if (const auto* words = std::get_if<std::string T::*>(&key.field)) {
      if (found->is_string()) object.*(*words) = found->template get<std::string>();
    } else {
      object.*std::get<std::vector<std::string> T::*>(key.field) = texts(json, key.name);
    }
  }
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// Supervisors hold it for as long as they live. Shared and for an instant: one that starts now is
// not to take this for another.
bool nobody_holds(const std::string& lock) {
  const int fd = open(lock.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  const bool got = flock(fd, LOCK_SH | LOCK_NB) == 0;
  close(fd);
  return got;
}

std::optional<Json> parse_object(const std::string& content) {
  Json json = Json::parse(content, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

class Reader {
 public:
  explicit Reader(const std::string& path) { run_.path = path; }

  absl::StatusOr<RunFolder> read() {
    std::error_code error;
    if (!fs::is_directory(run_.path, error)) {
      return absl::NotFoundError(absl::StrCat(run_.path, " is not a folder"));
    }
    // Before the state, so that one which changes meanwhile is no contradiction.
    const bool unlocked = nobody_holds(file("lock"));
    const bool has_status = read_status();
    const bool ran_here = run_.host.empty() || run_.host == host_name();
    run_.killed = unlocked && ran_here && !run_.state.empty() && run_.state != "stopped";
    const bool has_events = read_events();
    const bool has_found = read_found();
    if (!has_status && !has_events && !has_found) {
      return absl::NotFoundError(absl::StrCat(
          run_.path, " holds nothing of a run: neither status.json nor events.jsonl nor found/"));
    }
    return std::move(run_);
  }

 private:
  std::string file(const char* name) const { return (fs::path(run_.path) / name).string(); }
  void miss(std::string sentence) { run_.missing.push_back(std::move(sentence)); }

  bool exists(const char* name) const {
    std::error_code error;
    return fs::exists(file(name), error);
  }

  // --- status.json

  bool read_status() {
    const absl::StatusOr<std::string> content = command::read_file(file("status.json"));
    if (!content.ok()) {
      miss(exists("status.json")
               ? absl::StrCat("status.json cannot be read (", content.status().message(), ").")
               : "There is no status.json: what was asked for and the last counts are not known.");
      return false;
    }
    const std::optional<Json> status = parse_object(*content);
    if (!status) {
      miss("status.json is no JSON object: it was not written by this program, or damaged.");
      return false;
    }
    fill(run_, *status, kStatusKeys);
    for (const Json& group : array(*status, "groups")) add_group(group);
    for (const Json& bucket : array(*status, "buckets")) add_bucket(bucket);
    return true;
  }

  Group& group_of(const Json& json) {
    const auto [entry, fresh] = groups_.try_emplace(text(json, "name"), run_.groups.size());
    if (fresh) {
      run_.groups.emplace_back();
      run_.groups.back().name = entry->first;
    }
    return run_.groups[entry->second];
  }

  void add_group(const Json& json) {
    if (!json.is_object() || text(json, "name").empty()) return;
    Group& group = group_of(json);
    fill(group, json, kGroupKeys);
    fill(group, json, kGroupCounts);
    group.knows_expected = json.contains("expected");
  }

  // Names become paths: one that leaves found/ is not one of ours.
  static bool is_name(const std::string& name) {
    return !name.empty() && name[0] != '.' && name.find('/') == name.npos &&
           name.find('\0') == name.npos;
  }

  Bucket* find_bucket(const std::string& name) {
    const auto found = std::find_if(run_.buckets.begin(), run_.buckets.end(),
                                    [&](const Bucket& b) { return b.name == name; });
    return found == run_.buckets.end() ? nullptr : &*found;
  }

  Bucket* add_bucket(const Json& json) {
    if (!json.is_object() || !is_name(text(json, "name"))) return nullptr;
    Bucket bucket;
    fill(bucket, json, kBucketKeys);
    run_.buckets.push_back(std::move(bucket));
    return &run_.buckets.back();
  }

  // --- events.jsonl

  bool read_events() {
    const absl::StatusOr<std::string> content = command::read_file(file("events.jsonl"));
    if (!content.ok()) {
      miss(exists("events.jsonl")
               ? absl::StrCat("events.jsonl cannot be read (", content.status().message(), ").")
               : "There is no events.jsonl: nothing can be drawn along time.");
      return false;
    }
    size_t torn = 0;
    for (absl::string_view line : absl::StrSplit(*content, '\n', absl::SkipWhitespace())) {
      const std::optional<Json> event = parse_object(std::string(line));
      if (event) {
        add_event(*event);
      } else {
        ++torn;
      }
    }
    if (torn > 0) {
      miss(absl::StrCat(torn, torn == 1 ? " line" : " lines",
                        " of events.jsonl did not parse (a torn write) and ",
                        torn == 1 ? "was" : "were", " passed over."));
    }
    if (run_.executions_along_time.size() < 2) {
      miss("events.jsonl holds too little progress to draw a curve.");
    }
    return true;
  }

  void add_event(const Json& event) {
    const std::string kind = text(event, "event");
    const double seconds = number(event, "seconds");
    run_.seconds = std::max(run_.seconds, seconds);
    if (run_.started_unix == 0) run_.started_unix = number(event, "t");
    run_.updated_unix = std::max(run_.updated_unix, number(event, "t"));
    if (kind == "start" && run_.command.empty()) run_.command = texts(event, "command");
    if (kind == "progress") add_progress(event, seconds);
    if (kind == "bucket") add_first_sight(event, seconds);
    if (kind == "minimised") {
      Bucket* bucket = find_bucket(text(event, "name"));
      if (bucket != nullptr && bucket->state.empty()) bucket->state = text(event, "state");
    }
  }

  void add_progress(const Json& event, double seconds) {
    const double executions = number(event, "executions");
    run_.executions = std::max(run_.executions, executions);
    run_.executions_along_time.emplace_back(seconds, executions);
    run_.corpus_along_time.emplace_back(seconds, number(event, "corpus"));
    for (const Json& json : array(event, "groups")) {
      if (!json.is_object() || text(json, "name").empty()) continue;
      Group& group = group_of(json);
      group.edges_along_time.emplace_back(seconds, number(json, "edges"));
      group.features_along_time.emplace_back(seconds, number(json, "features"));
      fill(group, json, kGroupCounts);
    }
    run_.edges_along_time.emplace_back(seconds, sum(&Group::edges_along_time));
    run_.features_along_time.emplace_back(seconds, sum(&Group::features_along_time));
  }

  // Of all groups, as far as they are known at this point of the events.
  double sum(Series Group::* series) const {
    double total = 0;
    for (const Group& group : run_.groups) {
      if (!(group.*series).empty()) total += (group.*series).back().second;
    }
    return total;
  }

  // What status.json says of a bucket is newer.
  void add_first_sight(const Json& event, double seconds) {
    if (find_bucket(text(event, "name")) != nullptr) return;
    Bucket* bucket = add_bucket(event);
    if (bucket == nullptr) return;
    bucket->first_seconds = seconds;
    bucket->first_unix = number(event, "t");
  }

  // --- found/

  bool read_found() {
    std::error_code error;
    fs::directory_iterator entries(file("found"), error);
    if (error) {
      miss(exists("found") ? absl::StrCat("found/ cannot be read (", error.message(), ").")
                           : "There is no folder found/: no program of a finding is here.");
      return false;
    }
    std::vector<fs::path> paths;
    for (const auto& entry : entries) {
      if (is_name(entry.path().filename().string())) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) add_file(path);
    name_lost_programs();
    return true;
  }

  void name_lost_programs() {
    size_t waiting = 0;
    for (const Bucket& bucket : run_.buckets) {
      if (!bucket.repro.empty()) continue;
      if (bucket.state == "new") {
        ++waiting;
      } else if (bucket.input.empty()) {
        miss(absl::StrCat("Neither found/", bucket.name, ".repro nor its input is here."));
      }
    }
    if (waiting == 0) return;
    miss(absl::StrCat(waiting, waiting == 1 ? " finding was" : " findings were",
                      " still waiting to be minimised: `vmafuzz fuzz --dir` goes on with that."));
  }

  void add_file(const fs::path& path) {
    const std::string ending = path.extension().string();
    if (ending != ".repro" && ending != ".json" && ending != ".txt") return;
    const std::string name = path.stem().string();
    Bucket* bucket = find_bucket(name);
    if (bucket == nullptr) {
      run_.buckets.emplace_back();
      bucket = &run_.buckets.back();
      bucket->name = name;
    }
    if (ending == ".repro") bucket->repro = path.string();
    if (ending == ".repro") return;
    const absl::StatusOr<std::string> content = command::read_file(path.string());
    if (!content.ok()) return;
    if (ending == ".txt") bucket->report = *content;
    if (ending == ".json") fill_from_finding(*content, bucket);
  }

  // What status.json and events.jsonl do not say, or are not there to say.
  void fill_from_finding(const std::string& text, Bucket* bucket) {
    const absl::StatusOr<supervisor::Finding> finding = supervisor::finding_from_json(text);
    if (!finding.ok()) {
      return miss(absl::StrCat("found/", bucket->name, ".json is ", finding.status().message()));
    }
    const auto fill = [](const std::string& from, std::string* to) {
      if (to->empty()) *to = from;
    };
    bucket->input = finding->input;
    if (bucket->kernel.empty()) {
      bucket->kernel = finding->target.kernel;
      bucket->bugs = finding->target.bugs;
      bucket->options = finding->target.options;
    }
    fill(finding->verdict, &bucket->verdict);
    fill(finding->bucket, &bucket->bucket);
    fill(finding->what, &bucket->what);
    fill(finding->engine, &bucket->engine);
    fill(finding->executor, &bucket->executor);
    fill(finding->shows_on, &bucket->shows_on);
    fill(supervisor::state_name(finding->state), &bucket->state);
    if (bucket->first_seconds < 0) bucket->first_seconds = finding->first_seconds;
    if (bucket->first_unix == 0) bucket->first_unix = finding->first_unix;
    if (bucket->first_executions == 0) {
      bucket->first_executions = static_cast<double>(finding->execution);
    }
  }

  RunFolder run_;
  std::map<std::string, size_t> groups_;  // name: index
};

}  // namespace

absl::StatusOr<RunFolder> read_run_folder(const std::string& path) { return Reader(path).read(); }

}  // namespace vmafuzz::run_report
