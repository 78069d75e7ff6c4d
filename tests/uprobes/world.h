// An address space with probes, for tests of uprobes.
#ifndef VMAFUZZ_TESTS_UPROBES_WORLD_H_
#define VMAFUZZ_TESTS_UPROBES_WORLD_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mm/syscalls.h"
#include "sim/explore.h"
#include "uprobes/trace_uprobe.h"
#include "variants/variants.h"

namespace vmafuzz {

// Fails the listed fallible steps of an execution, counted from 1 over all of them.
class FailingDirector : public sim::Director {
 public:
  std::vector<int> fail;
  uint16_t next_point(int, uint16_t, uint16_t after) override { return after + 1; }
  sim::Decision decide(const sim::Point& point) override {
    sim::Decision decision;
    if (point.kind != sim::AccessKind::kFallible) return decision;
    ++seen_;
    for (int n : fail) decision.fail |= n == seen_;
    return decision;
  }
  void restart() { seen_ = 0; }
  int seen() const { return seen_; }

 private:
  int seen_ = 0;
};

// The first CPU's work up to its access number `first`, then the second's up to `second`, then the
// rest of the first's, then the rest of the second's.
class TwoSwitches : public sim::Director {
 public:
  int first = 1, second = 1;
  bool reached_first = false, reached = false;  // the first; both
  uint16_t next_point(int cpu, uint16_t, uint16_t after) override {
    const int at = cpu == 0 ? first : cpu == 1 ? second : 0;
    return at > after ? static_cast<uint16_t>(at) : uint16_t{0xffff};
  }
  sim::Decision decide(const sim::Point& point) override {
    sim::Decision decision;
    if (point.cpu > 1) return decision;
    decision.preempt = static_cast<int8_t>(1 - point.cpu);
    reached_first |= point.cpu == 0;
    reached |= point.cpu == 1 && reached_first;
    return decision;
  }
};

class UprobeWorld : public ::testing::Test {
 protected:
  void SetUp() override { use("6.18"); }
  void TearDown() override {
    kernel::observer = nullptr;
    kernel::rules = kernel::kernel_rules{};
    kernel::find_active_uprobe_speculative = &kernel::lookup_merged;
  }

  void use(absl::string_view name, std::vector<std::string> bugs = {},
           std::vector<std::string> options = {}) {
    const variants::Kernel* kernel = variants::find_kernel(name);
    ASSERT_NE(kernel, nullptr) << std::string(name);
    const auto applied = variants::apply(*kernel, bugs, options);
    ASSERT_TRUE(applied.ok()) << applied.status().ToString();
    applied->install();
  }

  static void reset() {
    sim::arena.reset();
    kernel::mm_world_reset();
    kernel::uprobes_reset();
    kernel::trace_uprobes_reset();
    for (int id = 0; id < 2; ++id) kernel::mm_alloc(id);
  }

  // Runs the body on cpu0, nobody else being there; then the checks, alone. The verdict, or "".
  std::string run(const std::function<void()>& body, const std::function<void()>& then = {}) {
    return run_all({body}, then);
  }
  // Several CPUs, one after the other as far as nobody has to wait.
  std::string run_all(const std::vector<std::function<void()>>& bodies,
                      const std::function<void()>& then = {}) {
    director_.restart();
    sim::machine.begin(sim::Options{}, &director_);
    reset();
    for (size_t i = 0; i < bodies.size(); ++i) {
      sim::machine.start(static_cast<int>(i), &call_op,
                         const_cast<std::function<void()>*>(&bodies[i]));
    }
    sim::machine.run();
    if (!sim::machine.verdict() && then) {
      sim::machine.run_alone(&call, const_cast<std::function<void()>*>(&then));
    }
    what_ = sim::machine.verdict().what;
    return sim::machine.verdict() ? sim::machine.verdict().name : "";
  }

