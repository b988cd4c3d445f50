// SPDX-License-Identifier: Apache-2.0
// Whose every byte of the store is.
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/bin.h"
#include "engine/engine.h"
#include "engine/state.h"
#include "image/steps.h"
#include "store/layers.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

using store::UsageClass;

bool is_part_of_images(UsageClass which) {
  return which == UsageClass::Blobs || which == UsageClass::Objects ||
         which == UsageClass::Layers || which == UsageClass::Roots;
}

// What the owners of an image's parts begin with. Digests are of one length, so no other's do.
std::vector<std::string> part_prefixes(const store::Store& store, const Digest& id,
                                       const Digest& manifest,
                                       const std::vector<store::Layer>& layers) {
  std::vector<std::string> out = {"blobs/sha256/" + id.hex(), "blobs/sha256/" + manifest.hex()};
  for (const char* backend : {"flat", "erofs", "redirect"})
    out.push_back("rootfs/" + std::string(backend) + "/" + id.hex());
  std::set<Digest> needed;
  for (const store::Layer& layer : layers) {
    out.push_back("blobs/sha256/" + layer.blob.hex());
    needed.insert(layer.diff_id);
  }
  // Packs of other layers, too, that hold contents of these.
  for (const Digest& diff_id : store::with_references(store, needed).value_or(needed)) {
    out.push_back("layers/" + diff_id.hex());
    // What a damaged layer has is counted, and nobody's.
    for (const Digest& object :
         store::objects_of_layer(store, diff_id).value_or(std::vector<Digest>()))
      out.push_back(store::object_path(object));
  }
  return out;
}

void find_parts(ImageUsage& image, const store::StoreUsage& usage,
                std::vector<std::string> prefixes) {
  std::ranges::sort(prefixes);
  prefixes.erase(std::ranges::unique(prefixes).begin(), prefixes.end());
  for (const std::string& prefix : prefixes)
    for (auto at = usage.owners.lower_bound(prefix);
         at != usage.owners.end() && at->first.starts_with(prefix); ++at)
      image.owners.push_back(at->first);
}

struct Users {
  int images = 0;
  bool by_named = false;   // An image that was not removed.
  bool by_active = false;  // One that has containers.
};

std::map<std::string, Users, std::less<>> users_of_parts(const std::vector<ImageUsage>& images) {
  std::map<std::string, Users, std::less<>> users;
  for (const ImageUsage& image : images)
    for (const std::string& owner : image.owners) {
      Users& of = users[owner];
      ++of.images;
      of.by_named = of.by_named || !image.removed;
      of.by_active = of.by_active || image.containers > 0;
    }
  return users;
}

void divide(Usage& usage) {
  const auto users = users_of_parts(usage.images);
  for (ImageUsage& image : usage.images)
    for (const std::string& owner : image.owners) {
      const std::uint64_t bytes = usage.store.owner_bytes(owner);
      (users.find(owner)->second.images > 1 ? image.shared : image.unique) += bytes;
    }
  for (const auto& [owner, bytes] : usage.store.owners) {
    if (!is_part_of_images(store::owner_of(owner).which)) continue;
    const auto found = users.find(owner);
    if (found == users.end()) {
      usage.unowned.push_back(owner);
      usage.unowned_bytes += bytes;
    } else if (!found->second.by_named) {
      usage.removed_images_bytes += bytes;
    } else {
      usage.images_bytes += bytes;
      if (!found->second.by_active) usage.images_reclaimable += bytes;
    }
  }
}

