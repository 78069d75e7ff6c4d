// A folder for the files of a measurement, gone with the object.
#ifndef VMAFUZZ_FUZZ_BENCH_SCRATCH_H_
#define VMAFUZZ_FUZZ_BENCH_SCRATCH_H_

#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"

namespace vmafuzz::bench {

class Scratch {
 public:
  Scratch()
      : path_((std::filesystem::temp_directory_path() / absl::StrCat("vmafuzz-bench-", getpid()))
                  .string()) {
    std::filesystem::create_directories(path_);
  }
  ~Scratch() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  // Another empty folder within.
  std::string fresh() const {
    std::string folder = absl::StrCat(path_, "/run", count_++);
    std::filesystem::create_directories(folder);
    return folder;
  }

 private:
  std::string path_;
  mutable int count_ = 0;
};

}  // namespace vmafuzz::bench

#endif  // VMAFUZZ_FUZZ_BENCH_SCRATCH_H_
