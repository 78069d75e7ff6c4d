// Structure-aware mutation and crossover of programs.
//
// Both are pure functions of their arguments and the generator's state: the same seed gives the
// same result. Results are canonical, within the limits, and say something about the schedule (a
// strategy or a directive) unless the header is the caller's. Nothing here asks whether a program
// makes sense; it only leans towards ones in which operations meet: the same mm, pages at the edges
// of other operations' ranges, the inode behind a mapped file, a hit where a mapping puts a
// registered offset. A quarter of all arguments is uniform (of repetitions, which cost as much as
// they are large, a sixteenth), so that everything stays reachable.
//
// Which operations are used at all varies from call to call (swarm testing, Groce et al., ISSTA
// 2012): a program that can hold every kind rarely holds enough of one.
//
// Thread safety: no shared state.
#ifndef VMAFUZZ_INPUT_MUTATE_H_
#define VMAFUZZ_INPUT_MUTATE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "input/program.h"
#include "input/rng.h"

namespace vmafuzz::input {

// Relative frequency of each operation kind; 0 switches it off.
using OpWeights = std::array<uint8_t, kOpKindCount>;

// What insertion uses without swarm: calls that change a mapping, and hits, most often.
OpWeights default_weights();

// A random subset of the default weights with random emphasis. mmap, register and hit stay on: no
// lookup happens without them.
OpWeights swarm_weights(Rng& rng);

struct MutateOptions {
  size_t max_ops = 32;         // <= kMaxOps; a longer parent is cut
  size_t max_directives = 64;  // <= kMaxDirectives
  int cpus = kCpuCount;        // operations are put on setup and cpu0..cpu<cpus-1>
  bool mutate_header = true;   // false: strategy, policy and seed are the caller's
  bool swarm = true;           // draw swarm_weights() in half of the calls
  OpWeights weights = default_weights();
};

// Changes `program` by one to a few elementary mutations: insert, delete, duplicate or move an
// operation or a directive, repeat an operation, take one back, retarget an operation to another
// cpu, change an argument, shift an access number, exchange two cpus, draw another strategy, policy
// or seed. One call in four draws another schedule only; every other one, and any on a program
// without operations, gives a random_scenario(). The result differs from `program` unless eight
// attempts in a row led back to it. Text-only fields are kept.
void mutate(Program& program, Rng& rng, const MutateOptions& options = {});

// A child of two programs, spliced by operation: each operation brings its directives along. The
// text-only fields are those of `a`, the header is that of either, or a fresh one where that and
// the directives left would say nothing about the schedule.
Program cross_over(const Program& a, const Program& b, Rng& rng, const MutateOptions& options = {});

// A small program of the shape that matters: a mapped file and a uprobe in it as setup, one cpu
// that hits the probe, one or two that change the address space or the probes and may take that
// back, and a search header.
Program random_scenario(Rng& rng, const MutateOptions& options = {});

// Drops operations and directives from the end until encode() gives at most `max_bytes`, or
// nothing is left but the header.
void fit_to_bytes(Program& program, size_t max_bytes);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_MUTATE_H_
