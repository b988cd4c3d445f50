// SPDX-License-Identifier: Apache-2.0
#include "child/run.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include <cstring>

#include "child/calls.h"

namespace tare::child {
namespace {

// Nothing may happen before the parent has written our id maps and moved us to our cgroup.
void wait_for_go(const Plan& plan) noexcept {
  char byte = 0;
  long count = 0;
  do {
    count = call(SYS_read, plan.channel, &byte, 1);
  } while (count < 0 && errno == EINTR);
  if (count == 1) return;
  if (count == 0) errno = ESRCH;  // The parent is gone, nobody will read this.
  die(plan, Step::Wait);
}

}  // namespace

void hide_memory(const Plan& plan) noexcept {
  check(plan, Step::Identity, call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
}

void become_root(const Plan& plan) noexcept {
  check(plan, Step::Identity, call(SYS_setgroups, 0, 0));
  check(plan, Step::Identity, call(SYS_setresgid, 0, 0, 0));
  check(plan, Step::Identity, call(SYS_setresuid, 0, 0, 0));
  hide_memory(plan);
}

void run(const Plan& plan) noexcept {
  int stdio[3] = {plan.process.stdio[0], plan.process.stdio[1], plan.process.stdio[2]};
  // SECURITY: first of all. The command line is readable without leave, dumpable or not, and it is
  // the caller's: paths of the host, and variables that are only for the new process.
  std::memset(plan.command_line, 0, plan.command_line_size);
  wait_for_go(plan);
  // Not earlier: the owner of our /proc/PID/uid_map follows from it, and an ordinary user's parent
  // could not write the map.
  hide_memory(plan);
  check(plan, Step::DeathSignal, call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  (void)call(SYS_umask, 0);  // Always succeeds. Modes below are exact.
  if (plan.entry != nullptr) {
    enter_container(plan, *plan.entry, stdio);
  } else {
    become_root(plan);
    // Now and not in clone3: the v1 groups we belong to are known only since the parent moved us.
    check(plan, Step::CgroupNamespace, call(SYS_unshare, CLONE_NEWCGROUP));
    set_up_container(plan, *plan.container, stdio);
  }
  become_process(plan, plan.process, stdio);
}

}  // namespace tare::child
