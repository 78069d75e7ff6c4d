// `vmafuzz kernels`: the named kernels, and what each must be caught for.
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "fuzz/commands/table.h"
#include "variants/variants.h"

namespace vmafuzz::command {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"json", FlagKind::kSwitch, "", "", "print one JSON object"},
};

void print_kernel(const variants::Kernel& kernel) {
  std::cout << absl::StreamFormat("%-20s %s\n", kernel.name, kernel.description);
  std::cout << absl::StreamFormat("%20s source:   %s\n", "", kernel.source);
  std::cout << absl::StreamFormat("%20s protocol: %s\n", "", kernel.protocol);
  for (const variants::Caught& caught : kernel.caught) {
    std::cout << absl::StreamFormat("%20s caught:   %s: %s\n", "", caught.verdict, caught.why);
  }
  if (kernel.must_be_silent()) std::cout << absl::StreamFormat("%20s caught:   never\n", "");
  if (!kernel.accepted.empty()) {
    std::cout << absl::StreamFormat("%20s accepts:  %s\n", "",
                                    absl::StrJoin(kernel.accepted, ", "));
  }
}

Json kernel_json(const variants::Kernel& kernel) {
  Json caught = Json::array();
  for (const variants::Caught& row : kernel.caught) {
    caught.push_back({{"verdict", std::string(row.verdict)}, {"why", std::string(row.why)}});
  }
  Json accepted = Json::array();
  for (const absl::string_view finding : kernel.accepted) accepted.push_back(std::string(finding));
  return {{"name", std::string(kernel.name)},
          {"description", std::string(kernel.description)},
          {"source", std::string(kernel.source)},
          {"protocol", std::string(kernel.protocol)},
          {"must_be_silent", kernel.must_be_silent()},
          {"caught", std::move(caught)},
          {"accepted", std::move(accepted)}};
}

int run(const Arguments& args) {
  if (!args.on("json")) {
    for (const variants::Kernel& kernel : variants::kernels()) print_kernel(kernel);
    std::cout << "\nOptions on top of any of them (options: key=value in a program's text)\n";
    for (const variants::Option& option : variants::options()) {
      std::cout << absl::StreamFormat("%-20s %s: %s\n", option.key, option.values, option.help);
    }
    return kExitOk;
  }
  Json kernels = Json::array();
  for (const variants::Kernel& kernel : variants::kernels()) kernels.push_back(kernel_json(kernel));
  Json options = Json::array();
  for (const variants::Option& option : variants::options()) {
    options.push_back({{"key", std::string(option.key)},
                       {"values", std::string(option.values)},
                       {"help", std::string(option.help)}});
  }
  const Json all = {{"kernels", std::move(kernels)}, {"options", std::move(options)}};
  std::cout << all.dump(2) << "\n";
  return kExitOk;
}

}  // namespace

const Command kKernels = {
    .name = "kernels",
    .summary = "lists the kernels that can be modelled",
    .operands = "",
    .description =
        "Prints each kernel's name, where it comes from, its lookup protocol, the verdicts that "
        "it\n"
        "must be caught for, and the findings that upstream knows and accepts.",
    .examples = "./vmafuzz kernels\n./vmafuzz kernels --json",
    .flags = kFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
