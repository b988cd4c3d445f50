// SPDX-License-Identifier: Apache-2.0
#include "image/build_cache.h"

#include <fcntl.h>

#include <map>
#include <set>

#include "base/text.h"
#include "codec/sha256.h"
#include "image/absent.h"
#include "image/copy_plan.h"
#include "image/registries.h"
#include "image/step_records.h"
#include "store/layers.h"
#include "store/streams.h"

namespace tare::image {
namespace {

constexpr std::size_t kMostSteps = 4096;
constexpr int kVersion = 1;

// A registry, if the place is in one.
struct Speaker {
  std::optional<Registry> registry;
  Registries registries;

  Result<> open(const TransferOptions& options) {
    registry.emplace(TRY(Registry::open(options, {})));
    registries = TRY(load_registries());
    return {};
  }
};

class OpenedCache : public BuildCache {
 public:
  OpenedCache(store::Store& store, store::RootfsBackend& rootfs, const TransferProgress& progress)
      : store_(store), steps_(store, rootfs), rootfs_(rootfs), progress_(progress) {}

  Result<> open(const std::string& place, const TransferOptions& options) {
    const Location location = TRY(Location::parse(place));
    const Images images(store_, rootfs_);
    scratch_.emplace(TRY(store_.make_scratch()));
    CopyContext context{.store = store_,
                        .rootfs = rootfs_,
                        .images = images,
                        .registry = nullptr,
                        .scratch = &*scratch_,
                        .unpack_for = nullptr};
    if (location.type == Location::Type::Registry) {
      TRY(speaker_.open(options));
      context.registry = &*speaker_.registry;
      const Reference name = TRY(Reference::parse(location.place));
      std::vector<Site> sites =
          TRY(find_sites(name, Registry::Use::Pull, options, speaker_.registries));
      Site& site = sites.back();  // No mirror: caches change.
      TRY(speaker_.registry->connect(site));
      RawManifest raw = TRY(
          speaker_.registry->manifest(site, name.digest.empty() ? name.tag : name.digest.text()));
      source_ = registry_source(context, std::move(site), std::move(raw));
    } else {
      source_ = TRY(local_source(context, location));
    }
    return read();
  }

  Result<std::optional<Step>> take(const Digest& key) override {
    const auto found = known_.find(key);
    if (found == known_.end()) return std::nullopt;
    const Step& step = found->second;
    if (step.diff_id.empty()) return TRY(steps_.add(step, nullptr));
    const auto layer = layers_.find(step.diff_id);
    // One that was compressed since has another digest.
    if (layer == layers_.end()) return std::nullopt;
    std::optional<Step> taken;
    const auto keep = [&](const oci::Descriptor&, const BlobFile& file) -> Result<> {
      store::FileSource content(file.fd);
      taken = TRY(steps_.add(step, &content));
      return {};
    };
    std::optional<Downloads> downloads;
    if (source_->site() != nullptr) downloads.emplace(TRY(Downloads::open(store_)));
    const BlobEnds ends{.from = source_->site(),
                        .downloads = downloads ? &*downloads : nullptr,
                        .open = [&](const oci::Descriptor& blob) { return source_->open(blob); },
                        .to = nullptr,
                        .has = [](const oci::Descriptor&) -> Result<bool> { return false; },
                        .keep = keep,
                        .room = [&] { return store_.room(); }};
    BlobMover mover(speaker_.registry ? &*speaker_.registry : nullptr, ends, progress_);
    TRY(mover.run({{.descriptor = layer->second, .origin = {}}}));
    return taken;
  }

 private:
  Result<> read() {
    const CopyPlan plan = TRY(plan_copy(*source_, {.platform = {}}));
    const auto* manifest = std::get_if<oci::Manifest>(&plan.named().document);
    if (manifest == nullptr) return fail(Kind::Invalid, "an index is no build cache");
    std::string text;
    if (manifest->config.media_type == kBuildCacheType) {
      text = TRY(source_->config(manifest->config));
    } else if (const auto note = manifest->annotations.find(kBuildCacheAnnotation);
               note != manifest->annotations.end()) {
      text = note->second;
    } else {
      return std::unexpected(
          Error(Kind::Invalid, "there is no build cache of ours")
              .hint("it is written with --cache-to; caches of other builders are not read"));
    }
    for (Step& step : TRY(parse_build_cache(text))) {
      // SECURITY: nobody here knows what it had.
      step.is_sealed = false;
      step.is_foreign = true;
      known_.emplace(step.key, std::move(step));
    }
    for (const oci::Descriptor& layer : manifest->layers) layers_.emplace(layer.digest, layer);
    return {};
  }

  store::Store& store_;
  Steps steps_;
  store::RootfsBackend& rootfs_;
  const TransferProgress& progress_;
  std::optional<store::Store::Scratch> scratch_;
  Speaker speaker_;
  std::unique_ptr<CopySource> source_;
  std::map<Digest, Step> known_;              // By key.
  std::map<Digest, oci::Descriptor> layers_;  // By digest, which is the diff_id.
};

// The cache that is to be written.
class StepsSource : public CopySource {
 public:
  StepsSource(const store::Store& store, int scratch) : store_(store), scratch_(scratch) {}

