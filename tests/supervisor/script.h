// A program for tests that start one: a shell script.
#ifndef VMAFUZZ_TESTS_SUPERVISOR_SCRIPT_H_
#define VMAFUZZ_TESTS_SUPERVISOR_SCRIPT_H_

#include <filesystem>
#include <string>

#include "tests/supervisor/folder.h"

namespace vmafuzz::supervisor {

inline std::string put_script(const std::string& path, const std::string& lines) {
  put_file(path, "#!/bin/sh\n" + lines + "\n");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_TESTS_SUPERVISOR_SCRIPT_H_
