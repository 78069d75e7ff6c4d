// The oracle where CPUs are threads: one of them tells it something at a time.
#ifndef VMAFUZZ_RUN_SERIAL_OBSERVER_H_
#define VMAFUZZ_RUN_SERIAL_OBSERVER_H_

#include "mm/observer.h"
#include "native/threads.h"

namespace vmafuzz::run {

// Forwards to another observer. A verdict in there leaves by way of fail(), which gives the lock
// back.
class SerialObserver : public kernel::Observer {
 public:
  explicit SerialObserver(kernel::Observer* next) : next_(next) {}

  void request_begins(const kernel::Request& request) override {
    one_at_a_time([&] { next_->request_begins(request); });
  }
  void request_returns(long result) override {
    one_at_a_time([&] { next_->request_returns(result); });
  }
  void write_section_begins(kernel::mm_struct* mm) override {
    one_at_a_time([&] { next_->write_section_begins(mm); });
  }
  void write_section_ends(kernel::mm_struct* mm) override {
    one_at_a_time([&] { next_->write_section_ends(mm); });
  }
  void map_count_changes(kernel::mm_struct* mm, int count) override {
    one_at_a_time([&] { next_->map_count_changes(mm, count); });
  }
  void consumer_added(kernel::uprobe* u, kernel::uprobe_consumer* uc) override {
    one_at_a_time([&] { next_->consumer_added(u, uc); });
  }
  void consumer_removed(kernel::uprobe* u, kernel::uprobe_consumer* uc) override {
    one_at_a_time([&] { next_->consumer_removed(u, uc); });
  }
  void lookup_begins(kernel::mm_struct* mm, unsigned long vaddr) override {
    one_at_a_time([&] { next_->lookup_begins(mm, vaddr); });
  }
  void lookup_returns(kernel::mm_struct* mm, unsigned long vaddr, kernel::uprobe* u,
                      bool speculative) override {
    one_at_a_time([&] { next_->lookup_returns(mm, vaddr, u, speculative); });
  }

 private:
  template <class F>
  static void one_at_a_time(F f) {
    if (native::machine.executor() == native::Executor::kFibres) return f();
    native::Spinlock& lock = native::threads.world_lock();
    lock.lock();
    f();
    lock.unlock();
  }
  kernel::Observer* next_;
};

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_SERIAL_OBSERVER_H_
