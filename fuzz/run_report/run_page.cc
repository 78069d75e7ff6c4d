#include "fuzz/run_report/run_page.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "fuzz/words.h"
#include "report/html.h"
#include "report/svg.h"

namespace vmafuzz::run_report {
namespace {

using report::escape_markup;
using report::short_number;
using report::short_time;

constexpr int kWideCurve = 560;  // two side by side
constexpr int kSparkWidth = 72, kSparkHeight = 22;

std::string date(double unix_seconds) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC",
                          absl::FromUnixSeconds(static_cast<int64_t>(unix_seconds)),
                          absl::UTCTimeZone());
}

std::string cell(absl::string_view text, absl::string_view css_class = {}) {
  return absl::StrCat("<td", css_class.empty() ? "" : absl::StrCat(" class=\"", css_class, "\""),
                      ">", escape_markup(text), "</td>");
}

std::string table(const std::vector<std::string>& heads, const std::string& rows) {
  std::string html = "<div class=\"scroll\"><table>\n<tr>";
  for (const std::string& head : heads)
    absl::StrAppend(&html, "<th>", escape_markup(head), "</th>");
  return absl::StrCat(html, "</tr>\n", rows, "</table></div>\n");
}

std::string bullets(const std::vector<std::string>& items) {
  std::string html = "<ul>\n";
  for (const std::string& item : items) {
    absl::StrAppend(&html, "<li>", escape_markup(item), "</li>\n");
  }
  return html + "</ul>\n";
}

std::string title_of(const RunFolder& run, size_t findings) {
  std::string title = findings == 0 ? "nothing found" : plural(findings, "bucket");
  if (run.seconds > 0) absl::StrAppend(&title, " in ", short_time(run.seconds));
  return title;
}

// --- the run

std::string state_in_words(const RunFolder& run) {
  if (run.state.empty()) return "not known";
  std::string words = run.killed ? "ended without a word (killed?)" : run.state;
  if (run.updated_unix > 0) absl::StrAppend(&words, ", as of ", date(run.updated_unix));
  if (run.killed) {
    absl::StrAppend(&words, "; `./vmafuzz fuzz --dir ", report::shell_word(run.path),
                    "` goes on with it");
  }
  if (run.limit > 0) absl::StrAppend(&words, "; limit ", short_time(run.limit));
  return words;
}

// The words may begin behind the command's name.
std::string command_line(const std::vector<std::string>& words) {
  std::string line = absl::StartsWith(words[0], "-") ? "./vmafuzz fuzz" : "";
  for (const std::string& word : words) {
    absl::StrAppend(&line, line.empty() ? "" : " ", report::shell_word(word));
  }
  return line;
}

std::string overview(const RunFolder& run, const std::string& version) {
  report::Facts facts = {{"folder", run.path}};
  if (!run.command.empty()) facts.emplace_back("command", command_line(run.command));
  facts.emplace_back("state", state_in_words(run));
  if (run.started_unix > 0) facts.emplace_back("started", date(run.started_unix));
  if (run.sessions > 1) {
    facts.emplace_back("sessions", short_number(run.sessions));
  }
  std::string executions = short_number(run.executions);
  if (run.seconds > 0) {
    absl::StrAppend(&executions, " (", short_number(run.executions / run.seconds), " a second)");
  }
  facts.emplace_back("executions", executions);
  if (run.corpus > 0) {
    facts.emplace_back("corpus", absl::StrCat(short_number(run.corpus), " entries, ",
                                              short_number(run.corpus_bytes), " bytes"));
  }
  if (!run.host.empty()) facts.emplace_back("host", run.host);
  facts.emplace_back("run by", run.commit.empty() ? "vmafuzz of an unknown commit"
                                                  : absl::StrCat("vmafuzz ", run.commit));
  facts.emplace_back("report by", absl::StrCat("vmafuzz ", version));
  return report::html_facts(facts);
}

std::string notes(const RunFolder& run) {
  std::string html;
  if (!run.missing.empty()) {
    absl::StrAppend(&html, "<div class=\"missing\"><b>What is missing here</b>\n",
                    bullets(run.missing), "</div>\n");
  }
  if (!run.warnings.empty()) {
    absl::StrAppend(&html, "<div class=\"missing\"><b>The run complained</b>\n",
                    bullets(run.warnings), "</div>\n");
  }
  return html;
}

// --- groups

