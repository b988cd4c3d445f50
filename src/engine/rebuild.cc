// SPDX-License-Identifier: Apache-2.0
#include "engine/rebuild.h"

#include <algorithm>

#include "build/remote_tree.h"
#include "codec/sha256.h"
#include "engine/build_secrets.h"
#include "engine/build_workshop.h"
#include "image/attestations.h"
#include "store/layers.h"
#include "store/merged_tar.h"
#include "trust/provenance.h"
#include "trust/statement.h"

namespace tare::engine {
namespace {

using build::BuildRequest;
using image::Material;

std::unexpected<Error> no_recipe(const std::string& name, const std::string& why) {
  return std::unexpected(
      Error(Kind::NotFound, "image " + quoted(name) + " has no recipe: " + why)
          .hint("tare build attests it, except with --provenance=false and --provenance=mode=min"));
}

Result<trust::Provenance> recipe_of(const store::Store& store, const image::Image& image,
                                    const std::string& name) {
  for (const image::Statement& each : TRY(image::statements_of(store, image), "attestations")) {
    if (each.predicate_type != trust::kProvenanceType) continue;
    const trust::Statement statement = TRY(trust::parse_statement(each.text), "provenance");
    if (statement.subject != image.manifest) continue;
    trust::Provenance recipe = TRY(trust::parse_provenance(statement.predicate));
    if (!recipe.text) return no_recipe(name, "its provenance does not tell the Dockerfile");
    if (codec::sha256(*recipe.text) != recipe.dockerfile_digest)
      return fail(Kind::Corrupt, "the Dockerfile in the provenance of " + quoted(name) +
                                     " is not the one that the provenance names");
    return recipe;
  }
  return no_recipe(name, "nothing tells how it was built");
}

std::unexpected<Error> missing(const std::string& what, const std::string& option) {
  return std::unexpected(Error(Kind::Invalid, "the build of the image had " + what +
                                                  ", which is not taken from its record")
                             .hint("give it as then: " + option));
}

std::unexpected<Error> unknown(const std::string& what) {
  return fail(Kind::Invalid, "the build of the image had no " + what + ", by its record");
}

// With more than the image was built with nothing would be proved.
Result<> check_given(const trust::Provenance& recipe, const BuildRequest& given) {
  for (const auto& [name, value] : given.options.arguments)
    if (!recipe.arguments.contains(name)) return unknown("argument " + quoted(name));
  for (const auto& [name, place] : given.contexts)
    if (!recipe.contexts.contains(name)) return unknown("context " + quoted(name));
  for (const auto& [id, content] : given.secrets)
    if (std::ranges::find(recipe.secrets, id) == recipe.secrets.end())
      return unknown("secret " + quoted(id));
  return {};
}

// What the record has to say comes before what is given.
Result<> add_inputs(const trust::Provenance& recipe, BuildRequest& request) {
  TRY(check_given(recipe, request));
  for (const auto& [name, value] : recipe.arguments) {
    if (value)
      request.options.arguments[name] = *value;
    else if (!request.options.arguments.contains(name))
      return missing("a value of " + quoted(name), "--build-arg " + name + "=VALUE");
  }
  // A record may be anybody's: it names no place of this machine, and none to be fetched from but
  // of images, which are taken by digest.
  for (const auto& [name, place] : recipe.contexts) {
    request.options.contexts.insert(name);
    if (place.starts_with(build::kImageContext))
      request.contexts[name] = place;
    else if (!request.contexts.contains(name))
      return missing("the context " + quoted(name) + " (" + place + ")",
                     "--build-context " + name + "=PLACE");
  }
  for (const std::string& id : recipe.secrets)
    if (!request.secrets.contains(id))
      return missing("the secret " + quoted(id), "--secret id=" + id + ",src=FILE");
  return {};
}

Result<> add_recipe(const trust::Provenance& recipe, BuildRequest& request) {
  request.dockerfile = recipe.dockerfile;
  request.text = *recipe.text;
  request.ignore_text = recipe.ignore_text;
  request.ignore_name = recipe.ignore_text.empty() ? "" : ".dockerignore";
  TRY(add_inputs(recipe, request));
  request.options.target = recipe.target;
  const std::vector<std::string> platform = split(recipe.platform, '/');
  if (platform.size() < 2)
    return fail(Kind::Invalid, "the provenance has no platform: " + quoted(recipe.platform));
  request.options.build_platform = {.os = "linux", .architecture = oci::host_architecture()};
  request.options.target_platform = {.os = platform[0],
                                     .architecture = platform[1],
                                     .variant = platform.size() > 2 ? platform[2] : ""};
  if (!oci::matches_host(request.options.target_platform))
    return fail(Kind::Unsupported, "the image was built for " + quoted(recipe.platform) +
                                       ", and this machine cannot run its programs");
  request.labels = recipe.labels;
  if (recipe.network == "none") request.network = build::RunNetwork::None;
  if (recipe.network == "host") request.network = build::RunNetwork::Host;
  request.time = recipe.time;
  request.is_locked = true;
  request.is_check = true;
  return {};
}

Material material_of(const trust::Resource& resource) {
  return {.kind = resource.revision.empty() ? Material::Kind::Url : Material::Kind::Git,
          .uri = resource.uri,
          .digest = resource.digest,
          .size = resource.size,
          .revision = resource.revision};
}

// What the record tells is less than a lock: not how something was asked for. So everything is
// taken for all that it can be.
build::Lock lock_of(const trust::Provenance& recipe, const BuildRequest& request) {
  build::Lock lock;
  for (const trust::Resource& each : recipe.images) {
    if (!each.uri.starts_with(build::kImageContext)) lock.sources.push_back(material_of(each));
    for (const std::string& platform :
         {std::string(), request.options.build_platform.text(), recipe.platform}) {
      Material image = material_of(each);
      image.kind = Material::Kind::Image;
      image.request = platform;
      lock.sources.push_back(std::move(image));
    }
  }
  build::LockSteps steps;
  for (const trust::BuildStep& step : recipe.steps) {
    build::LockedRun run{
        .step = steps.next(step.stage, recipe.stages[step.stage].label, step.instruction),
        .downloads = {}};
    for (const trust::Resource& each : step.materials) {
      Material material = material_of(each);
      lock.sources.push_back(material);
      material.status = 200;
      if (material.kind == Material::Kind::Url) run.downloads.push_back(std::move(material));
    }
    if (!run.downloads.empty()) lock.runs.push_back(std::move(run));
  }
  return lock;
}

// A lock that has moved on, or is somebody's own, would only say later and less clearly that the
// image is another.
Result<> check_lock(const trust::Provenance& recipe, const build::Lock& lock) {
  const auto has = [&](const trust::Resource& wanted) {
    const auto is_it = [&](const Material& each) {
      return each.uri == wanted.uri && (wanted.revision.empty() ? each.digest == wanted.digest
                                                                : each.revision == wanted.revision);
    };
    return std::ranges::any_of(lock.sources, is_it) ||
           std::ranges::any_of(lock.runs, [&](const build::LockedRun& run) {
             return std::ranges::any_of(run.downloads, is_it);
           });
  };
  const auto check = [&](const std::vector<trust::Resource>& resources) -> Result<> {
    for (const trust::Resource& each : resources)
      if (!has(each))
        return std::unexpected(
            Error(Kind::Denied,
                  "the lock is not that of the image's build, which took another " +
                      quoted(each.uri) + ": " +
                      (each.revision.empty() ? each.digest.text() : "commit " + each.revision))
                .hint("its own is given with --lock FILE; --no-lock goes by what the image's "
                      "record says"));
    return {};
  };
  TRY(check(recipe.images));
  for (const trust::BuildStep& step : recipe.steps) TRY(check(step.materials));
  return {};
}

std::optional<build::StepDifference> compare_steps(const store::Store& store,
                                                   const trust::Provenance& recipe,
                                                   const build::Built& built) {
  std::vector<build::TracedStep> recorded;
  for (const trust::BuildStep& each : recipe.steps) {
    build::TracedStep& step = recorded.emplace_back();
    step.place = each.place;
    step.text = each.instruction;
    step.layer.diff_id = each.layer;
  }
  const auto load = [&](const Digest& diff_id) { return store::load_layer(store, diff_id); };
  auto different = build::compare_builds(recorded, built.trace, load);
  if (different && !*different && built.trace.size() > recorded.size())
    return build::StepDifference{.step = built.trace[recorded.size()],
                                 .difference = {.path = "", .what = "the image has no such step"}};
  if (different) return std::move(*different);
  // The steps that the build cache has forgotten have no files to be compared.
  for (std::size_t i = 0; i < recorded.size() && i < built.trace.size(); ++i)
    if (recorded[i].layer.diff_id != built.trace[i].layer.diff_id)
      return build::StepDifference{
          .step = recorded[i],
          .difference = {.path = "", .what = "another layer; that of the image's build is gone"}};
  return std::nullopt;
}

class DigestSink : public codec::Sink {
 public:
  Result<> write(std::string_view bytes) override {
    hash_.update(bytes);
    return {};
  }
  Digest digest() { return hash_.finish(); }

