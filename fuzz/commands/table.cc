#include "fuzz/commands/table.h"

namespace vmafuzz::command {
namespace {

// In the order of a day's work; help lists them so.
const Command* const kCommands[] = {
    &kFuzz,        &kReplay, &kMinimize, &kExplain,    &kReport,  &kShow,
    &kEncode,      &kCorpus, &kKernels,  &kBugs,       &kLitmus,  &kBench,
    &kDeterminism, &kDoctor, &kMan,      &kCompletion, &kVersion,
};

}  // namespace

absl::Span<const Command* const> all_commands() { return kCommands; }

}  // namespace vmafuzz::command
