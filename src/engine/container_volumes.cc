// SPDX-License-Identifier: Apache-2.0
// The volumes of a container: which they are, making them, and their first content.
// [docs/formats/volumes.md]
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/failpoint.h"
#include "engine/bin.h"
#include "engine/grants.h"
#include "engine/made_up_names.h"
#include "engine/record.h"
#include "engine/state.h"
#include "engine/volumes.h"
#include "store/layers.h"
#include "store/overlay_mount.h"
#include "store/volumes.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr const char* kBegun =
    "volumes";  // In a container's directory: anonymous ones it may have.
constexpr const char* kVolumeIds = "volume-ids";  // In the store's root, and the lock for it.
constexpr std::size_t kMostImageVolumes = 128;

// "/a/b" of "/a//./c/../b".
std::string cleaned(std::string_view path) {
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(std::move(part));
    else if (!parts.empty())
      parts.pop_back();
  }
  return "/" + join(parts, "/");
}

bool is_covered(const CreateRequest& config, const std::string& target) {
  return std::ranges::any_of(config.mounts, [&](const MountRequest& mount) {
    return cleaned(mount.target) == cleaned(target);
  });
}

bool is_volume(const MountRequest& mount) { return mount.type == MountType::Volume; }

// Whose ids the files of a new volume have.
store::VolumeIds ids_of_new(const Container& container) {
  if (sys::in_initial_user_namespace()) return store::VolumeIds::Image;
  return has_grant(container, policy::grants::SharedIds::name) ? store::VolumeIds::Caller
                                                               : store::VolumeIds::Container;
}

// An older volume may have been made for others.
Result<> check_ids(const store::Volume& volume, const Container& container) {
  if (!volume.device().empty() || volume.ids == ids_of_new(container)) {
    if (volume.ids != store::VolumeIds::Container || volume.container == container.id) return {};
  }
  if (volume.ids == store::VolumeIds::Container)
    return std::unexpected(
        Error(Kind::Unsupported, "volume " + quoted(volume.name) +
                                     " was made for one container, whose ids no other has")
            .hint("give data that containers share a volume with a name: -v NAME:/path"));
  return std::unexpected(
      Error(Kind::Unsupported,
            "volume " + quoted(volume.name) +
                " was made in a store of another user: its files belong to ids that mean others "
                "here"));
}

}  // namespace

Result<> check_volume_mount(const MountRequest& mount) {
  if (!mount.volume.empty()) TRY(store::check_volume_name(mount.volume));
  if (mount.subpath.starts_with('/'))
    return fail(Kind::Invalid, "volume-subpath " + quoted(mount.subpath) +
                                   " has to be a relative path within the volume");
  for (const std::string& part : split(mount.subpath, '/'))
    if (part == "..")
      return fail(Kind::Invalid,
                  "volume-subpath " + quoted(mount.subpath) + " has '..' in it: write it without");
  return {};
}

std::string volumes_from_name(const std::string& text) { return text.substr(0, text.find(':')); }

Result<> add_volumes_from(CreateRequest& config, const Container& other, const std::string& text) {
  const auto pair = split_once(text, ':');
  const std::string_view mode = pair ? pair->second : "rw";
  if (mode != "ro" && mode != "rw")
    return fail(Kind::Invalid,
                "--volumes-from " + quoted(text) + ": the modes are ro and rw, behind the name");
  for (MountRequest mount : other.config.mounts) {
    if (mount.type == MountType::Tmpfs || is_covered(config, mount.target)) continue;
    mount.anonymous = false;  // It goes with the other one, not with this.
    mount.make_source = false;
    mount.no_copy = true;  // Its first content was that of the other's image.
    mount.read_only = mount.read_only || mode == "ro";
    config.mounts.push_back(std::move(mount));
  }
  return {};
}

