// SPDX-License-Identifier: Apache-2.0
// Listing, finding, naming and describing images.
#include <algorithm>
#include <set>

#include "image/image.h"
#include "image/records.h"
#include "image/registries.h"

namespace tare::image {
namespace {

constexpr std::size_t kMinPrefix = 3;  // Digits of an id.

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<std::string> names_of(const Names& names, const Digest& id) {
  std::vector<std::string> own;
  for (const auto& [name, image] : names)
    if (image == id) own.push_back(name);
  return own;
}

std::string familiar(const std::string& name) {
  const auto reference = Reference::parse(name);
  return reference ? reference->familiar() : name;
}

// "repository@sha256:...": the image with that manifest (or id), if it has a name in the
// repository.
Result<std::optional<Digest>> find_by_digest(const store::Store& store, const Names& names,
                                             const Reference& wanted) {
  for (const auto& [name, id] : names) {
    const Reference reference = TRY(Reference::parse(name));
    if (reference.registry != wanted.registry || reference.repository != wanted.repository)
      continue;
    if (id == wanted.digest) return id;
    if (const auto record = load_record(store, id); record && record->manifest == wanted.digest)
      return id;
  }
  return std::nullopt;
}

Result<std::optional<Digest>> find_by_prefix(const store::Store& store, std::string_view prefix) {
  std::optional<Digest> found;
  for (const Digest& id : TRY(list_records(store))) {
    if (!id.hex().starts_with(prefix)) continue;
    if (found)
      return std::unexpected(Error(Kind::Invalid, "the image id " + quoted(prefix) +
                                                      " is ambiguous: " + found->short_hex() +
                                                      " and " + id.short_hex() + " start with it")
                                 .hint("give more digits"));
    found = id;
  }
  return found;
}

std::unexpected<Error> no_such_image(const Names& names, std::string_view wanted) {
  Error error(Kind::NotFound, "no such image: " + escaped(wanted));
  std::vector<std::string> known;
  std::set<std::string> repositories;
  for (const auto& [name, id] : names) {
    known.push_back(familiar(name));
    if (const auto reference = Reference::parse(name))
      if (repositories.insert(reference->familiar_repository()).second)
        known.push_back(reference->familiar_repository());
  }
  const auto near = nearest(wanted, known);
  if (near) return std::unexpected(std::move(error).hint("did you mean " + quoted(*near) + "?"));
  return std::unexpected(std::move(error).hint(names.empty()
                                                   ? "there are no images yet: see tare load --help"
                                                   : "tare images lists what is there"));
}

Result<Digest> find_id(const store::Store& store, std::string_view wanted) {
  if (wanted.starts_with("sha256:")) {
    const std::string_view hex = wanted.substr(7);
    if (is_hex(hex))
      if (const auto found = TRY(find_by_prefix(store, hex))) return *found;
    return no_such_image(TRY(load_names(store)), wanted);
  }
  // Most callers give a name that exists: one small file is read for them.
  const auto reference = Reference::parse(wanted);
  if (reference && reference->digest.empty()) {
    if (const auto found = TRY(find_name(store, reference->text()))) return *found;
  }
  const Names names = TRY(load_names(store));
  if (reference && !reference->digest.empty()) {
    if (const auto found = TRY(find_by_digest(store, names, *reference))) return *found;
  }
  if (wanted.size() >= kMinPrefix && is_hex(wanted)) {
    if (const auto found = TRY(find_by_prefix(store, wanted))) return *found;
  } else if (!reference) {
    return std::unexpected(reference.error());
  }
  // Under the name that a pull of it would have given.
  if (const auto registries = load_registries())
    if (const auto expanded = expand_name(wanted, *registries))
      for (const Reference& other : *expanded)
        if (const auto found = names.find(other.text()); found != names.end()) return found->second;
  return no_such_image(names, wanted);
}

json::Value strings_or_empty(const std::vector<std::string>& list) { return json::Value(list); }

}  // namespace

Result<std::vector<Image>> Images::list(std::vector<Error>* problems) const {
  // What somebody left who was killed while he loaded; a failure here is no reason to list nothing.
  (void)sweep_if_wanted(store_, rootfs_);
  std::map<std::string, Error> damaged;
  const Names names = TRY(load_names(store_, &damaged));
  std::vector<Image> images;
  if (problems != nullptr)
    for (const auto& [file, error] : damaged) problems->push_back(error);
  for (const Digest& id : TRY(list_records(store_))) {
    auto record = load_record(store_, id);
    if (!record && record.error().kind() == Kind::NotFound) continue;  // Removed meanwhile.
    auto image = record ? assemble(store_, *record, names_of(names, id))
                        : Result<Image>(std::unexpected(record.error()));
    if (image)
      images.push_back(std::move(*image));
    else if (problems != nullptr)
      problems->push_back(std::move(image).error());
  }
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    return a.loaded_at != b.loaded_at ? a.loaded_at > b.loaded_at : a.id < b.id;
  });
  return images;
}

