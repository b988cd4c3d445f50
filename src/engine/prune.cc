// SPDX-License-Identifier: Apache-2.0
// Removing what nothing uses, as docker prune does.
#include <algorithm>
#include <set>

#include "engine/engine.h"
#include "engine/state.h"

namespace tare::engine {
namespace {

using Labels = std::map<std::string, std::string>;

bool has_label(const Labels& labels, const std::pair<std::string, std::string>& wanted) {
  const auto found = labels.find(wanted.first);
  return found != labels.end() && (wanted.second.empty() || found->second == wanted.second);
}

// All labels that are asked for, and none of the others. [docker image prune --filter label!=]
bool passes(const PruneRequest& request, const Labels& labels, UnixNanos made) {
  if (request.before != 0 && made >= request.before) return false;
  const auto has = [&](const auto& wanted) { return has_label(labels, wanted); };
  return std::ranges::all_of(request.with, has) && std::ranges::none_of(request.without, has);
}

// Bytes that go when the images `gone` go: parts that only they have.
std::uint64_t bytes_of(const Usage& usage, const std::set<std::string>& gone) {
  std::set<std::string> kept;
  for (const ImageUsage& image : usage.images)
    if (!gone.contains(image.id.text())) kept.insert(image.owners.begin(), image.owners.end());
  std::set<std::string> freed;
  for (const ImageUsage& image : usage.images)
    if (gone.contains(image.id.text())) freed.insert(image.owners.begin(), image.owners.end());
  std::uint64_t sum = 0;
  for (const std::string& owner : freed)
    if (!kept.contains(owner)) sum += usage.store.owner_bytes(owner);
  return sum;
}

std::uint64_t bytes_of_containers(const Usage& usage, const std::vector<std::string>& ids) {
  std::uint64_t sum = 0;
  for (const ContainerUsage& container : usage.containers)
    if (std::ranges::find(ids, container.id) != ids.end())
      sum += container.written + container.logs + container.records;
  return sum;
}

}  // namespace

// Those that no container has but the ones that go.
Result<> Engine::State::plan_volumes(const PruneRequest& request, PrunePlan& plan) const {
  const VolumeUsers users = TRY(volume_users());
  const auto goes = [&](const std::string& id) {
    return std::ranges::find(plan.containers, id) != plan.containers.end();
  };
  for (const store::Volume& volume : TRY(store::list_volumes(store))) {
    if (volume.is_cache() || (!request.all_volumes && !volume.is_anonymous())) continue;
    if (!passes(request, volume.labels, volume.created)) continue;
    const auto found = users.find(volume.name);
    if (found == users.end() || std::ranges::all_of(found->second, goes))
      plan.volumes.push_back(volume.name);
  }
  return {};
}

Result<PrunePlan> Engine::plan_prune(const PruneRequest& request) const {
  PrunePlan plan;
  const std::vector<Container> containers = TRY(list());
  if (request.containers)
    for (const Container& container : containers)
      if (container.status != Status::Running &&
          passes(request, container.config.labels, container.created_at))
        plan.containers.push_back(container.id);
  std::set<Digest> used;
  for (const Container& container : containers)
    if (std::ranges::find(plan.containers, container.id) == plan.containers.end())
      used.insert(container.image_id);
  std::set<std::string> gone;
  const bool named_too = request.all_images || (request.dangling && !*request.dangling);
  for (const image::Image& image :
       request.images ? TRY(state_->images.list()) : std::vector<image::Image>()) {
    if (used.contains(image.id) || (!named_too && !image.names.empty())) continue;
    // What a build makes has the time of what it is made of: it is as old as it is here.
    if (!passes(request, image.config.labels, std::max(image.config.created, image.loaded_at)))
      continue;
    plan.images.push_back({.id = image.id, .names = image.names});
    gone.insert(image.id.text());
  }
  if (request.volumes) TRY(state_->plan_volumes(request, plan));
  const Usage now = TRY(usage());
  plan.bytes = bytes_of(now, gone) + bytes_of_containers(now, plan.containers);
  for (const VolumeUsage& volume : now.volumes)
    if (!volume.removed && std::ranges::find(plan.volumes, volume.name) != plan.volumes.end())
      plan.bytes += volume.bytes;
  return plan;
}

Result<Pruned> Engine::prune(const PrunePlan& plan, bool now) {
  Pruned pruned;
  pruned.bytes = plan.bytes;
  for (const std::string& id : plan.containers) {
    const auto removed = remove(id, {.now = now});
    // Started or removed by somebody meanwhile: then it is not ours to prune.
    if (removed)
      pruned.containers.push_back(id);
    else if (removed.error().kind() != Kind::Busy && removed.error().kind() != Kind::NotFound)
      pruned.problems.push_back(removed.error());
  }
  for (const std::string& name : plan.volumes) {
    const auto removed = remove_volume(name, now);
    if (removed)
      pruned.volumes.push_back(name);
    else if (removed.error().kind() != Kind::Busy && removed.error().kind() != Kind::NotFound)
      pruned.problems.push_back(removed.error());
  }
  for (const PrunePlan::Image& image : plan.images) {
    const auto lines = remove_image(image.id.text(), {.all_names = true, .now = now});
    if (!lines && lines.error().kind() != Kind::Busy && lines.error().kind() != Kind::NotFound)
      pruned.problems.push_back(lines.error());
    for (const std::string& line : lines.value_or(std::vector<std::string>()))
      pruned.image_lines.push_back(lower(line.substr(0, 1)) + line.substr(1));
  }
  return pruned;
}

}  // namespace tare::engine
