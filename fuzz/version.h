// Which vmafuzz this is, in reports that go to others.
#ifndef VMAFUZZ_FUZZ_VERSION_H_
#define VMAFUZZ_FUZZ_VERSION_H_

#include <string>

namespace vmafuzz::command {

// "0.1.0, commit 0123456789ab"; the commit is "unknown" if the launcher did not start the command.
std::string version_and_commit();
// "0.1.0".
std::string version_number();

}  // namespace vmafuzz::command

#endif  // VMAFUZZ_FUZZ_VERSION_H_
