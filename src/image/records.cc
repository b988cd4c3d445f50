// SPDX-License-Identifier: Apache-2.0
#include "image/records.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "codec/sha256.h"
#include "image/bin.h"
#include "image/step_records.h"
#include "store/damage.h"
#include "store/layers.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kMaxRecord = 1 << 20;
constexpr std::size_t kMaxNameFile = 4096;
constexpr std::size_t kMaxFileName = 200;
constexpr const char* kSweepFile = "sweep";
constexpr const char* kMendHint = "tare fsck says what is damaged; tare fsck --repair mends it";

std::string record_path(const Digest& id) { return "images/" + id.hex() + ".json"; }

Result<Digest> digest_member(const json::Value& object, std::string_view key) {
  return Digest::parse(TRY(json::require_string(object, key, "image record")));
}

Result<> unlink_file(int dir, const std::string& path) {
  if (::unlinkat(dir, path.c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno("remove " + quoted(path));
  return {};
}

// A directory below the store, for sys::replace_file().
Result<sys::Fd> room(const store::Store& store, const char* name) {
  return sys::open_at(store.dir(), name, O_RDONLY | O_DIRECTORY);
}

struct NameFile {
  std::string name;
  Digest id;
};

Result<NameFile> load_name_file(const store::Store& store, const std::string& file) {
  const std::string text = TRY(sys::load_file(store.dir(), "names/" + file, kMaxNameFile));
  const auto lines = split_once(trim(text), '\n');
  if (!lines) return fail(Kind::Corrupt, "the file names/" + file + " of the store is damaged");
  Digest id = TRY(Digest::parse(lines->first), "names/" + file);
  if (name_file(std::string(lines->second)) != file)
    return fail(Kind::Corrupt, "the file names/" + file + " of the store has another name in it");
  return NameFile{.name = std::string(lines->second), .id = std::move(id)};
}

json::Value record_value(const Record& record) {
  json::Value value;
  value.set("version", kVersion);
  value.set("manifest", record.manifest.text());
  value.set("loadedAt", rfc3339(record.loaded_at));
  if (!record.from.empty()) value.set("from", record.from);
  if (!record.attestations.empty()) {
    value.set("attestations", record.attestations.text());
    json::Value& statements = value.set("statements", json::Array());
    for (const Digest& each : record.statements) statements.push(each.text());
  }
  json::Value& layers = value.set("layers", json::Array());
  for (const RecordLayer& layer : record.layers) {
    json::Value& object = layers.push(json::Object());
    object.set("blob", layer.layer.blob.text());
    object.set("diffId", layer.layer.diff_id.text());
    object.set("size", layer.size);
    if (layer.partial) object.set("partial", true);
  }
  return value;
}

// A changed record would name layers that are not there, and those that are would be swept.
std::string sum_of(const Record& record) {
  return codec::sha256(record.id.text() + json::print(record_value(record))).hex();
}

bool is_full(const Error& error) { return error.errnum() == ENOSPC || error.errnum() == EDQUOT; }

// What images are made of, and those in the bin.
struct Marks {
  std::set<Digest> blobs;
  std::set<Digest> images;
  std::set<Digest> layers;

  void add(const Record& record) {
    images.insert(record.id);
    blobs.insert(record.id);
    blobs.insert(record.manifest);
    if (!record.attestations.empty()) blobs.insert(record.attestations);
    blobs.insert(record.statements.begin(), record.statements.end());
    for (const RecordLayer& layer : record.layers) {
      blobs.insert(layer.layer.blob);
      layers.insert(layer.layer.diff_id);
    }
  }
};

Result<Marks> mark_used(const store::Store& store) {
  // An image on its way between its record and the bin is in one of them for who holds the lock.
  const sys::Fd lock = TRY(store.lock(store::Store::kImagesLock, sys::Lock::Shared));
  Marks marks;
  for (const Digest& id : TRY(list_records(store))) marks.add(TRY(load_record(store, id)));
  for (const Binned& binned : TRY(list_binned(store, Unreadable::Fail))) marks.add(binned.record);
  // What cannot be read is no step any more: it is made anew.
  for (const Digest& key : TRY(list_step_keys(store)))
    if (const auto step = load_step(store, key)) {
      if (!step->diff_id.empty()) marks.layers.insert(step->diff_id);
      for (const Material& each : step->materials)
        if (is_kept(each)) marks.blobs.insert(each.digest);
    }
  return marks;
}

}  // namespace

std::string print_record(const Record& record) {
  json::Value value = record_value(record);
  value.set("sum", sum_of(record));
  return json::print(value, json::Style::Indented) + "\n";
}

Result<Record> parse_record(const Digest& id, std::string_view text) {
  const std::string what = "image record " + id.short_hex();
  const json::Value value = TRY(json::parse(text), what);
  if (TRY(json::require_int(value, "version", what)) != kVersion)
    return fail(Kind::Unsupported, what + ": it was written by another version of Tare");
  Record record;
  record.id = id;
  record.manifest = TRY(digest_member(value, "manifest"), what);
  record.from = value["from"].as_string();
  if (value.find("attestations") != nullptr)
    record.attestations = TRY(digest_member(value, "attestations"), what);
  for (const std::string& each : value["statements"].as_strings())
    record.statements.push_back(TRY(Digest::parse(each), what));
  const std::string when = TRY(json::require_string(value, "loadedAt", what));
  record.loaded_at = TRY(parse_rfc3339(when), what);
  for (const json::Value& object : value["layers"].as_array()) {
    RecordLayer layer;
    layer.layer.blob = TRY(digest_member(object, "blob"), what);
    layer.layer.diff_id = TRY(digest_member(object, "diffId"), what);
    const std::int64_t size = TRY(json::require_int(object, "size", what));
    if (size < 0) return fail(Kind::Invalid, what + ": the size of a layer is below zero");
    layer.size = static_cast<std::uint64_t>(size);
    layer.partial = object["partial"].as_bool();
    record.layers.push_back(std::move(layer));
  }
  // Records of before there were sums have none.
  if (value.find("sum") != nullptr && value["sum"].as_string() != sum_of(record))
    return std::unexpected(Error(Kind::Corrupt, what + " was changed on disk")
                               .hint("tare fsck --repair makes it again"));
  return record;
}

Result<Record> load_record(const store::Store& store, const Digest& id) {
  auto text = sys::load_file(store.dir(), record_path(id), kMaxRecord);
  if (!text && text.error().kind() == Kind::NotFound)
    return fail(Kind::NotFound, "no such image: " + id.text());
  auto record = parse_record(id, TRY(std::move(text)));
  if (record || record.error().kind() == Kind::Unsupported) return record;
  return std::unexpected(std::move(record).error().hint(kMendHint));
}

Result<bool> has_record(const store::Store& store, const Digest& id) {
  if (::faccessat(store.dir(), record_path(id).c_str(), F_OK, 0) == 0) return true;
  if (errno == ENOENT) return false;
  return fail_errno("look for image " + id.short_hex());
}

Result<std::vector<Digest>> list_records(const store::Store& store) {
  std::vector<Digest> ids;
  for (const std::string& name : TRY(sys::list_directory(store.dir(), "images"))) {
    if (!name.ends_with(".json")) continue;
    auto id = Digest::parse("sha256:" + name.substr(0, name.size() - 5));
    if (id) ids.push_back(std::move(*id));
  }
  return ids;
}

Result<bool> has_pair(const store::Store& store, const Digest& blob, const Digest& diff_id,
                      bool partial) {
  for (const Digest& id : TRY(list_records(store))) {
    const auto record = load_record(store, id);
    if (!record) continue;
    for (const RecordLayer& layer : record->layers)
      if (layer.layer.blob == blob && layer.layer.diff_id == diff_id && layer.partial == partial)
        return true;
  }
  return false;
}

Result<std::optional<store::LayerFacts>> known_layer(const store::Store& store,
                                                     const Digest& blob) {
  for (const Digest& id : TRY(list_records(store))) {
    const auto record = load_record(store, id);
    if (!record) continue;  // Removed meanwhile, or damaged: then nobody knows it.
    for (const RecordLayer& layer : record->layers) {
      if (layer.layer.blob != blob || layer.partial) continue;
      store::LayerFacts facts;
      facts.diff_id = layer.layer.diff_id;
      facts.content_bytes = layer.size;
      return facts;
    }
  }
  return std::nullopt;
}

Result<> write_record(store::Store& store, const Record& record) {
  const sys::Fd dir = TRY(room(store, "images"));
  return sys::replace_file(dir.get(), record.id.hex() + ".json", print_record(record));
}

Result<> remove_record(store::Store& store, const Digest& id) {
  return unlink_file(store.dir(), record_path(id));
}

std::string name_file(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || (c == '.' && !out.empty());
    out += plain ? std::string(1, c) : "%" + to_hex(std::string_view(&c, 1));
  }
  if (out.size() > kMaxFileName) return "long-" + codec::sha256(name).hex();
  return out;
}

