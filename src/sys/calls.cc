// SPDX-License-Identifier: Apache-2.0
#include "sys/calls.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>

namespace tare::sys {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_RISCV64;
#else
#error "Add this machine's AUDIT_ARCH."
#endif

constexpr std::uint32_t kNotThere = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kHighestKnown = 512;  // Above every number of these lists.

constexpr std::uint32_t kAllowed[] = {
    // Descriptors.
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_close,
    SYS_close_range,
    SYS_lseek,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_flock,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_signalfd4,
    SYS_sendfile,
    SYS_splice,
    SYS_copy_file_range,
    // Files, as far as Landlock lets it.
    SYS_openat,
    SYS_openat2,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_getcwd,
    SYS_fstatfs,
    SYS_statfs,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_sync_file_range,
    SYS_fadvise64,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_utimensat,
    SYS_umask,
    // Sockets; socket(2) itself below.
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_getsockname,
    SYS_getpeername,
    SYS_sendto,
    SYS_recvfrom,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_sendmmsg,
    SYS_recvmmsg,
    SYS_shutdown,
    SYS_setsockopt,
    SYS_getsockopt,
    // Memory. Libraries are loaded late, so it may become executable.
    SYS_brk,
    SYS_mmap,
    SYS_mprotect,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_msync,
    SYS_mlock,
    SYS_munlock,
    SYS_membarrier,
    // Threads and processes of its own; clone(2) below.
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_futex,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getpgid,
    SYS_getsid,
    SYS_setpgid,
    SYS_setsid,
    SYS_wait4,
    SYS_waitid,
    SYS_tgkill,
    SYS_exit,
    SYS_exit_group,
    SYS_prctl,
    SYS_capget,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getgroups,
    SYS_getresuid,
    SYS_getresgid,
    SYS_getrlimit,
    SYS_prlimit64,
    SYS_getrusage,
    SYS_getpriority,
    // Signals, time and the rest.
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_setitimer,
    SYS_getitimer,
    SYS_times,
    SYS_sysinfo,
    SYS_uname,
    SYS_getrandom,
#if defined(__x86_64__)
    // What newer architectures do not have any more.
    SYS_arch_prctl,
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_poll,
    SYS_select,
    SYS_epoll_create,
    SYS_epoll_wait,
    SYS_eventfd,
    SYS_pipe,
    SYS_dup2,
    SYS_getdents,
    SYS_mkdir,
    SYS_unlink,
    SYS_rmdir,
    SYS_rename,
    SYS_time,
    SYS_alarm,
    SYS_pause,
    SYS_getpgrp,
#endif
};

constexpr std::uint32_t kForPrograms[] = {
    SYS_execve,    SYS_kill,   SYS_chdir,    SYS_fchdir,      SYS_linkat,
    SYS_symlinkat, SYS_fchmod, SYS_fchmodat, SYS_setpriority,
#if defined(__x86_64__)
    SYS_vfork,     SYS_fork,   SYS_link,     SYS_symlink,     SYS_chmod,
    SYS_creat,     SYS_utime,  SYS_utimes,
#endif
};

// Of socket(2) and socketpair(2): no packets, no other protocols.
constexpr int kFamilies[] = {AF_UNIX, AF_INET, AF_INET6};
// A terminal that it has inherited takes what it writes, and types nothing. [CVE-2016-7545]
constexpr std::uint64_t kTyping = 0x5412;     // TIOCSTI
constexpr std::uint64_t kSelecting = 0x541C;  // TIOCLINUX
// No namespace is new. Not CLONE_NEWTIME, whose bit is of the signal here. [clone(2)]
constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

ArgumentTest is(unsigned index, int value) {
  return {.index = index, .value = static_cast<std::uint64_t>(value), .low32 = true};
}

}  // namespace

SeccompPolicy network_calls(Programs programs) {
  SeccompPolicy policy;
  policy.architecture = kArchitecture;
  policy.default_action = kNotThere;
  policy.unknown_action = kNotThere;
  policy.highest_known = kHighestKnown;
  const auto allow = [&policy](std::uint32_t number, std::vector<ArgumentTest> tests = {}) {
    policy.rules.push_back(
        {.number = number, .tests = std::move(tests), .action = SECCOMP_RET_ALLOW});
  };
  for (const std::uint32_t number : kAllowed) allow(number);
  if (programs == Programs::OfItsOwn)
    for (const std::uint32_t number : kForPrograms) allow(number);
  for (const int family : kFamilies) allow(SYS_socket, {is(0, family)});
  // Addresses and routes, for resolvers.
  allow(SYS_socket, {is(0, AF_NETLINK), is(2, 0)});
  allow(SYS_socketpair, {is(0, AF_UNIX)});
  allow(SYS_ioctl,
        {{.index = 1, .compare = Compare::NotEqual, .value = kTyping, .low32 = true},
         {.index = 1, .compare = Compare::NotEqual, .value = kSelecting, .low32 = true}});
  // clone3(2), whose flags lie in memory, is not there: the C library then takes this one.
  allow(SYS_clone, {{.index = 0, .compare = Compare::Masked, .value = 0, .mask = kNewNamespaces}});
  return policy;
}

Result<> limit_calls(Programs programs) {
  const std::vector<sock_filter> filter = TRY(compile_seccomp(network_calls(programs)));
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = const_cast<sock_filter*>(filter.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    return fail_errno("install the seccomp filter");
  return {};
}

}  // namespace tare::sys
