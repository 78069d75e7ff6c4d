// `vmafuzz bugs`: the bug switches, which any kernel can be run with.
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "fuzz/commands/table.h"
#include "variants/variants.h"

namespace vmafuzz::command {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"json", FlagKind::kSwitch, "", "", "print one JSON array"},
};

int run(const Arguments& args) {
  Json list = Json::array();
  for (const variants::Bug& bug : variants::bugs()) {
    if (!args.on("json")) {
      std::cout << absl::StreamFormat("%-28s %s\n%28s verdicts: %s\n%28s source:   %s\n", bug.name,
                                      bug.cause, "", absl::StrJoin(bug.verdicts, ", "), "",
                                      bug.source);
      continue;
    }
    Json verdicts = Json::array();
    for (const absl::string_view verdict : bug.verdicts) verdicts.push_back(std::string(verdict));
    list.push_back({{"name", std::string(bug.name)},
                    {"cause", std::string(bug.cause)},
                    {"source", std::string(bug.source)},
                    {"verdicts", std::move(verdicts)}});
  }
  if (args.on("json")) std::cout << list.dump(2) << "\n";
  return kExitOk;
}

}  // namespace

const Command kBugs = {
    .name = "bugs",
    .summary = "lists the bug switches",
    .operands = "",
    .description =
        "Prints each known bug that can be switched on, its cause, where it comes from, and the\n"
        "verdicts that may report it. `bugs: NAME, NAME` in a program's text switches them on.",
    .examples = "./vmafuzz bugs\n./vmafuzz bugs --json",
    .flags = kFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
