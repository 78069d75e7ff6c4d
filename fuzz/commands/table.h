// Every command, one line each; each is defined in the file of its name.
#ifndef VMAFUZZ_FUZZ_COMMANDS_TABLE_H_
#define VMAFUZZ_FUZZ_COMMANDS_TABLE_H_

#include "fuzz/command.h"

namespace vmafuzz::command {

extern const Command kBench;
extern const Command kBugs;
extern const Command kCompletion;
extern const Command kCorpus;
extern const Command kDeterminism;
extern const Command kDoctor;
extern const Command kEncode;
extern const Command kExplain;
extern const Command kFuzz;
extern const Command kKernels;
extern const Command kLitmus;
extern const Command kMan;
extern const Command kMinimize;
extern const Command kReplay;
extern const Command kReport;
extern const Command kShow;
extern const Command kVersion;

}  // namespace vmafuzz::command

#endif  // VMAFUZZ_FUZZ_COMMANDS_TABLE_H_
