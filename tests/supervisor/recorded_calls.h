// The calls by which files become durable, in the order in which this process makes them: whether a
// name was given to what was not on the disk yet can be told by nothing else until a machine loses
// its power. Linking recorded_calls.cc puts these in the place of the C library's.
#ifndef VMAFUZZ_TESTS_SUPERVISOR_RECORDED_CALLS_H_
#define VMAFUZZ_TESTS_SUPERVISOR_RECORDED_CALLS_H_

#include <string>
#include <vector>

namespace vmafuzz::supervisor {

// Those since the last call of this: "fsync /path", "fdatasync /path", "rename /from /to".
std::vector<std::string> take_recorded_calls();

// While it lasts, the disk has no room that could be set aside for a file.
class NoRoomToReserve {
 public:
  NoRoomToReserve();
  ~NoRoomToReserve();
  NoRoomToReserve(const NoRoomToReserve&) = delete;
  NoRoomToReserve& operator=(const NoRoomToReserve&) = delete;
};

// While it lasts, no file of this process can be made longer than `bytes`, as on a disk that is
// full at that place: what fits is written, then write() fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(unsigned long bytes);
  ~FileSizeLimit();
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
};

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_TESTS_SUPERVISOR_RECORDED_CALLS_H_
