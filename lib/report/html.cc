#include "report/html.h"

#include "absl/strings/str_cat.h"
#include "input/text.h"
#include "report/directives.h"
#include "report/interleaving.h"
#include "report/svg.h"

namespace vmafuzz::report {
namespace {

constexpr absl::string_view kStyle = R"(
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--dim:#535b66;--line:#c4cad2;--soft:#f3f5f7;--alarm:#b3261e;--link:#1a5fb4}
@media (prefers-color-scheme: dark){:root{--paper:#15181c;--ink:#e4e8ed;--dim:#a3adb9;--line:#454d58;--soft:#1e2228;--alarm:#ff8a80;--link:#79b8ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:16px 24px 48px;max-width:1208px;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,"DejaVu Sans",sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.25;margin:.4em 0}
h2{font-size:1.25rem;line-height:1.3;margin:2em 0 .5em}
h3{font-size:1rem;margin:1.6em 0 .5em}
a{color:var(--link)}
p{max-width:48em;margin:.6em 0}
.dim{color:var(--dim)}
.verdict{color:var(--alarm)}
section.finding{border-top:2px solid var(--line);margin-top:2.5em}
section.finding>h2{margin-top:.8em}
section.finding:first-child{border:0;margin-top:0}
.missing{border-left:4px solid var(--alarm);background:var(--soft);padding:.3em 1em;margin:1em 0;max-width:50em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2em 1.2em;margin:1em 0}
dt{color:var(--dim)}
dd{margin:0;min-width:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.875rem}
th,td{padding:.25em .55em;border-bottom:1px solid var(--line);text-align:right;vertical-align:middle;white-space:nowrap}
th{color:var(--dim);font-weight:600}
th:first-child,td:first-child,th:nth-child(2),.words{text-align:left}
td.words{white-space:normal;min-width:9em}
.copy{position:relative;margin:.5em 0;max-width:100%}
pre{margin:0;padding:.6em .8em;background:var(--soft);border:1px solid var(--line);border-radius:6px;overflow-x:auto;font:13px/1.45 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.copy pre{user-select:all;-webkit-user-select:all;white-space:pre-wrap;overflow-wrap:anywhere}
.copy.drawing pre{white-space:pre;overflow-wrap:normal}
.copy button{display:none;position:absolute;top:.35em;right:.35em;font:12px/1.4 system-ui,sans-serif;padding:.15em .7em;color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:4px;cursor:pointer}
.scripted .copy button{display:block}
.scripted .copy pre{padding-right:5.5em}
details{margin:.8em 0}
summary{cursor:pointer;color:var(--link)}
svg{display:block}
.curves{flex-wrap:wrap;gap:20px 28px;margin:1em 0}
.curves.wide{display:flex}
.curves svg{max-width:100%;height:auto}
.wide.lanes svg{width:100%;max-width:1160px;height:auto}
.slim{display:none}
.slim.lanes svg{width:100%;max-width:560px;height:auto}
.key{font-size:.875rem}
@media (max-width:880px){.wide,.curves.wide{display:none}.slim{display:block}.curves.slim{display:flex}}
@media (max-width:640px){body{padding:8px 12px 40px}h1{font-size:1.3rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5em}pre{font-size:12px}}
@media print{.copy button{display:none}}
)";

constexpr absl::string_view kScript = R"(
document.documentElement.classList.add('scripted');
document.addEventListener('click', event => {
  const button = event.target.closest('.copy button');
  if (!button) return;
  const pre = button.parentElement.querySelector('pre');
  const done = () => {
    button.textContent = 'copied';
    setTimeout(() => { button.textContent = 'copy'; }, 1500);
  };
  const byHand = () => {
    getSelection().selectAllChildren(pre);
    if (document.execCommand('copy')) done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(pre.textContent).then(done, byHand);
  else byHand();
});
)";

std::string list(absl::string_view title, const std::vector<std::string>& items) {
  if (items.empty()) return {};
  std::string html = absl::StrCat("<h3>", title, "</h3>\n<ul>\n");
  for (const std::string& item : items) {
    absl::StrAppend(&html, "<li>", escape_markup(item), "</li>\n");
  }
  return html + "</ul>\n";
}

std::string pictures(const Report& report, bool full) {
  const std::vector<std::string> operations = operation_names(report.program);
  const Interleaving picture = interleaving_of(report.timeline, operations, full);
  SvgOptions options;
  options.title = "What each CPU did, in the order in which it happened";
  std::string html =
      absl::StrCat("<div class=\"wide lanes\">\n", svg_interleaving(picture, options), "</div>\n");
  options.narrow = true;
  options.width = kNarrowWidth;
  DiagramOptions diagram_options;
  diagram_options.full = full;
  absl::StrAppend(&html, "<div class=\"slim lanes\">\n", svg_interleaving(picture, options),
                  "</div>\n", "<details><summary>The same as text</summary>\n",
                  html_copyable(diagram(report.timeline, operations, diagram_options), "drawing"),
                  "</details>\n");
  return html;
}

std::string heading(const Report& report) {
  const Failure& failure = report.timeline.failure;
  if (failure.verdict.empty()) {
    return absl::StrCat("<h2>Nothing found on ", escape_markup(report.kernel), "</h2>\n");
  }
  return absl::StrCat("<h2><span class=\"verdict\">", escape_markup(failure.verdict), "</span> on ",
                      escape_markup(report.kernel), "</h2>\n<p>", escape_markup(failure.what),
                      "</p>\n");
}

std::string commands(const std::string& file, const std::string& replay_flags) {
  if (file.empty()) {
    return absl::StrCat("<h3>Replay</h3>\n<p><code>./vmafuzz replay ", replay_flags,
                        "FILE</code>, where FILE holds the program below.</p>\n");
  }
  // A first - would be taken for a flag.
  const std::string word = shell_word(file[0] == '-' ? absl::StrCat("./", file) : file);
  return absl::StrCat("<h3>Commands</h3>\n",
                      html_copyable(absl::StrCat("./vmafuzz replay ", replay_flags, word)),
                      html_copyable("./vmafuzz explain " + word),
                      html_copyable("./vmafuzz explain --mail " + word));
}

}  // namespace

std::string shell_word(absl::string_view text) {
  constexpr absl::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./+:,=@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == text.npos) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string html_copyable(absl::string_view text, absl::string_view kind) {
  return absl::StrCat("<div class=\"copy", kind.empty() ? "" : " ", kind, "\"><pre>",
                      escape_markup(text), "</pre><button type=\"button\">copy</button></div>\n");
}

std::string html_facts(const Facts& facts) {
  if (facts.empty()) return {};
  std::string html = "<dl>\n";
  for (const auto& [name, value] : facts) {
    absl::StrAppend(&html, "<dt>", escape_markup(name), "</dt><dd>", escape_markup(value),
                    "</dd>\n");
  }
  return html + "</dl>\n";
}

std::string html_finding(const Report& report, const FindingOptions& options) {
  std::string html = absl::StrCat("<section class=\"finding\" id=\"", escape_markup(options.id),
                                  "\">\n", heading(report));
  if (!report.sentence.empty()) {
    absl::StrAppend(&html, "<h3>Why</h3>\n<p>", escape_markup(report.sentence), "</p>\n");
  }
  absl::StrAppend(&html, html_facts(options.facts));
  if (!report.picture.empty()) {
    SvgOptions picture;
    picture.title = absl::StrCat("The address space of mm", report.mm, ", version by version");
    absl::StrAppend(
        &html, "<h3>The address space of mm", report.mm, "</h3>\n<div class=\"scroll\">\n",
        svg_address_space(drawing_of(report.picture, report.marked_page), picture), "</div>\n");
  }
  absl::StrAppend(&html, "<h3>What each CPU did</h3>\n", pictures(report, options.full),
                  list("What deviates from running one CPU after the other", report.deviations));
  absl::StrAppend(&html, list("Diagnosis", report.diagnosis),
                  commands(options.file, report.replay_flags), "<h3>The program</h3>\n",
                  html_copyable(input::print_text(report.program)), "</section>\n");
  return html;
}

std::string html_page(absl::string_view title, absl::string_view body) {
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      // Whatever gets into a page, it loads nothing and sends nothing.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      escape_markup(title), "</title>\n<style>", kStyle, svg_style(), "</style>\n</head>\n<body>\n",
      body, "<script>", kScript, "</script>\n</body>\n</html>\n");
}

}  // namespace vmafuzz::report
