// SPDX-License-Identifier: Apache-2.0
// SECURITY, POST-FORK: what runs in the new process is come_to_life() and what that calls. It
// shares our memory and even errno with us, who go on at the same time: it calls nothing but the
// kernel and writes to nothing but its own stack. This file is built without sanitizers.
#include "isolate/birth.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>
#include <charconv>

#include "sys/bare.h"

namespace tare::isolate {
namespace {

[[noreturn]] void give_up(const Cradle& cradle, child::Step step, long result) {
  child::Message message;
  message.step = step;
  message.errnum = static_cast<std::int32_t>(-result);
  bare::call(__NR_sendto, cradle.channel, bare::word(&message), sizeof message, MSG_NOSIGNAL, 0, 0);
  bare::exit(127);
}

void check(const Cradle& cradle, child::Step step, long result) {
  if (result < 0) give_up(cradle, step, result);
}

// Before the helper is run, not after: execve(2) takes every capability from whoever is not root.
// [capabilities(7), "Capabilities and execution of programs by root"]
void become_root(const Cradle& cradle) {
  using child::Step;
  if (cradle.groups) check(cradle, Step::Identity, bare::call(__NR_setgroups, 0, 0));
  check(cradle, Step::Identity, bare::call(__NR_setresgid, 0, 0, 0));
  check(cradle, Step::Identity, bare::call(__NR_setresuid, 0, 0, 0));
}

[[noreturn]] void come_to_life(const Cradle* cradle) {
  using child::Step;
  bare::close(cradle->parent_end);
  char byte = 0;
  long count = cradle->waits ? -EINTR : 1;
  while (count == -EINTR) count = bare::read(cradle->channel, &byte, 1);
  if (count != 1) bare::exit(127);  // The parent is gone.
  if (cradle->root) become_root(*cradle);
  check(*cradle, Step::Helper, bare::control(cradle->channel, F_SETFD, 0));
  const char* const argv[] = {"tare-child", cradle->numbers[0], cradle->numbers[1], nullptr};
  const char* const envp[] = {nullptr};
  give_up(*cradle, Step::Helper,
          bare::call(__NR_execveat, cradle->helper, bare::word(""), bare::word(argv),
                     bare::word(envp), AT_EMPTY_PATH));
}

// clone3(2) whose child calls come_to_life(), on the stack that `arguments` gives it.
long clone_to(const clone_args& arguments, const Cradle* cradle) {
#if defined(__x86_64__)
  long result = __NR_clone3;
  register const Cradle* kept asm("r12") = cradle;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "and $-16, %%rsp\n\t"
      "mov %%r12, %%rdi\n\t"
      "call *%%rbx\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(&arguments), "S"(sizeof arguments), "b"(&come_to_life), "r"(kept)
      : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = __NR_clone3;
  register long x0 asm("x0") = bare::word(&arguments);
  register long x1 asm("x1") = sizeof arguments;
  register const Cradle* x19 asm("x19") = cradle;
  register auto* x20 asm("x20") = &come_to_life;
  asm volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, #0\n\t"
      "mov x0, x19\n\t"
      "blr x20\n\t"
      "brk #0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x19), "r"(x20)
      : "memory");
  return x0;
#endif
}

template <typename Number>
void print(char (&to)[12], Number number) {
  *std::to_chars(to, to + sizeof to - 1, number).ptr = 0;
}

}  // namespace

long bear(const Birth& birth, Cradle& cradle, int& pidfd) {
  print(cradle.numbers[0], cradle.channel);
  print(cradle.numbers[1], cradle.namespaces);
  clone_args arguments{};
  // Handlers are ours; the child shall not run them, and execve is still far.
  arguments.flags = birth.flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (birth.share_memory) {
    arguments.flags |= CLONE_VM;
    arguments.stack = reinterpret_cast<std::uint64_t>(cradle.stack);
    arguments.stack_size = sizeof cradle.stack;
  }
  if (birth.cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(birth.cgroup);
  }
  const long result = clone_to(arguments, &cradle);
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace tare::isolate
