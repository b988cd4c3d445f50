// SPDX-License-Identifier: Apache-2.0
// tare-init: process 1 of a container that asked for --init. Starts the program, passes signals on
// to it, buries orphans, and ends with the program's exit code.
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace {

// Signals that are about init itself, or that only the kernel sends for a fault.
bool is_own(int number) {
  switch (number) {
    case SIGCHLD:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS:
    case SIGTTIN:
    case SIGTTOU:
      return true;
    default:
      return false;
  }
}

// Buries what has died. True when the program was among it: then `code` is its exit code.
bool bury(pid_t program, int& code) {
  bool ended = false;
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
    if (pid == program) {
      code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      ended = true;
    }
  return ended;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 125;
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t program = ::fork();
  if (program < 0) return 125;
  if (program == 0) {
    ::setpgid(0, 0);
    ::tcsetpgrp(0, ::getpid());  // With a terminal: the keyboard's signals go to the program.
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    ::execvp(argv[1], argv + 1);
    ::_exit(errno == ENOENT ? 127 : 126);
  }
  for (;;) {
    siginfo_t info{};
    const int number = ::sigwaitinfo(&all, &info);
    int code = 0;
    if (number == SIGCHLD && bury(program, code)) return code;
    if (number > 0 && !is_own(number)) ::kill(program, number);
  }
}
