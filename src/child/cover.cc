// SPDX-License-Identifier: Apache-2.0
// Paths of /proc and /sys that are read-only or hidden.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "child/mounts.h"

namespace tare::child {
namespace {

// A place to be covered; -1 when there is no such thing.
int find_path(const Plan& plan, Step step, int root, const char* path, std::uint32_t i) noexcept {
  const int fd = open_in(root, path, O_PATH, RESOLVE_NO_SYMLINKS);
  if (fd < 0 && errno != ENOENT && errno != ENOTDIR) die(plan, step, i);
  return fd;
}

bool is_directory(const Plan& plan, int fd, std::uint32_t i) noexcept {
  struct stat status{};
  check(plan, Step::MaskedPath, call(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH), i);
  return S_ISDIR(status.st_mode);
}

}  // namespace

void protect_read_only(const Plan& plan, const Container& container) noexcept {
  for (std::uint32_t i = 0; i < container.read_only_paths.count; ++i) {
    const int fd =
        find_path(plan, Step::ReadOnlyPath, container.root, container.read_only_paths.items[i], i);
    if (fd < 0) continue;
    const int mount = check(plan, Step::ReadOnlyPath, clone_mount(fd, "", AT_RECURSIVE), i);
    check(plan, Step::ReadOnlyPath, set_attributes(mount, MOUNT_ATTR_RDONLY, AT_RECURSIVE), i);
    check(plan, Step::ReadOnlyPath, attach(mount, fd), i);
    drop_fd(mount);
    drop_fd(fd);
  }
}

// Directories are covered by one empty read-only tmpfs, bound again for each; everything else by
// the container's /dev/null, which is verified here. [CVE-2025-31133]
void mask_paths(const Plan& plan, const Container& container) noexcept {
  int empty = -1;
  int null = -1;
  for (std::uint32_t i = 0; i < container.masked_paths.count; ++i) {
    const int fd =
        find_path(plan, Step::MaskedPath, container.root, container.masked_paths.items[i], i);
    if (fd < 0) continue;
    int mount = -1;
    if (!is_directory(plan, fd, i)) {
      if (null < 0) null = open_null(plan, Step::MaskedPath, container.root, O_PATH, i);
      mount = clone_mount(null, "", 0);
    } else if (empty >= 0) {
      mount = clone_mount(empty, "", 0);
    } else {
      const Option options[] = {{"mode", "755"}, {"size", "0"}, {"nr_inodes", "1"}};
      constexpr std::uint64_t kHard =
          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
      mount = empty = new_mount("tmpfs", "tmpfs", {options, 3}, kHard);
    }
    check(plan, Step::MaskedPath, mount, i);
    check(plan, Step::MaskedPath, attach(mount, fd), i);
    if (mount != empty) drop_fd(mount);
    drop_fd(fd);
  }
  if (null >= 0) drop_fd(null);
}

}  // namespace tare::child
