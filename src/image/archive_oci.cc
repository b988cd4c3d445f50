// SPDX-License-Identifier: Apache-2.0
// OCI image layout: from index.json through manifests to configs, every document checked against
// the digest and size of the descriptor that led to it. [image-spec 1.1 image-layout.md]
#include <algorithm>

#include "codec/sha256.h"
#include "image/attested.h"
#include "image/plan.h"

namespace tare::image {
namespace {

constexpr int kMaxNesting = 4;           // Of indexes in indexes.
constexpr std::size_t kMaxImages = 256;  // In one layout.
// What is read, indexes and those of other platforms included: an index may name another one, or
// the same one, ten thousand times.
constexpr int kMaxManifests = 1024;
constexpr std::size_t kMaxRead = 32 << 20;
constexpr std::size_t kMaxOthers = 32;  // Platforms that are told.
// [image-spec 1.1 annotations.md; containerd's and Docker's own annotation with the full name]
constexpr const char* kRefName = "org.opencontainers.image.ref.name";
constexpr const char* kFullName = "io.containerd.image.name";

std::string blob_path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

Result<std::string> load_document(const Archive& archive, const oci::Descriptor& descriptor) {
  const std::string path = blob_path(descriptor.digest);
  std::string text = TRY(archive.document(path));
  const Digest found = codec::sha256(text);
  if (found != descriptor.digest)
    return fail(Kind::Corrupt, "the file " + path + " has the content of " + found.text() +
                                   ": its digest does not match its name");
  if (text.size() != descriptor.size)
    return fail(Kind::Corrupt, "the file " + path + " has " + std::to_string(text.size()) +
                                   " bytes, but " + std::to_string(descriptor.size) +
                                   " were announced");
  return text;
}

// Full names only are taken over: a bare tag ("latest", as skopeo and buildkit write it) names
// nothing outside of the layout, unless it is a reference with a repository.
std::vector<std::string> names_of(const oci::Annotations& annotations) {
  const auto full = annotations.find(kFullName);
  const auto bare = annotations.find(kRefName);
  std::string text;
  if (full != annotations.end())
    text = full->second;
  else if (bare != annotations.end() && bare->second.find_first_of("/:") != std::string::npos)
    text = bare->second;
  const auto reference = Reference::parse(text);
  if (!reference || reference->tag.empty()) return {};
  Reference name = *reference;
  name.digest = Digest();
  return {name.text()};
}

class OciPlanner {
 public:
  explicit OciPlanner(const Archive& archive) : archive_(archive) {}

  Result<std::vector<PlannedImage>> plan(const oci::Index& index) {
    TRY(plan_index(index, {}, 0));
    if (!images_.empty()) return std::move(images_);
    if (others_.empty()) return fail(Kind::Invalid, "the image layout holds no image");
    return std::unexpected(
        Error(Kind::Unsupported, "the image layout has images for " + join(others_, ", ") +
                                     " only; this machine runs linux/" + oci::host_architecture())
            .hint("get the image for linux/" + oci::host_architecture()));
  }

 private:
  Result<> plan_index(const oci::Index& index, const std::vector<std::string>& outer, int depth) {
    if (depth > kMaxNesting) return fail(Kind::Invalid, "indexes are nested too deeply");
    for (const oci::Descriptor& descriptor : index.manifests) {
      std::vector<std::string> names = names_of(descriptor.annotations);
      if (names.empty()) names = outer;
      if (!oci::matches_host(descriptor.platform)) {
        note_other(descriptor.platform);
        continue;
      }
      // Attestations and other artifacts lie beside images; unknown types are not images.
      if (!oci::is_index_type(descriptor.media_type) &&
          !oci::is_manifest_type(descriptor.media_type))
        continue;
      // An image of a nested index for all platforms need not be in the layout as a whole.
      if (depth > 0 && !archive_.has(blob_path(descriptor.digest))) continue;
      attestations_ = find_attestations(index, descriptor.digest);
      TRY(plan_descriptor(descriptor, names, depth), "manifest " + descriptor.digest.text());
    }
    return {};
  }

