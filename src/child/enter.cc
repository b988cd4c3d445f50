// SPDX-License-Identifier: Apache-2.0
// The way into a running container, whose process 1 is hostile. We are a process of the host until
// the last moment: invisible from inside, not dumpable, with nothing open but what the final
// process will have.
#include <fcntl.h>
#include <linux/sched.h>

#include <iterator>

#include "child/calls.h"

namespace tare::child {
namespace {

// Stdio goes to 0..2, what the process keeps stays where it is, and everything is closed but what
// we still need.
void keep_only_needed(const Plan& plan, int pidfd, int proc, int stdio[3]) noexcept {
  for (int i = 0; i < 3; ++i) {
    if (stdio[i] < 0) {
      close_fd(i);
    } else if (stdio[i] != i) {
      check(plan, Step::Stdio, call(SYS_dup3, stdio[i], i, 0));
      stdio[i] = i;
    }
  }
  const int needed[] = {plan.channel, pidfd, proc, plan.process.listener,
                        plan.process.listener_state};
  keep_only(plan, 3 + static_cast<int>(plan.process.kept_fds), needed, std::size(needed));
}

int open_root(const Plan& plan) noexcept {
  return check(plan, Step::Join, call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

void enter_container(const Plan& plan, const Entry& entry, int& proc, int stdio[3]) noexcept {
  proc = open_proc_for_label(plan);
  keep_only_needed(plan, entry.pidfd, proc, stdio);
  check(plan, Step::Join, call(SYS_setns, entry.pidfd, entry.namespaces));
  hide_memory(plan);
  close_fd(entry.pidfd);
  // The final process is born inside the pid namespace but as a child of our parent, who shall wait
  // for it.
  continue_as_child(plan, 0);
  if ((entry.namespaces & CLONE_NEWUSER) != 0) become_root(plan, entry.groups);
  const int root = open_root(plan);
  if (plan.process.terminal) {
    open_terminal(plan, find_pts(plan, root), stdio);
  } else if (stdio[0] < 0) {
    stdio[0] = open_null(plan, Step::Null, root, O_RDWR, 0);
  }
  close_fd(root);
}

}  // namespace tare::child
