// `vmafuzz man`: the manual page.
#include <iostream>

#include "fuzz/commands/table.h"
#include "fuzz/manual.h"
#include "fuzz/version.h"

namespace vmafuzz::command {
namespace {

int run(const Arguments&) {
  std::cout << man_page(all_commands(), version_number());
  return kExitOk;
}

}  // namespace

const Command kMan = {
    .name = "man",
    .summary = "prints the manual page, for man",
    .operands = "",
    .description =
        "Prints vmafuzz(1) in the language of man pages. It is made from the same table as --help.",
    .examples =
        "./vmafuzz man | man -l -\n"
        "./vmafuzz man > ~/.local/share/man/man1/vmafuzz.1",
    .flags = {},
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
