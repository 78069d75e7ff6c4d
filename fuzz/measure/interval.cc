#include "fuzz/measure/interval.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace vmafuzz::measure {

Interval wilson(uint64_t hits, uint64_t runs) {
  const double z = 1.959964;
  const auto n = static_cast<double>(runs);
  const double p = static_cast<double>(hits) / n;
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

std::string share_in_words(uint64_t hits, uint64_t runs) {
  const Interval interval = wilson(hits, runs);
  return absl::StrFormat("%d of %d runs, %.1f%% (95%%: %.1f%% to %.1f%%)", hits, runs,
                         100.0 * static_cast<double>(hits) / static_cast<double>(runs),
                         100 * interval.low, 100 * interval.high);
}

}  // namespace vmafuzz::measure
