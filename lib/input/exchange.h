// Two cpus of a program under each other's numbers.
#ifndef VMAFUZZ_INPUT_EXCHANGE_H_
#define VMAFUZZ_INPUT_EXCHANGE_H_

#include <cstdint>

#include "input/program.h"

namespace vmafuzz::input {

// Exchanges two cpus (as Op::cpu, not 0) throughout, targets of preemptions included. What results
// may have to be made canonical: operations are listed by cpu.
void exchange_cpus(Program& program, uint8_t a, uint8_t b);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_EXCHANGE_H_
