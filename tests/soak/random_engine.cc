// A worker's engine for tests of the supervisor: mutates at random, keeps a few of the results, and
// writes down, outside of the run, what it did. It behaves as libFuzzer does where the supervisor
// is concerned (first folder: its own entries, named by content, not written atomically; all
// folders: where it begins), but needs no instrumented build.
//
// With VMAFUZZ_TRUTH=DIR, each process keeps there, for the test to compare with:
//   N.count     how many inputs it ran, as a mapped number
//   N.entries   the names of the entries that it wrote completely, one a line
//   N.buckets   the names of the buckets that it found, one a line
// where N is the worker's number.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/order.h"
#include "fuzz/supervisor/stats.h"
#include "input/bytes.h"
#include "input/rng.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed);

namespace {

using namespace vmafuzz;  // NOLINT(google-build-using-namespace)

// It keeps input number 40, 60, 90...: as an engine's finds thin out, so that an hour of workers
// that die young does not fill the disk by itself.
constexpr uint64_t kFirstKept = 40;

class Truth {
 public:
  explicit Truth(const std::string& base) {
    const int fd = open((base + ".count").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, sizeof(uint64_t)) != 0) std::abort();
    void* memory = mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) std::abort();
    count_ = static_cast<std::atomic<uint64_t>*>(memory);
    entries_ = append_to(base + ".entries");
    buckets_ = append_to(base + ".buckets");
  }

  void ran() { count_->fetch_add(1); }
  void kept(const std::string& name) const { line(entries_, name); }
  void found(const std::string& name) const { line(buckets_, name); }

 private:
  static int append_to(const std::string& path) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) std::abort();
    return fd;
  }
  static void line(int fd, const std::string& name) {
    const std::string text = name + "\n";
    if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  }

  std::atomic<uint64_t>* count_;
  int entries_;
  int buckets_;
};

// As libFuzzer does: not under another name first.
bool write_plainly(const std::string& path, const std::string& content) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return false;
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  return (std::fclose(file) == 0) && written;
}

}  // namespace

int main(int argc, char** argv) {
  LLVMFuzzerInitialize(&argc, &argv);
  const absl::StatusOr<supervisor::WorkerOrder> order = supervisor::order_from_environment();
  const char* folder = std::getenv("VMAFUZZ_TRUTH");
  if (!order.ok() || folder == nullptr) {
    std::fprintf(stderr, "only for the tests of the supervisor\n");
    return 2;
  }
  Truth truth(absl::StrCat(folder, "/", order->worker));
  const auto page = supervisor::MappedPage<supervisor::StatsPage>::open(order->stats);
  if (!page.ok()) return 2;

  std::string own;
  uint64_t seed = 1;
  std::vector<std::string> inputs;
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (absl::ConsumePrefix(&word, "-seed=") && !absl::SimpleAtoi(word, &seed)) return 2;
    if (absl::StartsWith(argv[i], "-")) continue;
    if (own.empty()) own = argv[i];
    for (const std::string& name : supervisor::sorted_files(argv[i])) {
      absl::StatusOr<std::string> content =
          supervisor::read_file_whole(absl::StrCat(argv[i], "/", name));
      if (content.ok()) inputs.push_back(*std::move(content));
    }
  }
  if (inputs.empty()) return 2;
  input::Rng rng(seed);
  uint32_t buckets = 0;
  uint64_t next_kept = kFirstKept;
  std::vector<uint8_t> buffer(input::kMaxBytes);
  for (uint64_t ran = 1;; ++ran) {
    const std::string& parent = inputs[rng.below(inputs.size())];
    const size_t size = std::min(parent.size(), buffer.size());
    std::copy_n(parent.begin(), size, buffer.begin());
    const size_t now = LLVMFuzzerCustomMutator(buffer.data(), size, buffer.size(),
                                               static_cast<unsigned>(rng.next()));
    truth.ran();
    LLVMFuzzerTestOneInput(buffer.data(), now);
    for (; buckets < (*page)->bucket_count.load(); ++buckets)
      truth.found(supervisor::bucket_file_name(order->target, (*page)->buckets[buckets].name));
    if (ran < next_kept) continue;
    next_kept += next_kept / 2;
    const std::string kept(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(now));
    const std::string name = supervisor::sha1_name(kept);
    if (write_plainly(absl::StrCat(own, "/", name), kept)) {
      truth.kept(name);
      inputs.push_back(kept);
    }
  }
}
