// SPDX-License-Identifier: Apache-2.0
// probe-attack NAME: tries one thing that a container must not be able to do. Prints what came of
// it and exits 0 when the attack WORKED, 1 when it was refused, 2 for an unknown name: a test that
// says "not probe-attack ..." passes only when it was refused.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static long attack_userns(void) { return unshare(CLONE_NEWUSER); }
static long attack_mountns(void) { return unshare(CLONE_NEWNS); }
static long attack_mount(void) { return mount("tmpfs", "/mnt", "tmpfs", 0, NULL); }
static long attack_fsopen(void) { return syscall(SYS_fsopen, "tmpfs", 0); }
static long attack_umount_proc(void) { return umount2("/proc", MNT_DETACH); }
static long attack_remount_sys(void) {
  return mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL);
}
static long attack_mknod(void) {
  if (mknod("/tmp/disk", S_IFBLK | 0600, makedev(8, 0)) < 0) return -1;
  return open("/tmp/disk", O_RDONLY | O_CLOEXEC);
}
static long attack_bpf(void) {
  union bpf_attr attr = {
      .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}
static long attack_module(void) { return syscall(SYS_init_module, "x", 1UL, ""); }
static long attack_kexec(void) { return syscall(SYS_kexec_load, 0, 0, 0, 0); }
static long attack_reboot(void) { return reboot(RB_DISABLE_CAD); }
static long attack_keyctl(void) {
  return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1);
}
static long attack_add_key(void) {
  return syscall(SYS_add_key, "user", "tare", "x", 1, KEY_SPEC_USER_SESSION_KEYRING);
}
static long attack_handle(void) {
  struct {
    struct file_handle head;
    unsigned char bytes[8];
  } handle = {.head = {.handle_bytes = 8, .handle_type = 1}, .bytes = {2}};
  return open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY);
}
// Types into the terminal that it was started from, as a prisoner passing a note to the guard.
static long attack_tiocsti(void) { return ioctl(0, TIOCSTI, "x"); }
static long attack_tioclinux(void) {
  char code = 3;  // Paste the selection.
  return ioctl(0, TIOCLINUX, &code);
}
static long attack_sysrq(void) { return open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC); }
static long attack_core_pattern(void) {
  const int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC);
  return fd < 0 ? -1 : write(fd, "|/x\n", 4);
}
static long attack_kcore(void) {
  const int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
  char byte;
  const long got = fd < 0 ? -1 : read(fd, &byte, 1);
  return got == 0 ? -1 : got;  // Masked by an empty file.
}
static long attack_release_agent(void) {
  if (mount("cgroup", "/mnt", "cgroup", 0, "pids") < 0) return -1;
  return open("/mnt/release_agent", O_WRONLY | O_CLOEXEC);
}
static long attack_setuid(void) {  // Run as a user, from a setuid copy: see setuid-program.sh.
  return geteuid() == 0 ? 0 : -1;
}
static long attack_vsock(void) { return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0); }
static long attack_raw_socket(void) { return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); }
static long attack_ptrace_parent(void) { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL); }
static long attack_chroot_out(void) {
  struct stat before;
  struct stat after;
  if (mkdir("/tmp/cell", 0700) < 0 || stat("/", &before) < 0 || chroot("/tmp/cell") < 0) return -1;
  for (int i = 0; i < 64; ++i)
    if (chdir("..") < 0) return -1;
  if (chroot(".") < 0 || stat("/", &after) < 0) return -1;
  errno = EXDEV;
  return before.st_dev == after.st_dev && before.st_ino == after.st_ino ? -1 : 0;
}
// Waits for a process whose program is not of the image, keeps hold of the program and writes to it
// when it has ended. Only success ends it. [CVE-2019-5736]
static long attack_exe(void) {
  char path[64];
  struct stat own;
  struct stat seen;
  if (stat("/proc/self/exe", &own) < 0) return -1;
  for (int held = -1;;) {
    for (int pid = 2; pid < 100; ++pid) {
      (void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
      const int fd = open(path, O_RDONLY | O_CLOEXEC);
      if (fd < 0) continue;
      if (fstat(fd, &seen) < 0 || (seen.st_dev == own.st_dev && seen.st_ino == own.st_ino)) {
        (void)close(fd);
        continue;
      }
      if (held >= 0) (void)close(held);
      held = fd;
      (void)snprintf(path, sizeof path, "/proc/self/fd/%d", held);
      int out = -1;
      for (int i = 0; i < 500 && out < 0; ++i) {  // Busy while it runs.
        out = open(path, O_WRONLY | O_CLOEXEC);
        if (out < 0 && errno != ETXTBSY) break;
        if (out < 0) usleep(1000);
      }
      if (out >= 0 && write(out, "overwritten\n", 12) > 0) return 0;
      if (out >= 0) (void)close(out);
    }
  }
}
// Waits for a command line that holds a secret. Only success ends it.
static long attack_cmdline(void) {
  for (;;)
    for (int pid = 2; pid < 100; ++pid) {
      char text[4096];
      (void)snprintf(text, sizeof text, "/proc/%d/cmdline", pid);
      const int fd = open(text, O_RDONLY | O_CLOEXEC);
      const ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text);
      if (fd >= 0) (void)close(fd);
      if (size > 0 && memmem(text, (size_t)size, "VERYSECRET", 10) != NULL) return 0;
    }
}

static const struct {
  const char* name;
  long (*run)(void);
} attacks[] = {
    {"userns", attack_userns},
    {"mountns", attack_mountns},
    {"mount", attack_mount},
    {"fsopen", attack_fsopen},
    {"umount-proc", attack_umount_proc},
    {"remount-sys", attack_remount_sys},
    {"mknod", attack_mknod},
    {"bpf", attack_bpf},
    {"module", attack_module},
    {"kexec", attack_kexec},
    {"reboot", attack_reboot},
    {"keyctl", attack_keyctl},
    {"add-key", attack_add_key},
    {"handle", attack_handle},
    {"tiocsti", attack_tiocsti},
    {"tioclinux", attack_tioclinux},
    {"sysrq", attack_sysrq},
    {"core-pattern", attack_core_pattern},
    {"kcore", attack_kcore},
    {"release-agent", attack_release_agent},
    {"setuid", attack_setuid},
    {"vsock", attack_vsock},
    {"raw-socket", attack_raw_socket},
    {"ptrace-parent", attack_ptrace_parent},
    {"chroot-out", attack_chroot_out},
    {"exe", attack_exe},
    {"cmdline", attack_cmdline},
};

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "read-key") == 0) {  // A key by its serial number.
    char buffer[64];
    const long got = syscall(SYS_keyctl, KEYCTL_READ, atoi(argv[2]), buffer, sizeof buffer);
    printf("read-key: %s\n", got < 0 ? strerror(errno) : "worked");
    return got < 0;
  }
  for (size_t i = 0; argc == 2 && i < sizeof attacks / sizeof *attacks; ++i) {
    if (strcmp(argv[1], attacks[i].name) != 0) continue;
    errno = 0;
    const long result = attacks[i].run();
    printf("%s: %s\n", argv[1], result < 0 ? strerror(errno) : "worked");
    return result < 0;
  }
  (void)fprintf(stderr, "usage: probe-attack NAME\n");
  return 2;
}
