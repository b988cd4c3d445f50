// SPDX-License-Identifier: Apache-2.0
// The list of mounts of a new container. All are made first, while the host's mount table is in
// sight (procfs and sysfs are only given to whoever can see one whole already), and attached later,
// in their order, below the descriptor of the new root.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "child/mounts.h"

namespace tare::child {
namespace {

constexpr int kDetach = 2;  // MNT_DETACH, umount2(2).

// What the kernel does not give us anew (a sysfs, to a container inside another one that hides
// parts of its own) is the one we came from, with what hides parts of it, read-only.
int host_tree(const Plan& plan, const Mount& mount, std::uint32_t i) noexcept {
  const int tree =
      check(plan, Step::HostMount, clone_mount(AT_FDCWD, mount.target, AT_RECURSIVE), i);
  check(plan, Step::HostMount,
        set_attributes(tree, mount.attributes | MOUNT_ATTR_RDONLY, AT_RECURSIVE), i);
  return tree;
}

// The directory /NAME of the image as a place for one of our own mounts: a link is refused.
int stub(const Plan& plan, int root, const char* name, std::uint32_t i) noexcept {
  const int found = open_in(root, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (found >= 0) return found;
  if (errno != ENOENT) die(plan, Step::MountTarget, i);
  check(plan, Step::MountTarget, call(SYS_mkdirat, root, name + 1, 0755), i);
  return check(plan, Step::MountTarget,
               open_in(root, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS), i);
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

int find_target(const Plan& plan, const Mount& mount, int root, std::uint32_t i) noexcept {
  if (mount.stub && last_slash(mount.target) == mount.target)
    return stub(plan, root, mount.target, i);
  const int target =
      check(plan, Step::MountTarget, open_or_make(root, mount.target, mount.directory), i);
  refuse_proc(plan, target, i);
  return target;
}

void copy_up(const Plan& plan, int target, int mount, std::uint32_t i) noexcept {
  const int from = check(plan, Step::CopyUp,
                         call(SYS_openat, target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), i);
  const int to = check(plan, Step::CopyUp,
                       call(SYS_openat, mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), i);
  copy_tree(plan, from, to, i);
  drop_fd(from);
  drop_fd(to);
}

bool equal(const char* left, const char* right, std::size_t size) noexcept {
  for (std::size_t i = 0; i < size; ++i)
    if (left[i] == '\0' || left[i] != right[i]) return false;
  return true;
}

// Whether `path` is that of a place below `directory`, without detours.
bool is_below(const char* path, const char* directory, std::size_t size) noexcept {
  if (!equal(path, directory, size) || path[size] != '/') return false;
  for (path += size; *path != '\0'; ++path)
    if (path[0] == '/' && path[1] == '.') return false;
  return true;
}

// The tmpfs of our own whose directory the target of mount `i` is to be, when nothing but its own
// entries has been mounted since. Nobody else has been in there: what is not there has to be made,
// and can be used by its name. -1 when there is none.
int own_parent(const Container& container, std::uint32_t i) noexcept {
  const Mount& mount = container.mounts.items[i];
  const char* const slash = last_slash(mount.target);
  if (slash == nullptr || mount.copy_up || !mount.directory) return -1;
  const auto size = static_cast<std::size_t>(slash - mount.target);
  for (std::uint32_t j = i; j-- > 0;) {
    const Mount& before = container.mounts.items[j];
    if (equal(before.target, mount.target, size) && before.target[size] == '\0') {
      const bool own = before.source < 0 && before.type != nullptr && !before.copy_up &&
                       bare::equal(before.type, "tmpfs");
      return own ? container.made[j] : -1;
    }
    if (!is_below(before.target, mount.target, size)) return -1;
  }
  return -1;
}

// Attaches mount `i` in a tmpfs of our own. False when that is not so simple.
bool attach_in_own(const Plan& plan, const Container& container, std::uint32_t i) noexcept {
  const int parent = own_parent(container, i);
  if (parent < 0) return false;
  const char* const name = last_slash(container.mounts.items[i].target) + 1;
  if (call(SYS_mkdirat, parent, name, 0755) < 0) return false;
  check(plan, Step::Mount,
        call(SYS_move_mount, container.made[i], "", parent, name, MOVE_MOUNT_F_EMPTY_PATH), i);
  return true;
}

void attach_at_target(const Plan& plan, const Container& container, std::uint32_t i) noexcept {
  const Mount& mount = container.mounts.items[i];
  const int target = find_target(plan, mount, container.root, i);
  if (mount.copy_up) copy_up(plan, target, container.made[i], i);
  check(plan, Step::Mount, attach(container.made[i], target), i);
  drop_fd(target);
}

}  // namespace

bool make_mounts(const Plan& plan, const Container& container) noexcept {
  bool host_seen = false;
  for (std::uint32_t i = 0; i < container.mounts.count; ++i) {
    const Mount& mount = container.mounts.items[i];
    int& made = container.made[i];
    made = mount.source;
    if (made >= 0 || (mount.only_after_host && !host_seen)) continue;
    made = new_mount(mount.type, mount.source_name, mount.options, mount.attributes);
    if (made >= 0) continue;
    if (!mount.or_host || errno != EPERM) die(plan, Step::MakeMount, i);
    made = host_tree(plan, mount, i);
    host_seen = true;
  }
  return host_seen;
}

void attach_mounts(const Plan& plan, const Container& container, std::uint32_t from,
                   std::uint32_t until) noexcept {
  for (std::uint32_t i = from; i < until; ++i) {
    const Mount& mount = container.mounts.items[i];
    const int made = container.made[i];
    if (made < 0) continue;
    if (!attach_in_own(plan, container, i)) attach_at_target(plan, container, i);
    if (mount.propagation != 0)
      check(plan, Step::Mount, set_propagation(made, mount.propagation), i);
    // Binds are the many; the rest may be looked at again.
    if (mount.source >= 0) drop_fd(made);
  }
}

void finish_mounts(const Plan& plan, const Container& container) noexcept {
  for (std::uint32_t i = 0; i < container.mounts.count; ++i)
    if (container.mounts.items[i].late_read_only)
      check(plan, Step::Mount, set_attributes(container.made[i], MOUNT_ATTR_RDONLY, 0), i);
}

// The engine's files live on one small tmpfs, which is itself mounted nowhere when we are done:
// only the files are, over their targets. It needs a place while they are cloned from it, because
// Linux before 6.15 clones attached mounts only; any directory does.
void mount_files(const Plan& plan, const Container& container) noexcept {
  if (container.files.count == 0) return;
  const Option options[] = {{"mode", "755"}, {"size", container.files_size}};
  constexpr std::uint64_t kSafe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const int files = check(plan, Step::File, new_mount("tmpfs", "tmpfs", {options, 2}, kSafe));
  const int place =
      check(plan, Step::File, open_in(container.root, "dev", O_PATH | O_DIRECTORY, 0));
  check(plan, Step::File, attach(files, place));
  drop_fd(place);
  for (std::uint32_t i = 0; i < container.files.count; ++i) {
    const File& file = container.files.items[i];
    const char name[] = {static_cast<char>('a' + i / 26), static_cast<char>('a' + i % 26), '\0'};
    const int fd =
        check(plan, Step::File,
              call(SYS_openat, files, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644), i);
    for (std::size_t done = 0; done < file.size;)
      done += static_cast<std::size_t>(
          check(plan, Step::File, call(SYS_write, fd, file.content + done, file.size - done), i));
    if ((file.uid | file.gid) != 0)
      check(plan, Step::File, call(SYS_fchown, fd, file.uid, file.gid), i);
    if (file.mode != 0644) check(plan, Step::File, call(SYS_fchmod, fd, file.mode), i);
    const int mount = check(plan, Step::File, clone_mount(fd, "", 0), i);
    if (file.read_only) check(plan, Step::File, set_attributes(mount, MOUNT_ATTR_RDONLY, 0), i);
    const int target =
        check(plan, Step::FileTarget, open_or_make(container.root, file.target, false), i);
    check(plan, Step::File, attach(mount, target), i);
    close_fd(fd);
    drop_fd(mount);
    drop_fd(target);
  }
  check(plan, Step::File, call(SYS_fchdir, files));
  check(plan, Step::File, call(SYS_umount2, ".", kDetach));
  check(plan, Step::File, call(SYS_chdir, "/"));
  drop_fd(files);
}

}  // namespace tare::child
