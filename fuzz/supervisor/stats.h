// What a worker shares with its supervisor: two files that both map. What is written there costs
// the worker no system call and outlives it, whatever it dies of: the kernel keeps the pages. Both
// are allocated on the disk before they are mapped, so that a worker can keep what it finds on a
// full disk too.
//
//   work/N/stats      StatsPage: counts of one worker, its findings, the input that it is running
//   seen/GROUP        SeenPage: the edges and features that any worker of a group ever saw
//
// One process of a worker writes (AFL++ forks targets anew, one after the other), the supervisor
// reads, and writes nothing but a new page.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_STATS_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_STATS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "input/bytes.h"

namespace vmafuzz::supervisor {

inline constexpr uint32_t kPageMagic = 0x766d6131;  // "vma1"; other layouts, other numbers
inline constexpr size_t kMaxInputBytes = 4096;      // of the input that is kept
inline constexpr uint32_t kMaxBuckets = 192;        // that one worker tells apart
inline constexpr size_t kMaxEdges = 1 << 15;
inline constexpr size_t kMaxFeatures = 1 << 14;

struct StatsPage {
  // A finding. Written before bucket_count says so, and, but for the hits, never again.
  struct Bucket {
    std::atomic<uint64_t> hits;
    uint64_t first_execution;
    uint32_t input_size;
    uint8_t input[input::kMaxBytes];  // canonical
    char name[160];                   // run::Outcome::bucket, NUL-terminated; cut if longer
  };

  uint32_t magic;
  std::atomic<uint32_t> pid;      // that runs inputs; 0: none yet
  std::atomic<uint32_t> running;  // 1 while an input runs
  std::atomic<uint64_t> executions;
  std::atomic<uint64_t> accesses;
  std::atomic<uint64_t> gave_up;
  std::atomic<uint64_t> last_new;  // executions when the last edge or feature was new
  std::atomic<uint32_t> input_size;
  std::atomic<uint32_t> bucket_count;
  uint8_t input[kMaxInputBytes];
  Bucket buckets[kMaxBuckets];
};

struct SeenPage {
  uint32_t magic;
  uint32_t edge_total;          // of the program that numbered the edges
  std::atomic<uint32_t> edges;  // how many are set
  std::atomic<uint32_t> features;
  std::atomic<uint8_t> edge[kMaxEdges];
  std::atomic<uint8_t> feature[kMaxFeatures];
};

// A mapped file. The mapping lasts as long as this.
template <class Page>
class MappedPage {
 public:
  MappedPage() = default;
  MappedPage(MappedPage&& other) noexcept : page_(other.page_) { other.page_ = nullptr; }
  MappedPage& operator=(MappedPage&& other) noexcept {
    std::swap(page_, other.page_);
    return *this;
  }
  ~MappedPage();

  // Maps what is there. InvalidArgument if it is no such page.
  static absl::StatusOr<MappedPage> open(const std::string& path);
  // Maps what is there, or a new page of zeros where there is none or where it is of another size
  // or magic. ResourceExhausted if the disk has no room for it.
  static absl::StatusOr<MappedPage> make(const std::string& path);

  Page* get() const { return page_; }
  Page* operator->() const { return page_; }
  explicit operator bool() const { return page_ != nullptr; }

 private:
  explicit MappedPage(Page* page) : page_(page) {}
  Page* page_ = nullptr;
};

extern template class MappedPage<StatsPage>;
extern template class MappedPage<SeenPage>;

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_STATS_H_
