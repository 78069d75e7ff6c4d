// Program files: text or bytes, and what they are run on.
#include "fuzz/program_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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
}

// Decoded as bytes it would be some other program, which finds nothing.
TEST(ProgramFile, TextIsNeverDecodedWhateverIsWrongWithIt) {
  const std::string quoted = absl::StrCat("> ", absl::StrReplaceAll(kText, {{"\n", "\n> "}}));
  for (const std::string& text : {absl::StrCat("\n", kText), absl::StrCat("    ", kText), quoted,
                                  std::string("cpu0: hit"), std::string("kernel: 6.14\n"),
                                  std::string("Gr\xc3\xbc\xc3\x9f"
                                              "e, see below\n"),
                                  absl::StrCat("\x01\x02\n", kText)}) {
    const std::string path = write("f", text);
    const auto program = read_program(path);
    EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_TRUE(absl::StartsWith(
        program.status().message(),
        absl::StrCat(path, ":1:1: expected the first line '# vmafuzz repro v1', found ")))
        << program.status();
  }
}

TEST(ProgramFile, AByteOrderMarkIsNoPartOfTheText) {
  const auto program = read_program(write("g", absl::StrCat("\xef\xbb\xbf", kText)));
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(input::print_text(*program), kText);
}

TEST(ProgramFile, WhatEnginesWriteIsBytes) {
  for (const std::string& bytes :
       {std::string("\n"), std::string("Hi, all!"), std::string(100, '0'), std::string(100, '\n'),
        std::string(100, '\xff'), std::string("letters\0and no text", 19),
        std::string("letters \xc3( are no UTF-8")}) {
    EXPECT_TRUE(read_program(write("h", bytes)).ok()) << bytes;
  }
}

TEST(ProgramFile, WhatIsTooLargeIsRefusedByName) {
  const std::string path = write("i", std::string(input::kMaxDecodedBytes, '\0'));
  EXPECT_TRUE(read_program(path).ok());
  for (const std::string& content :
       {std::string(input::kMaxDecodedBytes + 1, '\0'),
        absl::StrCat(kText, std::string(input::kMaxTextBytes, '\n'))}) {
    const auto program = read_program(write("i", content));
    EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StartsWith(program.status().message(),
                                 absl::StrCat(path, ": too large to be a program")))
        << program.status();
  }
  EXPECT_FALSE(read_program("/dev/zero").ok()) << "not read to its end";
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

TEST(ProgramFile, OnlyTheVerdictThatIsExpectedIsAsExpected) {
  input::Program program;
  for (const char* expect : {"", "none"}) {
    program.expect = expect;
    EXPECT_TRUE(as_expected(program, {}));
    EXPECT_FALSE(as_expected(program, {"wrong-uprobe"}));
  }
  program.expect = "wrong-uprobe";
  EXPECT_TRUE(as_expected(program, {"wrong-uprobe"}));
  EXPECT_FALSE(as_expected(program, {})) << "the bug is gone";
  EXPECT_FALSE(as_expected(program, {"stale-uprobe"}));
  EXPECT_FALSE(as_expected(program, {"stale-uprobe", "wrong-uprobe"}));
}

}  // namespace
}  // namespace vmafuzz::command
