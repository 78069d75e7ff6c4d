// The machine under the kernel's primitives: lib/sim, or lib/native in builds that define
// VMAFUZZ_NATIVE. Nothing above this folder names either of them for an access to shared memory.
#ifndef VMAFUZZ_KERNEL_MACHINE_H_
#define VMAFUZZ_KERNEL_MACHINE_H_

#ifdef VMAFUZZ_NATIVE
#include "native/machine.h"
#include "native/shared.h"
#include "native/slab.h"
namespace vmafuzz {
namespace platform = native;
}
#else
#include "sim/rcu.h"
#include "sim/shared.h"
#include "sim/slab.h"
#include "sim/timer.h"
namespace vmafuzz {
namespace platform = sim;
}
#endif

namespace vmafuzz::kernel {
using platform::Shared;
using platform::Site;
}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_MACHINE_H_
