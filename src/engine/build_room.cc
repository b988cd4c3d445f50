// SPDX-License-Identifier: Apache-2.0
#include "engine/build_room.h"

#include <sys/stat.h>

#include "engine/build_cache_mounts.h"
#include "store/layers.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr const char* kRunning = "build";

// Steps used since are of builds that run; the time of the next one, when none does.
Result<UnixNanos> running_since(const store::Store& store) {
  const auto alone = store.lock(kRunning, sys::Lock::Exclusive, sys::Wait::No);
  if (alone) return now_ns() + 1;
  if (alone.error().kind() != Kind::Busy) return std::unexpected(alone.error());
  struct stat info{};
  if (::fstatat(store.dir(), (std::string("locks/") + kRunning).c_str(), &info, 0) != 0)
    return fail_errno("look at the lock of builds");
  return info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
}

// Those of `all` that begin with `prefix`.
void add_parts(std::vector<std::string>& parts, const std::set<std::string>& all,
               const std::string& prefix) {
  for (auto at = all.lower_bound(prefix); at != all.end() && at->starts_with(prefix); ++at)
    parts.push_back(*at);
}

}  // namespace

Result<sys::Fd> note_running(const store::Store& store) {
  auto alone = store.lock(kRunning, sys::Lock::Exclusive, sys::Wait::No);
  if (!alone && alone.error().kind() == Kind::Busy) return store.lock(kRunning, sys::Lock::Shared);
  sys::Fd lock = TRY(std::move(alone));
  if (::futimens(lock.get(), nullptr) != 0) return fail_errno("note that a build runs");
  TRY(sys::lock_file(lock.get(), sys::Lock::Shared, sys::Wait::No));
  return lock;
}

Result<std::vector<UnusedStep>> unused_steps(store::Store& store, store::RootfsBackend& rootfs,
                                             const Usage& usage) {
  std::vector<UnusedStep> unused;
  if (usage.steps == 0) return unused;
  const UnixNanos since = TRY(running_since(store));
  for (image::Step& step : TRY(image::Steps(store, rootfs).list())) {
    UnusedStep& one = unused.emplace_back();
    if (!step.diff_id.empty())
      for (const Digest& layer : TRY(store::with_references(store, {step.diff_id}))) {
        add_parts(one.owners, usage.step_owners, "layers/" + layer.hex());
        for (const Digest& object : TRY(store::objects_of_layer(store, layer)))
          add_parts(one.owners, usage.step_owners, store::object_path(object));
      }
    for (const image::Material& each : step.materials)
      add_parts(one.owners, usage.step_owners, "blobs/sha256/" + each.digest.hex());
    one.step = std::move(step);
    // It counts as one that has its parts, and does not go.
    if (one.step.last_used >= since) one.step.key = Digest();
  }
  return unused;
}

Result<std::vector<CacheMount>> unused_caches(const store::Store& store, const Usage& usage) {
  if (usage.caches.empty()) return std::vector<CacheMount>();
  const UnixNanos since = TRY(running_since(store));
  std::vector<CacheMount> caches = cache_mounts_of(store, usage);
  std::erase_if(caches,
                [&](const CacheMount& one) { return one.in_use || one.last_used >= since; });
  return caches;
}

}  // namespace tare::engine
