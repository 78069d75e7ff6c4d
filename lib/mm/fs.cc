#include "mm/fs.h"

#include "kernel/rules.h"
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

static inode* alloc_inode(unsigned long ino, Site site) {
  inode* inode = inode_cachep.alloc(site);
  if (inode == nullptr) return nullptr;
  inode->i_ino.set(ino, site);
  inode->i_data.host.set(inode, site);
  atomic_set(inode->i_count, 1, site);
  return inode;
}

inode* ilookup(unsigned long ino, Site site) {
  spin_lock(inodes->inode_hash_lock, site);
  inode* inode = inodes->slot[ino].get(site);
  if (inode != nullptr) ihold(inode, site);
  spin_unlock(inodes->inode_hash_lock, site);
  return inode;
}

inode* iget(unsigned long ino, Site site) {
  spin_lock(inodes->inode_hash_lock, site);
  inode* inode = inodes->slot[ino].get(site);
  if (inode != nullptr) {
    ihold(inode, site);
  } else {
    inode = alloc_inode(ino, site);
    if (inode != nullptr) inodes->slot[ino].set(inode, site);
  }
  spin_unlock(inodes->inode_hash_lock, site);
  return inode;
}

void ihold(inode* inode, Site site) { atomic_inc(inode->i_count, site); }

static void i_callback(void* object) { inode_cachep.free(static_cast<inode*>(object)); }

void iput(inode* inode, Site site) {
  // atomic_dec_and_lock(): only the last reference is dropped under the table's lock.
  int count = atomic_read(inode->i_count, site);
  while (count > 1) {
    if (try_cmpxchg(inode->i_count.counter, &count, count - 1, Order::kFull, site)) return;
  }
  spin_lock(inodes->inode_hash_lock, site);
  count = atomic_add_return(-1, inode->i_count, Order::kFull, site);
  if (count < 0) machine.fail("refcount", "iput() of an inode without references", site);
  const unsigned long ino = inode->i_ino.get(site);
  if (count == 0 && ino < kInodes) inodes->slot[ino].set(nullptr, site);
  spin_unlock(inodes->inode_hash_lock, site);
  if (count == 0) call_rcu(&i_callback, inode, site);
}

inode* peek_inode(unsigned long ino) { return inodes->slot[ino].peek(); }

// --- files
// -------------------------------------------------------------------------------------------

// fs/file_table.c init_file(): a reused file names no inode until it has its own again, and takes
// references last. Nothing here is marked: lookups that come too early must tell from mm_lock_seq.
static void init_file(file* f, unsigned f_mode, Site site) {
  slab_take_over(f->f_freeptr, site);
  f->f_mode.set(f_mode, site);
  f->f_mapping.set(nullptr, site);
  f->f_inode.set(nullptr, site);
  WRITE_ONCE(f->f_ref, 1, site);
}

static file* alloc_empty_file(unsigned f_mode, Site site) {
  file* f = nullptr;
  if ((f_mode & FMODE_BACKING) != 0) {
    backing_file* ff = bfilp_cachep.alloc(site);
    if (ff != nullptr) f = &ff->f;
  } else {
    f = filp_cachep.alloc(site);
  }
  if (f != nullptr) init_file(f, f_mode, site);
  return f;
}

file* alloc_file(inode* inode, unsigned f_mode, Site site) {
  file* f = alloc_empty_file(f_mode, site);
  if (f == nullptr) {
    iput(inode, site);
    return nullptr;
  }
  f->f_inode.set(inode, site);
  f->f_mapping.set(&inode->i_data, site);
  return f;
}

file* shmem_kernel_file_setup(Site site) {
  inode* inode = alloc_inode(kAnonymousInode, site);
  if (inode == nullptr) return nullptr;
  return alloc_file(inode, FMODE_READ | FMODE_WRITE, site);
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

static void file_free(file* f, Site site) {
  const bool backing = (f->f_mode.get(site) & FMODE_BACKING) != 0;
  const free_kind kind = backing ? rules.backing_file_free : rules.file_free;
  void* object = backing ? static_cast<void*>(to_backing(f)) : f;
  const rcu_callback_t release = backing ? &free_cached_backing_file : &free_cached_file;
  if (kind == free_kind::after_rcu) {
    call_rcu(release, object, site);
  } else {
    release(object);
  }
}

static void __fput(file* f, Site site) {
  iput(f->f_inode.get(site), site);
  file_free(f, site);
}

file* get_file(file* f, Site site) {
  const long old = atomic_fetch_op(f->f_ref, Order::kRelaxed, [](long x) { return x + 1; }, site);
  if (old <= 0) machine.fail("refcount", "get_file() of a file without references", site);
  return f;
}

void fput(file* f, Site site) {
  const long old = atomic_fetch_op(f->f_ref, Order::kFull, [](long x) { return x - 1; }, site);
  if (old <= 0) machine.fail("refcount", "fput() of a file without references", site);
  if (old != 1) return;
  const int cpu = machine.cpu();
  if (cpu >= platform::kUserCpus && cpu != platform::kBootCpu) {
    __fput(f, site);  // no task: delayed_fput()
    return;
  }
  f->f_task_work = task_works[cpu];
  task_works[cpu] = f;
}

void task_work_run(Site site) {
  const int cpu = machine.cpu();
  while (task_works[cpu] != nullptr) {
    file* f = task_works[cpu];
    task_works[cpu] = f->f_task_work;
    f->f_task_work = nullptr;
    __fput(f, site);
  }
}

// --- the file table
// ----------------------------------------------------------------------------------

static file* do_open(int slot, unsigned long ino, bool backing, Site site) {
  inode* inode = iget(ino, site);
  if (inode == nullptr) return nullptr;
  return alloc_file(inode, slot_mode(slot) | (backing ? unsigned{FMODE_BACKING} : 0u), site);
}

file* fget_slot(int slot, Site site) {
  mutex_lock(files->file_lock, site);
  file* f = files->fd[slot].get(site);
  if (f == nullptr) {
    f = do_open(slot, default_inode(slot), backing_slot(slot), site);
    if (f != nullptr) files->fd[slot].set(f, site);
  }
  if (f != nullptr) get_file(f, site);
  mutex_unlock(files->file_lock, site);
  return f;
}

long open_slot(int slot, unsigned long ino, bool backing, Site site) {
  file* f = do_open(slot, ino, backing, site);
  if (f == nullptr) return -ENOMEM;
  mutex_lock(files->file_lock, site);
  file* old = files->fd[slot].get(site);
  files->fd[slot].set(f, site);
  mutex_unlock(files->file_lock, site);
  if (old != nullptr) fput(old, site);
  return 0;
}

long close_slot(int slot, Site site) {
  mutex_lock(files->file_lock, site);
  file* old = files->fd[slot].get(site);
  if (old != nullptr) files->fd[slot].set(nullptr, site);
  mutex_unlock(files->file_lock, site);
  if (old == nullptr) return -EBADF;
  fput(old, site);
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

void fs_close_all(Site site) {
  for (int slot = 0; slot < kFileSlots; ++slot) close_slot(slot, site);
  task_work_run(site);
}

int live_files() { return filp_cachep.live() + bfilp_cachep.live(); }
int live_inodes() { return inode_cachep.live(); }

}  // namespace vmafuzz::kernel
