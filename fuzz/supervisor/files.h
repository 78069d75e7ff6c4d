// Writing that survives `kill -9` and a full disk, and names by content.
//
// A file appears under its name complete or not at all: it is written as `.NAME.tmp` beside it,
// synced, renamed, and the folder is synced. A temporary that a dead process left is no file of
// anybody's and may be removed (remove_temporaries).
//
// Errors are statuses that name the path; kResourceExhausted means that the disk is full, so that
// trying again later makes sense. Thread safety: no shared state.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_FILES_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_FILES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vmafuzz::supervisor {

absl::Status write_durably(const std::string& path, absl::string_view content);

// The same without syncing: for what is written again anyway, is a copy of what is kept elsewhere,
// or comes too often to wait for the disk each time (corpus entries). Atomic for readers and for
// `kill -9`, not for a power cut.
absl::Status write_atomically(const std::string& path, absl::string_view content);

// NotFound if there is none, PermissionDenied if it may not be read, InvalidArgument if it is no
// regular file or larger than `limit` bytes.
absl::StatusOr<std::string> read_file_whole(const std::string& path, size_t limit = 64 << 20);

absl::Status make_folder(const std::string& path);  // with its parents; fine if it is there
// Calls `each` with the names of the regular files in a folder (unordered), but for names that
// begin with a dot. A folder that is missing or unreadable has none.
void for_each_file(const std::string& folder,
                   const std::function<void(const std::string& name)>& each);
std::vector<std::string> sorted_files(const std::string& folder);
std::vector<std::string> sorted_folders(const std::string& folder);
void remove_temporaries(const std::string& folder);
// A folder and all below it. What cannot be removed stays.
void remove_tree(const std::string& folder);

// 40 hexadecimal digits: what libFuzzer and others name corpus entries with.
std::string sha1_name(absl::string_view content);

// Free for this user on the file system of `path`, and its size; nullopt if that is unknown.
struct Disk {
  uint64_t free_bytes;
  uint64_t size_bytes;
};
std::optional<Disk> disk_of(const std::string& path);

// A log of lines that is only ever appended to. A line is in the file completely or is kept in
// memory and tried again with the next one, so that a full disk tears none and loses none while the
// process lives. What an earlier process left without its line end is ended first.
class LineLog {
 public:
  LineLog() = default;
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  absl::Status open(const std::string& path);
  // `sync`: on the disk before this returns, if it could be written at all.
  absl::Status append(absl::string_view line, bool sync);

 private:
  std::string path_;
  int fd_ = -1;
  std::string waiting_;
};

// An advisory lock that the kernel gives back when the process dies, however it dies.
class LockFile {
 public:
  LockFile() = default;
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  // FailedPrecondition if another process holds it.
  absl::Status take(const std::string& path);

 private:
  int fd_ = -1;
};

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_FILES_H_