 private:
  codec::Sha256 hash_;
};

// Whether the layers of an image are those of steps, some put together.
// [docs/decisions/0027-layers-are-not-steps.md]
class LayerMatch {
 public:
  // All borrowed. `base`: how many of `steps`, from the lowest, are of the base image.
  LayerMatch(const store::Store& store, const std::vector<store::Layer>& image,
             const std::vector<store::Layer>& steps, std::size_t base)
      : store_(store), image_(image), steps_(steps), base_(base) {}

  // The layers of the image from `layer` on, and those of steps from `step` on.
  Result<bool> matches(std::size_t layer, std::size_t step) const {
    if (step == steps_.size()) return layer == image_.size();
    // Nothing of the base image is put together, except with all else.
    const bool is_alone = step < base_ && image_.size() > 1;
    const std::size_t most = is_alone ? 1 : steps_.size() - step;
    for (std::size_t count = 1; count <= most; ++count) {
      const Digest merged = TRY(together(step, count));
      if (merged.empty() && TRY(matches(layer, step + count))) return true;
      if (layer < image_.size() && merged == image_[layer].diff_id &&
          TRY(matches(layer + 1, step + count)))
        return true;
    }
    return false;
  }

 private:
  // Empty: nothing is left of them.
  Result<Digest> together(std::size_t step, std::size_t count) const {
    if (count == 1) return steps_[step].diff_id;
    const auto first = steps_.begin() + static_cast<std::ptrdiff_t>(step);
    DigestSink sink;
    const auto entries =
        TRY(store::write_merged_tar(store_,
                                    {.below = {steps_.begin(), first},
                                     .layers = {first, first + static_cast<std::ptrdiff_t>(count)}},
                                    sink));
    return entries == 0 ? Digest() : sink.digest();
  }

