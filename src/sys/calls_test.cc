// SPDX-License-Identifier: Apache-2.0
#include "sys/calls.h"

#include <doctest/doctest.h>
#include <netdb.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

namespace tare::sys {
namespace {

// Whether `work` holds in a process that may do so much.
bool holds(Programs programs, const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool limited = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit_calls(programs);
    ::_exit(!limited ? 2 : work() ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool is_not_there(long result) { return result < 0 && errno == ENOSYS; }

}  // namespace

// SECURITY: what code of an attacker could do in a program that speaks with strangers.
TEST_CASE("calls: what programs of the network cannot do") {
  for (const Programs programs : {Programs::None, Programs::OfItsOwn}) {
    CHECK(holds(programs,
                [] { return is_not_there(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }));
    CHECK(holds(programs, [] { return is_not_there(::mount("none", "/", "tmpfs", 0, nullptr)); }));
    CHECK(holds(programs, [] { return is_not_there(::unshare(CLONE_NEWUSER)); }));
    CHECK(holds(programs, [] { return is_not_there(::setns(0, 0)); }));
    CHECK(holds(programs, [] {
      return is_not_there(
          ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
    }));
    CHECK(holds(programs, [] { return is_not_there(::syscall(SYS_clone3, nullptr, 0)); }));
    CHECK(holds(programs, [] { return is_not_there(::socket(AF_PACKET, SOCK_RAW, 0)); }));
    CHECK(holds(programs, [] { return is_not_there(::socket(AF_NETLINK, SOCK_RAW, 12)); }));
    CHECK(holds(programs, [] { return is_not_there(::socket(AF_VSOCK, SOCK_STREAM, 0)); }));
    CHECK(holds(programs, [] { return is_not_there(::ioctl(0, TIOCSTI, "x")); }));
    for (const long call :
         {SYS_bpf, SYS_keyctl, SYS_add_key, SYS_perf_event_open, SYS_userfaultfd,
          SYS_io_uring_setup, SYS_pidfd_getfd, SYS_process_vm_readv, SYS_init_module,
          SYS_kexec_load, SYS_chroot, SYS_mknodat, SYS_setresuid})
      CHECK(holds(programs, [call] { return is_not_there(::syscall(call, 0, 0, 0, 0, 0)); }));
  }
  CHECK(holds(Programs::None, [] { return is_not_there(::execl("/bin/true", "true", nullptr)); }));
  CHECK(holds(Programs::None, [] { return is_not_there(::kill(::getppid(), 0)); }));
}

TEST_CASE("calls: what programs of the network do") {
  CHECK(holds(Programs::None, [] {
    bool ran = false;
    std::thread([&ran] { ran = true; }).join();
    return ran;
  }));
  CHECK(holds(Programs::None, [] { return ::socket(AF_INET6, SOCK_STREAM, 0) >= 0; }));
  CHECK(holds(Programs::None, [] {
    addrinfo* found = nullptr;
    return ::getaddrinfo("localhost", "80", nullptr, &found) == 0;
  }));
  CHECK(holds(Programs::OfItsOwn, [] {
    ::execl("/bin/sh", "sh", "-c", "test \"$(echo one | cat)\" = one", nullptr);
    return false;
  }));
}

}  // namespace tare::sys
