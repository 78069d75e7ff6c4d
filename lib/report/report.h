// What people see of an execution: verdict, reason, picture, diagram, what deviates, how to replay.
#ifndef VMAFUZZ_REPORT_REPORT_H_
#define VMAFUZZ_REPORT_REPORT_H_

#include <string>
#include <vector>

#include "input/program.h"
#include "report/columns.h"
#include "report/picture.h"
#include "report/sentence.h"
#include "report/timeline.h"
#include "run/executor.h"

namespace vmafuzz::report {

struct Report {
  std::string kernel;  // and its bug switches: "6.14, bugs: no-odd-test"
  Timeline timeline;   // condensed; the verdict is timeline.failure
  std::string sentence;
  int mm = 0;                       // whose picture it is
  std::vector<PictureRow> picture;  // empty: nothing changed
  int marked_page = -1;             // that was looked up
  input::Program program;           // in replay form
  uint64_t trace_hash = 0;
  uint32_t steps = 0;
  std::vector<std::string> deviations;  // the program's directives in words, in order
  uint32_t idle = 0;                    // of these, those that changed nothing
  std::vector<std::string> diagnosis;   // which order, lock or check would have prevented it
  std::string replay_flags;             // that `vmafuzz replay` needs to show it: "--tsan "; or ""
  std::string share;  // of real threads' runs that showed it: "12 of 1000 runs"; empty: not known
  // Replayed on real threads, whose runs differ.
  bool by_chance() const { return replay_flags.find("--threads") != std::string::npos; }
};

struct ExplainOptions {
  DiagramOptions diagram;
  std::string file;  // that holds the program; empty: its text is part of the report
};

// Runs the program on the executor's target, and once more with the trace on. Executors are
// deterministic, so that this is what anyone else's run showed.
Report report_of(run::Executor& executor, const input::Program& program,
                 std::vector<std::string> diagnosis = {});

// A finding that ThreadSanitizer shows on real memory, and the simulated machine, whose execution
// of the same program `report` is of, does not.
void show_elsewhere(Report* report, const std::string& verdict, const std::string& what,
                    const std::string& replay_flags);

// For people. Lines have at most options.diagram.width characters if that is least_width() or more,
// but for the text of the program.
std::string explain(const Report& report, const ExplainOptions& options = {});

// Below this width explain() is wider than asked for.
int least_width(const Report& report, const ExplainOptions& options = {});

// One JSON object with the same content; every step is in it, with its place in the source.
std::string to_json(const Report& report);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_REPORT_H_
