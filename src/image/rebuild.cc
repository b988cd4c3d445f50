// SPDX-License-Identifier: Apache-2.0
#include "image/rebuild.h"

#include <sys/stat.h>

#include <algorithm>
#include <variant>

#include "base/text.h"
#include "image/bin.h"
#include "oci/manifest.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr std::size_t kMaxManifest = 4 << 20;

bool is_all_here(const store::Store& store, const oci::Manifest& manifest) {
  return std::ranges::all_of(manifest.layers, [&](const oci::Descriptor& layer) {
    return store::has_blob_bytes(store, layer.digest);
  });
}

struct FoundManifest {
  Digest digest;
  oci::Manifest manifest;
};

// A manifest whose config is `id`; rather one whose layers are all here.
Result<std::optional<FoundManifest>> find_manifest(const store::Store& store, const Digest& id,
                                                   std::size_t layers) {
  std::optional<FoundManifest> found;
  for (const Digest& digest : TRY(store.list_blobs())) {
    if (store.blob_size(digest).value_or(kMaxManifest + 1) > kMaxManifest) continue;
    const auto text = store.load_blob(digest, kMaxManifest);
    if (!text || !text->starts_with('{')) continue;
    const auto document = oci::parse_document(*text, "");
    const auto* manifest = document ? std::get_if<oci::Manifest>(&*document) : nullptr;
    if (manifest == nullptr || manifest->config.digest != id || manifest->layers.size() != layers)
      continue;
    if (!found || is_all_here(store, *manifest))
      found = FoundManifest{.digest = digest, .manifest = *manifest};
  }
  return found;
}

// What the damaged text still tells of where the image came from. It is verified what comes from
// there.
std::string origin_in(std::string_view text) {
  const auto value = json::parse(text);
  if (!value) return "";
  const std::string& from = (*value)["from"].as_string();
  const auto reference = Reference::parse(from);
  return reference && reference->registry + "/" + reference->repository == from ? from : "";
}

// Where an image with this name would have come from. If it did not, nothing is found there: what
// is asked for is named by its digest.
std::string repository_of(const Names& names, const Digest& id) {
  for (const auto& [name, image] : names)
    if (const auto reference = Reference::parse(name); reference && image == id)
      return reference->registry + "/" + reference->repository;
  return "";
}

Result<Record> make_record(const store::Store& store, const Digest& id) {
  const std::string text = TRY(store.load_blob(id), "its config");
  const oci::ImageConfig config = TRY(oci::parse_image_config(text), "its config");
  const auto found = TRY(find_manifest(store, id, config.diff_ids.size()));
  if (!found) return fail(Kind::NotFound, "the store has no manifest of it");
  Record record;
  record.id = id;
  record.manifest = found->digest;
  record.loaded_at = now_ns();
  for (std::size_t i = 0; i < config.diff_ids.size(); ++i) {
    RecordLayer layer;
    layer.layer = {.blob = found->manifest.layers[i].digest, .diff_id = config.diff_ids[i]};
    layer.partial = !store::has_blob_bytes(store, layer.layer.blob);
    if (const auto index = store::load_layer(store, layer.layer.diff_id))
      layer.size = index->summary().content_bytes;
    record.layers.push_back(std::move(layer));
  }
  return record;
}

std::unexpected<Error> cannot_tell(const Error& why, const std::string& what) {
  return std::unexpected(Error(Kind::Unsupported, what + ": " + why.message())
                             .hint("get the image again: tare pull or tare load"));
}

Result<> rebuild_record(store::Store& store, const Digest& id) {
  auto record = make_record(store, id);
  if (!record) return cannot_tell(record.error(), "what it said cannot be told");
  const auto old = sys::load_file(store.dir(), "images/" + id.hex() + ".json", kMaxManifest);
  if (old) record->from = origin_in(*old);
  if (record->from.empty()) record->from = repository_of(TRY(load_names(store)), id);
  struct stat info{};
  if (::fstatat(store.dir(), ("images/" + id.hex() + ".json").c_str(), &info, 0) == 0)
    record->loaded_at = info.st_mtim.tv_sec * 1'000'000'000LL;
  return write_record(store, *record);
}

