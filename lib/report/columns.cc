#include "report/columns.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "report/names.h"
#include "report/rows.h"

namespace vmafuzz::report {
namespace {

constexpr size_t kContinuation = 4;
constexpr size_t kRemark = 2;
constexpr size_t kNarrowest = 8;
constexpr absl::string_view kSeparator = " | ";

struct Column {
  std::string title;
  size_t width = 0;
};

constexpr int kStepColumn = -1;

struct Layout {
  std::vector<int> numbers;  // kStepColumn, then indices into Timeline::counters
  std::vector<int> cpus;
  std::vector<Column> columns;  // numbers, then CPUs
  size_t column_of(int cpu) const {
    const auto found = std::find(cpus.begin(), cpus.end(), cpu);
    return numbers.size() + static_cast<size_t>(found - cpus.begin());
  }
};

// What stands in a row's column of numbers; empty mostly.
std::string number_in(const Row& row, int column) {
  if (column == kStepColumn) return row.step == 0 ? "" : absl::StrCat(row.step);
  return row.counter == column ? row.count : "";
}

// Steps, and every counter that somebody changed or read.
void add_numbers(const Timeline& timeline, const std::vector<Row>& rows, Layout* layout) {
  layout->numbers = {kStepColumn};
  for (size_t i = 0; i < timeline.counters.size(); ++i) {
    const int counter = static_cast<int>(i);
    const auto about = [&](const Row& row) { return is_about(timeline, row, counter); };
    if (std::any_of(rows.begin(), rows.end(), about)) layout->numbers.push_back(counter);
  }
  for (const int number : layout->numbers) {
    Column column{"step", 0};
    if (number != kStepColumn) {
      const Counter& counter = timeline.counters[static_cast<size_t>(number)];
      const bool only = layout->numbers.size() == 2;
      // "mm0" is enough where several address spaces are shown.
      column.title = only ? "seq" : counter.name.substr(0, counter.name.find('.'));
      column.width = absl::StrCat(counter.first).size();
    }
    column.width = std::max(column.width, column.title.size());
    for (const Row& row : rows) {
      column.width = std::max(column.width, number_in(row, number).size());
    }
    layout->columns.push_back(std::move(column));
  }
}

Layout lay_out(const Timeline& timeline, const std::vector<Row>& rows,
               const DiagramOptions& options) {
  Layout layout;
  add_numbers(timeline, rows, &layout);
  size_t left = static_cast<size_t>(std::max(options.width, 1));
  for (const Column& column : layout.columns) {
    left -= std::min(left, column.width + kSeparator.size());
  }
  for (int cpu = 0; cpu < sim::kMaxCpus; ++cpu) {
    const auto runs = [cpu](const Row& row) { return row.cpu == cpu; };
    if (std::any_of(rows.begin(), rows.end(), runs)) layout.cpus.push_back(cpu);
  }
  const size_t count = layout.cpus.size();
  const size_t gaps = count == 0 ? 0 : (count - 1) * kSeparator.size();
  size_t width = count == 0 ? 0 : (left - std::min(left, gaps)) / count;
  // Two columns and fewer keep to the width that was asked for.
  if (count > 2) width = std::max(width, static_cast<size_t>(options.min_column));
  for (const int cpu : layout.cpus) {
    layout.columns.push_back({absl::AsciiStrToUpper(cpu_name(cpu)), std::max(width, kNarrowest)});
  }
  return layout;
}

std::vector<Row> rows_of(const Timeline& timeline, const std::vector<std::string>& operations,
                         const DiagramOptions& options) {
  std::vector<Row> rows = make_rows(timeline, operations, options.full);
  return options.full ? rows : fold_repetitions(std::move(rows));
}

std::string line_of(const Layout& layout, const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) absl::StrAppend(&line, kSeparator);
    const size_t width = layout.columns[i].width;
    const std::string padding(width - std::min(width, cells[i].size()), ' ');
    // Numbers to the right.
    const bool number = i < layout.numbers.size();
    absl::StrAppend(&line, number ? padding : "", cells[i], number ? "" : padding);
  }
  absl::StripTrailingAsciiWhitespace(&line);
  return line + "\n";
}

std::string rule_of(const Layout& layout) {
  std::string line;
  for (size_t i = 0; i < layout.columns.size(); ++i) {
    if (i > 0) line += "-+-";
    line += std::string(layout.columns[i].width, '-');
  }
  return line + "\n";
}

