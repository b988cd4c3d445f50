// SPDX-License-Identifier: Apache-2.0
#include "store/flat.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/failpoint.h"
#include "base/text.h"
#include "codec/sha256.h"
#include "store/unpack.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

constexpr std::uint32_t kIds = 65536;        // Of every container.
constexpr const char* kProbeFile = "idmap";  // In rootfs: "BOOT-ID yes" or "BOOT-ID no".

// The image's own ids on disk. Unpacking needs no more.
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

// Really tries it on a directory of the store.
Result<> try_idmap(int dir) {
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = 100000, .count = kIds});
  const sys::Fd space = TRY(sys::make_user_namespace(ids, ids));
  const sys::Fd mount = TRY(sys::clone_mount(dir, false));
  TRY(sys::idmap_mount(mount.get(), space.get()));
  const sys::Fd root = TRY(sys::open_at(mount.get(), ".", O_PATH | O_DIRECTORY));
  struct stat info{};
  if (::fstat(root.get(), &info) != 0) return fail_errno("fstat");
  if (info.st_uid != 100000) return fail(Kind::Unsupported, "the id map has no effect");
  return {};
}

// An upper or work directory of the container: made once, with the owner and mode of `like`.
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

bool FlatBackend::can_idmap() {
  if (shifted_) return false;
  if (can_idmap_) return *can_idmap_;
  can_idmap_ = false;
  // Only the owner of the file system's user namespace may; elsewhere there is nothing to ask.
  if (!sys::in_initial_user_namespace() || ::geteuid() != 0) return false;
  const std::string boot = sys::boot_id();
  const auto known = sys::load_file(store_.dir(), "rootfs/" + std::string(kProbeFile), 256);
  if (known && !boot.empty() && known->starts_with(boot + " ")) {
    can_idmap_ = known->ends_with(" yes");
    return *can_idmap_;
  }
  can_idmap_ = try_idmap(store_.dir()).has_value();
  if (const auto place = sys::open_at(store_.dir(), "rootfs", O_RDONLY | O_DIRECTORY))
    (void)sys::replace_file(place->get(), kProbeFile, boot + (*can_idmap_ ? " yes" : " no"));
  return *can_idmap_;
}

std::string FlatBackend::key(const Digest& image, const sys::IdMap& ids) {
  if (can_idmap()) return image.hex();
  std::string text = ids.text();
  if (!ids.group_ranges.empty()) text += "groups\n" + ids.groups().text();
  return image.hex() + "-" + codec::sha256(text).short_hex();
}

Result<std::vector<std::string>> FlatBackend::keys_of(const Digest& image) const {
  std::vector<std::string> keys = TRY(sys::list_directory(store_.dir(), "rootfs/flat"));
  std::erase_if(keys, [&](const std::string& name) {
    return name != image.hex() && !name.starts_with(image.hex() + "-");
  });
  return keys;
}

