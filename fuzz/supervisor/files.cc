#include "fuzz/supervisor/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <boost/uuid/detail/sha1.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vmafuzz::supervisor {
namespace {

namespace fs = std::filesystem;

absl::Status error_at(absl::string_view what, const std::string& path) {
  const int error = errno;
  const std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    case ENOENT:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

bool write_all(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
}

void sync_folder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

absl::Status replace_file(const std::string& path, absl::string_view content, bool sync) {
  const std::string folder = folder_of(path);
  // The process is part of the name: two of them may write one file, and the last one wins.
  const std::string temporary =
      absl::StrCat(folder, "/.", path.substr(path.rfind('/') + 1), ".", getpid(), ".tmp");
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return error_at("make", temporary);
  absl::Status status;
  if (!write_all(fd, content)) {
    status = error_at("write", path);
  } else if (sync && fsync(fd) != 0) {
    status = error_at("sync", path);
  }
  if (close(fd) != 0 && status.ok()) status = error_at("write", path);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) status = error_at("make", path);
  if (!status.ok()) {
    unlink(temporary.c_str());
  } else if (sync) {
    sync_folder(folder);
  }
  return status;
}

}  // namespace

absl::Status write_durably(const std::string& path, absl::string_view content) {
  return replace_file(path, content, /*sync=*/true);
}

absl::Status write_atomically(const std::string& path, absl::string_view content) {
  return replace_file(path, content, /*sync=*/false);
}

absl::StatusOr<std::string> read_file_whole(const std::string& path, size_t limit) {
  // Not blocking: a FIFO that somebody put there must not hold up the whole run.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return error_at("read", path);
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return error_at("read", path);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(path + " is no regular file");
  if (static_cast<uint64_t>(info.st_size) > limit) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has more than ", limit, " bytes"));
  }
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error_at("read", path);
    if (count == 0) return content;
    content.append(buffer, static_cast<size_t>(count));
  }
}

absl::Status make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error && fs::is_directory(path, error)) return absl::OkStatus();
  errno = error ? error.value() : ENOTDIR;
  return error_at("make", path);
}

void for_each_file(const std::string& folder,
                   const std::function<void(const std::string& name)>& each) {
  DIR* stream = opendir(folder.c_str());
  if (stream == nullptr) return;
  const absl::Cleanup closer = [stream] { closedir(stream); };
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_name[0] == '.') continue;
    bool regular = entry->d_type == DT_REG;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat info;
      regular = stat(absl::StrCat(folder, "/", entry->d_name).c_str(), &info) == 0 &&
                S_ISREG(info.st_mode);
    }
    if (regular) each(entry->d_name);
  }
}

std::vector<std::string> sorted_files(const std::string& folder) {
  std::vector<std::string> names;
  for_each_file(folder, [&](const std::string& name) { names.push_back(name); });
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> sorted_folders(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const std::string name = entry->path().filename().string();
    if (name[0] != '.' && entry->is_directory(ignored)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void remove_temporaries(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, ".") && absl::EndsWith(name, ".tmp")) unlink(entry->path().c_str());
  }
}

void remove_tree(const std::string& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

std::string sha1_name(absl::string_view content) {
  boost::uuids::detail::sha1 hash;
  hash.process_bytes(content.data(), content.size());
  boost::uuids::detail::sha1::digest_type digest;
  hash.get_digest(digest);
  return absl::StrFormat("%08x%08x%08x%08x%08x", digest[0], digest[1], digest[2], digest[3],
                         digest[4]);
}

std::optional<Disk> disk_of(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return Disk{info.f_bavail * info.f_frsize, info.f_blocks * info.f_frsize};
}

LineLog::~LineLog() {
  if (fd_ >= 0) close(fd_);
}

absl::Status LineLog::open(const std::string& path) {
  path_ = path;
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) return error_at("open", path);
  const off_t size = lseek(fd_, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && pread(fd_, &last, 1, size - 1) == 1 && last != '\n') waiting_ = "\n";
  return absl::OkStatus();
}

absl::Status LineLog::append(absl::string_view line, bool sync) {
  absl::StrAppend(&waiting_, line, "\n");
  const off_t before = lseek(fd_, 0, SEEK_END);
  if (before < 0) return error_at("write", path_);
  if (!write_all(fd_, waiting_)) {
    const absl::Status status = error_at("write", path_);
    // What fitted is taken back, so that no line is torn.
    if (ftruncate(fd_, before) != 0) waiting_.insert(0, "\n");
    return status;
  }
  waiting_.clear();
  if (sync && fdatasync(fd_) != 0) return error_at("sync", path_);
  return absl::OkStatus();
}

LockFile::~LockFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status LockFile::take(const std::string& path) {
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) return error_at("open", path);
  if (flock(fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return error_at("lock", path);
  close(fd_);
  fd_ = -1;
  return absl::FailedPreconditionError(absl::StrCat(path, " is locked by a running process"));
}

}  // namespace vmafuzz::supervisor
