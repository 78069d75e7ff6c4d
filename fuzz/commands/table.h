// Every command, one line each; each is defined in the file of its name.
#ifndef VMAFUZZ_FUZZ_COMMANDS_TABLE_H_
#define VMAFUZZ_FUZZ_COMMANDS_TABLE_H_

#include "fuzz/command.h"

namespace vmafuzz::command {

extern const Command kDoctor;
extern const Command kLitmus;
extern const Command kVersion;

}  // namespace vmafuzz::command

#endif  // VMAFUZZ_FUZZ_COMMANDS_TABLE_H_
