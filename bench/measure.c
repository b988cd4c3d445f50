// SPDX-License-Identifier: Apache-2.0
// Runs a program, or several one after the other, and prints what they cost, on one line of JSON:
// wall time until the last ended, and, of them and everything they started, processor time, page
// faults and the largest resident size; steps_us is each program's wall time.
//
// usage: bench-measure OUT MOUNT_NAMESPACE|- PROGRAM ARGUMENTS... [+|+wait PROGRAM ARGUMENTS...]...
// +wait: the next program is only run when what the earlier ones left running has ended, as an
// engine that watches a container does before it deletes it. All stop at the first that fails.
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

static struct {
  long long cpu_us;
  long faults, resident_kb;
  int status;
} total;

static void add(const struct rusage* usage) {
  total.cpu_us += micros(usage->ru_utime) + micros(usage->ru_stime);
  total.faults += usage->ru_minflt + usage->ru_majflt;
  if (usage->ru_maxrss > total.resident_kb) total.resident_kb = usage->ru_maxrss;
}

static void wait_for_all(void) {
  for (;;) {
    int status = 0;
    struct rusage usage;
    if (wait4(-1, &status, 0, &usage) >= 0)
      add(&usage);
    else if (errno != EINTR)
      return;
  }
}

static void run(char** command) {
  int status = 0;
  struct rusage usage;
  const pid_t pid = vfork();
  if (pid == 0) {
    execve(command[0], command, environ);
    _exit(127);
  }
  if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
    total.status = 2;
    return;
  }
  add(&usage);
  total.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char** argv) {
  enum { kMost = 16 };
  double steps_us[kMost];
  int count = 0;
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
  for (int first = 3; first < argc && count < kMost && total.status == 0; ++count) {
    int end = first;
    while (end < argc && strcmp(argv[end], "+") != 0 && strcmp(argv[end], "+wait") != 0) ++end;
    const int wait = end < argc && strcmp(argv[end], "+wait") == 0;
    argv[end] = NULL;  // argv[argc] is NULL already.
    const long long from = now_ns();
    run(argv + first);
    steps_us[count] = (double)(now_ns() - from) / 1e3;
    if (wait) wait_for_all();
    first = end + 1;
  }
  const long long ended = now_ns();
  wait_for_all();
  dprintf(out,
          "{\"wall_us\": %.1f, \"all_gone_us\": %.1f, \"cpu_us\": %lld, \"faults\": %ld, "
          "\"resident_kb\": %ld, \"status\": %d, \"steps_us\": [",
          (double)(ended - begun) / 1e3, (double)(now_ns() - begun) / 1e3, total.cpu_us,
          total.faults, total.resident_kb, total.status);
  for (int i = 0; i < count; ++i) dprintf(out, "%s%.1f", i > 0 ? ", " : "", steps_us[i]);
  dprintf(out, "]}\n");
  return 0;
}
