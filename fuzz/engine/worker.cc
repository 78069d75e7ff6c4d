#include "fuzz/engine/worker.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "fuzz/engine/edges.h"
#include "fuzz/supervisor/decode_for_search.h"
#include "input/bytes.h"
#include "sim/coverage.h"

namespace vmafuzz::engine {
namespace {

using std::memory_order_relaxed;
using supervisor::kMaxBuckets;
using supervisor::StatsPage;

volatile std::sig_atomic_t stop_requested = 0;
// Set in each new process: AFL++ forks the one that runs inputs from the one that started.
bool new_process = true;
bool forked = false;  // the engine outlives this process, which runs some of its inputs

// One writer at a time: a plain add, without the lock prefix.
template <class T>
void add(std::atomic<T>& counter, T amount) {
  counter.store(counter.load(memory_order_relaxed) + amount, memory_order_relaxed);
}

// Marks what is not zero in `counters`; returns how many were new.
uint32_t mark(std::span<const uint8_t> counters, std::atomic<uint8_t>* seen, size_t limit) {
  uint32_t fresh = 0;
  const size_t size = std::min(counters.size(), limit);
  const auto one = [&](size_t i) {
    if (counters[i] == 0 || seen[i].load(memory_order_relaxed) != 0) return;
    if (seen[i].exchange(1, memory_order_relaxed) == 0) ++fresh;  // or another worker was first
  };
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, counters.data() + at, sizeof word);
    if (word == 0) continue;
    for (size_t i = at; i < at + sizeof word; ++i) one(i);
  }
  for (; at < size; ++at) one(at);
  return fresh;
}

}  // namespace

absl::Status Worker::start() {
  run::Target target;
  target.kernel = variants::find_kernel(order_.target.kernel);
  if (target.kernel == nullptr) return variants::check_kernel(order_.target.kernel);
  target.bugs = order_.target.bugs;
  target.options = order_.target.options;
  if (absl::Status status = executor_.set_target(target); !status.ok()) return status;

  absl::StatusOr<supervisor::MappedPage<StatsPage>> stats =
      supervisor::MappedPage<StatsPage>::open(order_.stats);
  if (!stats.ok()) return stats.status();
  stats_ = *std::move(stats);
  absl::StatusOr<supervisor::MappedPage<supervisor::SeenPage>> seen =
      supervisor::MappedPage<supervisor::SeenPage>::open(order_.seen);
  if (!seen.ok()) return seen.status();
  seen_ = *std::move(seen);
  // Edges that another build numbered mean nothing.
  if (const auto total = static_cast<uint32_t>(edge_counters().size());
      seen_->edge_total != total) {
    std::memset(static_cast<void*>(seen_.get()), 0, sizeof *seen_.get());
    seen_->magic = supervisor::kPageMagic;
    seen_->edge_total = total;
  }
  read_buckets();
  pthread_atfork(nullptr, nullptr, [] { new_process = forked = true; });
  return absl::OkStatus();
}

void Worker::request_stop() { stop_requested = 1; }

// Those that earlier processes of this worker found.
void Worker::read_buckets() {
  buckets_.clear();
  const uint32_t known = std::min(stats_->bucket_count.load(), kMaxBuckets);
  for (uint32_t i = 0; i < known; ++i) buckets_[stats_->buckets[i].name] = i;
}

void Worker::run(std::span<const uint8_t> bytes) {
  StatsPage& page = *stats_.get();
  if (new_process) {
    new_process = false;
    read_buckets();
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a fork loses it
    page.pid.store(static_cast<uint32_t>(getpid()), memory_order_relaxed);
  }
  const size_t kept = std::min(bytes.size(), supervisor::kMaxInputBytes);
  std::memcpy(page.input, bytes.data(), kept);
  page.input_size.store(static_cast<uint32_t>(kept), memory_order_relaxed);
  page.running.store(1, std::memory_order_release);

  supervisor::decode_for_search(bytes, program_);
  run::RunOptions options;
  options.coverage = true;
  executor_.run(program_, options, &outcome_);

  add(page.executions, uint64_t{1});
  add(page.accesses, uint64_t{outcome_.steps});
  if (outcome_.gave_up) add(page.gave_up, uint64_t{1});
  if (outcome_.found) found();
  note_coverage();
  hand_over_features();
  page.running.store(0, std::memory_order_release);
  if (stop_requested != 0) std::_Exit(0);
}

void Worker::found() {
  StatsPage& page = *stats_.get();
  const std::string name = outcome_.bucket.substr(0, sizeof StatsPage::Bucket::name - 1);
  if (const auto known = buckets_.find(name); known != buckets_.end()) {
    add(page.buckets[known->second].hits, uint64_t{1});
    return;
  }
  const uint32_t index = page.bucket_count.load(memory_order_relaxed);
  // A worker that fills its page ends, and the next one begins a new page; the input is taken for
  // what it died of (Fleet::take_suspect). An engine that outlives its target keeps what that dies
  // of itself.
  if (index >= kMaxBuckets) {
    if (forked) std::abort();
    std::_Exit(0);
  }
  StatsPage::Bucket& bucket = page.buckets[index];
  const std::vector<uint8_t> bytes = input::encode(program_);
  std::copy(bytes.begin(), bytes.end(), bucket.input);
  bucket.input_size = static_cast<uint32_t>(bytes.size());
  bucket.first_execution = page.executions.load(memory_order_relaxed);
  std::memcpy(bucket.name, name.c_str(), name.size() + 1);
  bucket.hits.store(1, memory_order_relaxed);
  page.bucket_count.store(index + 1, std::memory_order_release);
  buckets_[name] = index;
}

void Worker::note_coverage() {
  const uint32_t edges = mark(edge_counters(), seen_->edge, supervisor::kMaxEdges);
  const uint32_t features =
      mark({sim::coverage_map, sim::kCoverageBytes}, seen_->feature, supervisor::kMaxFeatures);
  if (edges == 0 && features == 0) return;
  seen_->edges.fetch_add(edges, memory_order_relaxed);  // a page of the group's workers
  seen_->features.fetch_add(features, memory_order_relaxed);
  stats_->last_new.store(stats_->executions.load(memory_order_relaxed), memory_order_relaxed);
}

}  // namespace vmafuzz::engine