Result<Names> load_names(const store::Store& store, std::map<std::string, Error>* damaged) {
  Names names;
  for (const std::string& file : TRY(sys::list_directory(store.dir(), "names"))) {
    if (file.starts_with('.')) continue;  // Temporary files of a writer.
    auto found = load_name_file(store, file);
    if (!found && found.error().kind() == Kind::NotFound) continue;  // Removed meanwhile.
    if (found)
      names[found->name] = std::move(found->id);
    else if (damaged != nullptr)
      damaged->emplace(file, found.error());
  }
  return names;
}

Result<std::optional<Digest>> find_name(const store::Store& store, const std::string& name) {
  auto found = load_name_file(store, name_file(name));
  if (!found && found.error().kind() == Kind::NotFound) return std::nullopt;
  return TRY(std::move(found)).id;
}

Result<> write_name(store::Store& store, const std::string& name, const Digest& id) {
  const sys::Fd dir = TRY(room(store, "names"));
  return sys::replace_file(dir.get(), name_file(name), id.text() + "\n" + name + "\n");
}

Result<> remove_name(store::Store& store, const std::string& name) {
  return unlink_file(store.dir(), "names/" + name_file(name));
}

Result<Image> assemble(const store::Store& store, const Record& record,
                       std::vector<std::string> names) {
  Image image;
  image.id = record.id;
  image.manifest = record.manifest;
  image.attestations = record.attestations;
  image.names = std::move(names);
  std::sort(image.names.begin(), image.names.end());
  image.loaded_at = record.loaded_at;
  auto blob = store.load_blob(record.id);
  if (!blob)
    return std::unexpected(
        std::move(blob).error().wrap("image " + record.id.short_hex()).hint(kMendHint));
  const std::string text = std::move(*blob);
  image.config = TRY(oci::parse_image_config(text), "image " + record.id.short_hex());
  for (const RecordLayer& layer : record.layers) {
    image.layers.push_back(layer.layer);
    image.size += layer.size;
  }
  return image;
}

