// SPDX-License-Identifier: Apache-2.0
// Saving: images with all their digests into one archive (archive_writer.h).
#include <fcntl.h>

#include <algorithm>
#include <set>

#include "image/absent.h"
#include "image/archive_writer.h"
#include "image/attested.h"
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
  AttestedDocuments documents;   // Without attestations, unless they are to go with it.
};

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

// One descriptor a name, as the specification wants it; one without a name when there is none. What
// is attested goes with the image in an index of both, so that a name is one thing to every reader.
std::string make_index(const std::vector<Chosen>& chosen) {
  oci::Index index;
  index.media_type = std::string(oci::kIndexType);
  for (const Chosen& entry : chosen) {
    oci::Descriptor descriptor = entry.documents.image_descriptor;
    if (const RawManifest& both = entry.documents.index; !both.text.empty()) {
      descriptor.media_type = both.media_type;
      descriptor.digest = both.digest;
      descriptor.size = both.text.size();
      descriptor.platform = {};
    }
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
  std::vector<DockerItem> items;
  for (const Chosen& entry : chosen) {
    DockerItem& item = items.emplace_back();
    item.config = entry.image.id;
    for (const store::Layer& layer : entry.image.layers) item.layers.push_back(layer.blob);
    for (const Reference& name : entry.names) item.names.push_back(name.familiar());
  }
  return print_docker_items(items);
}

std::set<Digest> blobs_of(const std::vector<Chosen>& chosen) {
  std::set<Digest> blobs;
  for (const Chosen& entry : chosen) {
    blobs.insert({entry.image.id, entry.image.manifest});
    for (const store::Layer& layer : entry.image.layers) blobs.insert(layer.blob);
    if (entry.documents.index.text.empty()) continue;
    blobs.insert(entry.image.attestations);
    for (const oci::Descriptor& blob : entry.documents.blobs) blobs.insert(blob.digest);
  }
  return blobs;
}

}  // namespace

Result<> Images::save(const std::vector<std::string>& names, SaveFormat format, codec::Sink& sink,
                      const Progress& progress) const {
  if (names.empty()) return fail(Kind::Invalid, "save needs the name of an image");
  // Nobody removes blobs meanwhile.
  const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
  std::vector<Chosen> chosen = TRY(choose(*this, names));
  for (Chosen& entry : chosen) {
    Image image = entry.image;
    if (format == SaveFormat::DockerArchive) image.attestations = Digest();
    entry.documents = TRY(attested_documents(store_, image));
  }
  const std::string index = make_index(chosen);
  const std::set<Digest> blobs = blobs_of(chosen);
  std::uint64_t total = 0;
  for (const Digest& blob : blobs) total += TRY(open_present_bytes(store_, blob)).size;
  ArchiveWriter archive(sink);
  TRY(archive.begin(index, format == SaveFormat::DockerArchive ? make_manifest_json(chosen) : ""));
  std::uint64_t done = 0;
  for (const Digest& digest : blobs) {
    // Verified once more on the way out: what was changed on disk is not passed on.
    const store::BlobBytes blob = TRY(open_present_bytes(store_, digest));
    TRY(archive.add_blob(digest, blob.size, *blob.source));
    done += blob.size;
    if (progress) progress("saving", done, total);
  }
  for (const Chosen& entry : chosen)
    if (const RawManifest& both = entry.documents.index; !both.text.empty()) {
      codec::StringSource source(both.text);
      TRY(archive.add_blob(both.digest, both.text.size(), source));
    }
  TRY(archive.finish());
  return sink.finish();
}

}  // namespace tare::image
