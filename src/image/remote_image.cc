// SPDX-License-Identifier: Apache-2.0
#include "image/remote_image.h"

#include <algorithm>

#include "base/text.h"
#include "codec/sha256.h"
#include "image/attested.h"

namespace tare::image {
namespace {

constexpr int kMaxNesting = 4;          // Of indexes in indexes.
constexpr std::size_t kMaxOthers = 32;  // Platforms that are told.

class Finder {
 public:
  Finder(Registry& registry, const Site& site, const oci::Platform& platform)
      : registry_(registry), site_(site), wanted_(platform) {}

  Result<RemoteImage> find(const std::string& tag_or_digest) {
    RawManifest raw = TRY(registry_.manifest(site_, tag_or_digest));
    RemoteImage image;
    image.named = raw.digest;
    oci::Index outer;  // The one that the manifest stands in.
    for (int depth = 0;; ++depth) {
      if (depth > kMaxNesting) return fail(Kind::Invalid, "indexes are nested too deeply");
      const oci::Document document = TRY(parse(raw), "manifest " + raw.digest.text());
      if (const auto* manifest = std::get_if<oci::Manifest>(&document)) {
        image.manifest = raw.digest;
        image.plan = TRY(plan(*manifest, raw.text));
        image.plan.attested = attested(outer, raw.digest);
        return image;
      }
      outer = std::get<oci::Index>(document);
      raw = TRY(choose(outer));
    }
  }

 private:
  // The document's own type has to be the one that it was sent as.
  static Result<oci::Document> parse(const RawManifest& raw) {
    const bool is_known =
        oci::is_manifest_type(raw.media_type) || oci::is_index_type(raw.media_type);
    auto document = oci::parse_document(raw.text, is_known ? raw.media_type : "");
    if (raw.media_type.starts_with("application/vnd.docker.distribution.manifest.v1"))
      return fail(Kind::Unsupported, "it is a manifest of schema 1, which is obsolete");
    if (document && !is_known && raw.media_type != "application/json")
      return fail(Kind::Invalid,
                  "it was sent as " + quoted(raw.media_type) + ", which is no type of a manifest");
    return document;
  }

  Result<RawManifest> choose(const oci::Index& index) {
    std::vector<std::string> others;
    for (const oci::Descriptor& descriptor : index.manifests) {
      const bool is_index = oci::is_index_type(descriptor.media_type);
      if (!is_index && !oci::is_manifest_type(descriptor.media_type)) continue;
      if (!is_index && !matches(descriptor.platform, wanted_)) {
        const std::string other = escaped(descriptor.platform.text());
        if (descriptor.platform.os != "unknown" && others.size() < kMaxOthers &&
            std::ranges::find(others, other) == others.end())
          others.push_back(other);
        continue;
      }
      RawManifest raw = TRY(registry_.manifest(site_, descriptor.digest.text()));
      if (raw.text.size() != descriptor.size)
        return fail(Kind::Corrupt, "manifest " + descriptor.digest.text() + " has " +
                                       std::to_string(raw.text.size()) + " bytes, but " +
                                       std::to_string(descriptor.size) + " were announced");
      return raw;
    }
    return no_such_platform(wanted_, others);
  }

  // What cannot be got, or is wrong, is no reason to go without the image.
  Attested attested(const oci::Index& index, const Digest& manifest) {
    const oci::Descriptor* found = find_attestations(index, manifest);
    if (found == nullptr) return {};
    const auto load = [&](const oci::Descriptor& descriptor) -> Result<std::string> {
      if (descriptor.digest != found->digest) return registry_.blob_text(site_, descriptor);
      return TRY(registry_.manifest(site_, descriptor.digest.text())).text;
    };
    return load_attested(*found, manifest, load).value_or(Attested());
  }

  Result<PlannedImage> plan(const oci::Manifest& manifest, const std::string& text) {
    TRY(check_is_image(manifest));
    PlannedImage image;
    image.manifest_text = text;
    image.config_text = TRY(registry_.blob_text(site_, manifest.config), "config");
    image.config = TRY(oci::parse_image_config(image.config_text), "config");
    if (!matches({.os = image.config.os,
                  .architecture = image.config.architecture,
                  .variant = wanted_.variant},
                 wanted_))
      return std::unexpected(
          Error(Kind::Unsupported, "the image is for " + escaped(image.config.os) + "/" +
                                       escaped(image.config.architecture))
              .hint("--platform " + escaped(image.config.os) + "/" +
                    escaped(image.config.architecture) + " gets it all the same"));
    if (image.config.diff_ids.size() != manifest.layers.size())
      return fail(Kind::Corrupt, "the manifest has " + std::to_string(manifest.layers.size()) +
                                     " layers, but the config has " +
                                     std::to_string(image.config.diff_ids.size()));
    for (const oci::Descriptor& layer : manifest.layers)
      image.layers.push_back({.path = layer.digest.text(),
                              .digest = layer.digest,
                              .size = layer.size,
                              .diff_id = image.config.diff_ids[image.layers.size()],
                              .chunked = chunked_place(layer)});
    return image;
  }