  Result<> plan_descriptor(const oci::Descriptor& descriptor, const std::vector<std::string>& names,
                           int depth) {
    const std::string text = TRY(load_document(archive_, descriptor));
    read_bytes_ += text.size();
    if (++documents_ > kMaxManifests || read_bytes_ > kMaxRead)
      return fail(Kind::Invalid, "the layout names more than " + std::to_string(kMaxManifests) +
                                     " manifests and indexes, or more than " +
                                     human_size(kMaxRead) + " of them");
    const oci::Document document = TRY(oci::parse_document(text, descriptor.media_type));
    if (const auto* index = std::get_if<oci::Index>(&document))
      return plan_index(*index, names, depth + 1);
    return plan_manifest(std::get<oci::Manifest>(document), text, names);
  }

  Result<> plan_manifest(const oci::Manifest& manifest, const std::string& text,
                         const std::vector<std::string>& names) {
    if (manifest.config.media_type != oci::kConfigType &&
        manifest.config.media_type != oci::kDockerConfigType)
      return {};  // An artifact.
    PlannedImage image;
    image.manifest_text = text;
    image.config_text = TRY(load_document(archive_, manifest.config), "config");
    image.config = TRY(oci::parse_image_config(image.config_text));
    image.names = names;
    if (!oci::matches_host({.os = image.config.os, .architecture = image.config.architecture})) {
      note_other({.os = image.config.os, .architecture = image.config.architecture});
      return {};
    }
    if (image.config.diff_ids.size() != manifest.layers.size())
      return fail(Kind::Corrupt, "it has " + std::to_string(manifest.layers.size()) +
                                     " layers, but its config has " +
                                     std::to_string(image.config.diff_ids.size()));
    for (const oci::Descriptor& layer : manifest.layers) {
      if (!oci::is_layer_type(layer.media_type))
        return fail(Kind::Unsupported, "the layer " + layer.digest.text() + " has the media type " +
                                           quoted(layer.media_type) + ", which is no file system");
      const std::string path = TRY(archive_.resolve(blob_path(layer.digest)));
      image.layers.push_back({.path = path, .digest = layer.digest, .size = layer.size});
    }
    if (attestations_ != nullptr) {
      const auto load = [&](const oci::Descriptor& one) { return load_document(archive_, one); };
      const Digest digest = codec::sha256(text);
      // What is wrong with it is no reason to go without the image.
      Attested attested = load_attested(*attestations_, digest, load).value_or(Attested());
      for (const std::string& blob : attested.blobs) attested_bytes_ += blob.size();
      if (attested_bytes_ <= kMaxRead) image.attested = std::move(attested);
    }
    return add(std::move(image));
  }

  // The same image may be there under several names.
  Result<> add(PlannedImage image) {
    for (PlannedImage& known : images_)
      if (known.manifest_text == image.manifest_text) {
        for (std::string& name : image.names)
          if (std::find(known.names.begin(), known.names.end(), name) == known.names.end())
            known.names.push_back(std::move(name));
        return {};
      }
    if (images_.size() >= kMaxImages)
      return fail(Kind::Invalid,
                  "the layout has more than " + std::to_string(kMaxImages) + " images");
    TRY(check_plan(image, planned_bytes_));
    images_.push_back(std::move(image));
    return {};
  }

  void note_other(const oci::Platform& platform) {
    const std::string text = escaped(platform.text());
    if (platform.os == "unknown") return;  // buildkit's attestations.
    if (others_.size() >= kMaxOthers) return;
    if (std::find(others_.begin(), others_.end(), text) == others_.end()) others_.push_back(text);
  }

  const Archive& archive_;
  const oci::Descriptor* attestations_ = nullptr;  // Of the manifest under way.
  std::vector<PlannedImage> images_;
  std::vector<std::string> others_;
  std::size_t planned_bytes_ = 0;
  std::size_t read_bytes_ = 0;
  std::size_t attested_bytes_ = 0;
  int documents_ = 0;
};

}  // namespace

Result<std::vector<PlannedImage>> plan_oci(const Archive& archive) {
  if (!archive.has("oci-layout"))
    return std::unexpected(
        Error(Kind::Invalid, "there is no file oci-layout in it, so it is not an image layout")
            .hint("for a root file system, load a tar of it: tar -C DIRECTORY -c . | tare load"));
  const std::string layout = TRY(archive.document("oci-layout"));
  TRY(oci::check_layout(layout), "oci-layout");
  const std::string text = TRY(archive.document("index.json"));
  const oci::Document document = TRY(oci::parse_document(text, ""), "index.json");
  const auto* index = std::get_if<oci::Index>(&document);
  if (index == nullptr) return fail(Kind::Invalid, "index.json is a manifest and not an index");
  return OciPlanner(archive).plan(*index);
}

}  // namespace tare::image