  const store::Store& store_;
  const std::vector<store::Layer>& image_;
  const std::vector<store::Layer>& steps_;
  std::size_t base_;
};

// The record could be right and the image another. "": they are the same.
Result<std::string> compare_image(const store::Store& store, const image::Image& image,
                                  const build::Built& built) {
  const auto own = std::ranges::count_if(built.trace, [](const build::TracedStep& step) {
    return step.is_target && !step.layer.diff_id.empty();
  });
  const std::size_t all = built.files.layers.size();
  const std::size_t base = all - std::min(all, static_cast<std::size_t>(own));
  const LayerMatch match(store, image.layers, built.files.layers, base);
  if (!TRY(match.matches(0, 0))) return "its layers are not those of the steps in its record";
  oci::ImageConfig config = built.image.config;
  config.diff_ids = image.config.diff_ids;
  const std::vector<oci::History>& history = image.config.history;
  // Which steps share a layer was compared above.
  for (std::size_t i = 0; i < config.history.size() && i < history.size(); ++i)
    config.history[i].empty_layer = history[i].empty_layer;
  if (codec::sha256(oci::print_image_config(config)) != image.id)
    return "its configuration (environment, command, labels, history) is another";
  return "";
}

}  // namespace

Result<Rebuilt> rebuild_image(Engine& engine, const std::string& name, BuildRequest given,
                              const std::function<Result<>(BuildRequest&)>& read_lock,
                              build::Reporter& reporter, const image::TransferProgress& progress) {
  const image::Image image = TRY(engine.images().find(name));
  const store::Store& store = BuildWorkshop::store_of(engine);
  const trust::Provenance recipe = TRY(recipe_of(store, image, name));
  BuildRequest request = std::move(given);
  TRY(add_recipe(recipe, request));
  TRY(read_lock(request));
  if (request.lock)
    TRY(check_lock(recipe, *request.lock));
  else
    request.lock = lock_of(recipe, request);
  BuildWorkshop workshop(engine, progress);
  workshop.use(request);
  workshop.keep_no_steps();
  TRY(workshop.begin());
  SecretListener listener(reporter, request.secrets);
  Rebuilt rebuilt{.steps = recipe.steps.size(), .layers = image.layers.size()};
  const auto compare = [&]() -> Result<> {
    const build::Built built = TRY(build::build(workshop, request, listener));
    rebuilt.different = compare_steps(store, recipe, built);
    if (!rebuilt.different) rebuilt.other = TRY(compare_image(store, image, built));
    return {};
  };
  TRY(compare());
  return rebuilt;
}

}  // namespace tare::engine
