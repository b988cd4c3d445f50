// SPDX-License-Identifier: Apache-2.0
#include "engine/origins.h"

#include <algorithm>
#include <map>

#include "engine/build_workshop.h"
#include "engine/image_files.h"
#include "engine/image_packages.h"
#include "engine/package_owners.h"
#include "image/attestations.h"
#include "trust/file_record.h"
#include "trust/provenance.h"
#include "trust/statement.h"

namespace tare::engine {
namespace {

using Inode = store::MergedTree::Inode;

constexpr int kMaxBases = 32;  // Images on images that are here.

const char* type_name(tar::Type type) {
  switch (type) {
    case tar::Type::Regular:
    case tar::Type::HardLink:
      return "file";
    case tar::Type::Symlink:
      return "link";
    case tar::Type::Directory:
      return "directory";
    case tar::Type::Fifo:
      return "fifo";
    case tar::Type::CharDevice:
    case tar::Type::BlockDevice:
      return "device";
  }
  return "file";
}

// What is known of how one image was built.
struct Known {
  image::Image image;
  std::optional<trust::Provenance> provenance;
  trust::FileRecord record;
  std::vector<std::size_t> chain;     // Steps that the image is made of, in order.
  std::string base_name;              // As FROM had it.
  Digest base;                        // Manifest of its base image; empty: none.
  std::vector<std::string> by_layer;  // What the history tells of each layer.

  const trust::BuildStep& step(std::size_t number) const { return provenance->steps[number]; }
};

std::vector<std::string> history_by_layer(const oci::ImageConfig& config) {
  std::vector<std::string> lines;
  for (const oci::History& entry : config.history)
    if (!entry.empty_layer) lines.push_back(entry.created_by);
  if (lines.size() != config.diff_ids.size()) lines.clear();  // It does not fit: nobody can tell.
  return lines;
}

void find_chain(Known& known) {
  const auto& stages = known.provenance->stages;
  const auto target = std::ranges::find_if(stages, &trust::BuildStage::is_target);
  if (target == stages.end()) return;
  std::optional<std::size_t> at = static_cast<std::size_t>(target - stages.begin());
  while (at) {
    for (std::size_t i = known.provenance->steps.size(); i-- > 0;)
      if (known.step(i).stage == *at) known.chain.push_back(i);
    known.base = stages[*at].image;
    at = stages[*at].base;
  }
  std::ranges::reverse(known.chain);
  for (const trust::Resource& each : known.provenance->images)
    if (each.digest == known.base && !known.base.empty())
      known.base_name = each.uri.substr(std::string("docker-image://").size());
}

// What cannot be read of it is as good as nothing; `notes` says so.
Known know(const store::Store& store, image::Image image, std::vector<std::string>& notes) {
  Known known;
  known.by_layer = history_by_layer(image.config);
  const auto statements = image::statements_of(store, image);
  known.image = std::move(image);
  if (!statements) {
    notes.push_back("attestations: " + statements.error().message());
    return known;
  }
  for (const image::Statement& each : *statements) {
    if (each.predicate_type != trust::kProvenanceType && each.predicate_type != trust::kFilesType)
      continue;
    const auto statement = trust::parse_statement(each.text);
    if (!statement || statement->subject != known.image.manifest ||
        statement->predicate_type != each.predicate_type) {
      notes.emplace_back("an attestation is not of this image, or cannot be read");
      continue;
    }
    if (each.predicate_type == trust::kFilesType) {
      if (auto record = trust::parse_file_record(statement->predicate))
        known.record = std::move(*record);
      continue;
    }
    auto provenance = trust::parse_provenance(statement->predicate);
    if (!provenance) {
      notes.push_back(provenance.error().message());
      continue;
    }
    known.provenance = std::move(*provenance);
    find_chain(known);
  }
  return known;
}

// The name that a file of COPY had in its context, when that can be told from the step.
std::string name_in_context(const trust::BuildStep& step, const std::string& path) {
  if (step.inputs.empty() || step.destination.empty()) return "";
  const bool into = step.destination.ends_with('/');
  const std::string directory = into ? step.destination : step.destination + "/";
  for (const auto& [name, digest] : step.inputs) {
    const std::string base = name.substr(name.rfind('/') + 1);
    if (path == step.destination || (into && path == directory + base)) return name;
  }
  // A directory's content goes into the destination.
  if (path.starts_with(directory) && step.inputs.size() == 1) {
    const std::string& name = step.inputs.begin()->first;
    return (name == "." ? "" : name + "/") + path.substr(directory.size());
  }
  return "";
}

}  // namespace

struct Origins::State {
  Engine* engine = nullptr;
  const store::Store* store = nullptr;
  std::vector<Known> images;  // The image, its base if that is here, that one's, and so on.
  std::optional<ImageFiles> files;
  std::optional<PackageOwners> owners;
  std::map<std::string, std::string> urls;  // Of what was fetched, by its last part.
  std::vector<std::string> notes;

  void tell_package(FileOrigin& origin) const;

