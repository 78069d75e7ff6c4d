// What fuzz targets bring along to other people's fuzzing systems.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "fuzz/packaging/dictionary.h"
#include "gtest/gtest.h"
#include "input/bytes.h"

namespace vmafuzz::packaging {
namespace {

std::string content_of(const std::string& name) {
  std::ifstream file(std::filesystem::path(VMAFUZZ_SOURCE_DIR) / name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Options, LongestInputIsTheLongestProgram) {
  EXPECT_TRUE(absl::StrContains(content_of("fuzz/packaging/fuzz_sim.options"),
                                absl::StrCat("\nmax_len = ", input::kMaxBytes, "\n")));
}

TEST(Dictionary, HasWhatTheGrammarNamesAndProgramsUse) {
  Dictionary dictionary;
  EXPECT_TRUE(absl::StrContains(dictionary.text(), "\n\"munmap\"\n"));
  EXPECT_TRUE(absl::StrContains(dictionary.text(), "\n\"page=\"\n"));
  EXPECT_TRUE(absl::StrContains(dictionary.text(), "\n\"noreplace\"\n"));
  EXPECT_FALSE(absl::StrContains(dictionary.text(), "\"preempt\""));
  dictionary.add_words_of(content_of("repro/v1-wrong-uprobe.repro"));
  for (const char* word : {"preempt", "stale", "kernel:", "expect:", "setup:"}) {
    EXPECT_TRUE(absl::StrContains(dictionary.text(), absl::StrCat("\n\"", word, "\"\n"))) << word;
  }
  EXPECT_FALSE(absl::StrContains(dictionary.text(), "\"wrong-uprobe\""));
}

// A line that an engine does not understand makes it refuse to start.
TEST(Dictionary, EveryLineIsACommentOrAQuotedWord) {
  Dictionary dictionary;
  dictionary.add_words_of("setup:\n  mmap mm0 \"odd\" back\\slash tab\there \x80\n");
  const std::regex line_form("#.*|\"([ !#-\\[\\]-~]|\\\\x[0-9a-f]{2})+\"|");
  for (absl::string_view line : absl::StrSplit(dictionary.text(), '\n')) {
    EXPECT_TRUE(std::regex_match(std::string(line), line_form)) << line;
  }
}

}  // namespace
}  // namespace vmafuzz::packaging
