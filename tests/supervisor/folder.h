// A folder for one test, removed with all that is in it.
#ifndef VMAFUZZ_TESTS_SUPERVISOR_FOLDER_H_
#define VMAFUZZ_TESTS_SUPERVISOR_FOLDER_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace vmafuzz::supervisor {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "vmafuzz-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void put_file(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string get_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_TESTS_SUPERVISOR_FOLDER_H_
