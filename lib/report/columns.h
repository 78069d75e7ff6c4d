// CPU0 | CPU1: an execution in columns, one event a line, as it is drawn in commit messages.
#ifndef VMAFUZZ_REPORT_COLUMNS_H_
#define VMAFUZZ_REPORT_COLUMNS_H_

#include <string>
#include <vector>

#include "report/timeline.h"

namespace vmafuzz::report {

struct DiagramOptions {
  bool full = false;    // every access, not only those that condense() lets stay
  int width = 79;       // of the diagram
  int min_column = 24;  // more than two make the diagram as wide as that takes
};

// The first column numbers the accesses of the execution; the next ones show sequence counters
// that somebody changes or reads. `operations[i]` is the heading of operation i. Columns are the
// CPUs that did something, and the contexts with an event that stays. What is left out between two
// events of a CPU is "...". An operation that repeats itself is drawn once, with the number of
// repetitions.
std::string diagram(const Timeline& timeline, const std::vector<std::string>& operations,
                    const DiagramOptions& options = {});

// The narrowest that the diagram can be drawn.
int least_width(const Timeline& timeline, const std::vector<std::string>& operations,
                const DiagramOptions& options = {});

// Text wrapped at spaces; lines after the first begin with `indent` spaces. Words that are longer
// than a line are cut, behind a mark if they can be.
std::vector<std::string> wrap_text(const std::string& text, size_t width, size_t indent);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_COLUMNS_H_
