// `vmafuzz show`: bytes as text.
#include <iostream>

#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "input/text.h"

namespace vmafuzz::command {
namespace {

int run(const Arguments& args) {
  for (const std::string& file : args.operands()) {
    const absl::StatusOr<input::Program> program = read_program(file);
    if (!program.ok()) {
      std::cerr << "vmafuzz show: " << program.status().message() << "\n";
      return kExitUsage;
    }
    std::cout << input::print_text(*program);
  }
  return kExitOk;
}

}  // namespace

const Command kShow = {
    .name = "show",
    .summary = "prints inputs of the fuzzing engines as text",
    .operands = "FILE...",
    .description =
        "Prints the program in each FILE (bytes as engines keep them, or text; - is standard\n"
        "input) in the canonical text form, which `vmafuzz encode` turns back into bytes.",
    .examples = "./vmafuzz show crash-1234\n./vmafuzz show corpus/split-under-hit.repro",
    .flags = {},
    .min_operands = 1,
    .max_operands = kAnyNumber,
    .run = run,
};

}  // namespace vmafuzz::command
