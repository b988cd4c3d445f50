// SPDX-License-Identifier: Apache-2.0
// Runs a program and prints what it cost, on one line of JSON: wall time until it ended, and, of it
// and everything it started, processor time, page faults and the largest resident size.
//
// usage: bench-measure OUT MOUNT_NAMESPACE|- PROGRAM ARGUMENTS...
// OUT is the file the line is written to. In C, and with vfork, so that the price of forking a
// large interpreter is not part of the time.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long micros(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

int main(int argc, char** argv) {
  if (argc < 4) {
    (void)fprintf(stderr, "usage: bench-measure OUT MOUNT_NAMESPACE|- PROGRAM ARGUMENTS...\n");
    return 2;
  }
  const int out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (strcmp(argv[2], "-") != 0) {
    const int space = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNS) < 0) {
      perror(argv[2]);
      return 2;
    }
  }
  // What outlives the program (a keeper, a monitor) comes to us to be counted.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const long long begun = now_ns();
  const pid_t pid = vfork();
  if (pid < 0) return 2;
  if (pid == 0) {
    execve(argv[3], argv + 3, environ);
    _exit(127);
  }
  int status = 0;
  struct rusage usage;
  (void)wait4(pid, &status, 0, &usage);
  const long long ended = now_ns();
  long long cpu_us = micros(usage.ru_utime) + micros(usage.ru_stime);
  long faults = usage.ru_minflt + usage.ru_majflt;
  long resident = usage.ru_maxrss;
  for (;;) {
    int other = 0;
    struct rusage more;
    if (wait4(-1, &other, 0, &more) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    cpu_us += micros(more.ru_utime) + micros(more.ru_stime);
    faults += more.ru_minflt + more.ru_majflt;
    if (more.ru_maxrss > resident) resident = more.ru_maxrss;
  }
  dprintf(out,
          "{\"wall_us\": %.1f, \"all_gone_us\": %.1f, \"cpu_us\": %lld, \"faults\": %ld, "
          "\"resident_kb\": %ld, \"status\": %d}\n",
          (double)(ended - begun) / 1e3, (double)(now_ns() - begun) / 1e3, cpu_us, faults, resident,
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
