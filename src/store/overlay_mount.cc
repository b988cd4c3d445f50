// SPDX-License-Identifier: Apache-2.0
#include "store/overlay_mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/text.h"
#include "store/other_order.h"
#include "sys/files.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

// An upper or work directory of the container: made once.
Result<sys::Fd> make_layer_directory(int container_dir, const char* name, std::uint32_t uid,
                                     std::uint32_t gid, std::uint32_t mode) {
  const bool made = ::mkdirat(container_dir, name, 0700) == 0;
  if (!made && errno != EEXIST) return fail_errno("make " + quoted(name));
  sys::Fd dir = TRY(sys::open_at(container_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!made) return dir;
  if (::fchown(dir.get(), uid, gid) != 0) return fail_errno("change the owner of " + quoted(name));
  if (::fchmod(dir.get(), mode) != 0) return fail_errno("change the mode of " + quoted(name));
  return dir;
}

}  // namespace

sys::IdMap own_ids() {
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = 0, .count = kIds});
  return ids;
}

Result<std::uint32_t> inside_of(const sys::IdMap& ids, std::uint32_t outside) {
  for (const sys::IdRange& range : ids.ranges)
    if (outside >= range.outside && outside - range.outside < range.count)
      return range.inside + (outside - range.outside);
  return fail(Kind::Internal, "id " + std::to_string(outside) + " is outside of the id map");
}

Result<> show_ids(int mount, const sys::IdMap& ids) {
  if (ids.is_identity()) return {};
  const sys::Fd space = TRY(sys::make_user_namespace(ids, ids.groups()), "root file system");
  return sys::idmap_mount(mount, space.get());
}

Result<sys::Fd> mount_overlay(const OverlayRequest& request) {
  // The root directory of an overlay shows the owner and mode of the upper one.
  const std::uint32_t uid = TRY(request.ids->outside_of(request.uid), "root file system");
  const std::uint32_t gid = TRY(request.ids->groups().outside_of(request.gid), "root file system");
  // Through a clone of the container's directory, which is nowhere attached: the container's
  // mountinfo then names "/upper" and not where the store is.
  const sys::Fd place = TRY(sys::clone_mount(request.container_dir, false), "root file system");
  const sys::Fd upper =
      TRY(make_layer_directory(place.get(), "upper", uid, gid, request.mode & 07777));
  const sys::Fd work =
      TRY(make_layer_directory(place.get(), "work", ::geteuid(), ::getegid(), 0700));
  const sys::Fd order =
      has_other_order(request.container_dir) ? TRY(make_other_order(request.lower)) : sys::Fd();
  std::vector<sys::FsOption> options = {
      {.key = "source", .value = "tare"},
      {.key = "lowerdir+", .fd = request.lower},
  };
  if (order) options.push_back({.key = "lowerdir+", .fd = order.get()});
  if (request.data >= 0) options.push_back({.key = "datadir+", .fd = request.data});
  options.push_back({.key = "upperdir", .fd = upper.get()});
  options.push_back({.key = "workdir", .fd = work.get()});
  options.push_back({.key = "index", .value = "off"});
  // Numbers of inodes then say which layer a file is of.
  if (order) options.push_back({.key = "xino", .value = "on"});
  // Copies of metadata only are understood in the image; a container makes none, except where the
  // kernel couples the two.
  options.push_back({.key = "metacopy", .value = "off"});
  // trusted.* attributes, which overlayfs uses otherwise, are for the initial namespace only.
  if (!sys::in_initial_user_namespace()) options.push_back({.key = "userxattr"});
  if (request.is_volatile) {
    // The mark of an earlier mount, which would refuse this one. [overlayfs.rst, "Volatile mount"]
    (void)sys::remove_tree(work.get(), "work/incompat");
    options.push_back({.key = "volatile"});
  }
  auto mount = sys::mount_filesystem("overlay", options, MOUNT_ATTR_NODEV);
  if (!mount)
    return std::unexpected(
        std::move(mount)
            .error()
            .wrap("root file system")
            .hint("overlayfs needs Linux 6.13 and a store on ext4, xfs, btrfs or tmpfs, not on an "
                  "overlay; "
                  "another place for the store: TARE_ROOT, or run with --read-only"));
  return mount;
}

}  // namespace tare::store
