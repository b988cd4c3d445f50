// SPDX-License-Identifier: Apache-2.0
#include "engine/build_cache_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <ranges>

#include "codec/sha256.h"
#include "engine/build.h"
#include "engine/build_workshop.h"
#include "store/volumes.h"
#include "sys/ids.h"

namespace tare::engine {
namespace {

using Sharing = build::Mount::Sharing;

// A label, beside that of caches, of one that goes with the container of its step.
constexpr const char* kCacheOfOne = "dev.tare.build-cache.one";
constexpr int kMostCopies = 64;  // Of a private cache, at the same time.

std::string volume_of(const build::RunMount& mount, int copy) {
  const std::string name = "build-cache-" + codec::sha256(mount.source).short_hex();
  return copy == 0 ? name : name + "-" + std::to_string(copy + 1);
}

// Its lock, or nothing when somebody else has it. What was removed meanwhile is NotFound.
Result<std::optional<sys::Fd>> try_lock(const store::Store& store, const std::string& volume,
                                        sys::Lock kind) {
  sys::Fd lock = TRY(store::open_volume_lock(store, volume));
  auto locked = sys::lock_file(lock.get(), kind, sys::Wait::No);
  if (!locked && locked.error().kind() == Kind::Busy) return std::nullopt;
  TRY(std::move(locked));
  struct stat mine{};
  struct stat now{};
  const std::string place = "volumes/" + volume + "/lock";
  if (::fstat(lock.get(), &mine) != 0) return fail_errno("look at the lock of a cache");
  if (::fstatat(store.dir(), place.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0 ||
      now.st_ino != mine.st_ino)
    return fail(Kind::NotFound, "the cache was removed");
  return lock;
}

Result<> fill(store::Store& store, const build::RunMount& mount, const std::string& volume,
              const sys::IdMap& ids, const store::VolumeRoot& root) {
  if (!mount.fill || !TRY(store::is_volume_empty(store, volume))) return {};
  const store::NewContent content = TRY(store::make_volume_content(store, root));
  TRY(mount.fill({.root = content.data.get(), .ids = &ids}));
  const sys::Fd alone = TRY(store.lock(store::Store::kVolumesLock));
  return store::adopt_volume_content(store, content.scratch, volume);
}

// One that is not there is made; who has just made it has it.
Result<std::optional<sys::Fd>> hold(store::Store& store, const build::RunMount& mount,
                                    const std::string& volume, const sys::IdMap& ids) {
  store::VolumeRoot root{.mode = mount.mode};
  root.uid = TRY(ids.outside_of(mount.uid));
  root.gid = TRY(ids.groups().outside_of(mount.gid));
  std::map<std::string, std::string> labels = {{store::Volume::kCache, mount.name}};
  if (mount.is_fresh) labels[kCacheOfOne] = "";
  const auto made = store::create_volume(
      store,
      {.name = volume,
       .created = now_ns(),
       .labels = std::move(labels),
       .options = {},
       .ids = sys::in_initial_user_namespace() ? store::VolumeIds::Image : store::VolumeIds::Caller,
       .container = ""},
      root, sys::Durability::Lazy);
  if (!made && made.error().kind() != Kind::Exists) return std::unexpected(made.error());
  const bool is_shared = mount.sharing == Sharing::Shared;
  auto lock = TRY(try_lock(store, volume, is_shared ? sys::Lock::Shared : sys::Lock::Exclusive));
  if (!lock) return std::nullopt;
  TRY(fill(store, mount, volume, ids, root), "what the cache " + quoted(mount.name) + " has first");
  (void)::futimens(lock->get(), nullptr);
  return lock;
}

}  // namespace

Result<std::optional<HeldCaches>> hold_caches(store::Store& store,
                                              const std::vector<build::RunMount>& mounts,
                                              const sys::IdMap& ids, std::string& busy) {
  HeldCaches held{.volumes = std::vector<std::string>(mounts.size()), .locks = {}};
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const build::RunMount& mount = mounts[i];
    if (mount.type != build::RunMount::Type::Cache) continue;
    // A step that has the same cache at two places has one.
    std::optional<sys::Fd> lock;
    for (std::size_t j = 0; j < i && held.volumes[i].empty(); ++j)
      if (mounts[j].type == mount.type && mounts[j].source == mount.source)
        held.volumes[i] = held.volumes[j];
    if (!held.volumes[i].empty()) continue;
    const int copies = mount.sharing == Sharing::Private ? kMostCopies : 1;
    for (int copy = 0; copy < copies && !lock; ++copy) {
      held.volumes[i] = volume_of(mount, copy);
      lock = TRY(hold(store, mount, held.volumes[i], ids));
    }
    if (!lock) {
      busy = mount.name;
      return std::nullopt;
    }
    held.locks.push_back(std::move(*lock));
  }
  return held;
}

namespace {

UnixNanos last_used(const store::Store& store, const std::string& volume) {
  struct stat info{};
  const std::string place = "volumes/" + volume + "/lock";
  if (::fstatat(store.dir(), place.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
}

}  // namespace

Result<bool> remove_unused_cache(store::Store& store, const std::string& volume,
                                 store::Store::Removal how) {
  auto tried = try_lock(store, volume, sys::Lock::Exclusive);
  if (!tried && tried.error().kind() == Kind::NotFound) return false;
  const auto lock = TRY(std::move(tried));
  if (!lock) return false;
  const sys::Fd alone = TRY(store.lock(store::Store::kVolumesLock));
  TRY(store.discard("volumes/" + volume, how));
  return true;
}

std::vector<CacheMount> cache_mounts_of(const store::Store& store, const Usage& usage) {
  std::vector<CacheMount> all;
  for (const VolumeUsage& cache : usage.caches)
    all.push_back({.volume = cache.name,
                   .name = cache.cache,
                   .bytes = cache.bytes,
                   .last_used = last_used(store, cache.name),
                   .in_use = cache.containers > 0});
  std::ranges::stable_sort(all, {}, &CacheMount::last_used);
  return all;
}

Result<std::vector<CacheMount>> cache_mounts(Engine& engine) {
  return cache_mounts_of(BuildWorkshop::store_of(engine), TRY(engine.usage()));
}

void remove_left_caches(const Engine& engine, store::Store& store) {
  const auto caches = engine.cache_volumes();
  if (!caches) return;  // The next one tries again.
  for (const VolumeInfo& cache : *caches)
    if (cache.containers.empty() && cache.volume.labels.contains(kCacheOfOne))
      (void)remove_unused_cache(store, cache.volume.name, store::Store::Removal::InBackground);
}

Result<std::vector<CacheMount>> prune_cache_mounts(Engine& engine, const PruneSteps& wish) {
  store::Store& store = BuildWorkshop::store_of(engine);
  std::vector<CacheMount> gone;
  std::uint64_t bytes = 0;
  // From the last used.
  auto all = TRY(cache_mounts(engine));
  for (CacheMount& one : std::views::reverse(all)) {
    bytes += one.bytes;
    const bool is_recent = wish.keep_since != 0 && one.last_used >= wish.keep_since;
    if (one.in_use || is_recent || (wish.keep_bytes != 0 && bytes <= wish.keep_bytes)) continue;
    if (!wish.dry_run &&
        !TRY(remove_unused_cache(store, one.volume, store::Store::Removal::InBackground)))
      continue;
    gone.push_back(std::move(one));
  }
  return gone;
}

}  // namespace tare::engine
