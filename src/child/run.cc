// SPDX-License-Identifier: Apache-2.0
#include "child/run.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "child/calls.h"
#include "sys/rights.h"

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

namespace {

// What is left to do for a process that has made the one which goes on with its work: that one
// shares its memory, so that nothing is copied, and has its stack. It writes nothing else, not even
// errno.
struct Leaving {
  int channel;
  int pidfd;
  alignas(16) char stack[2048];
};
Leaving leaving;

[[noreturn]] void leave(long pid) noexcept {
  Message message;
  message.event = Event::Process;
  message.pid = static_cast<std::int32_t>(pid);
  sys::RightsMessage<1> rights(&message, sizeof message);
  rights.put(&leaving.pidfd, 1);
  // Where this fails the parent is gone, or sees that we are.
  (void)bare::call(SYS_sendmsg, leaving.channel, bare::word(rights.header()), MSG_NOSIGNAL);
  bare::exit(0);
}

// clone3(2); only the new process returns from it, with 0, or with the error when there is none.
// Whoever called it moves to the stack above at once, and does not touch this one again.
long clone_and_leave(const clone_args& arguments) noexcept {
  char* const stack = leaving.stack + sizeof leaving.stack;
#if defined(__x86_64__)
  long result = SYS_clone3;
  register char* r12 asm("r12") = stack;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jle 1f\n\t"
      "mov %%r12, %%rsp\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%rax, %%rdi\n\t"
      "call *%%rbx\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(&arguments), "S"(sizeof arguments), "b"(&leave), "r"(r12)
      : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = SYS_clone3;
  register long x0 asm("x0") = bare::word(&arguments);
  register long x1 asm("x1") = sizeof arguments;
  register char* x19 asm("x19") = stack;
  register auto* x20 asm("x20") = &leave;
  asm volatile(
      "svc 0\n\t"
      "cmp x0, 0\n\t"
      "b.le 1f\n\t"
      "mov sp, x19\n\t"
      "mov x29, 0\n\t"
      "blr x20\n\t"
      "brk 0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x19), "r"(x20)
      : "memory", "cc");
  return x0;
#endif
}

}  // namespace

void continue_as_child(const Plan& plan, std::uint64_t flags) noexcept {
  leaving.channel = plan.channel;
  clone_args arguments{};
  arguments.flags = CLONE_PARENT | CLONE_PIDFD | CLONE_VM | flags;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&leaving.pidfd);
  long result = clone_and_leave(arguments);
  if (result == -EINVAL) {
    // Memory is not shared across time namespaces. [clone3(2), time_namespaces(7)]
    arguments.flags &= ~std::uint64_t{CLONE_VM};
    result = clone_and_leave(arguments);
  }
  check(plan, Step::Clone, with_errno(result));
  check(plan, Step::DeathSignal, call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  // Hooks have to know our number.
  if (plan.container != nullptr) wait_for_parent(plan, Step::Wait);
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
  int proc = -1;
  if (plan.entry != nullptr) {
    enter_container(plan, *plan.entry, proc, stdio);
  } else {
    proc = open_proc_for_label(plan);
    set_up_container(plan, *plan.container, stdio);
  }
  become_process(plan, proc, stdio);
}

}  // namespace tare::child
