// SPDX-License-Identifier: Apache-2.0
// Manifests, indexes and the descriptors in them, read strictly. One document is either a manifest
// or an index and never both, so that nobody can be shown one image and run another.
// [image-spec 1.1 descriptor.md, manifest.md, image-index.md; distribution's "Image Manifest V 2,
// Schema 2"; CVE-2021-41190]
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "codec/json.h"

namespace tare::oci {

inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerIndexType =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerConfigType =
    "application/vnd.docker.container.image.v1+json";

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
  std::string text() const;  // "linux/arm64/v8"; "" when nothing is known.
  bool operator==(const Platform&) const = default;
};

using Annotations = std::map<std::string, std::string>;

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  Platform platform;  // Only in an index; empty when not given.
  Annotations annotations;
  std::string artifact_type;  // Only in an index, of what is no image.
};

struct Manifest {
  std::string media_type;
  std::string artifact_type;  // Not empty: not an image.
  Descriptor config;
  std::vector<Descriptor> layers;
  Annotations annotations;
  Digest subject;  // What it refers to, as a signature does; empty: nothing.
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  Annotations annotations;
  Digest subject;
};

// `expected_type` is what the descriptor (or the Content-Type) said; empty when nothing was said. A
// document whose own mediaType is another one, that has both `manifests` and `layers`, or neither,
// is Invalid, and so are duplicate keys, sizes below zero and more than 1024 members of a list.
using Document = std::variant<Manifest, Index>;
Result<Document> parse_document(std::string_view text, std::string_view expected_type);

// A manifest for layers and a config of our own making; the same input gives the same bytes.
std::string print_manifest(const Manifest& manifest);
std::string print_index(const Index& index);
// A descriptor as it stands in them.
json::Value print_descriptor(const Descriptor& descriptor);
Result<Descriptor> parse_descriptor(const json::Value& object, std::string_view what);

bool is_index_type(std::string_view media_type);
bool is_manifest_type(std::string_view media_type);
// A layer that holds a file system, whatever its compression; not in-toto statements and the like.
bool is_layer_type(std::string_view media_type);
// True for a platform that an image for this machine may have. Empty members match.
bool matches_host(const Platform& platform);

// The file `oci-layout`: Invalid unless it says version 1.x. [image-spec 1.1 image-layout.md]
Result<> check_layout(std::string_view text);
inline constexpr std::string_view kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";

}  // namespace tare::oci
