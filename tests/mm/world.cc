#include "world.h"

#include "mm/uprobes.h"

namespace vmafuzz::kernel {

std::vector<std::string> uprobe_calls;

static std::string pages_of(unsigned long start, unsigned long end) {
  return std::to_string(start >> PAGE_SHIFT) + "-" + std::to_string(end >> PAGE_SHIFT);
}
int uprobe_mmap(vm_area_struct* vma) {
  uprobe_calls.push_back("+" + pages_of(vma->vm_start.peek(), vma->vm_end.peek()));
  return 0;
}
void uprobe_munmap(vm_area_struct*, unsigned long start, unsigned long end) {
  uprobe_calls.push_back("-" + pages_of(start, end));
}

namespace {

void call(void* function) { (*static_cast<const std::function<void()>*>(function))(); }

// Lets the n-th fallible step fail.
class FailNth : public sim::Director {
 public:
  uint16_t next_point(int, uint16_t, uint16_t after) override { return after + 1; }
  sim::Decision decide(const sim::Point& point) override {
    sim::Decision decision;
    if (point.kind == sim::AccessKind::kFallible) decision.fail = ++seen == n;
    return decision;
  }
  int n = 0;
  int seen = 0;
};
FailNth fail_nth;

}  // namespace

void World::reset_world() {
  sim::arena.reset();
  mm_world_reset();
  mm0 = mm_alloc(0);
  mm1 = mm_alloc(1);
  letters_.clear();
  uprobe_calls.clear();
}

bool World::alone(const std::function<void()>& body) {
  fail_nth = FailNth();
  sim::machine.begin({}, &fail_nth);
  reset_world();
  const bool fine = sim::machine.run_alone(&call, const_cast<std::function<void()>*>(&body));
  if (!fine) {
    ADD_FAILURE() << sim::machine.verdict().name << ": " << sim::machine.verdict().what << " at "
                  << sim::machine.verdict().site.file_name() << ":"
                  << sim::machine.verdict().site.line();
  }
  return fine;
}

int World::with_failure(int n, const std::function<void()>& body) {
  fail_nth.n = n;
  const std::function<void()> op = [&] {
    sim::machine.begin_op(1);
    body();
    sim::machine.end_op();
  };
  sim::machine.start(0, &call, const_cast<std::function<void()>*>(&op));
  const bool fine = sim::machine.run();
  EXPECT_TRUE(fine) << sim::machine.verdict().name << ": " << sim::machine.verdict().what;
  return fail_nth.seen;
}

std::string World::tear_down_leaks() {
  const std::function<void()> body = [this] {
    mmput(mm0);
    mmput(mm1);
    fs_close_all();
  };
  if (!sim::machine.run_alone(&call, const_cast<std::function<void()>*>(&body))) {
    return sim::machine.verdict().what;
  }
  std::string leaks;
  const std::pair<const char*, int> counts[] = {{"VMAs", live_vmas()},
                                                {"files", live_files()},
                                                {"inodes", live_inodes()},
                                                {"anon_vmas", live_anon_vmas()},
                                                {"maple nodes", maple_live_nodes()}};
  for (const auto& [name, count] : counts) {
    if (count != 0) leaks += std::to_string(count) + " " + name + " ";
  }
  return leaks;
}

vm_area_struct* World::find(unsigned long n) {
  unsigned long first = 0;
  unsigned long last = 0;
  return static_cast<vm_area_struct*>(mt_peek(&mm0->mm_mt, page(n), &first, &last));
}

std::string World::picture(unsigned long pages) {
  EXPECT_EQ(validate_mm(mm0), "");
  std::string result(pages, '.');
  for (const VmaDump& entry : dump_vmas(mm0)) {
    const sim::Object* object = sim::arena.object_of(entry.vma);
    const auto key = std::make_pair(static_cast<const void*>(entry.vma), int{object->generation});
    const char letter = static_cast<char>('A' + letters_.size());
    const char mine = letters_.try_emplace(key, letter).first->second;
    for (unsigned long p = entry.start >> PAGE_SHIFT; p < entry.end >> PAGE_SHIFT; ++p) {
      if (p < pages) result[p] = mine;
    }
  }
  return result;
}

std::string World::offsets(unsigned long pages) {
  std::string result(pages, '.');
  for (const VmaDump& entry : dump_vmas(mm0)) {
    for (unsigned long p = entry.start >> PAGE_SHIFT; p < entry.end >> PAGE_SHIFT; ++p) {
      if (p < pages)
        result[p] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"[entry.pgoff + p -
                                                                   (entry.start >> PAGE_SHIFT)];
    }
  }
  return result;
}

}  // namespace vmafuzz::kernel
