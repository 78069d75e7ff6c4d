// Reports of the programs in repro/ and corpus/: what people are going to look at.
#ifndef VMAFUZZ_TESTS_REPORT_FILES_H_
#define VMAFUZZ_TESTS_REPORT_FILES_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "input/text.h"
#include "report/report.h"
#include "variants/variants.h"

namespace vmafuzz::report {

// Paths of all .repro files, sorted.
inline std::vector<std::filesystem::path> program_files() {
  std::vector<std::filesystem::path> files;
  for (const char* folder : {"repro", "corpus"}) {
    const auto path = std::filesystem::path(VMAFUZZ_SOURCE_DIR) / folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.path().extension() == ".repro") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline Report report_of_text(const std::string& text) {
  const absl::StatusOr<input::Program> program = input::parse_text(text);
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return {};
  run::Target target;
  target.kernel = variants::find_kernel(program->kernel.empty() ? "6.18" : program->kernel);
  target.bugs = program->bugs;
  target.options = program->options;
  run::Executor executor;
  EXPECT_TRUE(executor.set_target(target).ok());
  return report_of(executor, *program);
}

inline Report report_of_file(const std::filesystem::path& path) {
  const testing::ScopedTrace trace(__FILE__, __LINE__, path.string());
  std::ifstream file(path, std::ios::binary);
  return report_of_text(std::string((std::istreambuf_iterator<char>(file)), {}));
}

// "repro/bugs/plain-nhit.repro".
inline Report report_of_our(const std::string& file) {
  return report_of_file(std::filesystem::path(VMAFUZZ_SOURCE_DIR) / file);
}

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_TESTS_REPORT_FILES_H_
