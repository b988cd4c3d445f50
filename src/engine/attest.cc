// SPDX-License-Identifier: Apache-2.0
#include "engine/attest.h"

#include <algorithm>
#include <unordered_map>

#include "build/remote_source.h"
#include "build/step_key.h"
#include "codec/sha256.h"
#include "engine/image_files.h"
#include "engine/image_packages.h"
#include "image/attestations.h"
#include "image/leaks.h"
#include "store/layers.h"
#include "trust/statement.h"

namespace tare::engine {
namespace {

trust::Resource resource_of(const image::Material& material) {
  // The digest of a tree is ours; others know the commit.
  const bool is_git = material.kind == image::Material::Kind::Git;
  return {.uri = material.uri,
          .digest = is_git && !material.revision.empty() ? Digest() : material.digest,
          .revision = material.revision,
          .size = material.size};
}

std::string without_directories(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The Dockerfile may be anywhere on this machine; what it includes is in the context.
std::string place_of(const build::TracedStep& step, const std::string& dockerfile) {
  if (!step.place.starts_with(dockerfile + ":")) return step.place;
  return without_directories(dockerfile) + step.place.substr(dockerfile.size());
}

trust::BuildStep step_of(const build::TracedStep& traced, const std::string& dockerfile) {
  trust::BuildStep step;
  step.place = place_of(traced, dockerfile);
  step.instruction = traced.text;
  step.from = traced.from;
  step.layer = traced.layer.diff_id;
  for (const image::Material& each : traced.layer.materials)
    step.materials.push_back(resource_of(each));
  // Of the parts of its key those that name files; RUN's variables are none of others' business.
  const bool copies = traced.inputs.contains("destination");
  for (const auto& [name, value] : traced.inputs) {
    if (copies && name == "destination") step.destination = value;
    const auto digest = Digest::parse(value);
    const bool is_source = name.starts_with(build::StepKey::kSource);
    if (digest && (is_source || (!copies && name.starts_with("mount "))))
      step.inputs[is_source ? name.substr(build::StepKey::kSource.size()) : name] = *digest;
  }
  return step;
}

void add_parameters(const build::BuildRequest& request, trust::Provenance& provenance) {
  provenance.dockerfile = without_directories(request.dockerfile);
  // SECURITY: addresses of ADD and of contexts are kept without their passwords.
  const std::string text = build::hide_users(request.text);
  provenance.dockerfile_digest = codec::sha256(text);
  if (!request.attest.minimal) {
    provenance.text = text;
    provenance.ignore_text = request.ignore_text;
  }
  provenance.target = request.options.target;
  provenance.platform = request.options.target_platform.text();
  for (const auto& [name, value] : request.options.arguments) {
    const bool is_told = !request.attest.minimal && !trust::is_secret_name(name);
    provenance.arguments[name] = is_told ? std::optional(build::hide_users(value)) : std::nullopt;
  }
  provenance.labels = request.labels;
  for (const auto& [name, place] : request.contexts)
    provenance.contexts[name] =
        place.find("://") == std::string::npos ? "local" : build::hide_users(place);
  for (const auto& [id, content] : request.secrets) provenance.secrets.push_back(id);
  provenance.time = request.time;
  if (request.network == build::RunNetwork::None) provenance.network = "none";
  if (request.network == build::RunNetwork::Host) provenance.network = "host";
}

// Numbers of the steps with layers that the stage number `stage` is made of, lowest first.
std::vector<std::size_t> steps_under(const trust::Provenance& provenance, std::size_t stage) {
  std::vector<std::size_t> chain;
  for (std::optional<std::size_t> at = stage; at; at = provenance.stages[*at].base)
    for (std::size_t i = provenance.steps.size(); i-- > 0;)
      if (provenance.steps[i].stage == *at && !provenance.steps[i].layer.empty())
        chain.push_back(i);
  std::ranges::reverse(chain);
  return chain;
}

// Where the files of a stage come from: which step made what is in its layer number `layer`.
class StageFiles {
 public:
  static Result<StageFiles> open(const store::Store& store, const trust::Provenance& provenance,
                                 const build::TracedStage& traced, std::size_t stage) {
    StageFiles self;
    const std::vector<store::Layer>& layers = traced.files.layers;
    const std::vector<std::size_t> steps = steps_under(provenance, stage);
    self.makers_.resize(layers.size());
    for (std::size_t i = 0; i < steps.size() && i < layers.size(); ++i) {
      const std::size_t layer = layers.size() - 1 - i;
      const std::size_t step = steps[steps.size() - 1 - i];
      if (provenance.steps[step].layer != layers[layer].diff_id) break;
      self.makers_[layer] = step;
    }
    const ImageFiles files = TRY(ImageFiles::open(store, layers));
    files.each([&](const std::string& path, const ImageFiles::Found& found) {
      const Digest digest = ImageFiles::digest_of(files.inode(found.inode));
      if (!digest.empty()) self.by_content_[digest.hex()].push_back({path, found.layer});
    });
    return self;
  }

  struct Source {
    std::string path;
    std::size_t layer = 0;
  };
  // A file with that content, with that name if there is one.
  const Source* find(const Digest& content, std::string_view name) const {
    const auto found = by_content_.find(content.hex());
    if (found == by_content_.end()) return nullptr;
    for (const Source& each : found->second)
      if (each.path.ends_with(name) && each.path.substr(each.path.rfind('/') + 1) == name)
        return &each;
    return &found->second.front();
  }
  std::optional<std::size_t> maker(const Source& source) const { return makers_[source.layer]; }

 private:
  std::vector<std::optional<std::size_t>> makers_;  // By layer; none: the base image.
  std::unordered_map<std::string, std::vector<Source>> by_content_;
};

class Recorder {
 public:
  Recorder(const store::Store& store, const build::Built& built,
           const trust::Provenance& provenance)
      : store_(store), built_(built), provenance_(provenance) {}

  Result<trust::FileRecord> run() {
    for (std::size_t i = 0; i < provenance_.steps.size(); ++i) {
      const trust::BuildStep& step = provenance_.steps[i];
      if (step.layer.empty()) continue;
      if (const auto stage = stage_labelled(step.from)) TRY(add_copied(i, *stage));
    }
    TRY(add_merged());
    return std::move(record_);
  }

 private:
  std::optional<std::size_t> stage_labelled(const std::string& label) const {
    for (std::size_t i = provenance_.stages.size(); !label.empty() && i-- > 0;)
      if (provenance_.stages[i].label == label) return i;
    return std::nullopt;
  }

  Result<> add_copied(std::size_t step, std::size_t stage) {
    auto known = stages_.find(stage);
    if (known == stages_.end())
      known = stages_
                  .emplace(stage,
                           TRY(StageFiles::open(store_, provenance_, built_.stages[stage], stage)))
                  .first;
    const StageFiles& files = known->second;
    std::map<std::size_t, trust::FileList> by_maker;
    const auto index = TRY(store::load_layer(store_, provenance_.steps[step].layer));
    TRY(index.each([&](const store::IndexEntry& entry) -> Result<> {
      if (entry.type != tar::Type::Regular || entry.content.pack == store::kNowhere) return {};
      const std::string path = "/" + std::string(entry.path);
      const StageFiles::Source* const source =
          files.find(store::digest_of(entry.content.digest), path.substr(path.rfind('/') + 1));
      if (source == nullptr) return {};
      if (const auto maker = files.maker(*source))
        by_maker[first_maker(*maker, source->path)].add(path);
      return {};
    }));
    for (auto& [maker, list] : by_maker)
      record_.entries.push_back({.step = step, .made_by = maker, .files = std::move(list)});
    return {};
  }

  // That step may have copied it from yet another stage.
  std::size_t first_maker(std::size_t step, const std::string& path) const {
    for (const trust::FileRecord::Entry& entry : record_.entries)
      if (entry.step == step && entry.made_by && entry.files.contains(path)) return *entry.made_by;
    return step;
  }

  // Steps of the image whose layers are not its own.
  Result<> add_merged() {
    const auto target = std::ranges::find_if(provenance_.stages, &trust::BuildStage::is_target);
    if (target == provenance_.stages.end()) return {};
    const auto stage = static_cast<std::size_t>(target - provenance_.stages.begin());
    for (const std::size_t step : steps_under(provenance_, stage)) {
      const Digest& layer = provenance_.steps[step].layer;
      if (std::ranges::find(built_.image.layers, layer, &store::Layer::diff_id) !=
          built_.image.layers.end())
        continue;
      trust::FileRecord::Entry entry{.step = step, .made_by = {}, .files = {}};
      const auto index = TRY(store::load_layer(store_, layer));
      TRY(index.each([&](const store::IndexEntry& each) -> Result<> {
        entry.files.add("/" + std::string(each.path));
        return {};
      }));
      record_.entries.push_back(std::move(entry));
    }
    return {};
  }

  const store::Store& store_;
  const build::Built& built_;
  const trust::Provenance& provenance_;
  std::map<std::size_t, StageFiles> stages_;
  trust::FileRecord record_;
};

std::string statement(std::string_view type, const Digest& subject, json::Value predicate) {
  return trust::print_statement(
      {.predicate_type = std::string(type), .subject = subject, .predicate = std::move(predicate)});
}

}  // namespace

trust::Provenance provenance_of(const build::BuildRequest& request, const build::Built& built) {
  trust::Provenance provenance;
  add_parameters(request, provenance);
  std::map<std::size_t, std::size_t> positions;
  for (const build::TracedStage& traced : built.stages) {
    positions[traced.number] = provenance.stages.size();
    trust::BuildStage& stage = provenance.stages.emplace_back();
    stage.label = traced.label;
    if (traced.base) stage.base = positions[*traced.base];
    stage.image = traced.image;
    stage.is_target = traced.is_target;
  }
  for (const build::TracedStep& traced : built.trace) {
    provenance.steps.push_back(step_of(traced, request.dockerfile));
    provenance.steps.back().stage = positions[traced.stage_number];
  }
  for (const image::Material& each : built.materials)
    provenance.images.push_back(resource_of(each));
  provenance.version = TARE_VERSION;
  return provenance;
}

Result<trust::FileRecord> file_record_of(const store::Store& store, const build::Built& built,
                                         const trust::Provenance& provenance) {
  return Recorder(store, built, provenance).run();
}

Result<std::vector<std::string>> attest_build(store::Store& store,
                                              const build::BuildRequest& request,
                                              build::Built& built) {
  std::vector<std::string> left_out;
  std::vector<image::Statement> statements;
  const Digest& subject = built.image.manifest;
  const auto add = [&](std::string_view type, json::Value predicate) {
    std::string text = statement(type, subject, std::move(predicate));
    if (image::has_secret(text, request.secrets))
      left_out.push_back("the attestation " + std::string(type) +
                         " is left out: a secret of the build would be in it");
    else if (text.size() > image::kMaxStatement)
      left_out.push_back("the attestation " + std::string(type) + " is left out: it has " +
                         human_size(text.size()) + ", and one of more than " +
                         human_size(image::kMaxStatement) + " is not read by everybody");
    else
      statements.push_back({.predicate_type = std::string(type), .text = std::move(text)});
  };
  if (request.attest.provenance) {
    const trust::Provenance provenance = provenance_of(request, built);
    add(trust::kProvenanceType, trust::print_provenance(provenance));
    const std::vector<std::string> lists{std::string(trust::kSpdxType),
                                         std::string(trust::kCycloneDxType)};
    if (!statements.empty() &&
        image::is_attested(store, built.image, codec::sha256(statements[0].text), lists,
                           request.attest.packages, request.attest.annotations))
      return left_out;
    const trust::FileRecord record = TRY(file_record_of(store, built, provenance));
    if (!record.entries.empty()) add(trust::kFilesType, trust::print_file_record(record));
  }
  if (request.attest.packages) {
    ImageFiles files = TRY(ImageFiles::open(store, built.image.layers));
    trust::PackageList list = packages_of(files);
    list.image = subject;
    list.created = built.image.config.created;
    list.version = TARE_VERSION;
    add(trust::kSpdxType, trust::print_spdx(list));
    add(trust::kCycloneDxType, trust::print_cyclonedx(list));
  }
  TRY(image::attest(store, built.image.id, statements, request.attest.annotations));
  return left_out;
}

}  // namespace tare::engine