Result<> want_sweep(store::Store& store) {
  (void)TRY(sys::open_at(store.dir(), kSweepFile, O_WRONLY | O_CREAT | O_NOFOLLOW));
  return {};
}

Result<> want_sweep_if_it_fits(store::Store& store) {
  auto wanted = want_sweep(store);
  if (wanted || is_full(wanted.error())) return {};
  return wanted;
}

Result<> sweep_if_wanted(store::Store& store, store::RootfsBackend& rootfs) {
  if (::faccessat(store.dir(), kSweepFile, F_OK, 0) != 0) return {};
  return sweep(store, rootfs);
}

Result<> sweep(store::Store& store, store::RootfsBackend& rootfs) {
  const auto lock = store.lock(store::Store::kBlobsLock, sys::Lock::Exclusive, sys::Wait::No);
  if (!lock) {
    if (lock.error().kind() == Kind::Busy) return {};  // The next sweep will do it.
    return std::unexpected(lock.error());
  }
  store.remove_temporaries();
  const Marks marks = TRY(mark_used(store));
  for (const Digest& digest : TRY(store.list_blobs()))
    if (!marks.blobs.contains(digest)) TRY(store.remove_blob(digest));
  for (const Digest& image : TRY(rootfs.prepared()))
    if (!marks.images.contains(image)) TRY(rootfs.remove(image));
  const std::set<Digest> kept = TRY(store::with_references(store, marks.layers));
  TRY(store::remove_other_layers(store, kept));
  for (const Digest& digest : store::list_damaged(store))
    if (!marks.blobs.contains(digest) && !kept.contains(digest))
      store::unmark_damaged(store, digest);
  return unlink_file(store.dir(), kSweepFile);
}

Result<> sweep_or_later(store::Store& store, store::RootfsBackend& rootfs) {
  auto swept = sweep(store, rootfs);
  if (swept) return {};
  const Kind kind = swept.error().kind();
  const bool is_damage =
      kind == Kind::Corrupt || kind == Kind::NotFound || kind == Kind::Unsupported;
  return is_damage ? Result<>() : swept;
}

Result<> remove_roots_of(store::Store& store, store::RootfsBackend& rootfs,
                         const std::set<Digest>& layers) {
  if (layers.empty()) return {};
  for (const Digest& image : TRY(rootfs.prepared())) {
    const auto record = load_record(store, image);
    std::set<Digest> own;
    if (record)
      for (const RecordLayer& layer : record->layers) own.insert(layer.layer.diff_id);
    const auto all = store::with_references(store, own);
    // Of what cannot be read nothing is known, and a root file system costs little.
    const bool uses = !record || !all || std::ranges::any_of(layers, [&](const Digest& layer) {
      return all->contains(layer);
    });
    if (uses) TRY(rootfs.remove(image));
  }
  return {};
}

}  // namespace tare::image