  FileOrigin tell(const std::string& path, const ImageFiles::Found& found);
  void tell_step(const std::string& path, std::size_t layer, FileOrigin& origin);
  static bool tell_by(const Known& known, const std::string& path, FileOrigin& origin);
  static void add_step(const Known& known, std::size_t number, const std::string& path,
                       FileOrigin& origin);
};

Origins::Origins(std::unique_ptr<State> state) : state_(std::move(state)) {}
Origins::Origins(Origins&&) noexcept = default;
Origins::~Origins() = default;

const std::vector<std::string>& Origins::notes() const { return state_->notes; }

void Origins::State::add_step(const Known& known, std::size_t number, const std::string& path,
                              FileOrigin& origin) {
  const trust::BuildStep& step = known.step(number);
  const auto tell = [&](const trust::BuildStep& each) {
    origin.steps.push_back({.place = each.place,
                            .stage = known.provenance->stages[each.stage].label,
                            .instruction = each.instruction});
  };
  tell(step);
  const trust::BuildStep* first = &step;
  for (const trust::FileRecord::Entry& entry : known.record.entries)
    if (entry.step == number && entry.made_by && *entry.made_by < known.provenance->steps.size() &&
        entry.files.contains(path)) {
      first = &known.step(*entry.made_by);
      tell(*first);
      break;
    }
  // Where it lay in the stage that it was copied from is not recorded, so only its name is told.
  if (first == &step && !step.from.empty())
    origin.source = step.from;
  else if (first->from.empty())
    origin.source = first == &step ? name_in_context(step, path) : "";
  else
    origin.source = first->from;
}

// True when `known` tells it.
bool Origins::State::tell_by(const Known& known, const std::string& path, FileOrigin& origin) {
  // The last one to write it, if layers of steps were put together.
  for (std::size_t i = known.chain.size(); i-- > 0;) {
    const std::size_t number = known.chain[i];
    const bool wrote =
        known.step(number).layer == origin.layer ||
        std::ranges::any_of(known.record.entries, [&](const trust::FileRecord::Entry& entry) {
          return entry.step == number && !entry.made_by && entry.files.contains(path);
        });
    if (!wrote) continue;
    add_step(known, number, path, origin);
    return true;
  }
  return false;
}

void Origins::State::tell_step(const std::string& path, std::size_t layer, FileOrigin& origin) {
  const auto name_of = [](const Known& known) {
    return known.image.names.empty() ? known.image.id.text() : known.image.names.front();
  };
  std::size_t last = 0;
  // Layers of an image that this one is built on are its first ones.
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (i > 0 && layer >= images[i].image.layers.size()) break;
    last = i;
    if (!tell_by(images[i], path, origin)) continue;
    if (i > 0) origin.image = name_of(images[i]);
    return;
  }
  const Known& known = images[last];
  if (!known.base.empty())
    origin.image = known.base_name.empty() ? known.base.text() : known.base_name;
  else if (last > 0)
    origin.image = name_of(known);
  const std::vector<std::string>& lines = images.front().by_layer;
  if (layer < lines.size())
    origin.steps.push_back({.place = "", .stage = "", .instruction = lines[layer]});
}

void Origins::State::tell_package(FileOrigin& origin) const {
  const trust::Package* const package = owners->find(origin.path);
  if (package == nullptr) return;
  origin.package = package->label() + (package->version.empty() ? "" : " " + package->version);
  for (const std::string& name : archive_names(*package))
    if (const auto url = urls.find(name); url != urls.end()) origin.url = url->second;
}

FileOrigin Origins::State::tell(const std::string& path, const ImageFiles::Found& found) {
  const Inode& inode = files->inode(found.inode);
  const std::vector<store::Layer>& layers = images.front().image.layers;
  FileOrigin origin{.path = path,
                    .type = type_name(inode.type),
                    .size = inode.size,
                    .content = ImageFiles::digest_of(inode),
                    .link = inode.type == tar::Type::Symlink ? inode.link() : "",
                    .layer = {},
                    .image = {},
                    .steps = {},
                    .source = {},
                    .package = {},
                    .url = {}};
  if (found.layer >= layers.size()) return origin;
  origin.layer = layers[found.layer].diff_id;
  tell_step(path, found.layer, origin);
  tell_package(origin);
  return origin;
}

Result<Origins> Origins::open(Engine& engine, const std::string& name) {
  auto state = std::make_unique<State>();
  state->engine = &engine;
  state->store = &BuildWorkshop::store_of(engine);
  state->images.push_back(know(*state->store, TRY(engine.images().find(name)), state->notes));
  if (!state->images.front().provenance)
    state->notes.emplace_back(
        "the image has no record of its build; what its history says is told instead");
  const std::vector<image::Image> all = TRY(engine.images().list());
  for (int i = 0; i < kMaxBases && !state->images.back().base.empty(); ++i) {
    const Digest base = state->images.back().base;
    const auto found = std::ranges::find(all, base, &image::Image::manifest);
    if (found == all.end()) break;
    state->images.push_back(know(*state->store, *found, state->notes));
  }
  state->files = TRY(ImageFiles::open(*state->store, state->images.front().image.layers));
  state->owners = PackageOwners::read(*state->files);
  for (const Known& known : state->images) {
    if (!known.provenance) continue;
    for (const trust::BuildStep& step : known.provenance->steps)
      for (const trust::Resource& each : step.materials)
        state->urls.emplace(each.uri.substr(each.uri.rfind('/') + 1), each.uri);
  }
  return Origins(std::move(state));
}

Result<FileOrigin> Origins::find(std::string_view path) {
  std::string wanted(path);
  if (!wanted.starts_with('/')) wanted = "/" + wanted;
  while (wanted.size() > 1 && wanted.ends_with('/')) wanted.pop_back();
  const auto found = TRY(state_->files->find(wanted));
  return state_->tell(wanted, found);
}

Result<> Origins::each(const std::function<void(const FileOrigin&)>& take) {
  state_->files->each([&](const std::string& path, const ImageFiles::Found& found) {
    take(state_->tell(path, found));
  });
  return {};
}

}  // namespace tare::engine
