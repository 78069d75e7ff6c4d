// One event a line, whatever the number of CPUs: the diagram for places where three columns do not
// fit, such as mails.
//
//     step | seq | cpu  |
//     -----+-----+------+----------------------------
//          |   4 |      |
//          |     | cpu0 | munmap(mm0, page 2, len 1)
//      274 |   5 |      |   mm0.mm_lock_seq = 5
#ifndef VMAFUZZ_REPORT_LISTING_H_
#define VMAFUZZ_REPORT_LISTING_H_

#include <string>

#include "report/interleaving.h"

namespace vmafuzz::report {

// No line has more than `width` characters; `width` is at least 40.
std::string listing(const Interleaving& picture, int width);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_LISTING_H_
