// What `vmafuzz doctor` can learn about the machine: files of /proc and /sys, programs, and the
// few facts that no file tells.
//
// All paths are taken below a root folder, so that tests (and `doctor --root`) can show it a
// machine that is not this one. A fact that cannot be read is absent, never guessed.
#ifndef VMAFUZZ_FUZZ_DOCTOR_HOST_H_
#define VMAFUZZ_FUZZ_DOCTOR_HOST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace vmafuzz::doctor {

class Host {
 public:
  // `root` is "/" for this machine. `search_path` is a PATH; its folders are below root too.
  Host(std::string root, std::string search_path)
      : root_(std::move(root)), search_path_(std::move(search_path)) {}
  virtual ~Host() = default;

  // A file's text without white space at its ends.
  std::optional<std::string> text(absl::string_view path) const;
  // A file that holds one unsigned decimal number.
  std::optional<uint64_t> number(absl::string_view path) const;

  // The soft limit that /proc/self/limits has in the row `name`; UINT64_MAX if unlimited.
  std::optional<uint64_t> soft_limit(absl::string_view name) const;
  // Bytes that can be allocated before the machine, or a control group around this process, runs
  // out of memory.
  std::optional<uint64_t> available_memory() const;
  // CPUs this process may run on.
  std::optional<uint64_t> cpus() const;

  // The full path of a program in the search path or in one of `more_folders`; a trailing `*` in
  // a folder's name stands for any text. Absent if there is none that may be executed.
  std::optional<std::string> program(absl::string_view name,
                                     const std::vector<std::string>& more_folders = {}) const;
  // What a program prints on standard output; absent if it cannot be run or fails. `program` is
  // what program() returned, and is passed on without the shell's reading it.
  virtual std::optional<std::string> output(const std::string& program,
                                            const std::string& argument) const;
  // True if some file's path below the root matches a glob(7) pattern.
  bool exists(absl::string_view pattern) const;

  // Free bytes on the file system of the current folder.
  virtual std::optional<uint64_t> free_disk() const;
  // True if a process may switch off address randomisation for itself by personality(2), as
  // sanitizers do; containers often forbid it.
  virtual bool may_disable_aslr() const;
  virtual bool is_root() const;

 private:
  std::string below_root(absl::string_view path) const;
  std::optional<uint64_t> cgroup_memory_left() const;

  std::string root_;
  std::string search_path_;
};

}  // namespace vmafuzz::doctor

#endif  // VMAFUZZ_FUZZ_DOCTOR_HOST_H_