Result<> FlatBackend::prepare(const Digest& image, const std::vector<Layer>& layers,
                              const sys::IdMap& ids, const Progress& progress) {
  const std::string place = "rootfs/flat/" + key(image, ids);
  if (::faccessat(store_.dir(), place.c_str(), F_OK, 0) == 0) return {};
  const std::string what = "unpack image " + image.short_hex();
  Store::Scratch scratch = TRY(store_.make_scratch());
  if (::mkdirat(scratch.dir.get(), "new", 0700) != 0 ||
      ::mkdirat(scratch.dir.get(), "new/tree", 0755) != 0)
    return fail_errno(what + ": make a directory");
  const sys::Fd tree =
      TRY(sys::open_at(scratch.dir.get(), "new/tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const sys::IdMap map = can_idmap() ? own_ids() : ids;
  const std::uint32_t root = TRY(map.outside_of(0), what);
  const std::uint32_t root_group = TRY(map.groups().outside_of(0), what);
  if (::fchown(tree.get(), root, root_group) != 0) return fail_errno(what + ": change the owner");
  failpoint("unpack.scratch");
  TRY(unpack_layers(store_, layers, tree.get(), map, progress), what);
  if (::syncfs(tree.get()) != 0) return fail_errno(what + ": write to disk");
  failpoint("unpack.written");
  if (::syscall(SYS_renameat2, scratch.dir.get(), "new", store_.dir(), place.c_str(),
                RENAME_NOREPLACE) != 0 &&
      errno != EEXIST)  // Somebody else was faster; ours is discarded with the scratch directory.
    return fail_errno(what + ": name the result");
  failpoint("unpack.named");
  const sys::Fd trees = TRY(sys::open_at(store_.dir(), "rootfs/flat", O_RDONLY | O_DIRECTORY));
  if (::fsync(trees.get()) != 0) return fail_errno(what + ": write to disk");
  return {};
}

Result<sys::Fd> FlatBackend::mount(const Digest& image, const sys::IdMap& ids, int container_dir,
                                   bool read_only) {
  const std::string tree_path = "rootfs/flat/" + key(image, ids) + "/tree";
  auto opened = sys::open_at(store_.dir(), tree_path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!opened && opened.error().kind() == Kind::NotFound)
    return fail(Kind::NotFound, "image " + image.short_hex() + " is not unpacked here");
  const sys::Fd tree = TRY(std::move(opened));
  struct stat info{};
  if (::fstat(tree.get(), &info) != 0) return fail_errno("stat the root file system");
  if (!can_idmap()) {  // As in the image, for mount_overlay().
    info.st_uid = TRY(inside_of(ids, info.st_uid));
    info.st_gid = TRY(inside_of(ids.groups(), info.st_gid));
  }
  sys::Fd lower = TRY(sys::clone_mount(tree.get(), false), "root file system");
  if (can_idmap() && !ids.is_identity()) {
    const sys::Fd space = TRY(sys::make_user_namespace(ids, ids.groups()), "root file system");
    TRY(sys::idmap_mount(lower.get(), space.get()), "root file system");
  }
  if (!read_only) return mount_overlay(std::move(lower), info, ids, container_dir);
  TRY(sys::set_mount_attributes(lower.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, 0, false),
      "root file system");
  return lower;
}

Result<sys::Fd> FlatBackend::mount_overlay(sys::Fd lower, const struct stat& root,
                                           const sys::IdMap& ids, int container_dir) {
  // The root directory of an overlay shows the owner and mode of the upper one.
  const std::uint32_t uid = TRY(ids.outside_of(root.st_uid), "root file system");
  const std::uint32_t gid = TRY(ids.groups().outside_of(root.st_gid), "root file system");
  // Through a clone of the container's directory, which is nowhere attached: the container's
  // mountinfo then names "/upper" and not where the store is.
  const sys::Fd place = TRY(sys::clone_mount(container_dir, false), "root file system");
  const sys::Fd upper =
      TRY(make_layer_directory(place.get(), "upper", uid, gid, root.st_mode & 07777));
  const sys::Fd work =
      TRY(make_layer_directory(place.get(), "work", ::geteuid(), ::getegid(), 0700));
  std::vector<sys::FsOption> options = {
      {.key = "source", .value = "tare"},     {.key = "lowerdir+", .fd = lower.get()},
      {.key = "upperdir", .fd = upper.get()}, {.key = "workdir", .fd = work.get()},
      {.key = "index", .value = "off"},       {.key = "metacopy", .value = "off"},
  };
  // trusted.* attributes, which overlayfs uses otherwise, are for the initial namespace only.
  if (!sys::in_initial_user_namespace()) options.push_back({.key = "userxattr"});
  auto mount = sys::mount_filesystem("overlay", options, MOUNT_ATTR_NODEV);
  if (!mount)
    return std::unexpected(
        std::move(mount)
            .error()
            .wrap("root file system")
            .hint("overlayfs needs Linux 6.13 and a store on ext4, xfs, btrfs or tmpfs, not on an "
                  "overlay; "
                  "another place for the store: TARE_STORE, or run with --read-only"));
  return mount;
}

Result<> FlatBackend::remove(const Digest& image) {
  for (const std::string& name : TRY(keys_of(image)))
    TRY(store_.discard("rootfs/flat/" + name, Store::Removal::InBackground));
  return {};
}

Result<std::vector<Digest>> FlatBackend::prepared() const {
  std::vector<Digest> images;
  for (const std::string& name : TRY(sys::list_directory(store_.dir(), "rootfs/flat"))) {
    auto digest = Digest::parse("sha256:" + name.substr(0, name.find('-')));
    if (digest) images.push_back(std::move(*digest));
  }
  std::sort(images.begin(), images.end());
  images.erase(std::unique(images.begin(), images.end()), images.end());
  return images;
}

Result<std::uint64_t> FlatBackend::disk_usage(const Digest& image) const {
  std::uint64_t total = 0;
  for (const std::string& name : TRY(keys_of(image)))
    total += TRY(sys::disk_usage(store_.dir(), "rootfs/flat/" + name));
  return total;
}

std::unique_ptr<RootfsBackend> make_flat_backend(Store& store) {
  return std::make_unique<FlatBackend>(store);
}

}  // namespace tare::store