void append_row(const Layout& layout, const Row& row, std::string* text) {
  const size_t column = layout.column_of(row.cpu);
  const size_t width = layout.columns[column].width;
  size_t indent = static_cast<size_t>(row.indent);
  std::vector<std::string> lines;
  for (absl::string_view part : absl::StrSplit(row.text, '\n')) {
    if (!lines.empty()) indent = static_cast<size_t>(row.indent) + kRemark;
    const std::string indented = absl::StrCat(std::string(indent, ' '), part);
    for (std::string& line : wrap_text(indented, width, indent + kContinuation)) {
      lines.push_back(std::move(line));
    }
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::string> cells(layout.columns.size());
    for (size_t k = 0; i == 0 && k < layout.numbers.size(); ++k) {
      cells[k] = number_in(row, layout.numbers[k]);
    }
    cells[column] = lines[i];
    absl::StrAppend(text, line_of(layout, cells));
  }
}

// Where a word of more than `room` is cut: behind a mark that is in its second half, if there is
// one, so that a line number or the last part of a name stays whole.
size_t cut_of(const std::string& word, size_t room) {
  const size_t mark = word.find_last_of("._:/(", room - 1);
  return mark != word.npos && mark >= room / 2 ? mark + 1 : room;
}

}  // namespace

std::vector<std::string> wrap_text(const std::string& text, size_t width, size_t indent) {
  std::vector<std::string> lines;
  std::string line;
  size_t at = 0;
  while (at < text.size() && text[at] == ' ') ++at;
  line = text.substr(0, at);
  bool fresh = true;  // nothing but indentation so far
  while (at < text.size()) {
    size_t end = text.find(' ', at);
    if (end == text.npos) end = text.size();
    std::string word = text.substr(at, end - at);
    size_t next = end;
    while (next < text.size() && text[next] == ' ') ++next;
    const size_t gap = fresh ? 0 : 1;
    if (!fresh && line.size() + gap + word.size() > width) {
      lines.push_back(line);
      line = std::string(indent, ' ');
      fresh = true;
      continue;
    }
    while (line.size() + (fresh ? 0 : 1) + word.size() > width) {
      const size_t room = std::max<size_t>(width - std::min(width, line.size()), 1);
      const size_t cut = cut_of(word, room);
      lines.push_back(line + word.substr(0, cut));
      word.erase(0, cut);
      line = std::string(std::min(indent, width - 1), ' ');
    }
    absl::StrAppend(&line, fresh ? "" : " ", word);
    fresh = false;
    at = next;
  }
  if (!fresh || lines.empty()) lines.push_back(line);
  return lines;
}

std::string diagram(const Timeline& timeline, const std::vector<std::string>& operations,
                    const DiagramOptions& options) {
  const std::vector<Row> rows = rows_of(timeline, operations, options);
  const Layout layout = lay_out(timeline, rows, options);
  std::vector<std::string> cells;
  for (const Column& column : layout.columns) cells.push_back(column.title);
  std::string text = line_of(layout, cells) + rule_of(layout);
  if (layout.numbers.size() > 1) {
    std::vector<std::string> first(layout.columns.size());
    for (size_t i = 1; i < layout.numbers.size(); ++i) {
      first[i] = absl::StrCat(timeline.counters[static_cast<size_t>(layout.numbers[i])].first);
    }
    absl::StrAppend(&text, line_of(layout, first));
  }
  for (const Row& row : rows) append_row(layout, row, &text);
  if (!timeline.failure.verdict.empty() && timeline.at_rest) {
    const std::string line =
        absl::StrCat("*** ", timeline.failure.verdict, " at rest: ", timeline.failure.what);
    for (const std::string& part : wrap_text(line, static_cast<size_t>(options.width), 4)) {
      absl::StrAppend(&text, part, "\n");
    }
  }
  return text;
}

int least_width(const Timeline& timeline, const std::vector<std::string>& operations,
                const DiagramOptions& options) {
  DiagramOptions narrow = options;
  narrow.width = 1;
  const Layout layout = lay_out(timeline, rows_of(timeline, operations, narrow), narrow);
  size_t width = 0;
  for (const Column& column : layout.columns) width += column.width + kSeparator.size();
  return static_cast<int>(width - kSeparator.size());
}

}  // namespace vmafuzz::report
