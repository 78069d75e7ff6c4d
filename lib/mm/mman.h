// Arguments of the memory system calls (include/uapi/linux/mman.h and its generic parts).
#ifndef VMAFUZZ_MM_MMAN_H_
#define VMAFUZZ_MM_MMAN_H_

namespace vmafuzz::kernel {

inline constexpr unsigned long PROT_NONE = 0;
inline constexpr unsigned long PROT_READ = 1;
inline constexpr unsigned long PROT_WRITE = 2;
inline constexpr unsigned long PROT_EXEC = 4;

inline constexpr unsigned long MAP_SHARED = 0x1;
inline constexpr unsigned long MAP_PRIVATE = 0x2;
inline constexpr unsigned long MAP_TYPE = 0xf;
inline constexpr unsigned long MAP_FIXED = 0x10;
inline constexpr unsigned long MAP_ANONYMOUS = 0x20;
inline constexpr unsigned long MAP_GROWSDOWN = 0x100;
inline constexpr unsigned long MAP_NORESERVE = 0x4000;
inline constexpr unsigned long MAP_FIXED_NOREPLACE = 0x100000;

inline constexpr unsigned long MREMAP_MAYMOVE = 1;
inline constexpr unsigned long MREMAP_FIXED = 2;
inline constexpr unsigned long MREMAP_DONTUNMAP = 4;

inline constexpr int MADV_NORMAL = 0;
inline constexpr int MADV_RANDOM = 1;
inline constexpr int MADV_SEQUENTIAL = 2;
inline constexpr int MADV_DONTNEED = 4;
inline constexpr int MADV_FREE = 8;
inline constexpr int MADV_DONTFORK = 10;
inline constexpr int MADV_DOFORK = 11;
inline constexpr int MADV_MERGEABLE = 12;
inline constexpr int MADV_UNMERGEABLE = 13;
inline constexpr int MADV_HUGEPAGE = 14;
inline constexpr int MADV_NOHUGEPAGE = 15;
inline constexpr int MADV_DONTDUMP = 16;
inline constexpr int MADV_DODUMP = 17;
inline constexpr int MADV_WIPEONFORK = 18;
inline constexpr int MADV_KEEPONFORK = 19;

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_MMAN_H_
