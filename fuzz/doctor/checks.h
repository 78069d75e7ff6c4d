// The judgements of `vmafuzz doctor`: what in a machine would stop or spoil a run.
#ifndef VMAFUZZ_FUZZ_DOCTOR_CHECKS_H_
#define VMAFUZZ_FUZZ_DOCTOR_CHECKS_H_

#include <string>
#include <vector>

#include "fuzz/doctor/host.h"

namespace vmafuzz::doctor {

enum class Level {
  kOk,
  kWarn,  // runs, but slower, with poorer reports, or without a part that is not essential
  kFail,  // builds or runs would fail, or their results would be wrong
};

struct Finding {
  std::string check;  // stable name, for scripts
  Level level;
  std::string found;  // what was seen, one line
  std::string why;    // why that matters; empty if the level is kOk
  std::string mend;   // the command that mends it; empty if the level is kOk
};

// Every check, in a fixed order. `compiler` is the name or path of the C++ compiler in use.
std::vector<Finding> examine(const Host& host, const std::string& compiler);

// "OK", "WARN" or "FAIL".
const char* name_of(Level level);

}  // namespace vmafuzz::doctor

#endif  // VMAFUZZ_FUZZ_DOCTOR_CHECKS_H_
