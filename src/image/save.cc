// SPDX-License-Identifier: Apache-2.0
// Saving: one layout for both formats. An OCI archive is oci-layout, index.json and blobs/; a
// docker-archive has manifest.json beside, pointing into blobs/, as Docker writes it
// since 25. So every digest survives, and the same images give the same bytes.
#include <fcntl.h>

#include <algorithm>
#include <set>

#include "codec/sha256.h"
#include "codec/tar.h"
#include "image/image.h"
#include "image/records.h"
#include "oci/manifest.h"
#include "store/layers.h"
#include "sys/files.h"

namespace tare::image {
namespace {

struct Chosen {
  Image image;
  std::vector<Reference> names;  // Those it was asked by, sorted.
};

std::string blob_path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

Result<std::vector<Chosen>> choose(const Images& images, const std::vector<std::string>& names) {
  std::map<Digest, Chosen> chosen;
  for (const std::string& name : names) {
    Image image = TRY(images.find(name));
    const Digest id = image.id;
    auto [at, is_new] = chosen.try_emplace(id);
    if (is_new) at->second.image = std::move(image);
    const auto reference = Reference::parse(name);
    if (!reference || reference->tag.empty()) continue;
    const std::string full = reference->text();
    const std::vector<std::string>& own = at->second.image.names;
    if (std::find(own.begin(), own.end(), full) != own.end())
      at->second.names.push_back(*reference);
  }
  std::vector<Chosen> sorted;
  for (auto& [id, entry] : chosen) {
    const auto by_text = [](const Reference& a, const Reference& b) { return a.text() < b.text(); };
    const auto same = [](const Reference& a, const Reference& b) { return a.text() == b.text(); };
    std::sort(entry.names.begin(), entry.names.end(), by_text);
    entry.names.erase(std::unique(entry.names.begin(), entry.names.end(), same), entry.names.end());
    sorted.push_back(std::move(entry));
  }
  return sorted;
}

// One descriptor a name, as the specification wants it; one without a name when there is none.
Result<std::string> make_index(const store::Store& store, const std::vector<Chosen>& chosen) {
  oci::Index index;
  index.media_type = std::string(oci::kIndexType);
  for (const Chosen& entry : chosen) {
    const std::string text = TRY(store.load_blob(entry.image.manifest));
    const oci::Document document = TRY(oci::parse_document(text, ""));
    oci::Descriptor descriptor;
    descriptor.media_type = std::get<oci::Manifest>(document).media_type;
    descriptor.digest = entry.image.manifest;
    descriptor.size = text.size();
    descriptor.platform = {.os = entry.image.config.os,
                           .architecture = entry.image.config.architecture,
                           .variant = entry.image.config.variant};
    if (entry.names.empty()) index.manifests.push_back(descriptor);
    for (const Reference& name : entry.names) {
      descriptor.annotations = {{"io.containerd.image.name", name.text()},
                                {"org.opencontainers.image.ref.name", name.tag}};
      index.manifests.push_back(descriptor);
    }
  }
  return oci::print_index(index);
}

std::string make_manifest_json(const std::vector<Chosen>& chosen) {
  json::Value list = json::Array();
  for (const Chosen& entry : chosen) {
    json::Value& object = list.push(json::Object());
    object.set("Config", blob_path(entry.image.id));
    json::Value tags = json::Array();
    for (const Reference& name : entry.names) tags.push(name.familiar());
    object.set("RepoTags", entry.names.empty() ? json::Value() : std::move(tags));
    json::Value& layers = object.set("Layers", json::Array());
    for (const store::Layer& layer : entry.image.layers) layers.push(blob_path(layer.blob));
  }
  return json::print(list);
}

class ArchiveWriter {
 public:
  ArchiveWriter(const store::Store& store, codec::Sink& sink, const Progress& progress)
      : store_(store), tar_(sink), progress_(progress) {}

  Result<> add_directory(const std::string& name) {
    tar::Entry entry = entry_for(name);
    entry.type = tar::Type::Directory;
    entry.mode = 0755;
    return tar_.add(entry);
  }
  Result<> add_text(const std::string& name, std::string_view text) {
    tar::Entry entry = entry_for(name);
    entry.size = text.size();
    return tar_.add_file(entry, text);
  }
  // Verified once more on the way out: what was changed on disk is not passed on.
  Result<> add_blob(const Digest& digest) {
    const store::BlobBytes blob = TRY(store::open_blob_bytes(store_, digest));
    tar::Entry entry = entry_for(blob_path(digest));
    entry.size = blob.size;
    TRY(tar_.add(entry));
    codec::HashingSource hashing(*blob.source);
    Content content(tar_);
    TRY(codec::copy(hashing, content), "save blob " + digest.text());
    if (hashing.digest() != digest)
      return std::unexpected(
          Error(Kind::Corrupt,
                "blob " + digest.text() + " was changed on disk; nothing of use was saved")
              .hint("load the image again"));
    done_ += entry.size;
    if (progress_) progress_("saving", done_, total_);
    return {};
  }
  void set_total(std::uint64_t total) { total_ = total; }
  Result<> finish() { return tar_.finish(); }

 private:
  struct Content : codec::Sink {
    explicit Content(tar::Writer& writer) : tar(writer) {}
    Result<> write(std::string_view bytes) override { return tar.write_content(bytes); }
    tar::Writer& tar;
  };
  static tar::Entry entry_for(const std::string& name) {
    tar::Entry entry;
    entry.name = name;
    entry.mode = 0644;
    return entry;
  }

  const store::Store& store_;
  tar::Writer tar_;
  const Progress& progress_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

std::set<Digest> blobs_of(const std::vector<Chosen>& chosen) {
  std::set<Digest> blobs;
  for (const Chosen& entry : chosen) {
    blobs.insert({entry.image.id, entry.image.manifest});
    for (const store::Layer& layer : entry.image.layers) blobs.insert(layer.blob);
  }
  return blobs;
}

}  // namespace

Result<> Images::save(const std::vector<std::string>& names, SaveFormat format, codec::Sink& sink,
                      const Progress& progress) const {
  if (names.empty()) return fail(Kind::Invalid, "save needs the name of an image");
  // Nobody removes blobs meanwhile.
  const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
  const std::vector<Chosen> chosen = TRY(choose(*this, names));
  const std::string index = TRY(make_index(store_, chosen));
  const std::set<Digest> blobs = blobs_of(chosen);
  std::uint64_t total = 0;
  for (const Digest& blob : blobs) total += TRY(store::open_blob_bytes(store_, blob)).size;
  ArchiveWriter archive(store_, sink, progress);
  archive.set_total(total);
  TRY(archive.add_text("oci-layout", oci::kLayoutText));
  TRY(archive.add_text("index.json", index));
  if (format == SaveFormat::DockerArchive)
    TRY(archive.add_text("manifest.json", make_manifest_json(chosen)));
  TRY(archive.add_directory("blobs/"));
  TRY(archive.add_directory("blobs/sha256/"));
  for (const Digest& blob : blobs) TRY(archive.add_blob(blob));
  TRY(archive.finish());
  return sink.finish();
}

}  // namespace tare::image