  // Verdicts of all executions within the bounds, and how many there were of each ("": none). Stops
  // when `until` is among them. Livelocks do not count unless they are waited for: an exploration
  // that has used its preemptions up leaves a reader spinning on a sequence count that is odd.
  std::map<std::string, int> explore(const std::function<void()>& set_up,
                                     std::vector<std::function<void()>> cpus, int preemptions,
                                     int stale, const std::string& until = "-",
                                     const std::function<void()>& at_end = {}) {
    sim::Body body;
    body.reset = &reset;
    body.set_up = set_up;
    body.cpus = std::move(cpus);
    sim::Bounds bounds;
    bounds.max_preemptions = preemptions;
    bounds.max_stale = stale;
    bounds.max_executions = 3'000'000;
    bounds.op_steps = 1000;
    std::map<std::string, int> verdicts;
    const sim::Exploration e = sim::explore(body, bounds, [&] {
      const auto& verdict = sim::machine.verdict();
      const std::string name = verdict ? verdict.name : "";
      if (name == "livelock" && until != name) return true;
      ++verdicts[name];
      if (verdict) what_ = verdict.what;
      if (!verdict && at_end) at_end();
      return name != until;
    });
    EXPECT_TRUE(e.complete || verdicts.contains(until));
    return verdicts;
  }

  // Every execution with at most one switch from each CPU to the other, nothing read stale: the
  // verdicts. Unlike explore() it sees what happens to memory that is freed between two accesses.
  std::map<std::string, int> sweep(const std::function<void()>& set_up,
                                   const std::function<void()>& cpu0,
                                   const std::function<void()>& cpu1) {
    std::map<std::string, int> verdicts;
    TwoSwitches director;
    for (director.first = 1;; ++director.first) {
      bool any = false;
      for (director.second = 1;; ++director.second) {
        director.reached = director.reached_first = false;
        sim::machine.begin(sim::Options{}, &director);
        reset();
        sim::machine.run_alone(&call, const_cast<std::function<void()>*>(&set_up));
        sim::machine.start(0, &call_op, const_cast<std::function<void()>*>(&cpu0));
        sim::machine.start(1, &call_op, const_cast<std::function<void()>*>(&cpu1));
        sim::machine.run();
        const auto& verdict = sim::machine.verdict();
        ++verdicts[verdict ? verdict.name : ""];
        if (verdict) what_ = verdict.what;
        any |= director.reached_first;
        if (!director.reached) break;
      }
      if (!any) return verdicts;
    }
  }

  // --- what a task does
  static kernel::mm_struct* mm(int id = 0) { return kernel::mm_at(id); }
  static constexpr unsigned long page(unsigned long n) { return n << kernel::PAGE_SHIFT; }
  // Maps pages of f<slot> at page n, private and executable.
  static long map(unsigned long n, unsigned long pages, int slot, unsigned long pgoff,
                  unsigned long prot = kernel::PROT_READ | kernel::PROT_EXEC, int mm_id = 0) {
    return kernel::sys_mmap_slot(mm(mm_id), page(n), page(pages), prot,
                                 kernel::MAP_PRIVATE | kernel::MAP_FIXED, slot, pgoff);
  }
  static long unmap(unsigned long n, unsigned long pages, int mm_id = 0) {
    return kernel::sys_munmap(mm(mm_id), page(n), page(pages));
  }
  static bool armed(unsigned long n, int mm_id = 0) {
    return (mm(mm_id)->pgd.pte[n].peek() & kernel::kPteBreakpoint) != 0;
  }

  FailingDirector director_;
  std::string what_;  // of the last verdict

 private:
  static void call_op(void* body) {
    sim::machine.begin_op(static_cast<uint16_t>(sim::machine.cpu()));
    call(body);
    sim::machine.end_op();
  }
  static void call(void* body) { (*static_cast<std::function<void()>*>(body))(); }
};

}  // namespace vmafuzz

#endif  // VMAFUZZ_TESTS_UPROBES_WORLD_H_
