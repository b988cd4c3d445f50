// SPDX-License-Identifier: Apache-2.0
// /dev: device nodes and what belongs to them.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "child/mounts.h"

namespace tare::child {
namespace {

constexpr std::size_t kPathSize = 4096;  // PATH_MAX, with the NUL.

// The directory of the last device, since most are in the same one.
struct Parent {
  const char* path = nullptr;
  std::size_t size = 0;
  int fd = -1;
};

// Makes `parent` the directory of `path` below the root, which is made when missing. Returns the
// last component.
const char* find_parent(const Plan& plan, int root, const char* path, Parent& parent,
                        std::uint32_t i) noexcept {
  const char* const slash = last_slash(path);
  const std::size_t size = slash == nullptr ? 0 : static_cast<std::size_t>(slash - path);
  const char* const name = slash == nullptr ? path : slash + 1;
  if (parent.fd >= 0 && parent.size == size && std::memcmp(parent.path, path, size) == 0)
    return name;
  if (parent.fd >= 0) drop_fd(parent.fd);
  char text[kPathSize];
  if (size >= sizeof text) {
    errno = ENAMETOOLONG;
    die(plan, Step::Device, i);
  }
  std::memcpy(text, path, size);
  text[size] = '\0';
  const int fd = open_or_make(root, size == 0 ? "/" : text, true);
  parent = {path, size, check(plan, Step::Device, fd, i)};
  return name;
}

// A file that only marks the place for a bind mount.
void bind_at(const Plan& plan, int dir, const char* name, int mount, Step step,
             std::uint32_t i) noexcept {
  const long made = call(SYS_mknodat, dir, name, S_IFREG | 0600, 0);
  if (made < 0 && errno != EEXIST) die(plan, step, i);
  const int target =
      check(plan, step, call(SYS_openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), i);
  check(plan, step, attach(mount, target), i);
  drop_fd(target);
  drop_fd(mount);
}

// What the image has there already is taken only when it is that very device.
void check_existing(const Plan& plan, int dir, const char* name, const Device& device,
                    std::uint32_t i) noexcept {
  struct stat status{};
  check(plan, Step::Device, call(SYS_newfstatat, dir, name, &status, AT_SYMLINK_NOFOLLOW), i);
  if ((status.st_mode & S_IFMT) == (device.mode & S_IFMT) &&
      (status.st_rdev == device.number || S_ISFIFO(status.st_mode)))
    return;
  errno = EEXIST;
  die(plan, Step::Device, i);
}

void make_device(const Plan& plan, int dir, const char* name, const Device& device,
                 std::uint32_t i) noexcept {
  if (device.mount >= 0) {
    bind_at(plan, dir, name, device.mount, Step::Device, i);
  } else if (call(SYS_mknodat, dir, name, device.mode, device.number) == 0) {
    if (device.uid == 0 && device.gid == 0) return;  // As we are.
    check(plan, Step::Device,
          call(SYS_fchownat, dir, name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW), i);
  } else if (errno == EEXIST) {
    check_existing(plan, dir, name, device, i);
  } else {
    die(plan, Step::Device, i);
  }
}

void make_devices(const Plan& plan, const Container& container) noexcept {
  Parent parent;
  for (std::uint32_t i = 0; i < container.devices.count; ++i) {
    const Device& device = container.devices.items[i];
    const char* const name = find_parent(plan, container.root, device.path, parent, i);
    make_device(plan, parent.fd, name, device, i);
  }
  if (parent.fd >= 0) drop_fd(parent.fd);
}

// Links of /dev that are there already are left. [runtime-spec 1.2 runtime-linux, "Dev symbolic
// links"]
void make_links(const Plan& plan, int dev) noexcept {
  constexpr struct {
    const char* name;
    const char* text;
  } kLinks[] = {{"ptmx", "pts/ptmx"},
                {"fd", "/proc/self/fd"},
                {"stdin", "/proc/self/fd/0"},
                {"stdout", "/proc/self/fd/1"},
                {"stderr", "/proc/self/fd/2"}};
  for (const auto& link : kLinks)
    if (call(SYS_symlinkat, link.text, dev, link.name) < 0 && errno != EEXIST)
      die(plan, Step::DevLink);
}

void bind_console(const Plan& plan, int dev, int pts, int number) noexcept {
  char name[12];
  char* digit = name + sizeof name - 1;
  *digit = '\0';
  do {
    *--digit = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  bind_at(plan, dev, "console", check(plan, Step::Console, clone_mount(pts, digit, 0)),
          Step::Console, 0);
}

}  // namespace

int find_pts(const Plan& plan, int root) noexcept {
  const int pts = check(plan, Step::Terminal,
                        open_in(root, "dev/pts", O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
  struct statfs status{};
  check(plan, Step::Terminal, call(SYS_fstatfs, pts, &status));
  if (status.f_type != DEVPTS_SUPER_MAGIC) {
    errno = ENODEV;
    die(plan, Step::Terminal);
  }
  return pts;
}

// O_NONBLOCK: a FIFO must not hold us.
int open_null(const Plan& plan, Step step, int root, std::uint64_t flags,
              std::uint32_t detail) noexcept {
  // openat2(2) refuses flags that mean nothing with O_PATH.
  const std::uint64_t harmless = (flags & O_PATH) != 0 ? 0 : O_NONBLOCK | O_NOCTTY;
  const int fd =
      check(plan, step, open_in(root, "dev/null", flags | harmless, RESOLVE_NO_SYMLINKS), detail);
  struct stat status{};
  check(plan, step, call(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH), detail);
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
    errno = ENODEV;
    die(plan, step, detail);
  }
  if ((flags & O_PATH) == 0) check(plan, step, call(SYS_fcntl, fd, F_SETFL, 0), detail);
  return fd;
}

void set_up_devices(const Plan& plan, const Container& container, int stdio[3]) noexcept {
  const int root = container.root;
  make_devices(plan, container);
  int dev = -1;
  if (container.device_links || plan.process.terminal || container.devices_no_exec)
    dev =
        check(plan, Step::DevLink, open_in(root, "dev", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
  if (container.device_links) make_links(plan, dev);
  if (plan.process.terminal) {
    const int pts = container.pts >= 0 ? container.made[container.pts] : find_pts(plan, root);
    bind_console(plan, dev, pts, open_terminal(plan, pts, stdio));
  }
  // The devices' own mounts came with the host's attributes.
  if (container.devices_no_exec)
    check(plan, Step::Device,
          set_attributes(dev, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, AT_RECURSIVE));
  if (dev >= 0) drop_fd(dev);
  if (!plan.process.terminal && stdio[0] < 0)
    stdio[0] = open_null(plan, Step::Stdio, root, O_RDWR, 0);
}

}  // namespace tare::child
