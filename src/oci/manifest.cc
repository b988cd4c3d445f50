// SPDX-License-Identifier: Apache-2.0
#include "oci/manifest.h"

#include <algorithm>

#include "base/text.h"
#include "oci/image_config.h"

namespace tare::oci {
namespace {

constexpr std::size_t kMaxMembers = 1024;  // Of `layers` or `manifests`; Docker's limit is 128.

Result<std::string> optional_string(const json::Value& object, std::string_view key,
                                    std::string_view what) {
  const json::Value* value = object.find(key);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string())
    return fail(Kind::Invalid, std::string(what) + ": " + quoted(key) + " is not a string");
  return value->as_string();
}

Result<Annotations> parse_annotations(const json::Value& object, std::string_view what) {
  Annotations annotations;
  const json::Value* value = object.find("annotations");
  if (value == nullptr || value->is_null()) return annotations;
  if (!value->is_object())
    return fail(Kind::Invalid, std::string(what) + ": 'annotations' is not an object");
  for (const auto& [key, text] : value->as_object()) {
    if (!text.is_string())
      return fail(Kind::Invalid,
                  std::string(what) + ": annotation " + quoted(key) + " is not a string");
    annotations[key] = text.as_string();
  }
  return annotations;
}

Result<Platform> parse_platform(const json::Value& object, std::string_view what) {
  Platform platform;
  const json::Value* value = object.find("platform");
  if (value == nullptr || value->is_null()) return platform;
  if (!value->is_object())
    return fail(Kind::Invalid, std::string(what) + ": 'platform' is not an object");
  platform.os = TRY(optional_string(*value, "os", what));
  platform.architecture = TRY(optional_string(*value, "architecture", what));
  platform.variant = TRY(optional_string(*value, "variant", what));
  constexpr std::size_t kMaxName = 128;
  if (platform.os.size() + platform.architecture.size() + platform.variant.size() > 3 * kMaxName)
    return fail(Kind::Invalid, std::string(what) + ": the name of the platform is too long");
  return platform;
}

Result<Digest> parse_subject(const json::Value& object) {
  const json::Value* value = object.find("subject");
  if (value == nullptr || value->is_null()) return Digest();
  return TRY(parse_descriptor(*value, "subject")).digest;
}

Result<std::vector<Descriptor>> parse_descriptors(const json::Value& list, std::string_view name) {
  if (!list.is_array()) return fail(Kind::Invalid, quoted(name) + " is not a list");
  if (list.as_array().size() > kMaxMembers)
    return fail(Kind::Invalid, quoted(name) + " has " + std::to_string(list.as_array().size()) +
                                   " members; " + std::to_string(kMaxMembers) + " are allowed");
  std::vector<Descriptor> descriptors;
  for (const json::Value& member : list.as_array()) {
    const std::string what = std::string(name) + "[" + std::to_string(descriptors.size()) + "]";
    descriptors.push_back(TRY(parse_descriptor(member, what)));
  }
  return descriptors;
}

Result<> check_media_type(std::string_view own, std::string_view expected, bool index) {
  if (!own.empty() && !expected.empty() && own != expected)
    return fail(Kind::Invalid, "the document says that it is " + quoted(own) +
                                   ", but was announced as " + quoted(expected));
  const std::string_view type = own.empty() ? expected : own;
  if (type.empty()) return {};
  if (index ? is_index_type(type) : is_manifest_type(type)) return {};
  return fail(Kind::Invalid, "the media type " + quoted(type) + " does not fit a document with " +
                                 (index ? "'manifests'" : "'layers'"));
}

json::Value annotations_value(const Annotations& annotations) {
  json::Object object;
  for (const auto& [key, text] : annotations) object.emplace_back(key, text);
  return object;
}

}  // namespace

Result<Descriptor> parse_descriptor(const json::Value& object, std::string_view what) {
  if (!object.is_object()) return fail(Kind::Invalid, std::string(what) + " is not an object");
  Descriptor descriptor;
  descriptor.media_type = TRY(json::require_string(object, "mediaType", what));
  const std::string digest = TRY(json::require_string(object, "digest", what));
  descriptor.digest = TRY(Digest::parse(digest), what);
  const std::int64_t size = TRY(json::require_int(object, "size", what));
  if (size < 0) return fail(Kind::Invalid, std::string(what) + ": 'size' is below zero");
  descriptor.size = static_cast<std::uint64_t>(size);
  descriptor.platform = TRY(parse_platform(object, what));
  descriptor.annotations = TRY(parse_annotations(object, what));
  descriptor.artifact_type = TRY(optional_string(object, "artifactType", what));
  return descriptor;
}

