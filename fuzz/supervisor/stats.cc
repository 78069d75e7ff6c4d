#include "fuzz/supervisor/stats.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace vmafuzz::supervisor {
namespace {

absl::Status page_error(absl::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(message);
}

template <class Page>
absl::StatusOr<Page*> map(int fd, const std::string& path) {
  void* memory = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return page_error("map", path, errno);
  return static_cast<Page*>(memory);
}

bool has_size(int fd, size_t size) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
         static_cast<size_t>(info.st_size) == size;
}

}  // namespace

template <class Page>
MappedPage<Page>::~MappedPage() {
  if (page_ != nullptr) munmap(page_, sizeof(Page));
}

template <class Page>
absl::StatusOr<MappedPage<Page>> MappedPage<Page>::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return page_error("open", path, errno);
  const absl::Cleanup closer = [fd] { close(fd); };
  // Mapping a shorter file would be a SIGBUS later.
  if (!has_size(fd, sizeof(Page)))
    return absl::InvalidArgumentError(path + " is no page of numbers");
  const absl::StatusOr<Page*> page = map<Page>(fd, path);
  if (!page.ok()) return page.status();
  MappedPage mapped(*page);
  if ((*page)->magic != kPageMagic)
    return absl::InvalidArgumentError(path + " is no page of numbers");
  return mapped;
}

template <class Page>
absl::StatusOr<MappedPage<Page>> MappedPage<Page>::make(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return page_error("make", path, errno);
  const absl::Cleanup closer = [fd] { close(fd); };
  if (!has_size(fd, sizeof(Page)) && ftruncate(fd, 0) != 0) return page_error("make", path, errno);
  if (const int error = posix_fallocate(fd, 0, sizeof(Page)); error != 0) {
    unlink(path.c_str());
    return page_error("make", path, error);
  }
  const absl::StatusOr<Page*> page = map<Page>(fd, path);
  if (!page.ok()) return page.status();
  MappedPage mapped(*page);
  if ((*page)->magic != kPageMagic) {
    std::memset(static_cast<void*>(*page), 0, sizeof(Page));
    (*page)->magic = kPageMagic;
  }
  return mapped;
}

template class MappedPage<StatsPage>;
template class MappedPage<SeenPage>;

}  // namespace vmafuzz::supervisor