// What no image has, and a step of a build does.
Result<> divide_steps(Usage& usage, const store::Store& store,
                      const std::vector<image::Step>& steps) {
  usage.steps = static_cast<int>(steps.size());
  std::set<Digest> layers;
  std::vector<std::string> prefixes;
  for (const image::Step& step : steps) {
    if (!step.diff_id.empty()) layers.insert(step.diff_id);
    for (const image::Material& each : step.materials)
      if (image::is_kept(each)) prefixes.push_back("blobs/sha256/" + each.digest.hex());
  }
  for (const Digest& diff_id : TRY(store::with_references(store, layers))) {
    prefixes.push_back("layers/" + diff_id.hex());
    for (const Digest& object : TRY(store::objects_of_layer(store, diff_id)))
      prefixes.push_back(store::object_path(object));
  }
  std::erase_if(usage.unowned, [&](const std::string& owner) {
    const auto is_part = [&](const std::string& prefix) { return owner.starts_with(prefix); };
    if (std::ranges::none_of(prefixes, is_part)) return false;
    const std::uint64_t bytes = usage.store.owner_bytes(owner);
    usage.unowned_bytes -= bytes;
    usage.steps_bytes += bytes;
    usage.step_owners.insert(owner);
    return true;
  });
  return {};
}

std::string_view status_name(Status status) {
  switch (status) {
    case Status::Created:
      return "created";
    case Status::Running:
      return "running";
    case Status::Exited:
      return "exited";
  }
  return "";
}

std::string first_name(const ImageUsage& image) {
  if (image.names.empty()) return image.id.short_hex();
  const auto reference = image::Reference::parse(image.names[0]);
  return reference ? reference->familiar() : image.names[0];
}

