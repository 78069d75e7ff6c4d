// fuzz_repro_text: no text may crash, hang or exhaust the parser; a refusal names a place, and what
// is accepted prints to something that reads back the same.
#include <cstdint>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "input/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmafuzz::input;  // NOLINT: nothing else is in here
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Program> program = parse_text(text);
  if (!program.ok()) {
    if (!absl::StartsWith(program.status().message(), "repro:")) std::abort();
    return 0;
  }
  const absl::StatusOr<Program> again = parse_text(print_text(*program));
  if (!again.ok() || !(*again == *program)) std::abort();
  return 0;
}