  Result<> make(const std::vector<Step>& steps) {
    config_ = print_build_cache(steps);
    oci::Manifest manifest;
    manifest.media_type = std::string(oci::kManifestType);
    manifest.artifact_type = kBuildCacheType;
    manifest.config = {
        .media_type = kBuildCacheType, .digest = codec::sha256(config_), .size = config_.size()};
    config_digest_ = manifest.config.digest;
    std::set<Digest> seen;
    for (const Step& step : steps) {
      if (step.diff_id.empty() || !seen.insert(step.diff_id).second) continue;
      const store::LayerIndex index = TRY(store::load_layer(store_, step.diff_id));
      manifest.layers.push_back({.media_type = std::string(oci::kLayerType),
                                 .digest = step.diff_id,
                                 .size = index.summary().tar_bytes});
    }
    manifest_.text = oci::print_manifest(manifest);
    manifest_.media_type = manifest.media_type;
    manifest_.digest = codec::sha256(manifest_.text);
    return {};
  }

  Result<RawManifest> named() override { return manifest_; }
  Result<RawManifest> document(const oci::Descriptor& descriptor) override {
    return fail(Kind::NotFound, "there is no manifest " + descriptor.digest.text());
  }
  Result<std::string> config(const oci::Descriptor&) override { return config_; }
  Result<std::vector<oci::Descriptor>> referrers(const Digest&) override {
    return std::vector<oci::Descriptor>();
  }
  Result<sys::Fd> open(const oci::Descriptor& descriptor) override {
    if (descriptor.digest != config_digest_) return open_present_file(store_, descriptor.digest);
    TRY(sys::replace_file(scratch_, "config", config_, sys::Durability::Lazy));
    return sys::open_at(scratch_, "config", O_RDONLY);
  }

 private:
  const store::Store& store_;
  int scratch_;
  RawManifest manifest_;
  std::string config_;
  Digest config_digest_;
};

}  // namespace

std::string print_build_cache(const std::vector<Step>& steps) {
  json::Value list{json::Array()};
  for (Step step : steps) {
    step.made_at = 0;  // The same steps are the same cache.
    json::Value value = step_value(step);
    value.set("key", step.key.text());
    list.push(std::move(value));
  }
  json::Value value;
  value.set("version", kVersion);
  value.set("steps", std::move(list));
  return json::print(value);
}

Result<std::vector<Step>> parse_build_cache(std::string_view text) {
  const std::string what = "build cache";
  const json::Value value = TRY(json::parse(text), what);
  if (TRY(json::require_int(value, "version", what)) != kVersion)
    return fail(Kind::Unsupported, "the build cache was written by another version of Tare");
  const auto& list = value["steps"].as_array();
  if (list.size() > kMostSteps)
    return fail(Kind::Invalid,
                "the build cache has more than " + std::to_string(kMostSteps) + " steps");
  std::vector<Step> steps;
  for (const json::Value& each : list) {
    const std::string text_of_key = TRY(json::require_string(each, "key", what));
    const Digest key = TRY(Digest::parse(text_of_key), what);
    steps.push_back(TRY(step_from(key, each)));
  }
  return steps;
}

Result<std::unique_ptr<BuildCache>> BuildCache::open(store::Store& store,
                                                     store::RootfsBackend& rootfs,
                                                     const std::string& place,
                                                     const TransferOptions& options,
                                                     const TransferProgress& progress) {
  auto cache = std::make_unique<OpenedCache>(store, rootfs, progress);
  TRY(cache->open(place, options));
  return cache;
}

Result<> write_build_cache(store::Store& store, store::RootfsBackend& rootfs,
                           const std::vector<Step>& steps, const std::string& place,
                           const TransferOptions& options, const TransferProgress& progress) {
  const store::Store::Scratch scratch = TRY(store.make_scratch());
  const Images images(store, rootfs);
  StepsSource source(store, scratch.dir.get());
  TRY(source.make(steps));
  const Location location = TRY(Location::parse(place));
  Speaker speaker;
  std::unique_ptr<CopyTarget> target;
  CopyContext context{.store = store,
                      .rootfs = rootfs,
                      .images = images,
                      .registry = nullptr,
                      .scratch = nullptr,
                      .unpack_for = nullptr};
  if (location.type == Location::Type::Registry) {
    TRY(speaker.open(options));
    context.registry = &*speaker.registry;
    const Reference name = TRY(Reference::parse(location.place));
    std::vector<Site> sites =
        TRY(find_sites(name, Registry::Use::Push, options, speaker.registries));
    TRY(speaker.registry->connect(sites.front()));
    target = registry_target(context, sites.front(), name);
  } else {
    target = TRY(local_target(context, location));
  }
  const CopyPlan plan = TRY(plan_copy(source, {.platform = {}, .all = true}));
  TRY(target->begin(plan));
  const BlobEnds ends{.from = nullptr,
                      .downloads = nullptr,
                      .open = [&](const oci::Descriptor& blob) { return source.open(blob); },
                      .to = target->site(),
                      .has = [&](const oci::Descriptor& blob) { return target->has(blob); },
                      .keep = [&](const oci::Descriptor& blob,
                                  const BlobFile& file) { return target->keep(blob, file); },
                      .room = [&] { return store.room(); }};
  TRY(BlobMover(speaker.registry ? &*speaker.registry : nullptr, ends, progress).run(plan.blobs));
  return target->finish(plan);
}

}  // namespace tare::image
