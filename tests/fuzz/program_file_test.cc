// Program files: text or bytes, and what they are run on.
#include "fuzz/program_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "input/bytes.h"
#include "input/text.h"

namespace vmafuzz::command {
namespace {

constexpr char kText[] = "# vmafuzz repro v1\nkernel: 6.14\ncpu0:\n  hit        mm0 page=6\n";

std::string write(const std::string& name, absl::string_view content) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/program_file_test_", name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(ProgramFile, TextAndBytesAreToldApart) {
  const auto text = read_program(write("a", kText));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(input::print_text(*text), kText);

  const std::vector<uint8_t> bytes = input::encode(*text);
  const auto decoded =
      read_program(write("b", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->ops, text->ops);
  EXPECT_TRUE(decoded->kernel.empty()) << "bytes do not carry it";
}

TEST(ProgramFile, EmptyFileIsTheEmptyProgram) {
  const auto program = read_program(write("empty", ""));
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_TRUE(program->ops.empty());
}

TEST(ProgramFile, ErrorsNameFileLineAndColumn) {
  const std::string path = write("c", "# vmafuzz repro v1\nkernel: 5.99\n");
  const auto program = read_program(path);
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(program.status().message(), absl::StrCat(path, ":2:9: ")))
      << program.status();
  EXPECT_TRUE(absl::StrContains(program.status().message(), "6.18"));
  EXPECT_TRUE(absl::EndsWith(program.status().message(), "found '5.99'"));
}

TEST(ProgramFile, NamesAreThoseOfSomethingThatExists) {
  for (const char* line : {"bugs: no-such", "options: no-such=1", "options: counter-bits=1000",
                           "expect: wrong-uprob"}) {
    const auto program = read_program(write("d", absl::StrCat("# vmafuzz repro v1\n", line, "\n")));
    EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_TRUE(absl::StrContains(program.status().message(), ":2:")) << program.status();
  }
  for (const char* verdict : {"none", "wrong-uprobe", "harness-crash"}) {
    const std::string text = absl::StrCat("# vmafuzz repro v1\nexpect: ", verdict, "\n");
    EXPECT_TRUE(read_program(write("e", text)).ok()) << verdict;
  }
}

TEST(ProgramFile, WhatIsNamedReproMustBeText) {
  EXPECT_FALSE(read_program(write("d.repro", "kernel: 6.14\n")).ok());
  EXPECT_TRUE(read_program(write("d.bin", "kernel: 6.14\n")).ok());
}

TEST(ProgramFile, MissingFilesAndFoldersAreNamed) {
  for (const std::string& path : {std::string("/nowhere/at/all"), ::testing::TempDir()}) {
    const auto program = read_program(path);
    EXPECT_EQ(program.status().code(), absl::StatusCode::kNotFound);
    EXPECT_TRUE(absl::StrContains(program.status().message(), path));
  }
}

TEST(ProgramFile, KernelOfTheCommandLineComesFirst) {
  input::Program program;
  EXPECT_EQ(target_of(program, "")->kernel->name, kDefaultKernel);
  program.kernel = "6.14";
  program.bugs = {"no-odd-test"};
  EXPECT_EQ(target_of(program, "")->kernel->name, "6.14");
  EXPECT_EQ(target_of(program, "v1")->kernel->name, "v1");
  EXPECT_EQ(target_of(program, "v1")->bugs, program.bugs);
  EXPECT_EQ(target_of(program, "7.99").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace vmafuzz::command
