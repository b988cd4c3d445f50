// SPDX-License-Identifier: Apache-2.0
// Volumes by themselves: making, listing and removing them.
#include "engine/volumes.h"

#include <algorithm>
#include <cerrno>

#include "base/failpoint.h"
#include "engine/bin.h"
#include "engine/made_up_names.h"
#include "engine/record.h"
#include "engine/state.h"
#include "store/settings.h"
#include "store/volumes.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

std::unexpected<Error> in_use(const std::string& name, const std::vector<std::string>& ids) {
  return std::unexpected(
      Error(Kind::Busy, "remove " + name + ": volume is in use - [" + join(ids, ", ") + "]")
          .hint("remove the containers first; 'tare ps -a --filter volume=" + name +
                "' lists them"));
}

json::Value map_or_null(const std::map<std::string, std::string>& map) {
  json::Value out;
  for (const auto& [key, text] : map) out.set(key, text);
  return out;
}

}  // namespace

// Read directly: nothing of what list() does beside it, as removing what is over, may happen while
// volumes are locked.
Result<Engine::State::VolumeUsers> Engine::State::volume_users() const {
  VolumeUsers users;
  for (const std::string& id : TRY(sys::list_directory(store.dir(), "containers"))) {
    auto text = sys::load_file(store.dir(), "containers/" + id + "/config.json");
    if (!text && text.error().kind() == Kind::NotFound) continue;
    const std::string record = TRY(std::move(text));
    const Container container = TRY(parse_record(record), "container " + id);
    for (const MountRequest& mount : container.config.mounts) {
      if (mount.type != MountType::Volume) continue;
      std::vector<std::string>& ids = users[mount.volume];
      if (ids.empty() || ids.back() != id) ids.push_back(id);
    }
  }
  return users;
}

Result<> Engine::State::drop_volume(const std::string& name, bool keep) {
  if (keep) {
    auto kept = store::put_volume_in_bin(store, name, removal_batch());
    // On a full disk removing has to work all the same.
    const int problem = kept ? 0 : kept.error().errnum();
    if (problem != ENOSPC && problem != EDQUOT) return kept;
  }
  return store.discard("volumes/" + name, store::Store::Removal::InBackground);
}

Result<store::Volume> Engine::create_volume(const CreateVolumeRequest& request) {
  TRY(store::check_volume_options(request.options));
  store::Volume volume{.name = request.name,
                       .created = now_ns(),
                       .labels = request.labels,
                       .options = request.options};
  if (volume.name.empty()) {
    volume.name = TRY(random_id());
    volume.labels[store::Volume::kAnonymous] = "";
  }
  // What it has a name for can be shared, so its owners are those of all who have it.
  if (!sys::in_initial_user_namespace()) volume.ids = store::VolumeIds::Caller;
  const auto made = store::create_volume(state_->store, volume, {});
  if (made) return volume;
  if (made.error().kind() != Kind::Exists) return std::unexpected(made.error());
  store::Volume there = TRY(store::load_volume(state_->store, volume.name));
  if (request.options.empty() || request.options == there.options) return there;
  return std::unexpected(
      Error(Kind::Exists, "volume " + quoted(volume.name) + " is there already, with other options")
          .hint("tare volume inspect " + volume.name + " shows them"));
}

Result<std::vector<VolumeInfo>> Engine::volumes() const { return state_->list_volumes(false); }

Result<std::vector<VolumeInfo>> Engine::cache_volumes() const { return state_->list_volumes(true); }

Result<std::vector<VolumeInfo>> Engine::State::list_volumes(bool caches) const {
  const VolumeUsers users = TRY(volume_users());
  std::vector<VolumeInfo> out;
  for (store::Volume& volume : TRY(store::list_volumes(store))) {
    if (volume.is_cache() != caches) continue;
    const auto found = users.find(volume.name);
    VolumeInfo& one = out.emplace_back(VolumeInfo{.volume = std::move(volume)});
    if (found != users.end()) one.containers = found->second;
  }
  return out;
}

Result<VolumeInfo> Engine::find_volume(const std::string& name) const {
  VolumeInfo out{.volume = TRY(store::load_volume(state_->store, name))};
  const State::VolumeUsers users = TRY(state_->volume_users());
  if (const auto found = users.find(name); found != users.end()) out.containers = found->second;
  return out;
}

json::Value Engine::inspect_volume(const store::Volume& volume) const {
  json::Value out;
  out.set("CreatedAt", rfc3339(volume.created));
  out.set("Driver", "local");
  out.set("Labels", map_or_null(volume.labels));
  out.set("Mountpoint", root() + "/" + store::volume_data_path(volume.name));
  out.set("Name", volume.name);
  out.set("Options", map_or_null(volume.options));
  out.set("Scope", "local");
  return out;
}

Result<> Engine::remove_volume(const std::string& name, bool now) {
  const auto undo_time = TRY(store::load_settings(state_->store.dir())).undo_time;
  const bool keep = !now && undo_time.count() > 0;
  {
    const sys::Fd alone = TRY(state_->store.lock(store::Store::kVolumesLock));
    TRY(store::load_volume(state_->store, name));
    const State::VolumeUsers users = TRY(state_->volume_users());
    if (const auto found = users.find(name); found != users.end())
      return in_use(name, found->second);
    TRY(state_->drop_volume(name, keep), "remove " + name);
    failpoint("volume.removed");
  }
  if (keep) state_->note_binned();
  return {};
}

}  // namespace tare::engine
