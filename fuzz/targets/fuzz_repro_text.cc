// fuzz_repro_text: no text may crash, hang or exhaust the parser; a refusal names a place, and what
// is accepted prints to something that reads back the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "input/text.h"

// "repro:LINE:COLUMN: expected THIS, found THAT".
static bool names_a_place(absl::string_view message) {
  if (!absl::ConsumePrefix(&message, "repro:")) return false;
  for (int i = 0; i < 2; ++i) {
    const size_t digits = std::min(message.find_first_not_of("0123456789"), message.size());
    if (digits == 0) return false;
    message.remove_prefix(digits);
    if (!absl::ConsumePrefix(&message, ":")) return false;
  }
  return absl::StartsWith(message, " ") && absl::StrContains(message, "expected");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmafuzz::input;  // NOLINT: nothing else is in here
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Program> program = parse_text(text);
  if (!program.ok()) {
    if (!names_a_place(program.status().message())) std::abort();
    return 0;
  }
  const absl::StatusOr<Program> again = parse_text(print_text(*program));
  if (!again.ok() || !(*again == *program)) std::abort();
  return 0;
}
