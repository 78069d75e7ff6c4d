#include "fuzz/nearest.h"

#include <algorithm>

namespace vmafuzz::command {
namespace {

// Optimal string alignment distance, three rows of the usual table at a time.
size_t edits(absl::string_view a, absl::string_view b) {
  std::vector<size_t> two_above(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = above[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);
      row[j] = std::min({replace, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_above[j - 2] + 1);
      }
    }
    two_above.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string nearest(absl::string_view word, const std::vector<std::string>& names) {
  std::string best;
  size_t best_edits = SIZE_MAX;
  for (const std::string& name : names) {
    const size_t distance = edits(word, name);
    const size_t allowed = (std::max(word.size(), name.size()) + 2) / 3;
    if (distance <= allowed && distance < best_edits) {
      best = name;
      best_edits = distance;
    }
  }
  return best;
}

}  // namespace vmafuzz::command