  Registry& registry_;
  const Site& site_;
  const oci::Platform& wanted_;
};

}  // namespace

bool matches(const oci::Platform& has, const oci::Platform& wanted) {
  if (wanted.architecture.empty()) return oci::matches_host(has);
  return (has.os.empty() || has.os == wanted.os) && has.architecture == wanted.architecture &&
         (wanted.variant.empty() || has.variant == wanted.variant);
}

std::unexpected<Error> no_such_platform(const oci::Platform& wanted,
                                        const std::vector<std::string>& others) {
  if (others.empty()) return fail(Kind::Unsupported, "the index has no image in it");
  const std::string name =
      wanted.architecture.empty() ? "linux/" + oci::host_architecture() : wanted.text();
  return std::unexpected(
      Error(Kind::Unsupported,
            "no matching manifest for " + name + "; there are images for " + join(others, ", "))
          .hint("--platform takes one of them"));
}

Result<> check_is_image(const oci::Manifest& manifest) {
  if (!manifest.artifact_type.empty() || (manifest.config.media_type != oci::kConfigType &&
                                          manifest.config.media_type != oci::kDockerConfigType)) {
    const std::string& type =
        manifest.artifact_type.empty() ? manifest.config.media_type : manifest.artifact_type;
    return std::unexpected(
        Error(Kind::Unsupported, "it is no image but an artifact of type " + quoted(type))
            .hint("'tare copy docker://NAME oci:DIRECTORY' gets artifacts"));
  }
  if (manifest.layers.size() > kMaxLayers)
    return fail(Kind::Invalid, "the image has " + std::to_string(manifest.layers.size()) +
                                   " layers; " + std::to_string(kMaxLayers) + " are allowed");
  for (const oci::Descriptor& layer : manifest.layers) {
    const std::string& type = layer.media_type;
    if (type.find("nondistributable") != type.npos || type.find(".foreign.") != type.npos)
      return fail(Kind::Unsupported, "the layer " + layer.digest.text() +
                                         " is not in the registry but to be got elsewhere (" +
                                         quoted(type) + "), which is not done");
    if (!oci::is_layer_type(type))
      return fail(Kind::Unsupported, "the layer " + layer.digest.text() + " has the media type " +
                                         quoted(type) + ", which is no file system");
  }
  return {};
}

namespace {

// That are known without an operating system before them. [GOARCH; containerd's platforms]
bool is_architecture(std::string_view text) {
  constexpr std::string_view kKnown[] = {
      "386",      "aarch64", "amd64", "arm",     "arm64",   "i386",  "loong64", "mips",  "mips64",
      "mips64le", "mipsle",  "ppc64", "ppc64le", "riscv64", "s390x", "wasm",    "x86_64"};
  return std::ranges::find(kKnown, text) != std::end(kKnown);
}

}  // namespace

// As Docker takes it: OS/ARCHITECTURE[/VARIANT], ARCHITECTURE[/VARIANT] of Linux, or "linux" alone.
Result<oci::Platform> parse_platform(std::string_view text) {
  oci::Platform platform;
  if (text.empty()) return platform;
  std::vector<std::string> parts = split(lower(text), '/');
  const bool whole = std::ranges::none_of(parts, [](const auto& part) { return part.empty(); });
  if (parts.size() == 1 && parts[0] == "linux") parts.push_back(oci::host_architecture());
  if (parts.size() < 3 && is_architecture(parts[0])) parts.insert(parts.begin(), "linux");
  if (!whole || parts.size() < 2 || parts.size() > 3)
    return std::unexpected(
        Error(Kind::Invalid, "the platform " + quoted(text) + " is not OS/ARCHITECTURE[/VARIANT]")
            .hint("as linux/" + oci::host_architecture() + ", or arm64 alone"));
  platform.os = parts[0];
  platform.architecture = parts[1];
  if (parts.size() == 3) platform.variant = parts[2];
  if (platform.architecture == "x86_64") platform.architecture = "amd64";
  if (platform.architecture == "aarch64") platform.architecture = "arm64";
  return platform;
}

Result<RemoteImage> find_remote(Registry& registry, const Site& site,
                                const std::string& tag_or_digest, const oci::Platform& platform) {
  return Finder(registry, site, platform).find(tag_or_digest);
}

}  // namespace tare::image
