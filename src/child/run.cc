// SPDX-License-Identifier: Apache-2.0
#include "child/run.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "child/calls.h"

namespace tare::child {
void hide_memory(const Plan& plan) noexcept {
  check(plan, Step::Identity, call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
}

void wait_for_parent(const Plan& plan, Step step) noexcept {
  char byte = 0;
  long count = 0;
  do {
    count = call(SYS_read, plan.channel, &byte, 1);
  } while (count < 0 && errno == EINTR);
  if (count == 1) return;
  if (count == 0) errno = ESRCH;  // The parent is gone, nobody will read this.
  die(plan, step);
}

void continue_as_child(const Plan& plan, std::uint64_t flags) noexcept {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PARENT | CLONE_PIDFD | flags;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  const int pid = check(plan, Step::Clone, call(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) {
    check(plan, Step::DeathSignal, call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
    // Hooks have to know our number.
    if (plan.container != nullptr) wait_for_parent(plan, Step::Wait);
    return;
  }
  Message message;
  message.event = Event::Process;
  message.pid = pid;
  send_with_fd(plan, Step::Clone, plan.channel, &message, sizeof message, pidfd);
  for (;;) (void)call(SYS_exit_group, 0);
}

void become_root(const Plan& plan, bool groups) noexcept {
  if (groups) check(plan, Step::Identity, call(SYS_setgroups, 0, 0));
  check(plan, Step::Identity, call(SYS_setresgid, 0, 0, 0));
  check(plan, Step::Identity, call(SYS_setresuid, 0, 0, 0));
  hide_memory(plan);
}

void run(const Plan& plan) noexcept {
  int stdio[3] = {plan.process.stdio[0], plan.process.stdio[1], plan.process.stdio[2]};
  check(plan, Step::DeathSignal, call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  (void)call(SYS_umask, 0);  // Always succeeds. Modes below are exact.
  int label = -1;
  if (plan.entry != nullptr) {
    enter_container(plan, *plan.entry, label, stdio);
  } else {
    label = open_label(plan);
    set_up_container(plan, *plan.container, stdio);
  }
  become_process(plan, label, stdio);
}

}  // namespace tare::child
