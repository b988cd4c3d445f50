// SPDX-License-Identifier: Apache-2.0
// The mounts of a new container. What needs the host's mount table (procfs and sysfs are only given
// to whoever can see one whole already) is made detached first; then the old root goes away; from
// then on no host file can be reached, whatever a path in the image says.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cstring>

#include "child/calls.h"

namespace tare::child {
namespace {

constexpr std::uint64_t kNoSuidDev = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t kNoSuidDevExec = kNoSuidDev | MOUNT_ATTR_NOEXEC;
constexpr int kDetach = 2;  // MNT_DETACH, umount2(2).

// Detached mounts made while the host is still in sight.
struct Prepared {
  int proc = -1;
  int sys = -1;
  bool sys_is_host = false;
  int shm = -1;
  int mqueue = -1;
};

void make_private(const Plan& plan) noexcept {
  mount_attr change{};
  change.propagation = MS_PRIVATE;
  check(plan, Step::Private,
        call(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &change, sizeof change));
}

// A sysfs of our network namespace, where the kernel lets us (not inside another container that
// hides parts of its own); else the one we came from, with what hides parts of it, read-only.
void make_sys(const Plan& plan, const Container& container, Prepared& made) noexcept {
  if (container.new_network) {
    made.sys = new_mount("sysfs", nullptr, MOUNT_ATTR_RDONLY | kNoSuidDevExec);
    if (made.sys >= 0) return;
    if (errno != EPERM) die(plan, Step::MountSys);
  }
  made.sys = check(plan, Step::MountSys, clone_mount(AT_FDCWD, "/sys", AT_RECURSIVE));
  made.sys_is_host = true;
  check(plan, Step::MountSys,
        set_attributes(made.sys, MOUNT_ATTR_RDONLY | kNoSuidDevExec, AT_RECURSIVE));
}

Prepared prepare(const Plan& plan, const Container& container) noexcept {
  Prepared made;
  made.proc = check(plan, Step::MountProc,
                    container.new_pid ? new_mount("proc", nullptr, kNoSuidDevExec)
                                      : clone_mount(AT_FDCWD, "/proc", AT_RECURSIVE));
  make_sys(plan, container, made);
  if (!container.new_ipc) {
    made.shm = check(plan, Step::HostShm, clone_mount(AT_FDCWD, "/dev/shm", 0));
    made.mqueue = clone_mount(AT_FDCWD, "/dev/mqueue", 0);
    if (made.mqueue < 0 && errno != ENOENT) die(plan, Step::HostMqueue);
  }
  return made;
}

// A new network namespace has its loopback device, but down.
void loopback_up(const Plan& plan) noexcept {
  const int control =
      check(plan, Step::Loopback, call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  check(plan, Step::Loopback, call(SYS_ioctl, control, SIOCSIFFLAGS, &request));
  close_fd(control);
}

// Attaches the root over the old one and leaves the old one. pivot_root(".", ".") stacks the old
// root over the new one at the same place, where umount2 then finds it. [pivot_root(2), NOTES]
void change_root(const Plan& plan, const Container& container) noexcept {
  const int old = check(plan, Step::AttachRoot,
                        call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  check(plan, Step::AttachRoot, attach(container.root, old));
  check(plan, Step::AttachRoot, set_attributes(container.root, MOUNT_ATTR_NODEV, 0));
  close_fd(old);
  check(plan, Step::Pivot, call(SYS_fchdir, container.root));
  check(plan, Step::Pivot, call(SYS_pivot_root, ".", "."));
  check(plan, Step::Pivot, call(SYS_umount2, ".", kDetach));
  check(plan, Step::Pivot, call(SYS_chdir, "/"));
}

// The directory /NAME of the image as a place for one of our own mounts: a link is refused.
int stub(const Plan& plan, Step step, int root, const char* name) noexcept {
  const int found = open_in(root, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (found >= 0) return found;
  if (errno != ENOENT) die(plan, step);
  check(plan, step, call(SYS_mkdirat, root, name, 0755));
  return check(plan, step, open_in(root, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
}

void attach_stub(const Plan& plan, Step step, int root, const char* name, int mount) noexcept {
  const int target = stub(plan, step, root, name);
  check(plan, step, attach(mount, target));
  close_fd(target);
}

// SECURITY: written through the descriptor of the procfs made above, before the image had any say
// in what /proc is, and without crossing into another mount.
void write_sysctls(const Plan& plan, const Container& container, int proc) noexcept {
  for (std::uint32_t i = 0; i < container.sysctls.count; ++i) {
    const Sysctl& sysctl = container.sysctls.items[i];
    const int fd =
        check(plan, Step::Sysctl,
              open_in(proc, sysctl.path, O_WRONLY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV), i);
    check(plan, Step::Sysctl, call(SYS_write, fd, sysctl.value, sysctl.size), i);
    close_fd(fd);
  }
}

// /sys/fs/cgroup: the container's own v2 groups, read-only, where it has any. Where /sys is the
// host's, the host's groups are covered.
void mount_cgroup(const Plan& plan, const Container& container, const Prepared& made) noexcept {
  if (!container.cgroup2 && !made.sys_is_host) return;
  const int target = open_in(made.sys, "fs/cgroup", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (target < 0 && errno == ENOENT) return;
  check(plan, Step::MountCgroup, target);
  const char* const options[] = {"mode", "755", nullptr};
  const std::uint64_t attributes = MOUNT_ATTR_RDONLY | kNoSuidDevExec;
  const int mount = container.cgroup2 ? new_mount("cgroup2", nullptr, attributes)
                                      : new_mount("tmpfs", options, attributes);
  check(plan, Step::MountCgroup, mount);
  check(plan, Step::MountCgroup, attach(mount, target));
  close_fd(mount);
  close_fd(target);
}

void bind_device(const Plan& plan, int dev, const char* name, int mount, Step step,
                 std::uint32_t detail) noexcept {
  const int target =
      check(plan, step,
            call(SYS_openat, dev, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666),
            detail);
  check(plan, step, attach(mount, target), detail);
  close_fd(target);
}

// A mount on a new directory of the tmpfs /dev, which nobody but us has seen yet.
void mount_in_dev(const Plan& plan, Step step, int dev, const char* name, int mount) noexcept {
  check(plan, step, mount);
  check(plan, step, call(SYS_mkdirat, dev, name, 0755));
  const int target =
      check(plan, step, call(SYS_openat, dev, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
  check(plan, step, attach(mount, target));
  close_fd(target);
}

void link_in_dev(const Plan& plan, int dev, const char* name, const char* text) noexcept {
  check(plan, Step::DevLink, call(SYS_symlinkat, text, dev, name));
}

int mount_pts(const Plan& plan, const Container& container, int dev) noexcept {
  // Every devpts mount is an instance of its own since Linux 4.7.
  const char* const options[] = {
      "ptmxmode", "0666", "mode", "0620", "gid", container.tty_group ? "5" : nullptr, nullptr};
  const int pts = new_mount("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  mount_in_dev(plan, Step::MountPts, dev, "pts", pts);
  return pts;
}

void bind_console(const Plan& plan, int dev, int pts, int number) noexcept {
  char name[12];
  char* digit = name + sizeof name - 1;
  *digit = '\0';
  do {
    *--digit = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  const int mount = check(plan, Step::Console, clone_mount(pts, digit, 0));
  bind_device(plan, dev, "console", mount, Step::Console, 0);
  close_fd(mount);
}

// /dev is always a new tmpfs; nothing of the image's /dev is ever seen.
int set_up_dev(const Plan& plan, const Container& container, const Prepared& prepared,
               int stdio[3]) noexcept {
  const char* const options[] = {"mode", "755", "size", "64m", nullptr};
  const int dev = check(plan, Step::MountDev,
                        new_mount("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  attach_stub(plan, Step::MountDev, container.root, "dev", dev);
  for (std::uint32_t i = 0; i < container.devices.count; ++i)
    bind_device(plan, dev, container.devices.items[i].name, container.devices.items[i].mount,
                Step::Device, i);
  link_in_dev(plan, dev, "ptmx", "pts/ptmx");
  link_in_dev(plan, dev, "fd", "/proc/self/fd");
  link_in_dev(plan, dev, "stdin", "/proc/self/fd/0");
  link_in_dev(plan, dev, "stdout", "/proc/self/fd/1");
  link_in_dev(plan, dev, "stderr", "/proc/self/fd/2");
  const char* const shm_options[] = {"mode", "1777", "size", container.shm_size, nullptr};
  mount_in_dev(plan, Step::MountShm, dev, "shm",
               prepared.shm >= 0 ? prepared.shm : new_mount("tmpfs", shm_options, kNoSuidDevExec));
  if (container.new_ipc) {
    mount_in_dev(plan, Step::MountMqueue, dev, "mqueue",
                 new_mount("mqueue", nullptr, kNoSuidDevExec));
  } else if (prepared.mqueue >= 0) {
    mount_in_dev(plan, Step::MountMqueue, dev, "mqueue", prepared.mqueue);
  }
  const int pts = mount_pts(plan, container, dev);
  if (plan.process.terminal) bind_console(plan, dev, pts, open_terminal(plan, pts, stdio));
  // The devices' own mounts came with the host's attributes.
  check(plan, Step::Device,
        set_attributes(dev, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, AT_RECURSIVE));
  if (!plan.process.terminal && stdio[0] < 0)
    stdio[0] = check(plan, Step::Stdio, call(SYS_openat, dev, "null", O_RDWR | O_CLOEXEC));
  return dev;
}

// SECURITY: a link of the image must not lead a volume over /proc or a directory in it, where the
// kernel's files would be replaced by the volume's [CVE-2019-16884]. Single files may be covered.
void refuse_proc(const Plan& plan, int target, std::uint32_t i) noexcept {
  struct statfs system{};
  check(plan, Step::MountTarget, call(SYS_fstatfs, target, &system), i);
  if (system.f_type != PROC_SUPER_MAGIC) return;
  struct stat status{};
  check(plan, Step::MountTarget, call(SYS_newfstatat, target, "", &status, AT_EMPTY_PATH), i);
  if (!S_ISDIR(status.st_mode)) return;
  errno = EPERM;
  die(plan, Step::MountTarget, i);
}

void mount_one(const Plan& plan, const Mount& mount, int root, std::uint32_t i) noexcept {
  int source = mount.source;
  if (source < 0) {
    const char* const options[] = {"size", mount.size, "mode", mount.mode, nullptr};
    source = check(plan, Step::Mount, new_mount("tmpfs", options, mount.attributes), i);
  }
  const int target =
      check(plan, Step::MountTarget, open_or_make(root, mount.target, mount.directory), i);
  refuse_proc(plan, target, i);
  check(plan, Step::Mount, attach(source, target), i);
  close_fd(target);
  close_fd(source);
}

// The engine's files live on one small tmpfs, which is itself mounted nowhere when we are done:
// only the files are, over their targets. It needs a place while they are cloned from it, because
// Linux before 6.15 clones attached mounts only; any directory does.
void mount_files(const Plan& plan, const Container& container, int dev) noexcept {
  if (container.files.count == 0) return;
  const char* const options[] = {"mode", "755", "size", container.files_size, nullptr};
  const int files = check(plan, Step::File, new_mount("tmpfs", options, kNoSuidDevExec));
  check(plan, Step::File, attach(files, dev));
  for (std::uint32_t i = 0; i < container.files.count; ++i) {
    const File& file = container.files.items[i];
    const char name[] = {static_cast<char>('a' + i), '\0'};
    const int fd =
        check(plan, Step::File,
              call(SYS_openat, files, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644), i);
    for (std::size_t done = 0; done < file.size;)
      done += static_cast<std::size_t>(
          check(plan, Step::File, call(SYS_write, fd, file.content + done, file.size - done), i));
    const int mount = check(plan, Step::File, clone_mount(fd, "", 0), i);
    const int target =
        check(plan, Step::FileTarget, open_or_make(container.root, file.target, false), i);
    check(plan, Step::File, attach(mount, target), i);
    close_fd(fd);
    close_fd(mount);
    close_fd(target);
  }
  check(plan, Step::File, call(SYS_fchdir, files));
  check(plan, Step::File, call(SYS_umount2, ".", kDetach));
  check(plan, Step::File, call(SYS_chdir, "/"));
  close_fd(files);
}

// A place below /proc or /sys to be covered; -1 when the kernel has no such thing.
int find_path(const Plan& plan, Step step, int root, const char* path, std::uint32_t i) noexcept {
  const int fd = open_in(root, path, O_PATH, RESOLVE_NO_SYMLINKS);
  if (fd < 0 && errno != ENOENT && errno != ENOTDIR) die(plan, step, i);
  return fd;
}

void protect_read_only(const Plan& plan, const Container& container) noexcept {
  for (std::uint32_t i = 0; i < container.read_only_paths.count; ++i) {
    const int fd =
        find_path(plan, Step::ReadOnlyPath, container.root, container.read_only_paths.items[i], i);
    if (fd < 0) continue;
    const int mount = check(plan, Step::ReadOnlyPath, clone_mount(fd, "", AT_RECURSIVE), i);
    check(plan, Step::ReadOnlyPath, set_attributes(mount, MOUNT_ATTR_RDONLY, AT_RECURSIVE), i);
    check(plan, Step::ReadOnlyPath, attach(mount, fd), i);
    close_fd(mount);
    close_fd(fd);
  }
}

bool is_directory(const Plan& plan, int fd, std::uint32_t i) noexcept {
  struct stat status{};
  check(plan, Step::MaskedPath, call(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH), i);
  return S_ISDIR(status.st_mode);
}

// Directories are covered by one empty read-only tmpfs, bound again for each; everything else by
// the /dev/null that the parent has verified.
void mask(const Plan& plan, const Container& container, int dev) noexcept {
  int empty = -1;
  for (std::uint32_t i = 0; i < container.masked_paths.count; ++i) {
    const int fd =
        find_path(plan, Step::MaskedPath, container.root, container.masked_paths.items[i], i);
    if (fd < 0) continue;
    int mount = -1;
    if (!is_directory(plan, fd, i)) {
      mount = clone_mount(dev, "null", 0);
    } else if (empty >= 0) {
      mount = clone_mount(empty, "", 0);
    } else {
      const char* const options[] = {"mode", "755", "size", "0", "nr_inodes", "1", nullptr};
      mount = empty = new_mount("tmpfs", options, MOUNT_ATTR_RDONLY | kNoSuidDevExec);
    }
    check(plan, Step::MaskedPath, mount, i);
    check(plan, Step::MaskedPath, attach(mount, fd), i);
    if (mount != empty) close_fd(mount);
    close_fd(fd);
  }
}

}  // namespace

void set_up_container(const Plan& plan, const Container& container, int stdio[3]) noexcept {
  make_private(plan);
  const Prepared prepared = prepare(plan, container);
  if (container.new_network) loopback_up(plan);
  change_root(plan, container);
  // From here on the host's files are out of reach.
  if (container.hostname != nullptr)
    check(plan, Step::Hostname,
          call(SYS_sethostname, container.hostname, std::strlen(container.hostname)));
  attach_stub(plan, Step::AttachProc, container.root, "proc", prepared.proc);
  write_sysctls(plan, container, prepared.proc);
  attach_stub(plan, Step::AttachSys, container.root, "sys", prepared.sys);
  mount_cgroup(plan, container, prepared);
  const int dev = set_up_dev(plan, container, prepared, stdio);
  for (std::uint32_t i = 0; i < container.mounts.count; ++i)
    mount_one(plan, container.mounts.items[i], container.root, i);
  mount_files(plan, container, dev);
  protect_read_only(plan, container);
  mask(plan, container, dev);
  if (container.read_only_root) {
    check(plan, Step::ReadOnlyRoot, set_attributes(container.root, MOUNT_ATTR_RDONLY, 0));
    return;
  }
  const int cwd = open_or_make(container.root, plan.process.cwd, true);
  // Where root of the container may not look, the process itself perhaps may.
  if (cwd < 0 && errno != EACCES) die(plan, Step::MakeCwd);
  if (cwd >= 0) close_fd(cwd);
}

}  // namespace tare::child
