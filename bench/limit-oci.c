// SPDX-License-Identifier: Apache-2.0
// The limit of an OCI runtime: the system calls that a bundle with the default configuration (that
// of `runc spec`: no user namespace, no seccomp) needs, as one command or as the three that engines
// call, and those of exec. Nothing is parsed, checked or remembered but what the next command
// needs.
//
// usage: bench-limit-oci run ROOT STATE PROGRAM | create ROOT STATE PROGRAM | start STATE
//        | delete STATE | exec PID PROGRAM GROUPS
// STATE is a directory that does not exist yet. GROUPS are the control groups of the container,
// full paths with ":" between; the other commands have them in the environment, LIMIT_GROUPS. Needs
// root.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// From <sys/mount.h>, which cannot be included beside <linux/mount.h> here.
int mount(const char* source, const char* target, const char* type, unsigned long flags,
          const void* data);
int umount2(const char* target, int flags);
enum { kDetach = 2 };

static const char* const masked[] = {
    "proc/acpi",       "proc/asound",      "proc/kcore",       "proc/keys",    "proc/latency_stats",
    "proc/timer_list", "proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi"};
static const char* const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                        "proc/sysrq-trigger"};
static const struct {
  const char* path;
  unsigned major, minor;
} nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
             {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
static const char* const device_rules[] = {"c *:* m",   "b *:* m",    "c 1:3 rwm", "c 1:5 rwm",
                                           "c 1:7 rwm", "c 1:8 rwm",  "c 1:9 rwm", "c 5:0 rwm",
                                           "c 5:2 rwm", "c 136:* rwm"};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void die(const char* what) {
  perror(what);
  _exit(125);
}

static void check(long result, const char* what) {
  if (result < 0) die(what);
}

static int file_system(const char* type, unsigned attributes, const char* const* options) {
  const int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  check(context, type);
  for (; *options; options += 2)
    check(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[0], options[1], 0), *options);
  check(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
  const int mounted = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  check(mounted, "fsmount");
  close(context);
  return mounted;
}

static void attach(int mounted, const char* target) {
  check(syscall(SYS_move_mount, mounted, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH), target);
  close(mounted);
}

static int clone_of(const char* path) {
  const int mounted =
      (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  check(mounted, path);
  return mounted;
}

static void write_text(const char* path, const char* text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  check(file, path);
  check(write(file, text, strlen(text)), path);
  close(file);
}

// Calls with the path of the container's group in every tree.
static const char* groups;

static void each_group(void (*call)(const char* path, long number), long number) {
  char list[4096];
  (void)snprintf(list, sizeof list, "%s", groups);
  char* next = NULL;
  for (char* one = strtok_r(list, ":", &next); one; one = strtok_r(NULL, ":", &next))
    call(one, number);
}

static void make_group(const char* path, long number) {
  (void)number;
  char file[300];
  check(mkdir(path, 0755), path);
  if (strstr(path, "/devices/")) {
    (void)snprintf(file, sizeof file, "%s/devices.deny", path);
    write_text(file, "a");
    (void)snprintf(file, sizeof file, "%s/devices.allow", path);
    for (size_t i = 0; i < COUNT(device_rules); ++i) write_text(file, device_rules[i]);
  } else if (strstr(path, "/cpuset/")) {
    static const char* const names[] = {"cpuset.cpus", "cpuset.mems"};
    for (int i = 0; i < 2; ++i) {
      char value[128];
      (void)snprintf(file, sizeof file, "%s/../%s", path, names[i]);
      const int from = open(file, O_RDONLY | O_CLOEXEC);
      const long length = read(from, value, sizeof value - 1);
      check(length, file);
      close(from);
      value[length] = 0;
      (void)snprintf(file, sizeof file, "%s/%s", path, names[i]);
      write_text(file, value);
    }
  }
}

static void join_group(const char* path, long pid) {
  char file[300];
  char text[32];
  (void)snprintf(file, sizeof file, "%s/cgroup.procs", path);
  (void)snprintf(text, sizeof text, "%ld", pid);
  write_text(file, text);
}

static void remove_group(const char* path, long number) {
  (void)number;
  check(rmdir(path), path);
}

static void mount_device_directory(void) {
  static const char* const dev[] = {"mode", "755", "size", "65536k", NULL};
  static const char* const pts[] = {"ptmxmode", "0666", "mode", "0620", "gid", "5", NULL};
  static const char* const shm[] = {"mode", "1777", "size", "65536k", NULL};
  static const char* const none[] = {NULL};
  const unsigned safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV;
  attach(file_system("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, dev), "dev");
  check(mkdir("dev/pts", 0755) | mkdir("dev/shm", 01777) | mkdir("dev/mqueue", 0755), "mkdir");
  attach(file_system("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, pts), "dev/pts");
  attach(file_system("tmpfs", safe, shm), "dev/shm");
  attach(file_system("mqueue", safe, none), "dev/mqueue");
  umask(0);
  for (size_t i = 0; i < COUNT(nodes); ++i)
    check(mknod(nodes[i].path, S_IFCHR | 0666, (nodes[i].major << 8) | nodes[i].minor),
          nodes[i].path);
  umask(022);
  check(symlink("pts/ptmx", "dev/ptmx") | symlink("/proc/self/fd", "dev/fd") |
            symlink("/proc/self/fd/0", "dev/stdin") | symlink("/proc/self/fd/1", "dev/stdout") |
            symlink("/proc/self/fd/2", "dev/stderr"),
        "symlink");
}

static void hide_paths(void) {
  static const char* const options[] = {"size", "0", "mode", "555", NULL};
  for (size_t i = 0; i < COUNT(masked); ++i) {
    struct stat info;
    if (stat(masked[i], &info) < 0) continue;
    if (S_ISDIR(info.st_mode))
      attach(file_system("tmpfs", MOUNT_ATTR_RDONLY, options), masked[i]);
    else
      attach(clone_of("dev/null"), masked[i]);
  }
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  for (size_t i = 0; i < COUNT(read_only); ++i) {
    const int mounted =
        (int)syscall(SYS_open_tree, AT_FDCWD, read_only[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mounted < 0) continue;
    check(syscall(SYS_mount_setattr, mounted, "", AT_EMPTY_PATH, &attributes, sizeof attributes),
          "mount_setattr");
    attach(mounted, read_only[i]);
  }
}

static void give_up_rights(void) {
  // audit_write, kill, net_bind_service.
  const unsigned long long kept = 1ULL << 29 | 1ULL << 5 | 1ULL << 10;
  for (unsigned capability = 0; capability < 41; ++capability)
    if (!(kept >> capability & 1)) check(prctl(PR_CAPBSET_DROP, capability), "bounding set");
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
      {.effective = (unsigned)kept, .permitted = (unsigned)kept}};
  check(syscall(SYS_capset, &header, data), "capset");
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
  check(syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
}

static void execute(char* program) {
  char* const arguments[] = {program, NULL};
  char* const environment[] = {"PATH=/bin", "TERM=xterm", NULL};
  execve(program, arguments, environment);
  die(program);
}

// The container's process: it tells `ready` when it stands, waits for a byte from `go`, executes.
static void run_child(int joined, int ready, int go, const char* root, char* program) {
  static const char* const none[] = {NULL};
  const unsigned safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV;
  char byte;
  check(setsid(), "setsid");
  check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "propagation");
  attach(clone_of(root), root);
  check(chdir(root), root);
  attach(file_system("proc", 0, none), "proc");
  mount_device_directory();
  attach(file_system("sysfs", safe | MOUNT_ATTR_RDONLY, none), "sys");
  check(sethostname("limit", 5), "sethostname");
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", kDetach), "umount");
  check(chdir("/"), "chdir");
  hide_paths();
  check(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), "keyring");
  // The namespace of control groups begins at its own group.
  check(read(joined, &byte, 1) - 1, "wait for the groups");
  check(unshare(CLONE_NEWCGROUP), "unshare");
  give_up_rights();
  if (ready >= 0) {
    check(write(ready, "r", 1), "ready");
    struct pollfd wait = {.fd = go, .events = POLLIN};
    check(poll(&wait, 1, -1), "poll");
    check(read(go, &byte, 1) - 1, "wait for start");
  }
  execute(program);
}

// Makes the container; with `state`, it waits there for start. Its process id.
static long create(const char* root, const char* state, char* program, int* pidfd) {
  int joined[2];
  int ready[2] = {-1, -1};
  int go = -1;
  char path[256];
  check(pipe2(joined, O_CLOEXEC), "pipe2");
  if (state) {
    check(pipe2(ready, O_CLOEXEC), "pipe2");
    check(mkdir(state, 0700), state);
    (void)snprintf(path, sizeof path, "%s/go", state);
    check(mkfifo(path, 0600), path);
    go = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    check(go, path);
  }
  struct clone_args clone = {.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
                                      CLONE_NEWNET | CLONE_PIDFD,
                             .pidfd = (unsigned long)pidfd,
                             .exit_signal = SIGCHLD};
  const long pid = syscall(SYS_clone3, &clone, sizeof clone);
  check(pid, "clone3");
  if (pid == 0) run_child(joined[0], ready[1], go, root, program);
  each_group(make_group, 0);
  each_group(join_group, pid);
  check(write(joined[1], "j", 1), "joined");
  if (state) {
    char byte;
    char text[32];
    close(ready[1]);
    check(read(ready[0], &byte, 1) - 1, "wait for the container");
    (void)snprintf(path, sizeof path, "%s/pid", state);
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    check(file, path);
    const int length = snprintf(text, sizeof text, "%ld", pid);
    check(write(file, text, (size_t)length), path);
  }
  return pid;
}

static int run(const char* root, char* program) {
  int pidfd = -1;
  (void)create(root, NULL, program, &pidfd);
  siginfo_t info;
  check(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), "waitid");
  each_group(remove_group, 0);
  return info.si_code == CLD_EXITED ? info.si_status : 125;
}

static void start(const char* state) {
  char path[256];
  (void)snprintf(path, sizeof path, "%s/go", state);
  const int go = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  check(go, path);
  check(write(go, "g", 1), path);
}

static void delete(const char* state) {
  static const char* const names[] = {"/go", "/pid"};
  char path[256];
  char text[32] = {0};
  (void)snprintf(path, sizeof path, "%s/pid", state);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  check(file, path);
  check(read(file, text, sizeof text - 1), path);
  if (kill((pid_t)strtol(text, NULL, 10), 0) == 0) die("the container still runs");
  each_group(remove_group, 0);
  for (int i = 0; i < 2; ++i) {
    (void)snprintf(path, sizeof path, "%s%s", state, names[i]);
    check(unlink(path), path);
  }
  check(rmdir(state), state);
}

static int enter(const char* container, char* program) {
  const long pid = strtol(container, NULL, 10);
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  check(pidfd, "pidfd_open");
  struct stat ours;
  struct stat its;
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%ld/ns/user", pid);
  check(stat("/proc/self/ns/user", &ours) | stat(path, &its), path);
  const int user = ours.st_ino == its.st_ino ? 0 : CLONE_NEWUSER;
  each_group(join_group, getpid());
  check(setns(pidfd, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
                         CLONE_NEWCGROUP | user),
        "setns");
  const pid_t child = fork();
  check(child, "fork");
  if (child == 0) {
    if (user) check(setresgid(0, 0, 0) | setresuid(0, 0, 0), "setresuid");
    check(setsid(), "setsid");
    check(chdir("/"), "chdir");
    check(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), "keyring");
    give_up_rights();
    execute(program);
  }
  int status = 0;
  check(waitpid(child, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

int main(int argc, char** argv) {
  int pidfd = -1;
  groups = getenv("LIMIT_GROUPS");
  if (!groups) groups = "";
  const char* const command = argc > 1 ? argv[1] : "";
  if (argc == 5 && strcmp(command, "run") == 0) return run(argv[2], argv[4]);
  if (argc == 5 && strcmp(command, "create") == 0)
    return create(argv[2], argv[3], argv[4], &pidfd) <= 0;
  if (argc == 5 && strcmp(command, "exec") == 0) {
    groups = argv[4];
    return enter(argv[2], argv[3]);
  }
  if (argc == 3 && strcmp(command, "start") == 0) return start(argv[2]), 0;
  if (argc == 3 && strcmp(command, "delete") == 0) return delete (argv[2]), 0;
  (void)fprintf(stderr,
                "usage: bench-limit-oci run|create ROOT STATE PROGRAM | start STATE | "
                "delete STATE | exec PID PROGRAM GROUPS\n");
  return 2;
}
