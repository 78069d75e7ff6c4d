#include "fuzz/supervisor/findings.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fuzz/command.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/triage.h"

namespace vmafuzz::supervisor {
namespace {

// The minimiser's budget takes some seconds; a machine under load, a few times that.
constexpr std::chrono::minutes kDeadline{5};
constexpr int kTries = 3;  // in one session, of a triage that tells nothing

// Whether a triage that ended so tells nothing about its input.
bool fruitless(const Exit& exit) {
  return exit.prevented() || (!exit.signalled && exit.code == kTriageUnavailable);
}

}  // namespace

absl::Status Findings::open() {
  for (const char* folder : {"/found", "/suspects"}) {
    if (absl::Status status = make_folder(run_ + folder); !status.ok()) return status;
    remove_temporaries(run_ + folder);
  }
  adopt_new_files();
  std::sort(names_.begin(), names_.end(), [this](const std::string& a, const std::string& b) {
    return buckets_[a].first_seconds < buckets_[b].first_seconds;
  });
  for (const std::string& name : sorted_files(run_ + "/suspects")) {
    const std::string file = "suspects/" + name;
    if (absl::EndsWith(file, ".json")) {
      queue_.push_back(file);
    } else {
      unlink(absl::StrCat(run_, "/", file).c_str());  // a triage wrote it that was killed
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Finding> Findings::read(const std::string& file) const {
  const absl::StatusOr<std::string> text = read_file_whole(absl::StrCat(run_, "/", file));
  return text.ok() ? finding_from_json(*text) : absl::StatusOr<Finding>(text.status());
}

const Finding* Findings::find(const std::string& name) const {
  const auto it = buckets_.find(name);
  return it == buckets_.end() ? nullptr : &it->second;
}

void Findings::remember(const std::string& name, const Finding& finding) {
  if (!buckets_.emplace(name, finding).second) return;
  names_.push_back(name);
  on_new(name, finding);
  if (finding.state == State::kNew) {
    queue_.push_back(absl::StrCat("found/", name, ".json"));
  } else {
    on_done(name, finding);
  }
}

// Buckets whose files are there, but that are not known here: an earlier session's, and those that
// triage met.
void Findings::adopt_new_files() {
  for (const std::string& file : sorted_files(run_ + "/found")) {
    if (!absl::EndsWith(file, ".json")) continue;
    const std::string name = file.substr(0, file.size() - 5);
    if (buckets_.count(name) != 0) continue;
    const absl::StatusOr<Finding> finding = read("found/" + file);
    if (finding.ok()) {
      remember(name, *finding);
    } else {
      on_warning(absl::StrCat("found/", file, ": ", finding.status().message()));
    }
  }
}

absl::Status Findings::add(const Finding& finding) {
  const std::string name = bucket_file_name(finding.target, finding.bucket);
  if (buckets_.count(name) != 0) return absl::OkStatus();
  const std::string path = absl::StrCat(run_, "/found/", name, ".json");
  if (absl::Status status = write_durably(path, to_json(finding)); !status.ok()) return status;
  remember(name, finding);
  return absl::OkStatus();
}

absl::Status Findings::add_suspect(const Finding& finding) {
  const std::string file =
      absl::StrCat("suspects/", sha1_name(target_name(finding.target) + finding.input), ".json");
  const bool in_triage = process_ != nullptr && ended_file_ == file;
  if (in_triage || std::find(queue_.begin(), queue_.end(), file) != queue_.end()) {
    ++repeats_[file];
    return absl::OkStatus();
  }
  if (absl::Status status = write_durably(absl::StrCat(run_, "/", file), to_json(finding));
      !status.ok()) {
    return status;
  }
  queue_.push_back(file);
  return absl::OkStatus();
}

void Findings::tick(const std::function<bool(const Finding&)>& urgent) {
  if (process_ != nullptr && !process_->running()) {
    process_.reset();
    ended(ended_file_, exit_);
  }
  if (process_ != nullptr && !hung_ && Clock::now() > deadline_) {
    hung_ = true;
    process_->signal(SIGKILL);
  }
  if (process_ != nullptr || queue_.empty() || Clock::now() < retry_at_) return;
  const auto is_urgent = [&](const std::string& file) {
    const Finding* finding = find(file.substr(6, file.size() - 11));  // found/NAME.json
    return absl::StartsWith(file, "found/") && finding != nullptr && urgent(*finding);
  };
  auto next = std::find_if(queue_.begin(), queue_.end(), is_urgent);
  if (next == queue_.end()) next = queue_.begin();
  const std::string file = *next;
  queue_.erase(next);
  start(file);
}

void Findings::start(const std::string& file) {
  CommandLine line;
  line.program = program_;
  line.words = {run_, file};
  hung_ = false;
  deadline_ = Clock::now() + kDeadline;
  ended_file_ = file;
  absl::StatusOr<std::unique_ptr<Process>> process = Process::start(
      loop_, line, absl::StrCat(run_, "/triage.log"), [this](const Exit& exit) { exit_ = exit; });
  if (process.ok()) {
    process_ = *std::move(process);
    return;
  }
  on_warning(std::string(process.status().message()));
  queue_.push_front(file);
  retry_at_ = Clock::now() + pause;
}

// Later, after all the others.
void Findings::again(const std::string& file) {
  queue_.push_back(file);
  retry_at_ = Clock::now() + pause;
}

void Findings::put_off(const std::string& file, const Exit& exit) {
  if (++fruitless_[file] < kTries) return again(file);
  on_warning(absl::StrCat(file, ": triage ended by ", exit.text(),
                          " each time, see triage.log; the next start of the run tries it again"));
}

void Findings::ended(const std::string& file, const Exit& exit) {
  if (!exit.signalled && exit.code == command::kExitEnvironment) {  // no room on the disk
    queue_.push_front(file);
    retry_at_ = Clock::now() + pause;
  } else if (!hung_ && fruitless(exit)) {
    put_off(file, exit);
  } else if (absl::StartsWith(file, "found/")) {
    complete_bucket(file, exit);
  } else if (!exit.clean()) {
    complete_suspect(file, exit);
  }
  adopt_new_files();  // the same input may be other bugs, on other executors
}

void Findings::complete_bucket(const std::string& file, const Exit& exit) {
  const std::string name = file.substr(6, file.size() - 11);
  Finding& finding = buckets_[name];
  absl::StatusOr<Finding> written = read(file);
  if (exit.clean() && written.ok() && written->state != State::kNew) {
    finding = *std::move(written);
  } else {
    finding.state = State::kUnreproduced;
    finding.what = absl::StrCat("triage ended by ", hung_ ? "its deadline" : exit.text());
    on_warning(absl::StrCat("found/", name, ": ", finding.what, ", see triage.log"));
    if (absl::Status status = write_unexecuted(run_, finding); !status.ok()) {
      finding.state = State::kNew;
      return again(file);
    }
    if (written = read(file); written.ok()) finding = *std::move(written);
  }
  on_done(name, finding);
}

void Findings::complete_suspect(const std::string& file, const Exit& exit) {
  const std::string path = absl::StrCat(run_, "/", file);
  absl::StatusOr<Finding> finding = read(file);
  const bool died = exit.signalled || exit.code > command::kExitEnvironment;
  if (absl::IsNotFound(finding.status())) return;  // somebody has taken it away
  if (!finding.ok() || !died) return set_aside(file, exit);
  // It kills, and does so again.
  decode_suspect(&*finding);
  finding->verdict = std::string(hung_ ? kHarnessHang : kHarnessCrash);
  finding->bucket = absl::StrCat(finding->verdict, ":", hung_ ? "triage" : exit.text());
  finding->state = State::kWhole;
  finding->what =
      absl::StrCat("the process that runs this ends by ", hung_ ? "its deadline" : exit.text());
  if (!add_killer(*finding).ok()) return again(file);
  const std::string name = bucket_file_name(finding->target, finding->bucket);
  for (int deaths = 1 + std::exchange(repeats_[file], 0); deaths > 0; --deaths)
    on_killed(name, *finding);
  unlink(path.c_str());
}

// Whatever triage lacked, the input may still be one that kills.
void Findings::set_aside(const std::string& file, const Exit& exit) {
  const std::string path = absl::StrCat(run_, "/", file);
  const std::string kept = absl::StrCat(run_, "/unknown/", file.substr(file.rfind('/') + 1));
  if (!make_folder(run_ + "/unknown").ok() || std::rename(path.c_str(), kept.c_str()) != 0)
    return again(file);
  on_warning(absl::StrCat(file, ": triage ended by ", exit.text(),
                          ", see triage.log; it is left in ", kept));
}

// One that was met before without being shown again makes way.
absl::Status Findings::add_killer(const Finding& finding) {
  const std::string name = bucket_file_name(finding.target, finding.bucket);
  const auto known = buckets_.find(name);
  if (known != buckets_.end() && known->second.state != State::kUnreproduced)
    return absl::OkStatus();
  if (absl::Status status = write_unexecuted(run_, finding); !status.ok()) return status;
  if (known == buckets_.end()) {
    remember(name, finding);
  } else {
    known->second = finding;
    on_done(name, finding);
  }
  return absl::OkStatus();
}

}  // namespace vmafuzz::supervisor