// What became of what is known about the group's kernel and bugs.
struct Judgement {
  std::string words;
  bool alarm = false;
};

Judgement judge(const Group& group, const std::vector<Finding>& findings) {
  if (!group.knows_expected) return {"", false};
  std::vector<std::string> got;
  for (const Finding& finding : findings) {
    const Bucket& bucket = finding.bucket;
    if (bucket.kernel != group.kernel || bucket.bugs != group.bugs ||
        bucket.options != group.options) {
      continue;
    }
    if (std::find(got.begin(), got.end(), bucket.verdict) == got.end()) {
      got.push_back(bucket.verdict);
    }
  }
  if (group.executions == 0 && got.empty()) return {"did not run", false};
  if (group.expected.empty() && got.empty()) return {"silent, as it must be", false};
  if (group.expected.empty()) {
    return {absl::StrCat("must be silent, but: ", absl::StrJoin(got, ", ")), true};
  }
  for (const std::string& verdict : group.expected) {
    if (std::find(got.begin(), got.end(), verdict) != got.end()) {
      return {absl::StrCat("caught: ", absl::StrJoin(got, ", ")), false};
    }
  }
  return {absl::StrCat("not caught yet for ", absl::StrJoin(group.expected, " or "),
                       got.empty() ? "" : absl::StrCat("; found ", absl::StrJoin(got, ", "))),
          true};
}

std::string spark_cell(absl::string_view name, double value, const Series& series) {
  const std::string picture =
      report::svg_sparkline({std::string(name), series}, kSparkWidth, kSparkHeight);
  return absl::StrCat(cell(short_number(value)), "<td>", picture, "</td>");
}

std::string groups(const RunFolder& run, const std::vector<Finding>& findings) {
  if (run.groups.empty()) return {};
  std::string rows;
  for (const Group& group : run.groups) {
    const Judgement judgement = judge(group, findings);
    std::string name = group.name;
    if (!group.bugs.empty()) absl::StrAppend(&name, " + ", absl::StrJoin(group.bugs, ", "));
    absl::StrAppend(&rows, "<tr>", cell(name),
                    cell(judgement.words, judgement.alarm ? "words verdict" : "words"),
                    cell(short_time(group.seconds)), cell(short_number(group.executions)),
                    cell(group.seconds > 0 ? short_number(group.executions / group.seconds) : ""),
                    spark_cell("edges", group.edges, group.edges_along_time),
                    spark_cell("reads-from pairs", group.features, group.features_along_time),
                    cell(short_number(group.kept)), cell(short_number(group.hits)),
                    cell(short_number(group.restarts)), "</tr>\n");
  }
  return absl::StrCat("<h2>What ran</h2>\n",
                      table({"engine/kernel", "verdict", "worker time", "executions", "a second",
                             "edges", "", "reads-from", "", "kept", "hits", "restarts"},
                            rows));
}

// --- along time

std::string curves(const RunFolder& run) {
  const std::vector<report::Curve> all = {
      {"executions", run.executions_along_time},
      {"corpus entries", run.corpus_along_time},
      {"edges, all groups", run.edges_along_time},
      {"reads-from pairs, all groups", run.features_along_time}};
  std::string wide, slim;
  for (const report::Curve& curve : all) {
    report::SvgOptions options;
    options.title = absl::StrCat(curve.name, " along time");
    options.width = kWideCurve;
    absl::StrAppend(&wide, report::svg_curves({curve}, options));
    options.width = report::kNarrowWidth;
    absl::StrAppend(&slim, report::svg_curves({curve}, options));
  }
  if (wide.empty()) return {};
  return absl::StrCat("<h2>Along time</h2>\n<div class=\"curves wide\">\n", wide,
                      "</div>\n<div class=\"curves slim\">\n", slim, "</div>\n");
}

// --- findings

std::string state_in_words(const std::string& state) {
  if (state == "new") return "not minimised yet";
  if (state == "minimal") return "minimal: removing any one operation or directive loses it";
  if (state == "small") return "small: the minimiser's budget ran out";
  if (state == "whole") return "whole: as it was met, no minimiser can run it";
  if (state == "unreproduced") return "not reproduced in another process";
  return state;
}

std::string anchor(size_t index) { return absl::StrCat("finding-", index + 1); }

std::string size_of(const Finding& finding) {
  if (!finding.report) return "";
  const input::Program& program = finding.report->program;
  return absl::StrCat(plural(program.ops.size(), "operation"), ", ",
                      plural(program.directives.size(), "directive"));
}

