#include "tests/supervisor/recorded_calls.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace {

std::vector<std::string> calls;
bool no_room = false;

std::string path_of(int fd) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error).string();
}

}  // namespace

extern "C" int fsync(int fd) {
  calls.push_back("fsync " + path_of(fd));
  return static_cast<int>(syscall(SYS_fsync, fd));
}

extern "C" int fdatasync(int fd) {
  calls.push_back("fdatasync " + path_of(fd));
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

extern "C" int posix_fallocate(int fd, off_t offset, off_t length) {
  if (no_room) return ENOSPC;
  return syscall(SYS_fallocate, fd, 0, offset, length) == 0 ? 0 : errno;
}

extern "C" int rename(const char* from, const char* to) noexcept {
  calls.push_back(std::string("rename ") + from + " " + to);
  return static_cast<int>(syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}

namespace vmafuzz::supervisor {

std::vector<std::string> take_recorded_calls() { return std::exchange(calls, {}); }

NoRoomToReserve::NoRoomToReserve() { no_room = true; }
NoRoomToReserve::~NoRoomToReserve() { no_room = false; }

FileSizeLimit::FileSizeLimit(unsigned long bytes) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {bytes, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &limit);
}

FileSizeLimit::~FileSizeLimit() {
  const rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace vmafuzz::supervisor
