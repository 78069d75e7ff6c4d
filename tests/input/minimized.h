// What tests of the minimiser share.
#ifndef VMAFUZZ_TESTS_INPUT_MINIMIZED_H_
#define VMAFUZZ_TESTS_INPUT_MINIMIZED_H_

#include "gtest/gtest.h"
#include "input/minimize.h"

namespace vmafuzz::input {

// The result for a program that shows the bug; anything else fails the test.
inline MinimizeResult minimized(const Program& program, const Reproduce& reproduce,
                                const Search& search = nullptr,
                                const MinimizeOptions& options = {}) {
  const absl::StatusOr<MinimizeResult> result = minimize(program, reproduce, search, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : MinimizeResult{};
}

// Tries every removal of one operation or one directive.
inline void expect_one_minimal(const Program& program, const Reproduce& reproduce) {
  ASSERT_TRUE(reproduce(program));
  for (size_t i = 0; i < program.ops.size(); i++) {
    Program smaller = program;
    remove_op(smaller, i);
    EXPECT_FALSE(reproduce(smaller)) << "operation " << i << " is not needed";
  }
  for (size_t i = 0; i < program.directives.size(); i++) {
    Program smaller = program;
    smaller.directives.erase(smaller.directives.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(reproduce(smaller)) << "directive " << i << " is not needed";
  }
}

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_TESTS_INPUT_MINIMIZED_H_
