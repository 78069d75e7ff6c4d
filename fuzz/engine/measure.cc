#include "fuzz/engine/measure.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "fuzz/engine/edges.h"
#include "fuzz/supervisor/decode_for_search.h"
#include "input/bytes.h"
#include "sim/coverage.h"

namespace vmafuzz::engine {
namespace {

// How often an edge was taken counts by powers of two, as engines see it: 1, 2, 3..4, 5..8 and so
// on.
constexpr uint64_t kCountClasses = 16;

uint64_t class_of(uint8_t count) { return static_cast<uint64_t>(std::bit_width(count)); }

}  // namespace

absl::Status Measure::start(std::span<const run::Target> targets) {
  if (edge_counters().empty()) {
    return absl::FailedPreconditionError(
        "this build of vmafuzz has no coverage counters; use ./vmafuzz, or "
        "build/fuzz/fuzz/vmafuzz");
  }
  for (const run::Target& target : targets) {
    if (absl::Status status = executor_.set_target(target); !status.ok()) return status;
  }
  targets_.assign(targets.begin(), targets.end());
  return absl::OkStatus();
}

void Measure::add(size_t target, Coverage& coverage) const {
  const std::span<const uint8_t> edges = edge_counters();
  const uint64_t width = edges.size() * kCountClasses + sim::kCoverageBytes;
  const uint64_t first = target * width;
  for (size_t i = 0; i < edges.size(); ++i) {
    if (edges[i] == 0) continue;
    ++coverage.edges;
    coverage.features.push_back(first + i * kCountClasses + class_of(edges[i]));
  }
  for (uint32_t i = 0; i < sim::kCoverageBytes; ++i) {
    if (sim::coverage_map[i] == 0) continue;
    ++coverage.pairs;
    coverage.features.push_back(first + edges.size() * kCountClasses + i);
  }
}

Coverage Measure::of(const input::Program& program) {
  Coverage coverage;
  input::Program decoded;
  supervisor::decode_for_search(input::encode(program), decoded);
  run::RunOptions options;
  options.coverage = true;
  for (size_t i = 0; i < targets_.size(); ++i) {
    (void)executor_.set_target(targets_[i]);  // start() tried it
    const std::span<uint8_t> edges = edge_counters();
    std::memset(edges.data(), 0, edges.size());
    std::memset(sim::coverage_map, 0, sim::kCoverageBytes);
    executor_.run(decoded, options, &outcome_);
    coverage.steps += outcome_.steps;
    if (outcome_.found) {
      coverage.buckets.push_back(
          absl::StrCat(std::string(targets_[i].kernel->name), ":", outcome_.bucket));
    }
    add(i, coverage);
  }
  std::sort(coverage.features.begin(), coverage.features.end());
  return coverage;
}

}  // namespace vmafuzz::engine