std::string index_of(const std::vector<Finding>& findings) {
  if (findings.empty()) return {};
  std::string rows;
  for (size_t i = 0; i < findings.size(); ++i) {
    const Bucket& bucket = findings[i].bucket;
    absl::StrAppend(&rows, "<tr><td><a href=\"#", anchor(i), "\">",
                    escape_markup(bucket.bucket.empty() ? bucket.name : bucket.bucket), "</a></td>",
                    cell(bucket.kernel, "words"),
                    cell(bucket.hits > 0 ? short_number(bucket.hits) : ""),
                    cell(bucket.first_seconds >= 0 ? short_time(bucket.first_seconds) : ""),
                    cell(bucket.first_executions > 0 ? short_number(bucket.first_executions) : ""),
                    cell(bucket.engine), cell(size_of(findings[i])), cell(bucket.state), "</tr>\n");
  }
  return absl::StrCat("<h2>Findings</h2>\n", table({"bucket", "kernel", "hits", "first after",
                                                    "executions", "engine", "program", "state"},
                                                   rows));
}

report::Facts facts_of(const Finding& finding) {
  const Bucket& bucket = finding.bucket;
  report::Facts facts;
  if (!bucket.bucket.empty()) facts.emplace_back("bucket", bucket.bucket);
  if (const std::string seen = sightings(bucket); !seen.empty()) facts.emplace_back("seen", seen);
  if (bucket.first_unix > 0) facts.emplace_back("first seen", date(bucket.first_unix));
  if (!bucket.executor.empty()) facts.emplace_back("found on", bucket.executor);
  if (!bucket.shows_on.empty()) facts.emplace_back("shows on", bucket.shows_on);
  if (!bucket.state.empty()) facts.emplace_back("program", state_in_words(bucket.state));
  if (!finding.kernel_source.empty()) facts.emplace_back("kernel from", finding.kernel_source);
  return facts;
}

// What can be said without a program, or besides one that shows something else.
std::string words_about(const Finding& finding) {
  std::string html =
      absl::StrCat("<div class=\"missing\"><p>", escape_markup(finding.problem), "</p></div>\n");
  if (finding.bucket.report.empty()) return html;
  return absl::StrCat(html, "<details open><summary>What the run said of it</summary>\n",
                      report::html_copyable(finding.bucket.report, "drawing"), "</details>\n");
}

std::string section(const Finding& finding, size_t index) {
  const Bucket& bucket = finding.bucket;
  if (finding.report && finding.problem.empty()) {
    report::FindingOptions options;
    options.id = anchor(index);
    options.file = bucket.repro;  // an input's commands would not name its kernel
    options.facts = facts_of(finding);
    return report::html_finding(*finding.report, options);
  }
  std::string html = absl::StrCat(
      "<section class=\"finding\" id=\"", anchor(index), "\">\n<h2><span class=\"verdict\">",
      escape_markup(bucket.verdict.empty() ? "unknown verdict" : bucket.verdict), "</span> ",
      bucket.kernel.empty() ? "" : absl::StrCat("on ", escape_markup(bucket.kernel)), "</h2>\n<p>",
      escape_markup(bucket.what), "</p>\n", report::html_facts(facts_of(finding)),
      words_about(finding));
  if (!bucket.repro.empty()) {
    const std::string kernel =
        bucket.kernel.empty() ? ""
                              : absl::StrCat("--kernel ", report::shell_word(bucket.kernel), " ");
    absl::StrAppend(&html, "<h3>Commands</h3>\n",
                    report::html_copyable(absl::StrCat("./vmafuzz replay ", kernel,
                                                       report::shell_word(bucket.repro))));
  }
  return html + "</section>\n";
}

}  // namespace

std::string run_page(const RunFolder& run, const std::vector<Finding>& findings,
                     const std::string& version) {
  const std::string title = absl::StrCat("vmafuzz: ", title_of(run, findings.size()));
  std::string body =
      absl::StrCat("<h1>", escape_markup(title), "</h1>\n", overview(run, version), notes(run),
                   index_of(findings), groups(run, findings), curves(run));
  for (size_t i = 0; i < findings.size(); ++i) absl::StrAppend(&body, section(findings[i], i));
  return report::html_page(title, body);
}

}  // namespace vmafuzz::run_report
