// fuzz_sim: bytes -> a program on the simulated kernel -> a verdict (engine/target.h).
//
// Without a supervisor, as OSS-Fuzz and AFL++ run it, a finding is printed with a DEDUP_TOKEN and
// aborts; with --session it is a session that keeps going. The flags, which libFuzzer passes over:
//   --kernel=NAME --bug=A,B --option=K=V,... --dir=RUN --until=VERDICT|any --quiet --session
// The kernel may also be named by VMAFUZZ_KERNEL in the environment.
#include <csignal>
#include <cstdlib>

#include "absl/strings/strip.h"
#include "fuzz/engine/session.h"
#include "fuzz/engine/target.h"
#include "fuzz/program_file.h"

namespace vmafuzz::engine {
namespace {

Session* session = nullptr;  // lives as long as the process

SessionOptions parse(int argc, char** argv) {
  SessionOptions options;
  options.abort_on_finding = true;
  std::string kernel = environment("VMAFUZZ_KERNEL", command::kDefaultKernel);
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (absl::ConsumePrefix(&word, "--kernel=")) kernel = std::string(word);
    if (absl::ConsumePrefix(&word, "--bug=")) options.target.bugs = split_list(word);
    if (absl::ConsumePrefix(&word, "--option=")) options.target.options = split_list(word);
    if (absl::ConsumePrefix(&word, "--dir=")) options.dir = std::string(word);
    if (absl::ConsumePrefix(&word, "--until=")) options.until = std::string(word);
    if (word == "--quiet") options.quiet = true;
    if (word == "--session") options.abort_on_finding = false;
  }
  options.target.kernel = kernel_or_refuse(kernel);
  return options;
}

}  // namespace

absl::Status use_executor(absl::string_view name) {
  if (name == "sim") return absl::OkStatus();
  return absl::NotFoundError("fuzz_sim runs on the simulated machine (sim) only");
}

void start_alone(int argc, char** argv) {
  const SessionOptions options = parse(argc, argv);
  session = new Session(options);
  if (absl::Status status = session->start(); !status.ok()) refuse(std::string(status.message()));
  if (options.abort_on_finding) return;
  std::signal(SIGINT, [](int) { Session::request_stop(); });
  std::signal(SIGTERM, [](int) { Session::request_stop(); });
  // libFuzzer ends with exit(0), whatever was found.
  std::atexit([] { std::_Exit(session->finish()); });
}

void run_alone(std::span<const uint8_t> bytes) { session->run(bytes); }

}  // namespace vmafuzz::engine
