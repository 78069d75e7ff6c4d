#include "litmus/batch.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>

#include "absl/strings/str_cat.h"

namespace vmafuzz::litmus {
namespace {

namespace fs = std::filesystem;

absl::Status add_folder(const fs::path& folder, std::vector<std::string>* files) {
  std::error_code error;
  const size_t before = files->size();
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".litmus") files->push_back(at->path().string());
  }
  if (error) return absl::NotFoundError(absl::StrCat(folder.string(), ": ", error.message()));
  if (files->size() == before) {
    return absl::NotFoundError(absl::StrCat(folder.string(), ": no .litmus file in this folder"));
  }
  std::sort(files->begin() + static_cast<std::ptrdiff_t>(before), files->end());
  return absl::OkStatus();
}

// A counter that the children share: the number of the next test to take.
class SharedCounter {
 public:
  SharedCounter() {
    void* page = mmap(nullptr, sizeof(std::atomic<size_t>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) next_ = new (page) std::atomic<size_t>(0);
  }
  ~SharedCounter() {
    if (next_ != nullptr) munmap(next_, sizeof(*next_));
  }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  bool valid() const { return next_ != nullptr; }
  size_t take() { return next_->fetch_add(1); }
  bool used_up(size_t size) const { return next_->load() >= size; }

 private:
  std::atomic<size_t>* next_ = nullptr;
};

bool write_all(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// A child process writes for each test that it takes "NUMBER\n" and then the report's JSON line.
struct Child {
  pid_t pid = -1;
  int fd = -1;
  std::string unread;
  size_t running = kNone;  // the test it has taken and not reported
  static constexpr size_t kNone = SIZE_MAX;
};

class Batch {
 public:
  Batch(const std::vector<std::string>& paths, int jobs,
        const std::function<FileReport(const std::string&)>& run,
        const std::function<void(const FileReport&)>& done)
      : paths_(paths),
        jobs_(std::max(jobs, 1)),
        run_(run),
        done_(done),
        reports_(paths.size()),
        ready_(paths.size(), false) {}

  absl::Status run() {
    if (!counter_.valid()) return absl::InternalError("no shared memory for the children");
    const size_t jobs = std::min<size_t>(jobs_, paths_.size());
    for (size_t i = 0; i < jobs; ++i) {
      if (absl::Status s = start_child(); !s.ok()) return s;
    }
    while (!children_.empty()) {
      if (absl::Status s = wait_for_output(); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  ~Batch() {
    for (Child& child : children_) {
      close(child.fd);  // the child ends at its next write
      waitpid(child.pid, nullptr, 0);
    }
  }

 private:
  absl::Status start_child() {
    int ends[2];
    if (pipe(ends) != 0) return absl::InternalError(absl::StrCat("pipe: ", std::strerror(errno)));
    const pid_t pid = fork();
    if (pid < 0) {
      close(ends[0]);
      close(ends[1]);
      return absl::InternalError(absl::StrCat("fork: ", std::strerror(errno)));
    }
    if (pid == 0) {
      close(ends[0]);
      for (const Child& sibling : children_) close(sibling.fd);
      work(ends[1]);
    }
    close(ends[1]);
    Child& child = children_.emplace_back();
    child.pid = pid;
    child.fd = ends[0];
    return absl::OkStatus();
  }

  [[noreturn]] void work(int fd) {
    signal(SIGPIPE, SIG_IGN);
    for (size_t index = counter_.take(); index < paths_.size(); index = counter_.take()) {
      if (!write_all(fd, absl::StrCat(index, "\n"))) _exit(1);
      const std::string json = report_to_json(run_(paths_[index]));
      if (!write_all(fd, absl::StrCat(json, "\n"))) _exit(1);
    }
    _exit(0);
  }

  absl::Status wait_for_output() {
    std::vector<pollfd> polled;
    for (const Child& child : children_) polled.push_back({child.fd, POLLIN, 0});
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
      return absl::InternalError(absl::StrCat("poll: ", std::strerror(errno)));
    }
    for (size_t i = polled.size(); i-- > 0;) {
      if (polled[i].revents == 0) continue;
      if (absl::Status s = read_from(i); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status read_from(size_t index) {
    char buffer[65536];
    const ssize_t count = read(children_[index].fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) return absl::OkStatus();
    if (count <= 0) return end_child(index);
    Child& child = children_[index];
    child.unread.append(buffer, static_cast<size_t>(count));
    for (size_t end; (end = child.unread.find('\n')) != std::string::npos;) {
      take_line(child, child.unread.substr(0, end));
      child.unread.erase(0, end + 1);
    }
    return absl::OkStatus();
  }

  void take_line(Child& child, const std::string& line) {
    if (child.running == Child::kNone) {
      child.running = std::min(static_cast<size_t>(std::strtoull(line.c_str(), nullptr, 10)),
                               paths_.size() - 1);
      return;
    }
    absl::StatusOr<FileReport> report = report_from_json(line);
    finish(child.running,
           report.ok() ? *std::move(report) : failed(child.running, report.status().ToString()));
    child.running = Child::kNone;
  }

  FileReport failed(size_t index, std::string error) const {
    FileReport report;
    report.path = paths_[index];
    report.name = fs::path(paths_[index]).stem().string();
    report.error = std::move(error);
    return report;
  }

  absl::Status end_child(size_t index) {
    const Child child = children_[index];
    close(child.fd);
    children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(index));
    int status = 0;
    waitpid(child.pid, &status, 0);
    if (child.running == Child::kNone) return absl::OkStatus();
    finish(child.running,
           failed(child.running,
                  WIFSIGNALED(status)
                      ? absl::StrCat("its process died of ", strsignal(WTERMSIG(status)))
                      : absl::StrCat("its process ended with status ", WEXITSTATUS(status))));
    return counter_.used_up(paths_.size()) ? absl::OkStatus() : start_child();
  }

  // Reports go out in the order of the paths.
  void finish(size_t index, FileReport report) {
    reports_[index] = std::move(report);
    ready_[index] = true;
    while (next_ < paths_.size() && ready_[next_]) {
      done_(reports_[next_]);
      reports_[next_++] = FileReport{};
    }
  }

  const std::vector<std::string>& paths_;
  const int jobs_;
  const std::function<FileReport(const std::string&)>& run_;
  const std::function<void(const FileReport&)>& done_;
  SharedCounter counter_;
  std::vector<Child> children_;
  std::vector<FileReport> reports_;
  std::vector<bool> ready_;
  size_t next_ = 0;
};

void fail(FileReport& report, const absl::Status& status) {
  report.outcome = status.code() == absl::StatusCode::kUnimplemented ? FileOutcome::kUnsupported
                                                                     : FileOutcome::kFailed;
  report.error = std::string(status.message());
}

// The states of a test that was explored, with the locations that the reference names if there is
// one.
absl::Status fill_observation(const LitmusTest& test, const RunResult& run,
                              const ExpectedTest* reference, FileReport& report) {
  std::vector<Location> locations = shown_locations(test);
  if (reference != nullptr) {
    auto named = expected_locations(test, *reference);
    if (!named.ok()) return named.status();
    locations = *std::move(named);
  }
  report.observation = observe(test, run.states, locations);
  if (reference != nullptr) {
    report.has_reference = true;
    report.comparison = compare(report.observation.states, *reference);
  }
  return absl::OkStatus();
}

// Runs the test again to learn how each unsound state comes about.
void find_witnesses(const LitmusTest& test, RunOptions options, const ExpectedTest& reference,
                    FileReport& report) {
  options.record = true;
  const auto run = run_litmus(test, options);
  const auto locations = expected_locations(test, reference);
  if (!run.ok() || !locations.ok()) return;
  const Layout layout(test);
  for (const std::string& unsound : report.comparison.unsound) {
    for (size_t i = 0; i < run->states.size(); ++i) {
      if (format_state(layout, *locations, run->states[i]) != unsound) continue;
      report.witnesses.push_back(format_directives(run->directives[i]));
      break;
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> find_tests(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::exists(path, error)) return absl::NotFoundError(absl::StrCat(path, ": not found"));
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
    } else if (absl::Status s = add_folder(path, &files); !s.ok()) {
      return s;
    }
  }
  return files;
}

FileReport run_file(const std::string& path, const RunOptions& options, const Expected* expected) {
  FileReport report;
  report.path = path;
  report.name = fs::path(path).stem().string();
  const auto test = load_litmus(path);
  if (!test.ok()) {
    fail(report, test.status());
    report.outcome = FileOutcome::kUnsupported;
    return report;
  }
  report.title = test->title;
  report.result = test->machine.empty() ? test->result : test->machine;
  const auto run = run_litmus(*test, options);
  if (!run.ok()) {
    fail(report, run.status());
    return report;
  }
  const ExpectedTest* reference = nullptr;
  if (expected != nullptr) {
    const auto found = expected->find(report.name);
    if (found != expected->end()) reference = &found->second;
  }
  if (absl::Status s = fill_observation(*test, *run, reference, report); !s.ok()) {
    fail(report, s);
    return report;
  }
  if (!report.comparison.sound()) find_witnesses(*test, options, *reference, report);
  report.quantifier_word = std::string(test_kind(*test));
  report.condition = format_condition(*test);
  report.executions = run->executions;
  report.blocked = run->blocked;
  report.cut = run->cut;
  report.pruned = run->pruned;
  report.outcome = run->complete ? FileOutcome::kExplored : FileOutcome::kCutOff;
  return report;
}

absl::Status run_batch(const std::vector<std::string>& paths, int jobs,
                       const std::function<FileReport(const std::string&)>& run,
                       const std::function<void(const FileReport&)>& done) {
  return Batch(paths, jobs, run, done).run();
}

}  // namespace vmafuzz::litmus
