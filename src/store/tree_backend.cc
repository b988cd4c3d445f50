// SPDX-License-Identifier: Apache-2.0
#include "store/tree_backend.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/failpoint.h"
#include "base/text.h"
#include "codec/sha256.h"
#include "store/image_tree.h"
#include "store/other_order.h"
#include "store/overlay_mount.h"
#include "store/tree_maker.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

constexpr const char* kProbeFile = "idmap";  // In rootfs: "BOOT-ID yes" or "BOOT-ID no".

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

}  // namespace

bool TreeBackend::can_idmap() {
  if (form_ != Form::Flat) return false;
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

std::string TreeBackend::key(const Digest& image, const sys::IdMap& ids) {
  if (can_idmap()) return image.hex();
  std::string text = ids.text();
  if (!ids.group_ranges.empty()) text += "groups\n" + ids.groups().text();
  return image.hex() + "-" + codec::sha256(text).short_hex();
}

Result<std::vector<std::string>> TreeBackend::keys_of(const Digest& image) const {
  std::vector<std::string> keys = TRY(sys::list_directory(store_.dir(), room()));
  std::erase_if(keys, [&](const std::string& name) {
    return name != image.hex() && !name.starts_with(image.hex() + "-");
  });
  return keys;
}

Result<> TreeBackend::prepare(const Digest& image, const std::vector<Layer>& layers,
                              const sys::IdMap& ids, const Progress& progress) {
  const std::string place = room() + "/" + key(image, ids);
  if (::faccessat(store_.dir(), place.c_str(), F_OK, 0) == 0) return {};
  const std::string what = "unpack image " + image.short_hex();
  TRY(ensure_layers(store_, layers, contents(), progress), what);
  const auto tree = TRY(share_image_tree(store_, layers), what);
  Store::Scratch scratch = TRY(store_.make_scratch());
  if (::mkdirat(scratch.dir.get(), "new", 0700) != 0 ||
      ::mkdirat(scratch.dir.get(), "new/tree", 0700) != 0)
    return fail_errno(what + ": make a directory");
  const sys::Fd root =
      TRY(sys::open_at(scratch.dir.get(), "new/tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  failpoint("unpack.scratch");
  const bool mapped = can_idmap();
  TRY(make_tree({.store = &store_,
                 .image = tree.get(),
                 .root = root.get(),
                 .ids = mapped ? own_ids() : ids,
                 .v3_capabilities = !mapped,
                 .large = form_ == Form::Redirect ? LargeFiles::Redirected : LargeFiles::Copied}),
      what);
  const bool later = store_.syncs_later();
  if (!later && ::syncfs(root.get()) != 0) return fail_errno(what + ": write to disk");
  failpoint("unpack.written");
  if (::renameat2(scratch.dir.get(), "new", store_.dir(), place.c_str(),
                  RENAME_NOREPLACE) != 0 &&
      errno != EEXIST)  // Somebody else was faster; ours is discarded with the scratch directory.
    return fail_errno(what + ": name the result");
  failpoint("unpack.named");
  const sys::Fd trees = TRY(sys::open_at(store_.dir(), room(), O_RDONLY | O_DIRECTORY));
  if (!later && ::fsync(trees.get()) != 0) return fail_errno(what + ": write to disk");
  return {};
}

Result<sys::Fd> TreeBackend::mount(const Digest& image, const std::vector<Layer>& /*layers*/,
                                   const sys::IdMap& ids, int container_dir, bool read_only) {
  const std::string tree_path = room() + "/" + key(image, ids) + "/tree";
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
  sys::Fd objects = form_ == Form::Redirect ? TRY(clone_objects()) : sys::Fd();
  sys::Fd lower = TRY(sys::clone_mount(tree.get(), false), "root file system");
  if (can_idmap()) TRY(show_ids(lower.get(), ids), "root file system");
  if (form_ == Form::Redirect) {
    if (read_only) return mount_redirect(std::move(lower));
    // The files of objects are found in the lowest layer of those that have names; that is another.
    if (has_other_order(container_dir)) {
      lower = TRY(mount_redirect(std::move(lower)));
      objects = sys::Fd();
    }
  }
  if (read_only) {
    TRY(sys::set_mount_attributes(lower.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, 0, false),
        "root file system");
    return lower;
  }
  return mount_overlay({.lower = lower.get(),
                        .data = objects.get(),
                        .uid = info.st_uid,
                        .gid = info.st_gid,
                        .mode = info.st_mode,
                        .ids = &ids,
                        .container_dir = container_dir,
                        .is_volatile = store_.syncs_later()});
}

Result<sys::Fd> TreeBackend::clone_objects() const {
  const sys::Fd objects = TRY(sys::open_at(store_.dir(), "objects", O_PATH | O_DIRECTORY));
  return sys::clone_mount(objects.get(), false);
}

// Read-only: an overlay of the tree and the objects, without an upper directory.
Result<sys::Fd> TreeBackend::mount_redirect(sys::Fd lower) const {
  const sys::Fd objects = TRY(clone_objects());
  std::vector<sys::FsOption> options = {{.key = "source", .value = "tare"},
                                        {.key = "lowerdir+", .fd = lower.get()},
                                        {.key = "datadir+", .fd = objects.get()}};
  if (!sys::in_initial_user_namespace()) options.push_back({.key = "userxattr"});
  return TRY(sys::mount_filesystem("overlay", options, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV),
             "root file system");
}

Result<> TreeBackend::remove(const Digest& image) {
  for (const std::string& name : TRY(keys_of(image)))
    TRY(store_.discard(room() + "/" + name, Store::Removal::InBackground));
  return {};
}

Result<std::vector<Digest>> TreeBackend::prepared() const {
  std::vector<Digest> images;
  for (const std::string& name : TRY(sys::list_directory(store_.dir(), room()))) {
    auto digest = Digest::parse("sha256:" + name.substr(0, name.find('-')));
    if (digest) images.push_back(std::move(*digest));
  }
  std::sort(images.begin(), images.end());
  images.erase(std::unique(images.begin(), images.end()), images.end());
  return images;
}

Result<std::uint64_t> TreeBackend::disk_usage(const Digest& image) const {
  std::uint64_t total = 0;
  for (const std::string& name : TRY(keys_of(image)))
    total += TRY(sys::disk_usage(store_.dir(), room() + "/" + name));
  return total;
}

Result<> TreeBackend::verify(const Digest& image, const std::vector<Layer>& layers) {
  const ImageTree tree = TRY(load_image_tree(store_, layers));
  for (const std::string& name : TRY(keys_of(image))) {
    const sys::Fd root = TRY(sys::open_at(store_.dir(), room() + "/" + name + "/tree",
                                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(check_tree(tree, root.get(),
                   form_ == Form::Redirect ? LargeFiles::Redirected : LargeFiles::Copied),
        "the root file system of image " + image.short_hex());
  }
  return {};
}

Result<> TreeBackend::try_it() {
  Store::Scratch scratch = TRY(store_.make_scratch());
  // Objects of its own, too: others may be trying at the same time.
  const std::string content = "what a large file holds";
  const Digest digest = codec::sha256(content);
  const std::string object = object_path(digest);
  const std::string object_dir = object.substr(0, object.rfind('/'));
  for (const char* name : {"tree", "container", "objects", object_dir.c_str()})
    if (::mkdirat(scratch.dir.get(), name, 0755) != 0) return fail_errno("make a directory");
  ImageTree image;
  IndexWriter writer;
  IndexEntry entry{.mode = 0644, .size = content.size(), .content = {.pack = kInObject}};
  entry.content.digest = raw_digest(digest);
  entry.path = "probe";
  TRY(writer.add(entry));
  const std::string text = TRY(writer.finish({}, {}, {}));
  const LayerIndex index = TRY(LayerIndex::parse(text));
  TRY(image.tree.apply(index));
  const sys::Fd tree = TRY(sys::open_at(scratch.dir.get(), "tree", O_RDONLY | O_DIRECTORY));
  const sys::Fd container =
      TRY(sys::open_at(scratch.dir.get(), "container", O_RDONLY | O_DIRECTORY));
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = ::geteuid(), .count = 1});
  ids.group_ranges.push_back({.inside = 0, .outside = ::getegid(), .count = 1});
  TRY(make_tree({.store = &store_,
                 .image = &image,
                 .root = tree.get(),
                 .ids = ids,
                 .v3_capabilities = true,
                 .large = LargeFiles::Redirected}));
  const sys::Fd object_room =
      TRY(sys::open_at(scratch.dir.get(), object_dir, O_RDONLY | O_DIRECTORY));
  TRY(sys::replace_file(object_room.get(), digest.hex(), content, sys::Durability::Lazy));
  const auto look = [&]() -> Result<> {
    const sys::Fd lower = TRY(sys::clone_mount(tree.get(), false));
    const sys::Fd room = TRY(sys::open_at(scratch.dir.get(), "objects", O_PATH | O_DIRECTORY));
    const sys::Fd objects = TRY(sys::clone_mount(room.get(), false));
    const sys::Fd mount = TRY(mount_overlay({.lower = lower.get(),
                                             .data = objects.get(),
                                             .ids = &ids,
                                             .container_dir = container.get()}));
    // Reading, and writing: a copy upwards takes the content from the object.
    if (TRY(sys::load_file(mount.get(), "probe")) != content)
      return fail(Kind::Unsupported, "overlayfs does not follow redirections to data");
    const sys::Fd file = TRY(sys::open_at(mount.get(), "probe", O_RDWR | O_APPEND));
    TRY(sys::write_all(file.get(), "+"));
    if (TRY(sys::load_file(mount.get(), "probe")) != content + "+")
      return fail(Kind::Unsupported, "overlayfs does not copy redirected files");
    return {};
  };
  return look();
}

}  // namespace tare::store