// `path` below the root without ".", ".." and doubled slashes; nothing of it is opened.
Result<std::string> below_root(const std::string& root, const std::string& path) {
  std::string_view text = path;
  if (text.starts_with('/')) {
    char resolved[PATH_MAX];
    const std::string real = ::realpath(root.c_str(), resolved) != nullptr ? resolved : root;
    const auto is_in = [&](const std::string& top) {
      return text == top || (text.starts_with(top) && text[top.size()] == '/');
    };
    const std::string* top = is_in(root) ? &root : is_in(real) ? &real : nullptr;
    if (top == nullptr)
      return fail(Kind::Invalid, quoted(path) + " is not in the store " + quoted(root));
    text.remove_prefix(top->size());
  }
  std::string out;
  for (const std::string& part : split(text, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      return fail(Kind::Invalid, quoted(path) + " has '..' in it: write it without");
    out += (out.empty() ? "" : "/") + part;
  }
  return out;
}

std::string component(std::string_view path, std::size_t number) {
  const std::vector<std::string> parts = split(path, '/');
  return number < parts.size() ? parts[number] : "";
}

void explain_image_part(Why& why, const Usage& usage, std::string_view owner) {
  bool only_removed = true;
  std::vector<std::string> names;
  for (const ImageUsage& image : usage.images) {
    if (std::ranges::find(image.owners, owner) == image.owners.end()) continue;
    why.whose.push_back("part of image " + first_name(image) +
                        (image.removed ? ", which was removed and can be brought back" : "") +
                        (image.containers > 0 ? ", which containers use" : ""));
    only_removed = only_removed && image.removed;
    if (!image.removed) names.push_back(first_name(image));
  }
  if (usage.step_owners.contains(std::string(owner))) {
    why.whose.push_back("what a step of a build has made, kept for the next build");
    why.freed_by = "tare builder prune --all";
  } else if (why.whose.empty()) {
    why.whose.push_back("part of no image: of a load under way, or of one that was killed");
    why.freed_by = "the next 'tare images' removes it, unless somebody is loading";
  } else if (only_removed) {
    why.freed_by = "tare undo --empty";
  } else {
    why.freed_by = "tare rmi " + join(names, " ") + ", and tare undo --empty";
  }
}

void explain_container(Why& why, const Usage& usage, const std::string& id) {
  for (const ContainerUsage& container : usage.containers) {
    if (container.id != id) continue;
    const bool removed = container.status == "removed";
    why.whose.push_back("of container " + container.name + " (" + container.status + ")");
    why.freed_by = removed ? "tare undo --empty"
                   : container.status == "running"
                       ? "tare rm -f " + container.name + ", and tare undo --empty"
                       : "tare rm " + container.name + ", and tare undo --empty";
    return;
  }
  why.whose.push_back("of a container that is being made or removed");
}

void explain_volume(Why& why, const Usage& usage, std::string_view owner) {
  for (const VolumeUsage& volume : usage.volumes) {
    if (volume.owner != owner) continue;
    const std::string what =
        (volume.anonymous ? "of anonymous volume " : "of volume ") + volume.name;
    if (volume.removed) {
      why.whose.push_back(what + ", which was removed and can be brought back");
      why.freed_by = "tare undo --empty";
      return;
    }
    why.whose.push_back(
        what + (volume.containers > 0 ? ", which containers use" : ", which no container uses"));
    why.freed_by = (volume.containers > 0 ? "removing those containers, then " : "") +
                   ("tare volume rm " + volume.name) + ", and tare undo --empty";
    return;
  }
  for (const VolumeUsage& cache : usage.caches) {
    if (cache.owner != owner) continue;
    why.whose.push_back("of a cache of builds, --mount=type=cache " + quoted(cache.cache));
    why.freed_by = "tare builder prune --all, or eviction when space is needed and no step uses it";
    return;
  }
  why.whose.push_back("of a volume that is being made or removed");
}

void add_volumes(Usage& usage, const std::vector<VolumeInfo>& volumes,
                 const std::vector<VolumeInfo>& caches,
                 const std::vector<store::BinnedVolume>& binned) {
  const auto add = [&](const store::Volume& volume, const std::string& owner) -> VolumeUsage& {
    return usage.volumes.emplace_back(VolumeUsage{.name = volume.name,
                                                  .anonymous = volume.is_anonymous(),
                                                  .bytes = usage.store.owner_bytes(owner),
                                                  .owner = owner});
  };
  for (const VolumeInfo& one : volumes) {
    VolumeUsage& volume = add(one.volume, "volumes/" + one.volume.name);
    volume.containers = static_cast<int>(one.containers.size());
    if (volume.containers == 0) usage.volumes_reclaimable += volume.bytes;
  }
  for (const VolumeInfo& one : caches) {
    const std::string owner = "volumes/" + one.volume.name;
    VolumeUsage& cache = usage.caches.emplace_back(
        VolumeUsage{.name = one.volume.name,
                    .containers = static_cast<int>(one.containers.size()),
                    .bytes = usage.store.owner_bytes(owner),
                    .owner = owner,
                    .cache = one.volume.labels.at(store::Volume::kCache)});
    usage.caches_bytes += cache.bytes;
  }
  for (const store::BinnedVolume& one : binned)
    add(one.volume, store::binned_volume_path(one.key)).removed = true;
}

void explain(Why& why, const Usage& usage, UsageClass which, std::string_view owner) {
  switch (which) {
    case UsageClass::Blobs:
    case UsageClass::Layers:
    case UsageClass::Roots:
      return explain_image_part(why, usage, owner);
    case UsageClass::Objects:
      why.whose.push_back("a file of layers, shared by all images that have it");
      why.freed_by = "removing the last image that has it";
      return;
    case UsageClass::Upper:
    case UsageClass::Logs:
      return explain_container(why, usage, component(owner, 1));
    case UsageClass::Volumes:
      return explain_volume(why, usage, owner);
    case UsageClass::Downloads:
      why.whose.push_back("a download that was begun and can go on");
      why.freed_by = "the pull that ends it, or eviction when space is needed";
      return;
    case UsageClass::Caches:
      why.whose.push_back("can be made again");
      return;
    case UsageClass::Bin:
      if (owner.starts_with("bin/containers/"))
        return explain_container(why, usage, component(owner, 2));
      if (owner.starts_with("bin/volumes/")) return explain_volume(why, usage, owner);
      why.whose.push_back("the record of a removed image");
      why.freed_by = "tare undo --empty";
      return;
    case UsageClass::Temporary:
      why.whose.push_back("of a command under way");
      why.freed_by = "its end; of one that was killed, the next command removes it";
      return;
    case UsageClass::Trash:
      why.whose.push_back("removed, and on its way out");
      why.freed_by = "the next command";
      return;
    case UsageClass::Bookkeeping:
      if (owner.starts_with("containers/"))
        return explain_container(why, usage, component(owner, 1));
      if (owner.starts_with("builds")) why.freed_by = "tare buildx history rm --all";
      why.whose.push_back("the store's own: records, names, locks");
      return;
    case UsageClass::Other:
      why.whose.push_back("not of Tare: it does not know what this is");
      why.freed_by = "whoever put it there";
      return;
  }
}

}  // namespace

