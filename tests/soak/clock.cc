// A wall clock that jumps, to be preloaded (LD_PRELOAD): CLOCK_REALTIME plus the seconds that the
// file named by VMAFUZZ_SOAK_CLOCK holds (8 bytes, signed, as the machine stores them). Monotonic
// clocks are left alone.
//
// It takes no lock, unlike libfaketime, whose processes share a semaphore: one that is killed while
// it holds that stops them all for ever, and killing processes is what the soak test is for.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

const volatile int64_t* mapped_offset() {
  static const volatile int64_t none = 0;
  const char* path = std::getenv("VMAFUZZ_SOAK_CLOCK");
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return &none;
  void* page = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  return page == MAP_FAILED ? &none : static_cast<const volatile int64_t*>(page);
}

const volatile int64_t* const offset = mapped_offset();

int64_t jumped() { return offset == nullptr ? 0 : *offset; }  // null: before this is initialised

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto status = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    time->tv_sec += jumped();
  return status;
}

int gettimeofday(timeval* time, void* zone) noexcept {
  const auto status = static_cast<int>(syscall(SYS_gettimeofday, time, zone));
  if (status == 0 && time != nullptr) time->tv_sec += jumped();
  return status;
}

time_t time(time_t* result) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != nullptr) *result = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