Result<> add_image_volumes(CreateRequest& config, const std::vector<std::string>& paths) {
  // SECURITY: each costs directories of the host, for an image that anybody may have written.
  // tests/security/volume-escapes.sh
  if (paths.size() > kMostImageVolumes)
    return fail(Kind::Invalid, "the image wants " + std::to_string(paths.size()) +
                                   " volumes; more than " + std::to_string(kMostImageVolumes) +
                                   " are not made");
  for (const std::string& path : paths) {
    const std::string target = cleaned(path);
    if (!path.starts_with('/') || target == "/" || path.find('\0') != std::string::npos)
      return fail(Kind::Invalid, "the image wants a volume at " + quoted(path) +
                                     ", which is no absolute path below the root");
    config.image_volumes.push_back(target);
    if (is_covered(config, target)) continue;
    config.mounts.push_back({.type = MountType::Volume, .target = target, .anonymous = true});
  }
  // Deeper ones last.
  std::ranges::stable_sort(config.mounts, {}, [](const MountRequest& mount) {
    return std::ranges::count(cleaned(mount.target), '/');
  });
  return {};
}

Result<> check_volume_ids(const policy::Grants& grants, const UserNamespace& users) {
  if (!grants.has<policy::grants::SharedIds>()) return {};
  if (users.kind == UserNamespace::Kind::Own && users.size == 0 && users.uids.empty() &&
      users.gids.empty())
    return {};
  return std::unexpected(
      Error(Kind::Unsupported,
            "volumes of an ordinary user belong to one range of ids, which --userns cannot change")
          .hint("leave --userns out, or bind a directory of the host"));
}

std::string Engine::State::claim_owner(const Container& container) const {
  return has_grant(container, policy::grants::SharedIds::name) ? store.path() + "/volumes"
                                                               : container_path(container.id);
}

Result<IdClaim> Engine::State::claim_volume_ids() {
  const sys::Fd alone = TRY(store.lock(kVolumeIds));
  const std::string owner = store.path() + "/volumes";
  if (const auto text = sys::load_file(store.dir(), kVolumeIds, 256)) {
    const IdClaim claim{.first = static_cast<std::uint32_t>(number_field(*text, "first")),
                        .count = static_cast<std::uint32_t>(number_field(*text, "count"))};
    TRY(id_ranges.confirm(claim, owner), "ids of volumes");
    return claim;
  }
  const IdClaim claim = TRY(claim_ids(owner, 0), "ids of volumes");
  TRY(sys::replace_file(
      store.dir(), kVolumeIds,
      "first=" + std::to_string(claim.first) + "\ncount=" + std::to_string(claim.count) + "\n"));
  return claim;
}

Result<> Engine::State::ensure_volume(const MountRequest& mount, const Container& container) {
  store::Volume volume{.name = mount.volume, .created = now_ns(), .ids = ids_of_new(container)};
  if (mount.anonymous) {
    volume.labels[store::Volume::kAnonymous] = "";
    volume.container = container.id;
  }
  const bool lazy = mount.anonymous && container.config.auto_remove;
  store::VolumeRoot root;
  if (volume.ids == store::VolumeIds::Container) {
    root.uid = TRY(container.ids.outside_of(0));
    root.gid = TRY(container.ids.groups().outside_of(0));
  }
  auto made = store::create_volume(store, volume, root,
                                   lazy ? sys::Durability::Lazy : sys::Durability::Synced);
  if (made || made.error().kind() != Kind::Exists) return made;
  const store::Volume there = TRY(store::load_volume(store, mount.volume));
  return check_ids(there, container);
}

Result<bool> Engine::State::is_volume_mounted(const std::string& name) const {
  const VolumeUsers users = TRY(volume_users());
  const auto found = users.find(name);
  if (found == users.end()) return false;
  for (const std::string& id : found->second) {
    const auto lock = sys::open_at(store.dir(), "containers/" + id + "/lock", O_RDWR | O_NOFOLLOW);
    if (lock && TRY(sys::is_locked(lock->get()))) return true;
  }
  return false;
}

Result<> Engine::State::load_first_content(FirstContent& from) {
  TRY(store::ensure_layers(store, from.image.layers, rootfs.contents(), {}));
  from.tree = TRY(store::load_image_tree(store, from.image.layers));
  return {};
}

