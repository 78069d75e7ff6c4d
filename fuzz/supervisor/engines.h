// The engines: how a worker of each is started, and how entries go to and from it. A new engine is
// one row in engines.cc; what its program must do is in engine/worker.h.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_ENGINES_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_ENGINES_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vmafuzz::supervisor {

// A process to start.
struct CommandLine {
  std::string program;  // a path
  std::vector<std::string> words;
  std::map<std::string, std::string> environment;  // on top of the supervisor's
  int nice = 0;                                    // by how much it gives way to others
};

// What a launch depends on. All paths are absolute.
struct Launch {
  std::string program;  // the fuzz target
  std::string folder;   // of this worker: RUN/work/N; `in` in it holds what to begin with
  std::string order;    // path of order.json
  std::string root;     // of the repository
  uint32_t seed = 1;
  double hang_seconds = 30;
};

// How the supervisor hands entries to a running worker.
enum class Delivery {
  kSameFolder,  // as files in the folder that the worker writes its own to (libFuzzer's -reload)
  kAflSibling,  // as the queue of another fuzzer beside it, by AFL++'s names
};

struct Engine {
  const char* name;
  const char* executor;  // what its program runs inputs on
  const char* program;   // path of the fuzz target below the repository
  const char* preset;    // CMake preset that builds it
  const char* queue;     // below the worker's folder: where it writes its entries
  const char* inbox;     // below the worker's folder: where entries for it are put
  Delivery delivery;
  double least_seconds;  // that a worker is worth starting for
  int share;             // of its kernel's time, beside other engines
  bool by_default;       // takes part where it is built, and --engine says nothing
  CommandLine (*command)(const Launch& launch);
  // OK, or what this machine lacks and what mends it, beyond the program itself.
  absl::Status (*check)(const std::string& root);
};

std::span<const Engine> engines();
const Engine* find_engine(absl::string_view name);  // null: no such name
std::string engine_names();                         // "libfuzzer, afl, tsan..."

// OK if the engine can be run here; FailedPrecondition that names what is missing and how to get
// it.
absl::Status usable(const Engine& engine, const std::string& root);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_ENGINES_H_
