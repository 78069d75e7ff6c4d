// The `vmafuzz` command.
#include "fuzz/command.h"

int main(int argc, char** argv) {
  return vmafuzz::command::run_program(vmafuzz::command::all_commands(), argc, argv);
}