// What the image has there, into a volume that is empty. [docker run reference, "Populate a volume
// using a container"]
Result<> Engine::State::fill_volume(const MountRequest& mount, const Container& container,
                                    FirstContent& from) {
  const store::Volume volume = TRY(store::load_volume(store, mount.volume));
  if (mount.no_copy || !mount.subpath.empty() || !volume.device().empty()) return {};
  if (!TRY(store::is_volume_empty(store, mount.volume))) return {};
  if (TRY(is_volume_mounted(mount.volume))) return {};
  if (!from.tree) TRY(load_first_content(from));
  const bool mapped = volume.ids == store::VolumeIds::Image;
  const auto content =
      TRY(store::write_volume_content(store, {.image = &*from.tree,
                                              .path = mount.target,
                                              .ids = mapped ? store::own_ids() : container.ids,
                                              .v3_capabilities = !mapped}));
  if (content.empty()) return {};
  sys::Fd alone;
  if (!from.is_locked) alone = TRY(store.lock(store::Store::kVolumesLock));
  // Its mounts would go on showing the directory that is replaced.
  if (TRY(is_volume_mounted(mount.volume))) return {};
  return store::adopt_volume_content(store, content[0], mount.volume);
}

Result<> Engine::State::make_volumes(Container& container, FirstContent& from, Undo& undo) {
  std::vector<std::string> anonymous;
  std::vector<MountRequest>& mounts = container.config.mounts;
  if (std::ranges::none_of(mounts, is_volume)) return {};
  for (MountRequest& mount : mounts) {
    if (!is_volume(mount) || !mount.anonymous) continue;
    if (mount.volume.empty()) mount.volume = TRY(random_id());
    anonymous.push_back(mount.volume);
  }
  if (!anonymous.empty()) {
    const sys::Fd dir = TRY(open_container(container.id));
    TRY(sys::replace_file(dir.get(), kBegun, join(anonymous, "\n") + "\n", sys::Durability::Lazy));
    undo.push([this, anonymous]() noexcept {
      for (const std::string& name : anonymous) (void)store.discard("volumes/" + name);
    });
    failpoint("create.volumes");
  }
  for (const MountRequest& mount : mounts) {
    if (!is_volume(mount)) continue;
    TRY(ensure_volume(mount, container));
    // Somebody may have removed it already; that is seen when the record is written.
    auto filled = fill_volume(mount, container, from);
    if (!filled && filled.error().kind() == Kind::NotFound &&
        !store::has_volume(store, mount.volume))
      continue;
    TRY(std::move(filled));
  }
  return {};
}

Result<sys::Fd> Engine::State::lock_volumes_of(Container& container, FirstContent& from,
                                               Undo& undo) {
  const std::vector<MountRequest>& mounts = container.config.mounts;
  if (std::ranges::none_of(mounts, is_volume)) return sys::Fd();
  {
    sys::Fd lock = TRY(store.lock(store::Store::kVolumesLock, sys::Lock::Shared));
    if (std::ranges::all_of(mounts, [&](const MountRequest& mount) {
          return !is_volume(mount) || store::has_volume(store, mount.volume);
        }))
      return lock;
  }
  // Somebody removes them as fast as they are made: now nobody can.
  if (!from.tree) TRY(load_first_content(from));
  sys::Fd alone = TRY(store.lock(store::Store::kVolumesLock));
  from.is_locked = true;
  TRY(make_volumes(container, from, undo));
  return alone;
}

void Engine::State::drop_begun_volumes(const std::string& id) {
  const auto text = sys::load_file(store.dir(), "containers/" + id + "/" + kBegun, 1 << 20);
  if (!text) return;
  const auto alone = store.lock(store::Store::kVolumesLock);
  if (!alone) return;
  for (const std::string& name : split(*text, '\n')) {
    const auto volume = store::load_volume(store, name);
    if (volume && volume->is_anonymous() && volume->container == id) (void)drop_volume(name, false);
  }
}

Result<> Engine::State::drop_volumes_of(const Container& container, bool keep) {
  const auto is_own = [](const MountRequest& mount) { return is_volume(mount) && mount.anonymous; };
  if (std::ranges::none_of(container.config.mounts, is_own)) return {};
  const sys::Fd alone = TRY(store.lock(store::Store::kVolumesLock));
  const VolumeUsers users = TRY(volume_users());
  for (const MountRequest& mount : container.config.mounts) {
    if (!is_own(mount) || !store::has_volume(store, mount.volume)) continue;
    const auto found = users.find(mount.volume);
    const auto is_other = [&](const std::string& id) { return id != container.id; };
    if (found != users.end() && std::ranges::any_of(found->second, is_other)) continue;
    TRY(drop_volume(mount.volume, keep), "remove volume " + mount.volume);
    failpoint("remove.volume");
  }
  return {};
}

}  // namespace tare::engine
