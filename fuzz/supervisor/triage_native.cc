#include "fuzz/supervisor/triage_native.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "fuzz/measure/native_program.h"
#include "input/text.h"
#include "run/find_again.h"

namespace vmafuzz::supervisor {
namespace {

using nlohmann::json;

// Another version's, say.
absl::Status not_understood(const std::string& output) {
  return absl::UnavailableError(absl::StrCat("vmafuzz_tsan says ", output.substr(0, 200)));
}

absl::StatusOr<json> replay(const std::string& file, bool threads, uint64_t runs) {
  std::vector<std::string> words = {"replay", "--json", absl::StrCat("--times=", runs), file};
  if (threads) words.insert(words.begin() + 1, "--threads");
  const absl::StatusOr<std::string> output = measure::first_line_of_native(words);
  if (!output.ok()) return output.status();
  json line = json::parse(*output, nullptr, /*allow_exceptions=*/false);
  if (line.is_discarded()) return not_understood(*output);
  return line;
}

}  // namespace

absl::StatusOr<NativeRepro> reproduce_on_fibres(const std::string& file, const std::string& bucket,
                                                uint64_t most) {
  const absl::StatusOr<std::string> output = measure::output_of_native(
      {"minimize", "--json", "--bucket", bucket, "--search", absl::StrCat(most), file});
  if (!output.ok()) return output.status();
  const size_t end = std::min(output->find('\n'), output->size());
  const json line = json::parse(output->substr(0, end), nullptr, /*allow_exceptions=*/false);
  NativeRepro repro;
  try {
    line.at("found").get_to(repro.found);
    line.at("executions").get_to(repro.executions);
    if (!repro.found) return repro;
    line.at("verdict").get_to(repro.verdict);
    line.at("bucket").get_to(repro.bucket);
    line.at("what").get_to(repro.what);
    line.at("one_minimal").get_to(repro.one_minimal);
    line.at("tries").get_to(repro.tries);
  } catch (const json::exception&) {
    return not_understood(*output);
  }
  absl::StatusOr<input::Program> program = input::parse_text(output->substr(end + 1));
  if (!program.ok()) return not_understood(output->substr(end));
  repro.program = *std::move(program);
  return repro;
}

absl::StatusOr<NativeShare> share_on_threads(const std::string& file, const std::string& bucket,
                                             uint64_t runs) {
  const absl::StatusOr<json> line = replay(file, /*threads=*/true, runs);
  if (!line.ok()) return line.status();
  NativeShare share;
  try {
    line->at("runs").get_to(share.runs);
    line->at("what").get_to(share.what);
    for (const auto& [name, count] : line->at("buckets").items()) {
      if (run::same_bug(name, bucket)) share.hits += count.get<uint64_t>();
    }
  } catch (const json::exception&) {
    return not_understood(line->dump());
  }
  return share;
}

absl::StatusOr<std::vector<NativeBucket>> replay_natively(const std::string& file, bool threads,
                                                          uint64_t runs) {
  const absl::StatusOr<json> line = replay(file, threads, runs);
  if (!line.ok()) return line.status();
  std::vector<NativeBucket> buckets;
  try {
    const std::string what = line->at("what");
    for (const auto& [name, count] : line->at("buckets").items()) buckets.push_back({name, what});
  } catch (const json::exception&) {
    return not_understood(line->dump());
  }
  return buckets;
}

}  // namespace vmafuzz::supervisor
