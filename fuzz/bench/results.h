// What a long measurement has measured so far, in a file, so that it may be stopped at any time and
// goes on where it was.
//
// A result is kept under a key that says everything it depends on, the measured program included
// (content_key): what an older build has measured is not found, and measured again.
#ifndef VMAFUZZ_FUZZ_BENCH_RESULTS_H_
#define VMAFUZZ_FUZZ_BENCH_RESULTS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "fuzz/supervisor/files.h"

namespace vmafuzz::bench {

class Results {
 public:
  // Reads what is there; "" : nothing is kept.
  absl::Status open(const std::string& path);

  // The value under the key, or null. Values and keys hold neither tabs nor line ends.
  const std::string* find(const std::string& key) const;
  // In the file once this returns OK.
  absl::Status add(const std::string& key, const std::string& value);

 private:
  std::map<std::string, std::string> values_;
  supervisor::LineLog log_;
  bool kept_ = false;
};

// A short name for a text or a file's content.
std::string content_key(absl::string_view content);
absl::StatusOr<std::string> file_key(const std::string& path);

}  // namespace vmafuzz::bench

#endif  // VMAFUZZ_FUZZ_BENCH_RESULTS_H_
