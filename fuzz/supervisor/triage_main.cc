// vmafuzz_triage: see triage.h. Started by the supervisor; of no use by hand.
#include <cstdio>

#include "fuzz/command.h"
#include "fuzz/supervisor/triage.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: vmafuzz_triage RUN FILE\n");
    return vmafuzz::command::kExitUsage;
  }
  return vmafuzz::supervisor::triage(argv[1], argv[2]);
}
