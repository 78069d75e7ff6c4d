// Small bodies on the machine with a known interleaving, and what the report makes of them.
#ifndef VMAFUZZ_TESTS_REPORT_SCENE_H_
#define VMAFUZZ_TESTS_REPORT_SCENE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "../sim/fixture.h"
#include "absl/strings/str_split.h"
#include "report/columns.h"
#include "report/condense.h"
#include "report/sentence.h"
#include "report/timeline.h"

namespace vmafuzz::report {

inline size_t widest_line(const std::string& text) {
  size_t widest = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) widest = std::max(widest, line.size());
  return widest;
}

class SceneTest : public sim::MachineTest {
 protected:
  Timeline play(std::vector<Body> bodies, std::vector<sim::Directive> directives,
                Body set_up = {}) {
    sim::Options options;
    options.trace = true;
    options.limits.op_steps = 200;
    run(std::move(bodies), std::move(directives), options, std::move(set_up));
    Timeline timeline =
        make_timeline(sim::machine.trace(), sim::machine.verdict(), sim::machine.recorded());
    condense(&timeline);
    return timeline;
  }

  // Golden texts and the width that was promised.
  static void expect_diagram(const Timeline& timeline, const std::vector<std::string>& operations,
                             const std::string& expected) {
    const std::string text = diagram(timeline, operations);
    EXPECT_EQ("\n" + text, expected);
    EXPECT_LT(widest_line(text), 80u);
  }
};

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_TESTS_REPORT_SCENE_H_
