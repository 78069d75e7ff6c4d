// Where the mutator gets operations, arguments, directives and headers from. Internal to lib/input;
// mutate.h says what is aimed at.
#ifndef VMAFUZZ_INPUT_SUGGEST_H_
#define VMAFUZZ_INPUT_SUGGEST_H_

#include "input/mutate.h"
#include "input/program.h"
#include "input/rng.h"

namespace vmafuzz::input {

// A value for argument `slot` of `op`, related to what `program` does elsewhere. The arguments
// before `slot` should be final: a page is chosen to suit the mm, a length to suit the page.
uint8_t suggest_arg(const Program& program, const Op& op, size_t slot, Rng& rng);

// An operation of a kind drawn by weight, every argument suggested.
Op suggest_op(const Program& program, uint8_t cpu, const OpWeights& weights, Rng& rng);
// The same of a given kind.
Op suggest_op_of(const Program& program, OpKind kind, uint8_t cpu, Rng& rng);

// Moves a `register` or `unregister` onto a page that some mapping shows, a `hit` onto a page where
// a mapping shows a registered offset, and what changes a range of pages onto one of a mapping.
// False, and nothing changed, if there is none.
bool aim(const Program& program, Op& op, Rng& rng);

// setup sometimes, otherwise one of the first cpus more often than the last.
uint8_t suggest_cpu(const MutateOptions& options, Rng& rng);

// Small numbers most often: log-uniform up to 256.
uint16_t suggest_access(const Program& program, Rng& rng);

uint8_t suggest_directive_arg(const Program& program, const Directive& directive, Rng& rng);

// REQUIRES: program has an operation.
Directive suggest_directive(const Program& program, Rng& rng);

// A search header; PCT and URW, with eager stores and oldest-fresh reads, are the most frequent, as
// they were measured to be the best single choices.
Header suggest_header(Rng& rng);

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_SUGGEST_H_
