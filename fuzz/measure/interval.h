// How often something showed, as a share with its uncertainty.
#ifndef VMAFUZZ_FUZZ_MEASURE_INTERVAL_H_
#define VMAFUZZ_FUZZ_MEASURE_INTERVAL_H_

#include <cstdint>
#include <string>

namespace vmafuzz::measure {

struct Interval {
  double low, high;
};

// E. B. Wilson, 1927: right also where it showed never or always. 95%. REQUIRES: runs > 0.
Interval wilson(uint64_t hits, uint64_t runs);

// "37 of 1000 runs, 3.7% (95%: 2.7% to 5.1%)"
std::string share_in_words(uint64_t hits, uint64_t runs);

}  // namespace vmafuzz::measure

#endif  // VMAFUZZ_FUZZ_MEASURE_INTERVAL_H_
