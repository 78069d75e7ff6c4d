#include "fuzz/native/commands.h"

namespace {

constexpr const vmafuzz::command::Command* kCommands[] = {
    &vmafuzz::command::kNativeMinimize, &vmafuzz::command::kNativeReplay,
    &vmafuzz::command::kNativeSearch, &vmafuzz::command::kNativeRate};

}  // namespace

int main(int argc, char** argv) { return vmafuzz::command::run_program(kCommands, argc, argv); }
