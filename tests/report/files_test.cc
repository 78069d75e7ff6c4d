// What reports say of the programs in repro/ and corpus/: nothing that did not happen.
#include "files.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "scene.h"

namespace vmafuzz::report {
namespace {

std::vector<std::string> texts(const Report& report, StepKind kind) {
  std::vector<std::string> texts;
  for (const Step& step : report.timeline.steps) {
    if (step.kind == kind && step.shown) texts.push_back(step.text);
  }
  return texts;
}

TEST(Files, NothingIsTornOrReloadedWithoutADirectiveThatSaysSo) {
  for (const auto& file : program_files()) {
    const Report report = report_of_file(file);
    const auto by_compiler = [](const input::Directive& d) {
      return d.kind == input::DirectiveKind::kTear || d.kind == input::DirectiveKind::kReload;
    };
    const std::vector<input::Directive>& directives = report.program.directives;
    if (std::any_of(directives.begin(), directives.end(), by_compiler)) continue;
    for (const Step& step : report.timeline.steps) {
      EXPECT_FALSE(step.torn || step.reloaded)
          << file << ": step " << step.step << ", " << step.text;
    }
  }
}

TEST(Files, GracePeriodsAreCalledByTheirDomains) {
  const Report report = report_of_our("repro/findings/moved-mapping.repro");
  std::vector<std::string> fences = texts(report, StepKind::kFence);
  std::erase_if(fences, [](const std::string& text) { return !absl::StartsWith(text, "sync"); });
  EXPECT_EQ(fences,
            (std::vector<std::string>{"synchronize_rcu_tasks_trace()", "synchronize_srcu()"}));
}

TEST(Files, PlacesAreInTheModel) {
  for (const auto& file : program_files()) {
    const Report report = report_of_file(file);
    for (const Step& step : report.timeline.steps) {
      EXPECT_FALSE(absl::StartsWith(step.at.line, "stl_")) << file << ": " << step.at.line;
    }
  }
}

TEST(Files, ThreeColumnsKeepTheWidthIfTheyCan) {
  const Report report = report_of_our("repro/suren-rfc-wrong-uprobe.repro");
  ExplainOptions options;
  options.file = "some.repro";
  for (const int width : {92, 110, 160}) {
    options.diagram.width = width;
    const auto widest = widest_line(explain(report, options));
    EXPECT_LE(widest, static_cast<size_t>(width));
    EXPECT_GT(widest, static_cast<size_t>(width) - 12);
  }
  options.diagram.width = 79;
  EXPECT_LE(widest_line(explain(report, options)), 92u);
}

//  RCU frees what the lookup had found, after the lookup.
TEST(Files, ReadSideSectionsAreDrawnWhereRcuFrees) {
  const Report report = report_of_our("repro/suren-rfc-wrong-uprobe.repro");
  const std::string text = explain(report);
  const size_t lock = text.find("rcu_read_lock()"), unlock = text.find("rcu_read_unlock()");
  const size_t freed = text.find("free vma#");
  ASSERT_NE(lock, text.npos) << text;
  ASSERT_NE(unlock, text.npos) << text;
  ASSERT_NE(freed, text.npos) << text;
  EXPECT_LT(lock, unlock);
  EXPECT_LT(unlock, freed);
}

}  // namespace
}  // namespace vmafuzz::report
