// SPDX-License-Identifier: Apache-2.0
// The limit: what the kernel alone takes to create, start, await and delete a container with the
// same isolation that Tare gives. Only the system calls, nothing is parsed, checked or remembered.
//
// usage: bench-limit bundle|image ROOT WORK PROGRAM
// bundle: ROOT is bound as the root file system; image: an overlay over ROOT with a fresh writable
// layer below WORK, removed at the end. Needs root.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
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

enum { kFirstId = 1879048192, kIds = 65536 };

static const char* const masked[] = {
    "proc/acpi",        "proc/asound",        "proc/config.gz",   "proc/interrupts",
    "proc/iomem",       "proc/ioports",       "proc/kallsyms",    "proc/kcore",
    "proc/key-users",   "proc/keys",          "proc/kpagecgroup", "proc/kpagecount",
    "proc/kpageflags",  "proc/latency_stats", "proc/modules",     "proc/pagetypeinfo",
    "proc/sched_debug", "proc/schedstat",     "proc/scsi",        "proc/slabinfo",
    "proc/timer_list",  "proc/vmallocinfo",   "sys/firmware",     "sys/devices/virtual/powercap"};
static const char* const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                        "proc/sysrq-trigger"};
static const char* const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};

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

static void mount_device_directory(void) {
  static const char* const dev_options[] = {"mode", "755", "size", "64k", NULL};
  static const char* const pts_options[] = {"ptmxmode", "0666", "mode", "0620", NULL};
  static const char* const shm_options[] = {"mode", "1777", "size", "64m", NULL};
  static const char* const none[] = {NULL};
  const unsigned safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV;
  attach(file_system("tmpfs", MOUNT_ATTR_NOSUID, dev_options), "dev");
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; ++i) {
    char path[32] = "dev/";
    char host[32] = "/dev/";
    strcat(path, nodes[i]);
    strcat(host, nodes[i]);
    close(open(path, O_CREAT | O_CLOEXEC | O_WRONLY, 0666));
    attach(clone_of(host), path);
  }
  check(mkdir("dev/pts", 0755) | mkdir("dev/shm", 01777) | mkdir("dev/mqueue", 0755), "mkdir");
  check(symlink("pts/ptmx", "dev/ptmx") | symlink("/proc/self/fd", "dev/fd"), "symlink");
  attach(file_system("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, pts_options), "dev/pts");
  attach(file_system("tmpfs", safe, shm_options), "dev/shm");
  attach(file_system("mqueue", safe, none), "dev/mqueue");
}

static void hide_paths(void) {
  static const char* const options[] = {"size", "0", "mode", "555", NULL};
  const int empty = file_system("tmpfs", MOUNT_ATTR_RDONLY, options);
  for (size_t i = 0; i < sizeof masked / sizeof *masked; ++i) {
    struct stat info;
    if (stat(masked[i], &info) < 0) continue;
    if (S_ISDIR(info.st_mode)) {
      const int copy = (int)syscall(SYS_open_tree, empty, "",
                                    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
      check(copy, "open_tree");
      attach(copy, masked[i]);
    } else {
      attach(clone_of("dev/null"), masked[i]);
    }
  }
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; ++i) {
    if (access(read_only[i], F_OK) < 0) continue;
    const int mounted = clone_of(read_only[i]);
    check(syscall(SYS_mount_setattr, mounted, "", AT_EMPTY_PATH, &attributes, sizeof attributes),
          "mount_setattr");
    attach(mounted, read_only[i]);
  }
}

static void give_up_rights(void) {
  // chown, dac_override, fowner, fsetid, kill, setgid, setuid.
  const unsigned long long kept = 0xfb;
  for (unsigned capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
    if (!(kept >> capability & 1)) check(prctl(PR_CAPBSET_DROP, capability), "bounding set");
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
      {.effective = (unsigned)kept, .permitted = (unsigned)kept}};
  check(syscall(SYS_capset, &header, data), "capset");
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
  struct sock_filter filter[64];
  unsigned short length = 0;
  filter[length++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (unsigned i = 0; i < 30; ++i) {  // About as many steps as a search in the real filter.
    filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1000 + i, 0, 1);
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = length, .filter = filter};
  check(syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
  check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
}

static void run_child(int go, char** argv) {
  static const char* const none[] = {NULL};
  const unsigned safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV;
  char byte;
  check(read(go, &byte, 1) - 1, "wait");
  check(setresgid(0, 0, 0), "setresgid");
  check(setresuid(0, 0, 0), "setresuid");
  check(setsid(), "setsid");
  check(sethostname("limit", 5), "sethostname");
  check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "propagation");
  if (strcmp(argv[1], "image") == 0) {
    char upper[256];
    char work[256];
    (void)snprintf(upper, sizeof upper, "%s/upper", argv[3]);
    (void)snprintf(work, sizeof work, "%s/work", argv[3]);
    const char* const options[] = {"lowerdir", argv[2], "upperdir", upper, "workdir", work, NULL};
    attach(file_system("overlay", 0, options), argv[2]);
  } else {
    attach(clone_of(argv[2]), argv[2]);
  }
  check(chdir(argv[2]), argv[2]);
  attach(file_system("proc", safe, none), "proc");
  attach(file_system("sysfs", safe | MOUNT_ATTR_RDONLY, none), "sys");
  mount_device_directory();
  hide_paths();
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", kDetach), "umount");
  check(chdir("/"), "chdir");
  check(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), "keyring");
  give_up_rights();
  char* const arguments[] = {argv[4], NULL};
  char* const environment[] = {"PATH=/bin", NULL};
  execve(argv[4], arguments, environment);
  die(argv[4]);
}

static void write_map(int pid, const char* name) {
  char path[64];
  char text[64];
  (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  const int length = snprintf(text, sizeof text, "0 %u %u\n", kFirstId, kIds);
  const int map = open(path, O_WRONLY | O_CLOEXEC);
  check(map, path);
  check(write(map, text, (size_t)length), path);
  close(map);
}

static void writable_layer(const char* where, int make) {
  static const char* const names[] = {"work/work", "work", "upper"};
  for (int i = 0; i < 3; ++i) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", where, names[make ? 2 - i : i]);
    if (!make) {
      (void)rmdir(path);
    } else if (i < 2) {
      check(mkdir(path, 0755), path);
      check(chown(path, kFirstId, kFirstId), path);
    }
  }
}

int main(int argc, char** argv) {
  if (argc != 5) {
    (void)fprintf(stderr, "usage: bench-limit bundle|image ROOT WORK PROGRAM\n");
    return 2;
  }
  const int is_image = strcmp(argv[1], "image") == 0;
  if (is_image) writable_layer(argv[3], 1);
  int go[2];
  check(pipe2(go, O_CLOEXEC), "pipe2");
  int pidfd = -1;
  struct clone_args clone = {.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC |
                                      CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_PIDFD,
                             .pidfd = (unsigned long)&pidfd,
                             .exit_signal = SIGCHLD};
  const long pid = syscall(SYS_clone3, &clone, sizeof clone);
  check(pid, "clone3");
  if (pid == 0) run_child(go[0], argv);
  write_map((int)pid, "uid_map");
  write_map((int)pid, "gid_map");
  check(write(go[1], "g", 1), "go");
  siginfo_t info;
  check(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), "waitid");
  if (is_image) writable_layer(argv[3], 0);
  return info.si_code == CLD_EXITED ? info.si_status : 125;
}
