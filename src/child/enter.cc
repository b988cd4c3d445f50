// SPDX-License-Identifier: Apache-2.0
// The way into a running container, whose process 1 is hostile. We are a process of the host until
// the last moment: invisible from inside, not dumpable, with nothing open but what the final
// process will have.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "child/calls.h"

namespace tare::child {
namespace {

constexpr int kChannel = 3;
constexpr int kPidfd = 4;

// Stdio goes to 0..2 (free numbers: the plan's are above 63), the two descriptors that we still
// need behind it, and everything else is closed. Returns the plan with its new numbers.
Plan keep_only_needed(const Plan& plan, int pidfd, int stdio[3]) noexcept {
  for (int i = 0; i < 3; ++i) {
    if (stdio[i] < 0) {
      close_fd(i);
      continue;
    }
    check(plan, Step::Stdio, call(SYS_dup3, stdio[i], i, O_CLOEXEC));
    stdio[i] = i;
  }
  check(plan, Step::Join, call(SYS_dup3, pidfd, kPidfd, O_CLOEXEC));
  check(plan, Step::Join, call(SYS_dup3, plan.channel, kChannel, O_CLOEXEC));
  Plan renumbered = plan;
  renumbered.channel = kChannel;
  check(renumbered, Step::CloseRange, call(SYS_close_range, kPidfd + 1, ~0U, 0));
  return renumbered;
}

// The final process is born inside the pid namespace but as a child of our parent, who shall wait
// for it. Only the final process returns.
void clone_into(const Plan& plan) noexcept {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PARENT | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  const int pid = check(plan, Step::Clone, call(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) return;
  Message message;
  message.event = Event::Process;
  message.pid = pid;
  send_with_fd(plan, Step::Clone, message, pidfd);
  for (;;) (void)call(SYS_exit_group, 0);
}

int open_root(const Plan& plan) noexcept {
  return check(plan, Step::Join, call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// SECURITY: the container may have put anything at /dev/pts; only the kernel's devpts will do.
int find_pts(const Plan& plan, int root) noexcept {
  const int pts = check(plan, Step::Terminal,
                        open_in(root, "dev/pts", O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
  struct statfs status{};
  check(plan, Step::Terminal, call(SYS_fstatfs, pts, &status));
  if (status.f_type != DEVPTS_SUPER_MAGIC) {
    errno = ENODEV;
    die(plan, Step::Terminal);
  }
  return pts;
}

// SECURITY: as above for /dev/null. O_NONBLOCK: a FIFO must not hold us.
int open_null(const Plan& plan, int root) noexcept {
  const int fd =
      check(plan, Step::Null,
            open_in(root, "dev/null", O_RDWR | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_SYMLINKS));
  struct stat status{};
  check(plan, Step::Null, call(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH));
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
    errno = ENODEV;
    die(plan, Step::Null);
  }
  check(plan, Step::Null, call(SYS_fcntl, fd, F_SETFL, 0));
  return fd;
}

}  // namespace

void enter_container(const Plan& original, const Entry& entry, int stdio[3]) noexcept {
  const Plan plan = keep_only_needed(original, entry.pidfd, stdio);
  check(plan, Step::Join, call(SYS_setns, kPidfd, entry.namespaces));
  hide_memory(plan);
  close_fd(kPidfd);
  clone_into(plan);
  check(plan, Step::DeathSignal, call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  become_root(plan);
  const int root = open_root(plan);
  if (plan.process.terminal) {
    open_terminal(plan, find_pts(plan, root), stdio);
  } else if (stdio[0] < 0) {
    stdio[0] = open_null(plan, root);
  }
  become_process(plan, plan.process, stdio);
}

}  // namespace tare::child
