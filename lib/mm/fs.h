// Files and inodes, as far as mappings and uprobes need them (fs/file_table.c, fs/inode.c).
//
// A struct file is counted by f_ref: its slot in the file table holds one reference, every VMA that
// maps it another. The last fput() leaves __fput() to the end of the system call, as task work
// does. rules.file_free and rules.backing_file_free say how the memory of ordinary and of
// FMODE_BACKING files comes back to its cache; in a type-stable cache a reader may still hold a
// pointer and read f_inode of what is meanwhile another file.
//
// An inode is named by its number, 0..3, in the inode table while somebody refers to it (files,
// registrants of uprobes). The last iput() takes it out of the table and frees its memory after a
// grace period; the next inode that is needed gets the same memory, whatever its number.
#ifndef VMAFUZZ_MM_FS_H_
#define VMAFUZZ_MM_FS_H_

#include "kernel/atomic.h"
#include "kernel/rcupdate.h"
#include "kernel/rwsem.h"
#include "kernel/spinlock.h"
#include "mm/freeptr.h"

namespace vmafuzz::kernel {

struct inode;
struct vm_area_struct;

inline constexpr int kInodes = 4;                      // i0..i3
inline constexpr int kFileSlots = 7;                   // f0..f6
inline constexpr int kBackingSlots = 4;                // from f4 on, files are of the backing class
inline constexpr unsigned long kAnonymousInode = 255;  // i_ino of shared anonymous memory

enum : unsigned {
  FMODE_READ = 1,
  FMODE_WRITE = 2,
  FMODE_BACKING = 0x2000000,
};

struct address_space {
  Shared<vm_area_struct*> i_mmap;  // the VMAs that map it, newest first, linked by shared_next
  rw_semaphore i_mmap_rwsem{"i_mmap_rwsem"};
  Shared<inode*> host;
  template <class V>
  void visit(V&& v) {
    v("i_mmap", i_mmap);
    v("i_mmap_rwsem", i_mmap_rwsem);
    v("host", host);
  }
};

struct inode {
  Shared<unsigned long> i_ino;
  atomic_t i_count;
  address_space i_data;
  template <class V>
  void visit(V&& v) {
    v("i_ino", i_ino);
    v("i_count", i_count);
    v("i_data", i_data);
  }
};

struct file {
  freeptr_t f_freeptr;
  Shared<long> f_ref;
  Shared<unsigned> f_mode;
  Shared<inode*> f_inode;
  Shared<address_space*> f_mapping;
  file* f_task_work = nullptr;  // next to be released; its task's own once f_ref is 0
  template <class V>
  void visit(V&& v) {
    v("f_freeptr", f_freeptr);
    v("f_ref", f_ref);
    v("f_mode", f_mode);
    v("f_inode", f_inode);
    v("f_mapping", f_mapping);
  }
};

// What overlayfs hands to mmap (alloc_empty_backing_file()). The file comes first.
struct backing_file {
  file f;
  template <class V>
  void visit(V&& v) {
    f.visit(v);
  }
};

// --- inodes
// ------------------------------------------------------------------------------------------

// The inode with that number, found or made, with a reference. Null: out of memory.
inode* iget(unsigned long ino);
// The same, but null if nobody refers to it at the moment.
inode* ilookup(unsigned long ino);
void ihold(inode* inode);
void iput(inode* inode);
// What the table names i<ino> now, without being an access: for reports and the oracle.
inode* peek_inode(unsigned long ino);

// --- files
// -------------------------------------------------------------------------------------------

inline inode* file_inode(const file* file, Site site = Site::current()) {
  return file->f_inode.get(site);
}
// A new file on the inode, whose reference is taken over. Null: out of memory, the reference is
// gone.
file* alloc_file(inode* inode, unsigned f_mode);
// A file for shared anonymous memory, on an inode of its own (mm/shmem.c).
file* shmem_kernel_file_setup();
file* get_file(file* file);
void fput(file* file);
// The end of a system call: __fput() of what it released.
void task_work_run();

inline void i_mmap_lock_write(address_space* mapping, Site site = Site::current()) {
  down_write(mapping->i_mmap_rwsem, site);
}
inline void i_mmap_unlock_write(address_space* mapping, Site site = Site::current()) {
  up_write(mapping->i_mmap_rwsem, site);
}
inline void i_mmap_lock_read(address_space* mapping, Site site = Site::current()) {
  down_read(mapping->i_mmap_rwsem, site);
}
inline void i_mmap_unlock_read(address_space* mapping, Site site = Site::current()) {
  up_read(mapping->i_mmap_rwsem, site);
}

// --- the file table: f0..f6, shared by all mm's
// ------------------------------------------------------

constexpr unsigned long default_inode(int slot) {
  return static_cast<unsigned long>(slot % kInodes);
}
constexpr bool backing_slot(int slot) { return slot >= kBackingSlots; }
// Odd slots are open for reading only: their shared mappings keep VM_MAYSHARE and lose VM_SHARED.
constexpr unsigned slot_mode(int slot) {
  return slot % 2 == 0 ? FMODE_READ | FMODE_WRITE : unsigned{FMODE_READ};
}

// The slot's file with a reference of the caller's; a slot that holds nothing is opened on its
// default inode first. Null: out of memory.
file* fget_slot(int slot);
// Opens the slot on inode `ino`, closing what it held. 0 or -ENOMEM.
long open_slot(int slot, unsigned long ino, bool backing);
// Drops the slot's own reference. 0 or -EBADF.
long close_slot(int slot);
file* peek_slot(int slot);

// The beginning of an execution, after arena.reset(): caches of the kinds that rules ask for.
void fs_reset();
// Everything that the tables still hold is closed.
void fs_close_all();
int live_files();  // allocated and not yet freed
int live_inodes();

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_FS_H_
