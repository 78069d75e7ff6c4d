// Turns programs in text into what fuzz targets begin with: bytes for those that decode, the texts
// themselves and a dictionary for the parser. For fuzz/build.sh.
//
// usage: pack_seeds FOLDER FILE.repro...
//   FOLDER/fuzz_sim/NAME, FOLDER/fuzz_decode/NAME, FOLDER/fuzz_repro_text/NAME,
//   FOLDER/fuzz_repro_text.dict
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "fuzz/packaging/dictionary.h"
#include "input/bytes.h"
#include "input/text.h"

namespace vmafuzz {
namespace {

namespace fs = std::filesystem;

bool write(const fs::path& path, absl::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size())).flush();
  if (!file) std::fprintf(stderr, "pack_seeds: %s cannot be written\n", path.c_str());
  return static_cast<bool>(file);
}

bool pack(const fs::path& folder, const fs::path& source, packaging::Dictionary* dictionary) {
  std::ifstream file(source, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const absl::StatusOr<input::Program> program = input::parse_text(text);
  if (!program.ok()) {
    std::fprintf(stderr, "pack_seeds: %s: %s\n", source.c_str(),
                 std::string(program.status().message()).c_str());
    return false;
  }
  dictionary->add_words_of(text);
  const std::vector<uint8_t> encoded = input::encode(*program);
  const absl::string_view bytes(reinterpret_cast<const char*>(encoded.data()), encoded.size());
  const std::string name = source.stem().string();
  return write(folder / "fuzz_sim" / name, bytes) && write(folder / "fuzz_decode" / name, bytes) &&
         write(folder / "fuzz_repro_text" / name, text);
}

int run(int count, char** words) {
  if (count < 3) {
    std::fprintf(stderr, "usage: pack_seeds FOLDER FILE.repro...\n");
    return 2;
  }
  const fs::path folder = words[1];
  packaging::Dictionary dictionary;
  for (const char* target : {"fuzz_sim", "fuzz_decode", "fuzz_repro_text"}) {
    fs::create_directories(folder / target);
  }
  for (int i = 2; i < count; ++i) {
    if (!pack(folder, words[i], &dictionary)) return 2;
  }
  return write(folder / "fuzz_repro_text.dict", dictionary.text()) ? 0 : 3;
}

}  // namespace
}  // namespace vmafuzz

int main(int argc, char** argv) { return vmafuzz::run(argc, argv); }
