// SPDX-License-Identifier: Apache-2.0
// What an archive says about the images in it, with all digests of documents checked; layers are
// still to be read. Private to the room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/archive.h"
#include "image/chunked.h"
#include "image/image.h"
#include "oci/manifest.h"

namespace tare::image {

struct PlannedLayer {
  std::string path;  // In the archive, resolved.
  Digest digest;     // Of the file; empty when the archive does not tell.
  std::uint64_t size = store::Store::kAnySize;
  Digest diff_id;  // What the image's config promises; for finding it in the store.
  std::optional<ChunkedPlace> chunked = {};  // Its frames can be got one by one.
};

// What is attested of an image, as it came; docs/formats/attestations.md.
struct Attested {
  std::string manifest_text;       // Empty: nothing.
  std::vector<std::string> blobs;  // Its config and its statements.
};

struct PlannedImage {
  std::string config_text;
  oci::ImageConfig config;
  std::string manifest_text;  // Empty: there was none, one is made.
  std::vector<PlannedLayer> layers;
  std::vector<std::string> names;                  // Full references.
  std::string from;                                // Record::from.
  std::map<std::string, std::string> annotations;  // Of the manifest that is made.
  Attested attested;
};

constexpr std::size_t kMaxLayers = 512;  // Of one image. Docker's own limit is 127.
// Manifests and configs of all images of one archive: each image has its own copy of what it names.
constexpr std::size_t kMaxPlanned = 8 << 20;

// Whether the next image may be planned, too: `bytes` counts up. Errors: Invalid.
Result<> check_plan(const PlannedImage& image, std::size_t& bytes);

// OCI layout: oci-layout, index.json, blobs/. Of a nested index the image for this machine is
// taken.
Result<std::vector<PlannedImage>> plan_oci(const Archive& archive);
// docker-archive: manifest.json with Config, RepoTags and Layers. [moby image/tarexport]
Result<std::vector<PlannedImage>> plan_docker(const Archive& archive);
// RepoTags of manifest.json by config digest, when an OCI archive has that file as well.
Result<> add_docker_names(const Archive& archive, std::vector<PlannedImage>& images);

// Errors: Unsupported, when the config is for another operating system or processor.
Result<> check_platform(const oci::ImageConfig& config, const std::string& what);

}  // namespace tare::image
