#include "fuzz/bench/results.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vmafuzz::bench {

absl::Status Results::open(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = supervisor::read_file_whole(path);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  if (text.ok()) {
    for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
      const std::pair<std::string, std::string> fields =
          absl::StrSplit(line, absl::MaxSplits('\t', 1));
      // A line that a full disk or a power cut tore has no tab, or no dot at its end.
      if (fields.second.empty() || fields.second.back() != '.') continue;
      values_[fields.first] = fields.second.substr(0, fields.second.size() - 1);
    }
  }
  kept_ = true;
  return log_.open(path);
}

const std::string* Results::find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

absl::Status Results::add(const std::string& key, const std::string& value) {
  values_[key] = value;
  return kept_ ? log_.append(absl::StrCat(key, "\t", value, "."), /*sync=*/false)
               : absl::OkStatus();
}

std::string content_key(absl::string_view content) {
  return supervisor::sha1_name(content).substr(0, 12);
}

absl::StatusOr<std::string> file_key(const std::string& path) {
  const absl::StatusOr<std::string> content = supervisor::read_file_whole(path, size_t{1} << 30);
  if (!content.ok()) return content.status();
  return content_key(*content);
}

}  // namespace vmafuzz::bench
