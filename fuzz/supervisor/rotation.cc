#include "fuzz/supervisor/rotation.h"

#include <algorithm>

namespace vmafuzz::supervisor {
namespace {

constexpr int kUncaught = 8;
constexpr int kSilent = 4;
constexpr int kCaught = 1;

constexpr double kShortest = 10;
constexpr double kLongest = 600;

}  // namespace

int weight_of(const Candidate& candidate) {
  if (candidate.done || candidate.broken) return 0;
  if (!candidate.must_be_caught) return kSilent * candidate.share;
  return (candidate.caught ? kCaught : kUncaught) * candidate.share;
}

std::optional<size_t> next_group(std::span<const Candidate> candidates) {
  std::optional<size_t> best;
  double least = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const int weight = weight_of(candidates[i]);
    if (weight == 0) continue;
    const double turn = std::max(candidates[i].least_seconds, kShortest);
    const double finish = (candidates[i].seconds + turn) / weight;
    const bool heavier = best && weight > weight_of(candidates[*best]);
    if (!best || finish < least || (finish == least && heavier)) {
      best = i;
      least = finish;
    }
  }
  return best;
}

double slice_seconds(const Candidate& candidate, size_t groups, double seconds, double left) {
  // Alone, a worker stays: a new one only begins with other mutations (swarm).
  const double aim = groups <= 1 ? kLongest : seconds / static_cast<double>(2 * groups);
  const double slice = std::max(candidate.least_seconds, std::clamp(aim, kShortest, kLongest));
  return std::min(slice, left);
}

}  // namespace vmafuzz::supervisor
