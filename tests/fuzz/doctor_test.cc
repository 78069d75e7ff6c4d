// Each check of the doctor is shown a machine that it must complain about, and one it must not.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "fuzz/doctor/checks.h"

namespace vmafuzz::doctor {
namespace {

namespace fs = std::filesystem;

// A healthy machine in a folder, which a test then spoils.
class FakeHost : public Host {
 public:
  explicit FakeHost(const fs::path& root) : Host(root, "/usr/bin"), root_(root) {
    program("/usr/bin/clang++-19",
            "[ $1 = --version ] && echo 'Debian clang version 19.1.7 (3~deb12u1)'\n"
            "[ $1 = -print-resource-dir ] && echo /usr/lib/clang/19\nexit 0\n");
    file("/usr/lib/clang/19/lib/linux/libclang_rt.fuzzer-x86_64.a", "");
    program("/usr/lib/llvm-19/bin/llvm-symbolizer", "");
    program("/usr/bin/afl-fuzz", "");
    file("/proc/sys/kernel/randomize_va_space", "2\n");
    file("/proc/sys/vm/mmap_rnd_bits", "28\n");
    file("/proc/sys/vm/overcommit_memory", "0\n");
    file("/proc/sys/kernel/core_pattern", "core\n");
    limits("8388608", "0", "unlimited");
    file("/proc/meminfo", "MemTotal:       16000000 kB\nMemAvailable:    8388608 kB\n");
    file("/proc/self/cgroup", "0::/user/fuzz\n");
    file("/proc/self/status", "Name:\tdoctor\nCpus_allowed_list:\t0-3,8\n");
    file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  }

  void file(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path.substr(1)).parent_path());
    std::ofstream(root_ / path.substr(1)) << text;
  }
  void program(const std::string& path, const std::string& script) const {
    file(path, "#!/bin/sh\n" + script);
    chmod((root_ / path.substr(1)).c_str(), 0755);
  }
  void limits(const std::string& stack, const std::string& core, const std::string& space) const {
    file("/proc/self/limits",
         "Limit                     Soft Limit           Hard Limit           Units     \n"
         "Max stack size            " +
             stack +
             "  unlimited            bytes     \n"
             "Max core file size        " +
             core +
             "  unlimited            bytes     \n"
             "Max address space         " +
             space + "  unlimited            bytes     \n");
  }
  void remove(const std::string& path) const { fs::remove_all(root_ / path.substr(1)); }

  std::optional<uint64_t> free_disk() const override { return disk; }
  bool may_disable_aslr() const override { return aslr_may_go; }
  bool is_root() const override { return false; }

  uint64_t disk = uint64_t{100} << 30;
  bool aslr_may_go = false;

 private:
  fs::path root_;
};

class Doctor : public testing::Test {
 protected:
  Doctor() : root_(make_root()), host_(root_) {}
  ~Doctor() override { fs::remove_all(root_); }

  static fs::path make_root() {
    std::string name = (fs::temp_directory_path() / "vmafuzz-doctor-XXXXXX").string();
    return mkdtemp(name.data());
  }

  Finding find(const std::string& check, const std::string& compiler = "clang++-19") const {
    for (const Finding& finding : examine(host_, compiler)) {
      if (finding.check == check) return finding;
    }
    ADD_FAILURE() << "no check is named " << check;
    return {};
  }

  // The finding must be of this level, name `found`, and say why and how to mend it.
  void expect(const std::string& check, Level level, const std::string& found,
              const std::string& mend) const {
    const Finding finding = find(check);
    EXPECT_EQ(name_of(finding.level), std::string(name_of(level))) << check;
    EXPECT_NE(finding.found.find(found), std::string::npos) << finding.found;
    EXPECT_EQ(finding.mend, mend);
    EXPECT_EQ(finding.why.empty(), level == Level::kOk);
  }

  fs::path root_;
  FakeHost host_;
};

TEST_F(Doctor, FindsNothingWrongWithAHealthyMachine) {
  for (const Finding& finding : examine(host_, "clang++-19")) {
    EXPECT_EQ(finding.level, Level::kOk) << finding.check << ": " << finding.found;
    EXPECT_EQ(finding.mend, "");
  }
  EXPECT_EQ(find("compiler").found, "clang++-19 is clang 19.1.7");
  EXPECT_EQ(find("cpu").found, "5 CPUs, governor performance");
  EXPECT_EQ(find("memory").found, "8.0 GiB available");
}

TEST_F(Doctor, FailsWithoutCompiler) {
  host_.remove("/usr/bin/clang++-19");
  expect("compiler", Level::kFail, "clang++-19 is not installed",
         "sudo apt-get install -y clang-19");
  EXPECT_EQ(find("runtime").level, Level::kFail);
}

TEST_F(Doctor, FailsIfTheCompilerIsTooOldOrNotClang) {
  host_.program("/usr/bin/clang++-19", "echo 'Debian clang version 14.0.6'\n");
  expect("compiler", Level::kFail, "is clang 14.0.6", "sudo apt-get install -y clang-19");
  host_.program("/usr/bin/clang++-19", "echo 'g++ (Debian 12.2.0-14) 12.2.0'\n");
  expect("compiler", Level::kFail, "is not clang", "sudo apt-get install -y clang-19");
}

