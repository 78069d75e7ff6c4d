// fuzz_decode: no bytes may crash, hang or exhaust the decoder; what it gives is canonical and
// survives both of its other forms.
#include <cstdint>
#include <cstdlib>

#include "input/bytes.h"
#include "input/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmafuzz::input;  // NOLINT: nothing else is in here
  const Program program = decode({data, size});
  if (!is_canonical(program)) std::abort();
  if (!(decode(encode(program)) == program)) std::abort();
  const absl::StatusOr<Program> parsed = parse_text(print_text(program));
  if (!parsed.ok() || !(*parsed == program)) std::abort();
  return 0;
}
