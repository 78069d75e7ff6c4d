// Replay: the directives of a program, and nothing else.
#ifndef VMAFUZZ_SEARCH_REPLAY_H_
#define VMAFUZZ_SEARCH_REPLAY_H_

#include <cstddef>

#include "input/program.h"
#include "sim/director.h"

namespace vmafuzz::search {

class ReplayDirector : public sim::Director {
 public:
  // `program` must outlive the director's use and be canonical (directives sorted).
  void begin(const input::Program& program);

  uint16_t next_point(int cpu, uint16_t op, uint16_t after) override;
  sim::Decision decide(const sim::Point& point) override;

  // Directives whose access never came.
  size_t unused() const;

 private:
  const input::Program* program_ = nullptr;
  size_t used_ = 0;
};

}  // namespace vmafuzz::search

#endif  // VMAFUZZ_SEARCH_REPLAY_H_
