#include <iostream>
#include <string>
#include <vector>

#include "fuzz/native/commands.h"

namespace {

constexpr const vmafuzz::command::Command* kCommands[] = {
    &vmafuzz::command::kNativeMinimize, &vmafuzz::command::kNativeReplay,
    &vmafuzz::command::kNativeSearch, &vmafuzz::command::kNativeRate};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  return vmafuzz::command::dispatch(kCommands, words, std::cout, std::cerr);
}