// With names that can still be read; the time of removal begins anew.
Result<> rebuild_removed(store::Store& store, const Digest& id) {
  const auto record = make_record(store, id);
  const auto text = sys::load_file(store.dir(), "bin/images/" + id.hex() + ".json", kMaxManifest);
  if (!record) {
    TRY(want_sweep(store));
    return remove_binned(store, id);
  }
  Binned binned{.record = *record, .names = {}, .removed_at = now_ns(), .batch = "rebuilt"};
  if (const auto value = text ? json::parse(*text) : json::parse(""))
    for (const std::string& name : (*value)["names"].as_strings())
      if (const auto reference = Reference::parse(name); reference && reference->text() == name)
        binned.names.push_back(name);
  return put_in_bin(store, binned);
}

// The inverse of name_file(); empty for a name that was too long for it.
std::string name_of_file(const std::string& file) {
  if (file.starts_with("long-")) return "";
  std::string name;
  for (std::size_t i = 0; i < file.size(); ++i) {
    if (file[i] != '%' || i + 2 >= file.size()) {
      name += file[i];
      continue;
    }
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    name += static_cast<char>(digit(file[i + 1]) << 4 | digit(file[i + 2]));
    i += 2;
  }
  return name_file(name) == file ? name : "";
}

// The image that `text` most likely named: all but two characters are the same, or the rest is cut
// off; or the only image without a name.
std::optional<Digest> likely_image(const std::vector<Digest>& ids, const Names& names,
                                   const std::string& text) {
  constexpr int kMostWrong = 2;
  constexpr std::size_t kLeast = 20;
  std::vector<Digest> like;
  std::vector<Digest> nameless;
  for (const Digest& id : ids) {
    const std::string full = id.text();
    int wrong = 0;
    for (std::size_t i = 0; i < std::min(full.size(), text.size()); ++i)
      wrong += full[i] != text[i];
    const bool same_length = text.size() == full.size();
    if (wrong <= (same_length ? kMostWrong : 0) && text.size() >= kLeast) like.push_back(id);
    const bool has_name =
        std::ranges::any_of(names, [&](const auto& name) { return name.second == id; });
    if (!has_name) nameless.push_back(id);
  }
  if (like.size() == 1) return like[0];
  return nameless.size() == 1 ? std::optional(nameless[0]) : std::nullopt;
}

Result<> rebuild_name(store::Store& store, const std::string& file) {
  const sys::Fd lock = TRY(store.lock(store::Store::kImagesLock));
  constexpr std::size_t kMost = 4096;
  const auto text = sys::load_file(store.dir(), "names/" + file, kMost);
  const auto lines = split(text.value_or(std::string()), '\n');
  std::string name = name_of_file(file);
  if (name.empty() && lines.size() > 1 && name_file(lines[1]) == file) name = lines[1];
  const auto id = likely_image(TRY(list_records(store)), TRY(load_names(store)), lines[0]);
  if (!name.empty() && id) return write_name(store, name, *id);
  return std::unexpected(
      Error(Kind::Unsupported, "which image had this name cannot be told")
          .hint(name.empty() ? "remove the file, and give the name again: tare tag IMAGE NAME"
                             : "give it again: tare tag IMAGE " + name));
}

}  // namespace

Result<> rebuild(store::Store& store, const Damage& damage) {
  if (damage.what == "name") return rebuild_name(store, damage.file);
  const sys::Fd lock = TRY(store.lock(store::Store::kImagesLock));
  if (damage.what == "record") return rebuild_record(store, damage.digest);
  return rebuild_removed(store, damage.digest);
}

std::optional<Record> find_origin(const store::Store& store, const Damage& damage) {
  std::vector<Record> records;
  for (const Digest& id : list_records(store).value_or(std::vector<Digest>()))
    if (auto record = load_record(store, id)) records.push_back(std::move(*record));
  for (const Binned& binned : list_binned(store).value_or(std::vector<Binned>()))
    records.push_back(binned.record);
  const auto has = [&](const Record& record) {
    if (record.from.empty()) return false;
    if (record.id == damage.digest || record.manifest == damage.digest ||
        record.attestations == damage.digest ||
        std::ranges::find(record.statements, damage.digest) != record.statements.end())
      return true;
    return std::ranges::any_of(record.layers, [&](const RecordLayer& layer) {
      return layer.layer.blob == damage.digest || layer.layer.diff_id == damage.digest;
    });
  };
  const auto found = std::ranges::find_if(records, has);
  return found == records.end() ? std::nullopt : std::optional(*found);
}

}  // namespace tare::image
