// SPDX-License-Identifier: Apache-2.0
// Hooks that run in the container: a program, the container's state on its standard input, and an
// end to patience. [runtime-spec 1.2 config.md, "POSIX-platform Hooks"]
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "child/calls.h"

namespace tare::child {
namespace {

constexpr unsigned kUsualMask = 0022;

[[noreturn]] void execute_hook(const Hook& hook, int state) noexcept {
  if (state >= 0) {
    (void)call(SYS_lseek, state, 0, SEEK_SET);
    (void)call(SYS_dup3, state, 0, 0);
  }
  // As a program of the host expects them; ours are not meant for it.
  (void)call(SYS_umask, kUsualMask);
  (void)bare::signal_disposition(SIGPIPE, false);
  (void)bare::signal_mask(SIG_SETMASK, 0);
  (void)call(SYS_setpgid, 0, 0);  // What it starts can be killed with it.
  (void)call(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  (void)call(SYS_execve, hook.path, hook.argv, hook.envp);
  for (;;) (void)call(SYS_exit_group, 127);
}

// Waits for the hook; kills it when its time is over. Returns 0 or what errnum says.
int wait_for_hook(const Hook& hook, int pid, int pidfd) noexcept {
  pollfd ended{.fd = pidfd, .events = POLLIN, .revents = 0};
  const timespec patience{.tv_sec = hook.timeout_ms / 1000,
                          .tv_nsec = static_cast<long>(hook.timeout_ms % 1000) * 1'000'000};
  long ready = 0;
  do {
    ready = call(SYS_ppoll, &ended, 1, hook.timeout_ms == 0 ? nullptr : &patience, 0, 0);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0 && call(SYS_kill, -pid, SIGKILL) < 0) (void)call(SYS_kill, pid, SIGKILL);
  int status = 0;
  while (call(SYS_wait4, pid, &status, __WALL, 0) < 0)
    if (errno != EINTR) return errno;
  if (ready == 0) return ETIMEDOUT;
  if (WIFSIGNALED(status)) return kHookSignaled | WTERMSIG(status);
  return WEXITSTATUS(status) == 0 ? 0 : kHookExited | WEXITSTATUS(status);
}

}  // namespace

void run_hooks(const Plan& plan, const Hooks& hooks, std::uint32_t first_index) noexcept {
  for (std::uint32_t i = 0; i < hooks.hooks.count; ++i) {
    const Hook& hook = hooks.hooks.items[i];
    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    const int pid =
        check(plan, Step::Hook, call(SYS_clone3, &arguments, sizeof arguments), first_index + i);
    if (pid == 0) execute_hook(hook, hooks.state);
    const int failed = wait_for_hook(hook, pid, pidfd);
    close_fd(pidfd);
    if (failed == 0) continue;
    errno = failed;
    die(plan, Step::Hook, first_index + i);
  }
}

}  // namespace tare::child
