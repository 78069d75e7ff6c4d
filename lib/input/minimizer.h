// The minimiser's state and passes. Internal to lib/input; minimize.h is the interface.
#ifndef VMAFUZZ_INPUT_MINIMIZER_H_
#define VMAFUZZ_INPUT_MINIMIZER_H_

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "input/minimize.h"
#include "input/program.h"

namespace vmafuzz::input {

class Minimizer {
 public:
  // REQUIRES: `program` is canonical, in replay form and reproduces.
  Minimizer(Program program, const Reproduce& reproduce, const Search& search,
            const MinimizeOptions& options, MinimizeStats& stats)
      : current_(std::move(program)),
        reproduce_(reproduce),
        search_(search),
        options_(options),
        stats_(stats) {}

  Program run();

 private:
  // Adopts the candidate if it is smaller and reproduces. Everything that changes current_ goes
  // through here.
  bool adopt(Program candidate);

  // Passes; each returns whether current_ changed.
  bool round();
  bool drop_cpus();
  bool drop_ops(bool setup);
  bool drop_one_op(size_t index);
  bool drop_directives();
  bool lower_staleness();
  bool simplify_args();
  bool simplify_one_arg(size_t op, size_t slot);
  bool simplify_together(ArgId id);
  bool shift_pages();
  bool close_gaps(std::initializer_list<ArgId> ids);
  bool shift_probes();
  // The values that the argument has anywhere, ascending.
  std::vector<uint8_t> named_values(ArgId id) const;
  bool join_cpus();
  bool compact_cpus();
  bool move_to_setup();
  bool simplify_holds();
  bool move_to_boundaries();
  // Repeatedly removes chunks, halving their size, from the things with these indices. `without`
  // builds the candidate; the indices must stay valid for what remains, so they are recomputed by
  // `remaining` after each success.
  bool drop_chunks(const std::function<std::vector<size_t>()>& remaining,
                   const std::function<Program(const std::vector<size_t>&)>& without);

  // Trading operations.
  bool drop_for_repetition();
  bool trade_ops();
  bool trade_op(size_t index);

  // Searching again.
  bool search_again();
  bool search_with_fewer_directives();
  bool search_with_fewer_ops();
  bool search_with_fewer_repetitions();
  bool search_without(size_t chunk);
  bool search(const Program& program, size_t max_directives, int executions);
  int left_in_total() const {
    return options_.max_total_executions - stats_.executions - stats_.search_executions;
  }

  bool verify_one_minimal();
  Program without_ops(const std::vector<size_t>& indices) const;
  Program without_directives(const std::vector<size_t>& indices) const;

  Program current_;
  const Reproduce& reproduce_;
  const Search& search_;
  const MinimizeOptions& options_;
  MinimizeStats& stats_;
  // encode()d candidates that did not reproduce. The text-only fields never change.
  absl::flat_hash_set<std::string> rejected_;
  // encode()d operations, and the last search of them that found nothing.
  struct Searched {
    size_t max_directives = 0;
    int executions = 0;
  };
  absl::flat_hash_map<std::string, Searched> searched_;
  int trading_ = 0;  // executions of trade_ops(), which must not starve the other passes
};

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_MINIMIZER_H_