json::Value print_descriptor(const Descriptor& descriptor) {
  json::Value value;
  value.set("mediaType", descriptor.media_type);
  value.set("digest", descriptor.digest.text());
  value.set("size", descriptor.size);
  if (!descriptor.artifact_type.empty()) value.set("artifactType", descriptor.artifact_type);
  if (!descriptor.annotations.empty())
    value.set("annotations", annotations_value(descriptor.annotations));
  if (descriptor.platform != Platform()) {
    json::Value& platform = value.set("platform", json::Object());
    platform.set("architecture", descriptor.platform.architecture);
    platform.set("os", descriptor.platform.os);
    if (!descriptor.platform.variant.empty()) platform.set("variant", descriptor.platform.variant);
  }
  return value;
}

std::string Platform::text() const {
  std::string out = os;
  for (const std::string& part : {architecture, variant})
    if (!part.empty()) out += (out.empty() ? "" : "/") + part;
  return out;
}

bool is_index_type(std::string_view media_type) {
  return media_type == kIndexType || media_type == kDockerIndexType;
}

bool is_manifest_type(std::string_view media_type) {
  return media_type == kManifestType || media_type == kDockerManifestType;
}

bool is_layer_type(std::string_view media_type) {
  return media_type.starts_with(kLayerType) ||
         media_type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar") ||
         media_type.starts_with("application/vnd.docker.image.rootfs.diff.tar") ||
         media_type.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar");
}

bool matches_host(const Platform& platform) {
  return (platform.os.empty() || platform.os == "linux") &&
         (platform.architecture.empty() || platform.architecture == host_architecture());
}

Result<Document> parse_document(std::string_view text, std::string_view expected_type) {
  const json::Value value = TRY(json::parse(text));
  if (!value.is_object()) return fail(Kind::Invalid, "the document is not a JSON object");
  const json::Value* layers = value.find("layers");
  const json::Value* manifests = value.find("manifests");
  if (layers != nullptr && manifests != nullptr)
    return fail(Kind::Invalid,
                "the document has both 'layers' and 'manifests', so it is manifest and index at "
                "once");
  const bool schema1 = value.find("fsLayers") != nullptr;
  if (schema1 || (layers == nullptr && manifests == nullptr))
    return fail(schema1 ? Kind::Unsupported : Kind::Invalid,
                schema1 ? "the document is a manifest of schema 1, which is obsolete"
                        : "the document has neither 'layers' nor 'manifests'");
  if (TRY(json::require_int(value, "schemaVersion", "the document")) != 2)
    return fail(Kind::Unsupported, "the document's schemaVersion is not 2");
  const std::string own = TRY(optional_string(value, "mediaType", "the document"));
  TRY(check_media_type(own, expected_type, manifests != nullptr));
  const std::string type = own.empty() ? std::string(expected_type) : own;
  if (manifests != nullptr) {
    Index index;
    index.media_type = type.empty() ? std::string(kIndexType) : type;
    index.manifests = TRY(parse_descriptors(*manifests, "manifests"));
    index.annotations = TRY(parse_annotations(value, "the index"));
    index.subject = TRY(parse_subject(value));
    return Document(std::move(index));
  }
  Manifest manifest;
  manifest.media_type = type.empty() ? std::string(kManifestType) : type;
  manifest.artifact_type = TRY(optional_string(value, "artifactType", "the manifest"));
  manifest.config = TRY(parse_descriptor(value["config"], "config"));
  manifest.layers = TRY(parse_descriptors(*layers, "layers"));
  manifest.annotations = TRY(parse_annotations(value, "the manifest"));
  manifest.subject = TRY(parse_subject(value));
  return Document(std::move(manifest));
}

std::string print_manifest(const Manifest& manifest) {
  json::Value value;
  value.set("schemaVersion", 2);
  value.set("mediaType", manifest.media_type);
  value.set("config", print_descriptor(manifest.config));
  json::Value& layers = value.set("layers", json::Array());
  for (const Descriptor& layer : manifest.layers) layers.push(print_descriptor(layer));
  if (!manifest.annotations.empty())
    value.set("annotations", annotations_value(manifest.annotations));
  return json::print(value);
}

std::string print_index(const Index& index) {
  json::Value value;
  value.set("schemaVersion", 2);
  value.set("mediaType", index.media_type);
  json::Value& manifests = value.set("manifests", json::Array());
  for (const Descriptor& manifest : index.manifests) manifests.push(print_descriptor(manifest));
  if (!index.annotations.empty()) value.set("annotations", annotations_value(index.annotations));
  return json::print(value);
}

Result<> check_layout(std::string_view text) {
  const json::Value value = TRY(json::parse(text));
  const std::string version = TRY(json::require_string(value, "imageLayoutVersion", "oci-layout"));
  if (!version.starts_with("1."))
    return fail(Kind::Unsupported,
                "the layout's version is " + quoted(version) + "; versions 1.x are understood");
  return {};
}

}  // namespace tare::oci
