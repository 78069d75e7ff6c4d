// Which build's vmafuzz_tsan is taken, of those below $VMAFUZZ_ROOT.
#include "fuzz/measure/native_program.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace vmafuzz::measure {
namespace {

namespace fs = std::filesystem;

class NativeProgram : public testing::Test {
 protected:
  // ctest runs tests beside one another: a folder for each.
  NativeProgram()
      : root_(testing::TempDir() + "/native_program_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
    fs::create_directories(root_);
    setenv("VMAFUZZ_ROOT", root_.c_str(), 1);
  }
  ~NativeProgram() override {
    unsetenv("VMAFUZZ_ROOT");
    fs::remove_all(root_);
  }

  std::string built(const std::string& preset, int hours_ago) {
    const fs::path folder = fs::path(root_) / "build" / preset / "fuzz";
    fs::create_directories(folder);
    const fs::path program = folder / "vmafuzz_tsan";
    std::ofstream(program) << "#!/bin/sh\n";
    fs::permissions(program, fs::perms::owner_all);
    fs::last_write_time(program, fs::file_time_type::clock::now() - std::chrono::hours(hours_ago));
    return program.string();
  }

 private:
  std::string root_;
};

TEST_F(NativeProgram, IsTheOneBuiltLast) {
  built("tsan", 2);
  const std::string newest = built("fuzz-tsan", 1);
  built("afl-tsan", 3);
  EXPECT_EQ(find_native_program().value(), newest);
}

TEST_F(NativeProgram, MeasuredIsThatOfPresetTsan) {
  const std::string tsan = built("tsan", 2);
  built("fuzz-tsan", 1);
  EXPECT_EQ(find_native_program(NativeBuild::kMeasured).value(), tsan);
}

TEST_F(NativeProgram, MeasuredIsAnEnginesWhereThereIsNoOther) {
  const std::string engines = built("afl-tsan", 1);
  EXPECT_EQ(find_native_program(NativeBuild::kMeasured).value(), engines);
}

TEST_F(NativeProgram, MissingSaysHowToBuildIt) {
  for (const NativeBuild build : {NativeBuild::kNewest, NativeBuild::kMeasured}) {
    const absl::Status status = find_native_program(build).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_NE(status.message().find("cmake --build --preset tsan"), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace vmafuzz::measure
