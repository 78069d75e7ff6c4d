// `vmafuzz encode`: text as the bytes that fuzzing engines keep.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "input/bytes.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"output", FlagKind::kText, "FILE", "", "write to FILE instead of standard output"},
};

int refuse(absl::string_view message) {
  std::cerr << "vmafuzz encode: " << message << "\n";
  return kExitUsage;
}

int run(const Arguments& args) {
  const absl::StatusOr<input::Program> program = read_program(args.operands()[0]);
  if (!program.ok()) return refuse(program.status().message());
  const std::vector<uint8_t> bytes = input::encode(*program);
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  const auto size = static_cast<std::streamsize>(bytes.size());
  if (!args.has("output")) {
    if (isatty(STDOUT_FILENO) != 0) {
      return refuse("bytes do not belong on a terminal: redirect it, or say --output FILE");
    }
    std::cout.write(data, size).flush();
    return kExitOk;
  }
  const std::string path = args.text("output");
  std::ofstream file(path, std::ios::binary);
  file.write(data, size).flush();
  if (file) return kExitOk;
  std::cerr << "vmafuzz encode: cannot write " << path << ": " << std::strerror(errno) << "\n";
  return kExitEnvironment;
}

}  // namespace

const Command kEncode = {
    .name = "encode",
    .summary = "turns a program's text into the bytes that engines keep",
    .operands = "FILE",
    .description =
        "Encodes the program in FILE (- is standard input). Bytes carry operations, directives "
        "and\n"
        "the search header; kernel, bugs, options and comments are the text's alone.",
    .examples =
        "./vmafuzz encode corpus/split-under-hit.repro > seed\n"
        "./vmafuzz encode --output seed repro/aug02-draft-wrong-uprobe.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
