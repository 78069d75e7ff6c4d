// The `vmafuzz` command.
#include <iostream>
#include <string>
#include <vector>

#include "fuzz/command.h"

int main(int argc, char** argv) {
  return vmafuzz::command::dispatch(vmafuzz::command::all_commands(),
                                    std::vector<std::string>(argv + 1, argv + argc), std::cout,
                                    std::cerr);
}
