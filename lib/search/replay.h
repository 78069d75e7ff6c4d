// Replay: the directives of a program, and nothing else.
#ifndef VMAFUZZ_SEARCH_REPLAY_H_
#define VMAFUZZ_SEARCH_REPLAY_H_

#include <cstddef>
#include <cstdint>

#include "input/program.h"
#include "sim/director.h"

namespace vmafuzz::search {

class ReplayDirector : public sim::Director {
 public:
  // `program` must outlive the director's use and be canonical (directives sorted).
  void begin(const input::Program& program);

  uint16_t next_point(int cpu, uint16_t op, uint16_t after) override;
  sim::Decision decide(const sim::Point& point) override {
    return disturbs(point.op) ? decide_as_told(point) : sim::Decision{};
  }

 protected:
  // False: the operation has no directives. (True may be another one's, whose number is equal
  // modulo 64.)
  bool disturbs(uint16_t op) const { return (disturbed_ >> (op % 64) & 1) != 0; }

 private:
  sim::Decision decide_as_told(const sim::Point& point);

  const input::Program* program_ = nullptr;
  uint64_t disturbed_ = 0;  // operations with directives, one bit each
};

}  // namespace vmafuzz::search

#endif  // VMAFUZZ_SEARCH_REPLAY_H_