Result<Usage> Engine::usage() const {
  Usage usage;
  // Before the walk: what is removed meanwhile is then missing in it, which does no harm.
  const std::vector<image::Image> images = TRY(state_->images.list());
  const std::vector<image::RemovedImage> removed = TRY(state_->images.removed());
  const std::vector<Container> containers = TRY(list());
  const std::vector<BinnedContainer> binned = TRY(list_binned_containers(state_->store));
  const std::vector<VolumeInfo> volumes = TRY(this->volumes());
  const std::vector<VolumeInfo> caches = TRY(cache_volumes());
  const std::vector<store::BinnedVolume> binned_volumes =
      TRY(store::list_binned_volumes(state_->store));
  usage.store = TRY(state_->measure());
  for (const image::Image& image : images) {
    ImageUsage& one = usage.images.emplace_back(
        ImageUsage{.id = image.id, .names = image.names, .created = image.config.created});
    one.last_used = state_->images.last_used(image.id).value_or(image.loaded_at);
    one.containers = static_cast<int>(
        std::ranges::count(containers, image.id, [](const Container& c) { return c.image_id; }));
    find_parts(one, usage.store,
               part_prefixes(state_->store, image.id, image.manifest, image.layers));
  }
  for (const image::RemovedImage& image : removed) {
    if (std::ranges::find(images, image.id, &image::Image::id) != images.end()) continue;
    ImageUsage& one = usage.images.emplace_back(
        ImageUsage{.id = image.id, .names = image.names, .removed = true});
    one.last_used = image.removed_at;
    find_parts(one, usage.store,
               part_prefixes(state_->store, image.id, image.manifest, image.layers));
  }
  divide(usage);
  // What cannot be read stays nobody's.
  const auto steps = image::Steps(state_->store, state_->rootfs).list();
  if (steps) (void)divide_steps(usage, state_->store, *steps);
  for (const Container& container : containers) {
    const std::string place = "containers/" + container.id;
    usage.containers.push_back({.id = container.id,
                                .name = container.name,
                                .image = container.image_name,
                                .status = std::string(status_name(container.status)),
                                .written = usage.store.owner_bytes(place + "/upper") +
                                           usage.store.owner_bytes(place + "/work"),
                                .logs = usage.store.owner_bytes(place + "/log"),
                                .records = usage.store.owner_bytes(place)});
  }
  for (const BinnedContainer& one : binned)
    usage.containers.push_back(
        {.id = one.container.id,
         .name = one.container.name,
         .image = one.container.image_name,
         .status = "removed",
         .written = usage.store.owner_bytes("bin/containers/" + one.container.id)});
  add_volumes(usage, volumes, caches, binned_volumes);
  return usage;
}

Result<Why> Engine::why(const std::string& path) const {
  Why why;
  why.path = TRY(below_root(root(), path));
  struct stat info{};
  const sys::Fd file = TRY(sys::open_in_root(state_->store.dir(), why.path.empty() ? "." : why.path,
                                             O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
  if (::fstat(file.get(), &info) != 0) return fail_errno("look at " + quoted(path));
  why.bytes = static_cast<std::uint64_t>(info.st_blocks) * 512;
  const store::PathOwner owner = store::owner_of(why.path);
  why.which = store::usage_class_name(owner.which);
  const Usage all = TRY(usage());
  explain(why, all, owner.which, owner.owner);
  return why;
}

}  // namespace tare::engine
