// Names of functions, places and values.
#include "report/names.h"

#include <gtest/gtest.h>

#include "sim/machine.h"

namespace vmafuzz::report {
namespace {

TEST(FunctionName, IsTheLastPartOfThePrettyOne) {
  EXPECT_EQ(function_name("int main()"), "main");
  EXPECT_EQ(
      function_name("vm_area_struct *vmafuzz::kernel::vma_lookup(mm_struct *, unsigned long)"),
      "vma_lookup");
  EXPECT_EQ(function_name("const char *a::g(void (*)(int))"), "g");
  EXPECT_EQ(function_name("void *a::(anonymous namespace)::walk(ma_state *)"), "walk");
  EXPECT_EQ(function_name("T *a::(anonymous namespace)::X<int>::f(int) [T = int]"), "f");
  EXPECT_EQ(function_name("static void *vmafuzz::kernel::RcuAccess::slot(const Shared<void *> &)"),
            "slot");
  EXPECT_EQ(function_name("std::vector<std::pair<int, int>> a::f<std::map<int, int>>(int)"), "f");
  EXPECT_EQ(function_name("munmap"), "munmap");
  EXPECT_EQ(function_name(""), "");
}

TEST(FunctionName, OfALambdaIsTheFunctionAroundIt) {
  EXPECT_EQ(function_name("auto vmafuzz::kernel::mm_flags_set(unsigned long, mm_struct *)::"
                          "(anonymous class)::operator()(unsigned long) const"),
            "mm_flags_set");
  EXPECT_EQ(function_name("void a::X::operator()()"), "operator()");
}

TEST(FlagsName, LooksLikeProcMaps) {
  EXPECT_EQ(flags_name(0), "---p");
  EXPECT_EQ(flags_name(0x75), "r-xp");
  EXPECT_EQ(flags_name(0xfb), "rw-s");
}

TEST(CpuName, NamesContextsForWhatTheyAre) {
  EXPECT_EQ(cpu_name(0), "cpu0");
  EXPECT_EQ(cpu_name(sim::kWorkCpu), "kworker");
  EXPECT_EQ(cpu_name(sim::kRcuCpu), "rcu");
  EXPECT_EQ(cpu_name(sim::kTimerCpu), "timer");
  EXPECT_EQ(cpu_name(sim::kNoCpu), "set-up");
}

}  // namespace
}  // namespace vmafuzz::report
