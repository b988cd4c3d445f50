// SPDX-License-Identifier: Apache-2.0
// Process 1 of a container that was started with --init: runs one program, passes signals on to it,
// reaps the orphans, and ends with the program's exit status. It does nothing else.
//
//   tare-init [--] PROGRAM [ARGUMENT...]
//
// The exit status is the program's, 128+n after signal n, 127 when the program was not found and
// 126 when it could not be executed.
#include <asm/ioctls.h>
#include <sys/wait.h>

#include <cerrno>

#include "sys/bare.h"
#include "sys/bare_start.h"

namespace {

namespace bare = tare::bare;

constexpr const char* kUsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Signals of our own mistakes must kill us, whatever the mask says.
constexpr std::uint64_t kFaults = bare::signal_bit(SIGSEGV) | bare::signal_bit(SIGBUS) |
                                  bare::signal_bit(SIGILL) | bare::signal_bit(SIGFPE) |
                                  bare::signal_bit(SIGABRT) | bare::signal_bit(SIGTRAP) |
                                  bare::signal_bit(SIGSYS);

const char* search_path(char** envp) {
  for (; *envp != nullptr; ++envp)
    if (const char* path = bare::after(*envp, "PATH=")) return path;
  return kUsualPath;
}

// Returns only on failure, with the errno that says most: found but not executable before not
// found.
long execute(char** argv, char** envp) {
  const auto run = [&](const char* path) {
    return bare::call(__NR_execve, bare::word(path), bare::word(argv), bare::word(envp));
  };
  for (const char* at = argv[0]; *at != '\0'; ++at)
    if (*at == '/') return run(argv[0]);
  long best = -ENOENT;
  for (const char* at = search_path(envp);; ++at) {
    bare::Text<4096> path;
    for (; *at != '\0' && *at != ':'; ++at) path.add_char(*at);
    if (path.size() > 0) path.add_char('/');  // An empty part means the current directory.
    path.add(argv[0]);
    const long result = run(path.text());
    if (result != -ENOENT && result != -ENOTDIR) best = result;
    if (*at == '\0') return best;
  }
}

// The child: a process group of its own, in the foreground of the terminal if there is one, so that
// Ctrl-C reaches it and not process 1.
[[noreturn]] void become(char** argv, char** envp) {
  bare::call(__NR_setpgid, 0, 0);
  auto group = static_cast<int>(bare::call(__NR_getpid));
  bare::device_control(0, TIOCSPGRP, bare::word(&group));
  bare::signal_mask(SIG_SETMASK, 0);
  const long result = execute(argv, envp);
  bare::Text<512> message;
  message.add("tare-init: cannot run '").add(argv[0]).add("': ");
  message.add(result == -ENOENT ? "not found" : "errno ");
  if (result != -ENOENT) message.add_number(-result);
  message.add_char('\n');
  bare::write(2, message.text(), message.size());
  bare::exit(result == -ENOENT ? 127 : 126);
}

// Reaps everything that has died; the program's exit status, or -1 while it lives.
int reap(long program) {
  int code = -1;
  for (;;) {
    int status = 0;
    const long pid = bare::call(__NR_wait4, -1, bare::word(&status), WNOHANG, 0);
    if (pid == -EINTR) continue;
    if (pid <= 0) return code;
    if (pid == program) code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

}  // namespace

int bare_main(int argc, char** argv, char** envp) {
  int first = 1;
  if (argc > 1 && bare::equal(argv[1], "--")) first = 2;
  if (first >= argc) {
    constexpr const char* kUsage = "tare-init: usage: tare-init [--] PROGRAM [ARGUMENT...]\n";
    bare::write(2, kUsage, bare::length(kUsage));
    return 125;
  }
  const std::uint64_t mask = ~kFaults;
  bare::signal_mask(SIG_SETMASK, mask);
  const long program = bare::call(__NR_clone, SIGCHLD);
  if (program == 0) become(argv + first, envp);
  if (program < 0) {
    constexpr const char* kNoFork = "tare-init: no process could be made for the program\n";
    bare::write(2, kNoFork, bare::length(kNoFork));
    return 126;
  }
  for (;;) {
    const long signal = bare::call(__NR_rt_sigtimedwait, bare::word(&mask), 0, 0, sizeof mask);
    if (signal == SIGCHLD) {
      if (const int code = reap(program); code >= 0) return code;
    } else if (signal > 0 && signal != SIGTTIN && signal != SIGTTOU) {
      bare::call(__NR_kill, program, signal);
    }
  }
}