Result<Image> Images::find(std::string_view name_or_id) const {
  const Digest id = TRY(find_id(store_, name_or_id));
  const Record record = TRY(load_record(store_, id));
  return assemble(store_, record, names_of(TRY(load_names(store_)), id));
}

Result<Digest> Images::resolve(std::string_view name_or_id) const {
  return find_id(store_, name_or_id);
}

Result<> Images::tag(std::string_view source, std::string_view target) {
  const Reference reference = TRY(Reference::parse(target));
  if (!reference.digest.empty())
    return fail(Kind::Invalid, "a name with a digest cannot be given: " + quoted(target));
  const sys::Fd lock = TRY(store_.lock(store::Store::kImagesLock));
  const Digest id = TRY(find_id(store_, source));
  return write_name(store_, reference.text(), id);
}

Result<std::vector<Images::HistoryEntry>> Images::history(std::string_view name_or_id) const {
  const Image image = TRY(find(name_or_id));
  const Record record = TRY(load_record(store_, image.id));
  std::vector<HistoryEntry> entries;
  std::size_t layer = 0;
  for (const oci::History& step : image.config.history) {
    HistoryEntry entry{
        .created = step.created, .created_by = step.created_by, .comment = step.comment};
    if (!step.empty_layer && layer < record.layers.size()) entry.size = record.layers[layer++].size;
    entries.push_back(std::move(entry));
  }
  for (; layer < record.layers.size(); ++layer)  // The config tells less than there is.
    entries.push_back({.created = image.config.created, .size = record.layers[layer].size});
  std::reverse(entries.begin(), entries.end());
  if (!entries.empty()) entries.front().image = image.id;
  return entries;
}

json::Value Images::inspect(const Image& image) const {
  std::vector<std::string> tags;
  std::vector<std::string> digests;
  for (const std::string& name : image.names) {
    tags.push_back(familiar(name));
    if (const auto reference = Reference::parse(name)) {
      const std::string digest = reference->familiar_repository() + "@" + image.manifest.text();
      if (std::find(digests.begin(), digests.end(), digest) == digests.end())
        digests.push_back(digest);
    }
  }
  json::Value value;
  value.set("Id", image.id.text());
  value.set("RepoTags", strings_or_empty(tags));
  value.set("RepoDigests", strings_or_empty(digests));
  value.set("Parent", "");
  value.set("Comment", image.config.history.empty() ? "" : image.config.history.back().comment);
  value.set("Created", rfc3339(image.config.created));
  value.set("DockerVersion", "");
  value.set("Author", image.config.author);
  value.set("Config", oci::config_object(image.config));
  value.set("Architecture", image.config.architecture);
  if (!image.config.variant.empty()) value.set("Variant", image.config.variant);
  value.set("Os", image.config.os);
  value.set("Size", image.size);
  json::Value& driver = value.set("GraphDriver", json::Object());
  driver.set("Data", nullptr);
  driver.set("Name", rootfs_.name());
  json::Value& rootfs = value.set("RootFS", json::Object());
  rootfs.set("Type", "layers");
  json::Value& layers = rootfs.set("Layers", json::Array());
  for (const store::Layer& layer : image.layers) layers.push(layer.diff_id.text());
  value.set("Metadata", json::Object()).set("LastTagTime", rfc3339(image.loaded_at));
  return value;
}

}  // namespace tare::image
