// The named kernels, the bug switches, and the options that set what both are made of.
//
// A kernel is data: rules for the model (kernel/rules.h) and a lookup protocol (uprobes/lookup.h).
// A bug is a switch on top of any kernel. To model another protocol: one file in lib/uprobes, one
// row there, one row here.
#ifndef VMAFUZZ_VARIANTS_VARIANTS_H_
#define VMAFUZZ_VARIANTS_VARIANTS_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kernel/bugs.h"
#include "kernel/rules.h"
#include "uprobes/lookup.h"

namespace vmafuzz::variants {

// Where a lookup was that returned a wrong uprobe, against the write sections of its mm.
enum class Where : uint8_t {
  kAnywhere,
  kInside,  // the whole lookup was inside of one: the protocol accepts what a writer is changing
  kAcross,  // one began or ended meanwhile: fields of both sides are mixed
};

// A verdict that a kernel must be reported with, and why it deserves it.
struct Caught {
  absl::string_view verdict;
  absl::string_view why;  // one line
  // The scenario of corpus/ on which `vmafuzz bench detect` measures how soon it is found; empty:
  // it may come instead of another one of the same kernel, for the same reason.
  absl::string_view scenario = {};
  Where where = Where::kAnywhere;
};

struct Kernel {
  absl::string_view name;
  absl::string_view source;       // <Message-ID> of a mail, or a release
  absl::string_view description;  // one line
  kernel::kernel_rules rules;
  absl::string_view protocol;  // name of a row of kernel::lookup_protocols()
  // What it must be caught for, at least one of them; empty: it must stay silent.
  std::vector<Caught> caught;
  // Named findings that upstream knows and accepts (oracle::finding_name): not reported by default.
  std::vector<absl::string_view> accepted;

  bool must_be_silent() const { return caught.empty(); }
};

struct Bug {
  absl::string_view name;
  absl::string_view cause;   // one line
  absl::string_view source;  // commit, CVE, mail, or the comment in the kernel that warns of it
  std::vector<absl::string_view> verdicts;  // those that may report it
  // Turns it on: a bit of kernel_rules::bugs (kernel/bugs.h), or another rule.
  void (*switch_on)(kernel::kernel_rules& rules);
};

// An option: "key=value" on top of kernel and bugs.
struct Option {
  absl::string_view key;
  absl::string_view values;  // for messages: "2..64"
  absl::string_view help;    // one line
};

std::span<const Kernel> kernels();
std::span<const Bug> bugs();
std::span<const Option> options();
// Everything that an execution may be reported for.
std::span<const absl::string_view> verdicts();

// Null: no such name.
const Kernel* find_kernel(absl::string_view name);
const Bug* find_bug(absl::string_view name);

// Why a name or an option is refused: InvalidArgument that says what was expected, and found.
absl::Status check_kernel(absl::string_view name);
absl::Status check_bug(absl::string_view name);
absl::Status check_option(absl::string_view key_value);
absl::Status check_expect(absl::string_view verdict);  // "none" is one, too

// A kernel with switches and options, ready to run on.
struct Applied {
  kernel::kernel_rules rules;
  kernel::lookup_function protocol = nullptr;
  std::vector<absl::string_view> accepted;  // findings that are not reported

  // Before an execution begins: from now on this is the kernel that is modelled.
  void install() const;
};

// InvalidArgument for an unknown bug or option, or a value out of range.
absl::StatusOr<Applied> apply(const Kernel& kernel, std::span<const std::string> bugs,
                              std::span<const std::string> options);

}  // namespace vmafuzz::variants

#endif  // VMAFUZZ_VARIANTS_VARIANTS_H_