TEST_F(Doctor, AcceptsANewerCompilerUnderAnyName) {
  host_.program("/opt/c", "echo 'clang version 22.1.8'\n");
  EXPECT_EQ(find("compiler", "/opt/c").found, "/opt/c is clang 22.1.8");
  EXPECT_EQ(find("compiler", "/opt/c").level, Level::kOk);
}

TEST_F(Doctor, FailsWithoutSanitizerRuntime) {
  host_.remove("/usr/lib/clang");
  expect("runtime", Level::kFail, "runtimes are missing",
         "sudo apt-get install -y libclang-rt-19-dev");
}

TEST_F(Doctor, WarnsWithoutSymbolizerAndAfl) {
  host_.remove("/usr/lib/llvm-19");
  host_.remove("/usr/bin/afl-fuzz");
  expect("symbolizer", Level::kWarn, "not installed", "sudo apt-get install -y llvm-19");
  expect("afl++", Level::kWarn, "not installed", "sudo apt-get install -y afl++");
}

TEST_F(Doctor, FailsOnMoreRandomBitsOnlyIfRandomisationCannotBeSwitchedOff) {
  host_.file("/proc/sys/vm/mmap_rnd_bits", "32\n");
  expect("address-layout", Level::kFail, "vm.mmap_rnd_bits is 32",
         "sudo sysctl -w vm.mmap_rnd_bits=28");
  host_.aslr_may_go = true;
  EXPECT_EQ(find("address-layout").level, Level::kOk);
  host_.aslr_may_go = false;
  host_.file("/proc/sys/kernel/randomize_va_space", "0\n");
  EXPECT_EQ(find("address-layout").level, Level::kOk);
}

TEST_F(Doctor, WarnsIfRandomBitsCannotBeRead) {
  host_.remove("/proc/sys/vm/mmap_rnd_bits");
  expect("address-layout", Level::kWarn, "cannot be read", "sudo sysctl -w vm.mmap_rnd_bits=28");
}

TEST_F(Doctor, FailsOnStrictOvercommitAndOnLimitedAddressSpace) {
  host_.limits("8388608", "0", "4294967296");
  expect("address-space", Level::kFail, "ulimit -v is 4.0 GiB", "ulimit -v unlimited");
  host_.file("/proc/sys/vm/overcommit_memory", "2\n");
  expect("address-space", Level::kFail, "vm.overcommit_memory is 2",
         "sudo sysctl -w vm.overcommit_memory=0");
}

TEST_F(Doctor, WarnsOfCoreHandlersAndCoreFiles) {
  host_.limits("8388608", "unlimited", "unlimited");
  expect("core-dumps", Level::kWarn, "ulimit -c is unlimited", "ulimit -c 0");
  host_.file("/proc/sys/kernel/core_pattern", "|/usr/share/apport/apport %p %s\n");
  expect("core-dumps", Level::kWarn, "pipes to /usr/share/apport/apport",
         "sudo sysctl -w kernel.core_pattern=core");
}

TEST_F(Doctor, JudgesTheStackLimit) {
  host_.limits("unlimited", "0", "unlimited");
  expect("stack", Level::kWarn, "ulimit -s is unlimited", "ulimit -s 8192");
  host_.limits("65536", "0", "unlimited");
  expect("stack", Level::kFail, "ulimit -s is 65536 bytes", "ulimit -s 8192");
}

TEST_F(Doctor, JudgesAvailableMemoryAndDisk) {
  host_.file("/proc/meminfo", "MemAvailable:    1048576 kB\n");
  EXPECT_EQ(find("memory").level, Level::kWarn);
  host_.file("/proc/meminfo", "MemAvailable:     262144 kB\n");
  EXPECT_EQ(find("memory").level, Level::kFail);
  EXPECT_EQ(find("memory").found, "256 MiB available");
  host_.disk = uint64_t{1} << 30;
  EXPECT_EQ(find("disk").level, Level::kWarn);
  host_.disk = uint64_t{1} << 20;
  EXPECT_EQ(find("disk").level, Level::kFail);
}

TEST_F(Doctor, CountsTheTightestControlGroupAroundTheProcess) {
  host_.file("/sys/fs/cgroup/user/fuzz/memory.max", "max\n");
  host_.file("/sys/fs/cgroup/user/fuzz/memory.current", "1048576\n");
  host_.file("/sys/fs/cgroup/user/memory.max", "1073741824\n");
  host_.file("/sys/fs/cgroup/user/memory.current", "805306368\n");
  EXPECT_EQ(find("memory").found, "256 MiB available");
  EXPECT_EQ(find("memory").level, Level::kFail);
}

TEST_F(Doctor, WarnsOfACpuThatChangesItsSpeed) {
  host_.file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
  expect("cpu", Level::kWarn, "governor powersave",
         "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
}

TEST_F(Doctor, GuessesNothingOnAMachineThatShowsNothing) {
  host_.remove("/proc");
  host_.remove("/sys");
  for (const char* check : {"memory", "stack", "cpu", "core-dumps", "address-space"}) {
    EXPECT_EQ(find(check).level, Level::kOk) << check;
  }
}

TEST(Host, PassesNoArgumentThroughTheShell) {
  const Host host("/", "/usr/bin:/bin");
  EXPECT_EQ(host.output("/bin/echo", "a'b $HOME `id`"), "a'b $HOME `id`\n");
  EXPECT_EQ(host.output("/bin/false", ""), std::nullopt);
  EXPECT_EQ(host.output("/no/such program", ""), std::nullopt);
}

}  // namespace
}  // namespace vmafuzz::doctor
