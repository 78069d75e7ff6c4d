#include "mm/fs.h"

#include "kernel/bugs.h"
#include "mm/errno.h"

namespace vmafuzz::kernel {

namespace {

using platform::machine;

// Named objects of an execution.
struct inode_table {
  spinlock_t inode_hash_lock;
  Shared<inode*> slot[kInodes];
  template <class V>
  void visit(V&& v) {
    static constexpr const char* kNames[kInodes] = {"i0", "i1", "i2", "i3"};
    v("inode_hash_lock", inode_hash_lock);
    for (int i = 0; i < kInodes; ++i) v(kNames[i], slot[i]);
  }
};
struct files_struct {
  mutex file_lock;
  Shared<file*> fd[kFileSlots];
  template <class V>
  void visit(V&& v) {
    static constexpr const char* kNames[kFileSlots] = {"f0", "f1", "f2", "f3", "f4", "f5", "f6"};
    v("file_lock", file_lock);
    for (int i = 0; i < kFileSlots; ++i) v(kNames[i], fd[i]);
  }
};

platform::KmemCache<file> filp_cachep("file", true);
platform::KmemCache<backing_file> bfilp_cachep("backing_file", true);
platform::KmemCache<inode> inode_cachep("inode", false);
inode_table* inodes;
files_struct* files;
// Files whose last reference each CPU's task dropped in this system call.
file* task_works[platform::kMaxCpus];

backing_file* to_backing(file* f) { return reinterpret_cast<backing_file*>(f); }

}  // namespace

// --- inodes
// ------------------------------------------------------------------------------------------

static inode* alloc_inode(unsigned long ino) {
  inode* inode = inode_cachep.alloc();
  if (inode == nullptr) return nullptr;
  inode->i_ino.set(ino);
  inode->i_data.host.set(inode);
  atomic_set(inode->i_count, 1);
  return inode;
}

inode* ilookup(unsigned long ino) {
  spin_lock(inodes->inode_hash_lock);
  inode* inode = inodes->slot[ino].get();
  if (inode != nullptr) ihold(inode);
  spin_unlock(inodes->inode_hash_lock);
  return inode;
}

inode* iget(unsigned long ino) {
  const bool locked = !bug(Bug::iget_without_lock);
  if (locked) spin_lock(inodes->inode_hash_lock);
  inode* inode = inodes->slot[ino].get();
  if (inode != nullptr) {
    ihold(inode);
  } else {
    inode = alloc_inode(ino);
    if (inode != nullptr) inodes->slot[ino].set(inode);
  }
  if (locked) spin_unlock(inodes->inode_hash_lock);
  return inode;
}

void ihold(inode* inode) { atomic_inc(inode->i_count); }

static void i_callback(void* object) { inode_cachep.free(static_cast<inode*>(object)); }

void iput(inode* inode) {
  // atomic_dec_and_lock(): only the last reference is dropped under the table's lock.
  int count = atomic_read(inode->i_count);
  while (count > 1) {
    if (try_cmpxchg(inode->i_count.counter, &count, count - 1, Order::kFull)) return;
  }
  spin_lock(inodes->inode_hash_lock);
  count = atomic_add_return(-1, inode->i_count, Order::kFull);
  if (count < 0) machine.fail("refcount", "iput() of an inode without references");
  const unsigned long ino = inode->i_ino.get();
  if (count == 0 && ino < kInodes) inodes->slot[ino].set(nullptr);
  spin_unlock(inodes->inode_hash_lock);
  if (count == 0) call_rcu(&i_callback, inode);
}

inode* peek_inode(unsigned long ino) { return inodes->slot[ino].peek(); }

// --- files
// -------------------------------------------------------------------------------------------

// fs/file_table.c init_file(): a reused file names no inode until it has its own again, and takes
// references last. Nothing here is marked: lookups that come too early must tell from mm_lock_seq.
static void init_file(file* f, unsigned f_mode) {
  slab_take_over(f->f_freeptr);
  f->f_mode.set(f_mode);
  f->f_mapping.set(nullptr);
  f->f_inode.set(nullptr);
  WRITE_ONCE(f->f_ref, 1);
}

static file* alloc_empty_file(unsigned f_mode) {
  file* f = nullptr;
  if ((f_mode & FMODE_BACKING) != 0) {
    backing_file* ff = bfilp_cachep.alloc();
    if (ff != nullptr) f = &ff->f;
  } else {
    f = filp_cachep.alloc();
  }
  if (f != nullptr) init_file(f, f_mode);
  return f;
}

file* alloc_file(inode* inode, unsigned f_mode) {
  file* f = alloc_empty_file(f_mode);
  if (f == nullptr) {
    iput(inode);
    return nullptr;
  }
  f->f_inode.set(inode);
  f->f_mapping.set(&inode->i_data);
  return f;
}

file* shmem_kernel_file_setup() {
  inode* inode = alloc_inode(kAnonymousInode);
  if (inode == nullptr) return nullptr;
  return alloc_file(inode, FMODE_READ | FMODE_WRITE);
}

static void free_cached_file(void* object) {
  file* f = static_cast<file*>(object);
  slab_hand_back(f->f_freeptr);
  filp_cachep.free(f);
}
static void free_cached_backing_file(void* object) {
  backing_file* ff = static_cast<backing_file*>(object);
  slab_hand_back(ff->f.f_freeptr);
  bfilp_cachep.free(ff);
}

static void file_free(file* f) {
  const bool backing = (f->f_mode.get() & FMODE_BACKING) != 0;
  const free_kind kind = backing ? rules.backing_file_free : rules.file_free;
  void* object = backing ? static_cast<void*>(to_backing(f)) : f;
  const rcu_callback_t release = backing ? &free_cached_backing_file : &free_cached_file;
  if (kind == free_kind::after_rcu) {
    call_rcu(release, object);
  } else {
    release(object);
  }
}

static void __fput(file* f) {
  iput(f->f_inode.get());
  file_free(f);
}

file* get_file(file* f) {
  const long old = atomic_fetch_op(f->f_ref, Order::kRelaxed, [](long x) { return x + 1; });
  if (old <= 0) machine.fail("refcount", "get_file() of a file without references");
  return f;
}

void fput(file* f) {
  const long old = atomic_fetch_op(f->f_ref, Order::kFull, [](long x) { return x - 1; });
  if (old <= 0) machine.fail("refcount", "fput() of a file without references");
  if (old != 1) return;
  const int cpu = machine.cpu();
  if (cpu >= platform::kUserCpus && cpu != platform::kBootCpu) {
    __fput(f);  // no task: delayed_fput()
    return;
  }
  f->f_task_work = task_works[cpu];
  task_works[cpu] = f;
}

void task_work_run() {
  const int cpu = machine.cpu();
  while (task_works[cpu] != nullptr) {
    file* f = task_works[cpu];
    task_works[cpu] = f->f_task_work;
    f->f_task_work = nullptr;
    __fput(f);
  }
}

// --- the file table
// ----------------------------------------------------------------------------------

static file* do_open(int slot, unsigned long ino, bool backing) {
  inode* inode = iget(ino);
  if (inode == nullptr) return nullptr;
  return alloc_file(inode, slot_mode(slot) | (backing ? unsigned{FMODE_BACKING} : 0u));
}

file* fget_slot(int slot) {
  mutex_lock(files->file_lock);
  file* f = files->fd[slot].get();
  if (f == nullptr) {
    f = do_open(slot, default_inode(slot), backing_slot(slot));
    if (f != nullptr) files->fd[slot].set(f);
  }
  if (f != nullptr) get_file(f);
  mutex_unlock(files->file_lock);
  return f;
}

long open_slot(int slot, unsigned long ino, bool backing) {
  file* f = do_open(slot, ino, backing);
  if (f == nullptr) return -ENOMEM;
  mutex_lock(files->file_lock);
  file* old = files->fd[slot].get();
  files->fd[slot].set(f);
  mutex_unlock(files->file_lock);
  if (old != nullptr) fput(old);
  return 0;
}

long close_slot(int slot) {
  mutex_lock(files->file_lock);
  file* old = files->fd[slot].get();
  if (old != nullptr) files->fd[slot].set(nullptr);
  mutex_unlock(files->file_lock);
  if (old == nullptr) return -EBADF;
  fput(old);
  return 0;
}

file* peek_slot(int slot) { return files->fd[slot].peek(); }

void fs_reset() {
  filp_cachep.reset(rules.file_free == free_kind::type_stable);
  bfilp_cachep.reset(rules.backing_file_free == free_kind::type_stable);
  inode_cachep.reset(false);
  inodes = platform::new_global<inode_table>("inode_table", "inodes");
  files = platform::new_global<files_struct>("files_struct", "files");
  for (file*& work : task_works) work = nullptr;
}

void fs_close_all() {
  for (int slot = 0; slot < kFileSlots; ++slot) close_slot(slot);
  task_work_run();
}

int live_files() { return filp_cachep.live() + bfilp_cachep.live(); }
int live_inodes() { return inode_cachep.live(); }

}  // namespace vmafuzz::kernel
