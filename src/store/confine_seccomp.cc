// SPDX-License-Identifier: Apache-2.0
// The system calls of a confined unpacker: what reading a stream and making files needs. No socket,
// no exec, no fork, no signal to others, no mount, no ioctl.
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "store/confine.h"

namespace tare::store {
namespace {

constexpr std::uint32_t kAllowed[] = {
    // The stream, and the report.
    SYS_read,
    SYS_write,
    SYS_close,
    SYS_lseek,
    SYS_pread64,
    SYS_fstat,
    SYS_newfstatat,
    // Files below the root: made, written and named. No links, no fifos, no sockets, no attributes:
    // what is made here is only ever a regular file or a directory.
    SYS_openat,
    SYS_fcntl,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,  // What renameat() is where there is no other.
    SYS_ftruncate,
    SYS_pwrite64,
    // Memory, time, end.
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_futex,
    SYS_getrandom,
    SYS_clock_gettime,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigreturn,
    SYS_rt_sigprocmask,
    SYS_getpid,
    SYS_gettid,
    SYS_rseq,
#if defined(TARE_SANITIZED)
    // The sanitizers' own, so that their reports come out.
    SYS_sigaltstack,
    SYS_sched_yield,
    SYS_readlink,
    SYS_readlinkat,
    SYS_getrlimit,
    SYS_prlimit64,
    SYS_ioctl,
    SYS_rt_sigaction,
    SYS_mmap,
    SYS_mprotect,
    SYS_tgkill,
    SYS_gettimeofday,
    SYS_pipe2,
#endif
};

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_RISCV64;
#else
#error "Add this machine's AUDIT_ARCH."
#endif

constexpr std::uint32_t kHighestKnown = 512;  // Above every number of this list.

}  // namespace

Result<std::vector<sock_filter>> confined_seccomp() {
  sys::SeccompPolicy policy;
  policy.architecture = kArchitecture;
  policy.default_action = SECCOMP_RET_KILL_PROCESS;
  policy.unknown_action = SECCOMP_RET_KILL_PROCESS;
  policy.highest_known = kHighestKnown;
  for (const std::uint32_t number : kAllowed)
    policy.rules.push_back({.number = number, .tests = {}, .action = SECCOMP_RET_ALLOW});
#if !defined(TARE_SANITIZED)
  // Memory may be had and its protection changed, but it is never executable: what is not in the
  // program already cannot be run.
  for (const std::uint32_t number : {SYS_mmap, SYS_mprotect})
    policy.rules.push_back(
        {.number = number,
         .tests = {{.index = 2, .compare = sys::Compare::Masked, .value = 0, .mask = PROT_EXEC}},
         .action = SECCOMP_RET_ALLOW});
#endif
  return sys::compile_seccomp(policy);
}

}  // namespace tare::store
