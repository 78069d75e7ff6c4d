// Quantities as people read them.
#ifndef VMAFUZZ_FUZZ_WORDS_H_
#define VMAFUZZ_FUZZ_WORDS_H_

#include <cstdint>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vmafuzz {

// "1:02:03".
inline std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

// "1,234,567".
inline std::string grouped(uint64_t number) {
  std::string digits = absl::StrCat(number);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

// "12.3 MiB".
inline std::string size_text(uint64_t bytes) {
  const char* const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return absl::StrFormat("%.*f %s", unit == 0 ? 0 : 1, value, units[unit]);
}

// "1 directive", "2,000 directives".
inline std::string plural(uint64_t count, absl::string_view one) {
  return absl::StrCat(grouped(count), " ", one, count == 1 ? "" : "s");
}

}  // namespace vmafuzz

#endif  // VMAFUZZ_FUZZ_WORDS_H_
