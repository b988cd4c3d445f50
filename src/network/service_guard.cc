// SPDX-License-Identifier: Apache-2.0
#include "network/service_guard.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>

namespace tare::network {
namespace {

constexpr time_t kSoon = 1;  // Seconds.

Result<sys::Fd> open_pidfd(pid_t pid) {
  sys::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return fail_errno("open a process");
  return pidfd;
}

time_t monotonic_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

// Closes all but these two and the standard streams, whose numbers nothing else may get: what we
// execute has them, too.
void close_others(int a, int b) {
  if (a > b) std::swap(a, b);
  const auto close_range = [](int first, int last) {
    if (first <= last) ::syscall(SYS_close_range, first, last, 0);
  };
  close_range(3, a - 1);
  close_range(a + 1, b - 1);
  close_range(b + 1, INT_MAX);
}

// Of the guard: nothing is allocated, and no memory written that we share with the other.
[[noreturn]] void wait_for_end(char* const* words, int kept, int pidfd) {
  ::prctl(PR_SET_NAME, "tare-net-guard");
  ::setsid();  // What is sent to the group of the one is not sent to both.
  close_others(kept, pidfd);
  const time_t begin = monotonic_seconds();
  pollfd poll{.fd = pidfd, .events = POLLIN, .revents = 0};
  while (::poll(&poll, 1, -1) < 0 && errno == EINTR) {
  }
  if ((poll.revents & POLLIN) == 0) ::_exit(125);  // Two at work would be worse than none.
  // One that ends as soon as it begins must not keep a processor busy with that.
  if (monotonic_seconds() - begin < kSoon) ::sleep(1);
  std::array<char*, 1> environment = {nullptr};
  ::fcntl(kept, F_SETFD, 0);
  ::execve("/proc/self/exe", words, environment.data());
  ::_exit(125);
}

}  // namespace

Result<sys::Fd> start_guard(char* const* words, int kept) {
  const sys::Fd self = TRY(open_pidfd(::getpid()));
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("make a process");
  if (pid == 0) wait_for_end(words, kept, self.get());
  return open_pidfd(pid);  // Ours until we wait for it, so the number is its.
}

void dismiss(const sys::Fd& guard) {
  if (!guard) return;
  ::syscall(SYS_pidfd_send_signal, guard.get(), SIGKILL, nullptr, 0);
  siginfo_t end{};
  while (::waitid(P_PIDFD, static_cast<id_t>(guard.get()), &end, WEXITED) < 0 && errno == EINTR) {
  }
}

}  // namespace tare::network
