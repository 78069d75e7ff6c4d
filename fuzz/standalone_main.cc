// The main() of a fuzz target that is built without an engine: runs the target once on each file
// named on the command line, in order, and on every file below each folder named, by sorted path.
// Ends with 2 if a file cannot be read; a target that finds something ends the program itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

bool files_below(const fs::path& folder, std::vector<fs::path>* files) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;  // an entry whose type cannot be read is not a regular file
    if (entry->is_regular_file(ignored)) found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  files->insert(files->end(), found.begin(), found.end());
  return !error;
}

bool run_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file),
                                std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) return false;
  std::fprintf(stderr, "running %s (%zu bytes)\n", path.c_str(), bytes.size());
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  size_t runs = 0;
  for (int i = 1; i < argc; ++i) {
    std::vector<fs::path> files;
    std::error_code ignored;
    bool readable = true;
    if (fs::is_directory(argv[i], ignored)) {
      readable = files_below(argv[i], &files);
    } else {
      files.push_back(argv[i]);
    }
    for (const fs::path& path : files) {
      readable = readable && run_file(path);
      ++runs;
    }
    if (!readable) {
      std::fprintf(stderr, "%s: cannot be read\n", argv[i]);
      return 2;
    }
  }
  std::fprintf(stderr, "%zu inputs run\n", runs);
  return 0;
}
