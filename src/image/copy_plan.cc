// SPDX-License-Identifier: Apache-2.0
#include "image/copy_plan.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "image/remote_image.h"

namespace tare::image {
namespace {

constexpr int kMaxNesting = 4;               // Of indexes in indexes, of referrers to referrers.
constexpr std::size_t kMaxDocuments = 4096;  // Of one copy.
// They are all in memory until they have been written. An index for fifty platforms has 100 kB.
constexpr std::size_t kMaxBytes = 32 << 20;

// Those are got where their URLs say, by whoever may have them. [image-spec 1.1 layer.md,
// "Non-Distributable Layers"]
bool is_elsewhere(const std::string& media_type) {
  return media_type.find("nondistributable") != std::string::npos ||
         media_type.find(".foreign.") != std::string::npos;
}

class Planner {
 public:
  Planner(CopySource& source, const CopyChoice& choice) : source_(source), choice_(choice) {}

  Result<CopyPlan> plan() {
    RawManifest raw = TRY(source_.named());
    oci::Document document = TRY(parse(raw));
    for (int depth = 0; !choice_.all; ++depth) {
      const auto* index = std::get_if<oci::Index>(&document);
      if (index == nullptr) break;
      if (depth > kMaxNesting) return fail(Kind::Invalid, "indexes are nested too deeply");
      const oci::Descriptor chosen = TRY(choose(*index));
      raw = TRY(source_.document(chosen));
      document = TRY(parse(raw));
    }
    if (!choice_.all) TRY(check_wanted(std::get<oci::Manifest>(document)));
    TRY(add({.raw = std::move(raw), .document = std::move(document)}, 0));
    return std::move(plan_);
  }

 private:
  static Result<oci::Document> parse(RawManifest& raw) {
    const bool is_known =
        oci::is_manifest_type(raw.media_type) || oci::is_index_type(raw.media_type);
    oci::Document document = TRY(oci::parse_document(raw.text, is_known ? raw.media_type : ""),
                                 "manifest " + raw.digest.text());
    raw.media_type = std::visit([](const auto& one) { return one.media_type; }, document);
    return document;
  }

  Result<oci::Descriptor> choose(const oci::Index& index) {
    std::vector<std::string> others;
    for (const oci::Descriptor& descriptor : index.manifests) {
      const bool is_index = oci::is_index_type(descriptor.media_type);
      if (!is_index && !oci::is_manifest_type(descriptor.media_type)) continue;
      if (is_index || matches(descriptor.platform, choice_.platform)) return descriptor;
      const std::string other = escaped(descriptor.platform.text());
      if (descriptor.platform.os != "unknown" && std::ranges::find(others, other) == others.end())
        others.push_back(other);
    }
    return no_such_platform(choice_.platform, others);
  }

  // What has no index says by its config what it is for. That is asked only of who asks.
  Result<> check_wanted(const oci::Manifest& manifest) {
    const bool has_config = manifest.config.media_type == oci::kConfigType ||
                            manifest.config.media_type == oci::kDockerConfigType;
    if (choice_.platform.architecture.empty() || !has_config) return {};
    const std::string text = TRY(source_.config(manifest.config), "config");
    const oci::ImageConfig config = TRY(oci::parse_image_config(text), "config");
    if (matches({.os = config.os,
                 .architecture = config.architecture,
                 .variant = choice_.platform.variant},
                choice_.platform))
      return {};
    return no_such_platform(choice_.platform, {config.os + "/" + config.architecture});
  }

  Result<> add(CopiedDocument document, int depth) {
    if (!seen_.insert(document.raw.digest).second) return {};
    if (depth > kMaxNesting)
      return fail(Kind::Invalid, "indexes or referrers are nested too deeply");
    if (plan_.documents.size() > kMaxDocuments)
      return fail(Kind::Invalid,
                  "there are more than " + std::to_string(kMaxDocuments) + " manifests in it");
    bytes_ += document.raw.text.size();
    if (bytes_ > kMaxBytes)
      return fail(Kind::Invalid,
                  "its manifests have more than " + human_size(kMaxBytes) + " together");
    if (const auto* index = std::get_if<oci::Index>(&document.document))
      TRY(add_members(*index, document.is_referrer, depth));
    else
      add_blobs(std::get<oci::Manifest>(document.document));
    if (choice_.referrers) TRY(add_referrers(document.raw.digest, depth));
    plan_.documents.push_back(std::move(document));
    return {};
  }

  Result<> add_members(const oci::Index& index, bool is_referrer, int depth) {
    for (const oci::Descriptor& member : index.manifests) {
      if (!oci::is_index_type(member.media_type) && !oci::is_manifest_type(member.media_type))
        return fail(Kind::Unsupported, "the index has " + member.digest.text() + " of the type " +
                                           quoted(member.media_type) +
                                           ", which is neither a manifest nor an index");
      TRY(add_descriptor(member, is_referrer, depth + 1));
    }
    return {};
  }

  Result<> add_descriptor(const oci::Descriptor& descriptor, bool is_referrer, int depth) {
    if (seen_.contains(descriptor.digest)) return {};
    CopiedDocument document;
    document.raw = TRY(source_.document(descriptor));
    document.document = TRY(parse(document.raw));
    document.is_referrer = is_referrer;
    return add(std::move(document), depth);
  }

  Result<> add_referrers(const Digest& digest, int depth) {
    for (const oci::Descriptor& referrer : TRY(source_.referrers(digest), "referrers")) {
      if (seen_.contains(referrer.digest)) continue;
      CopiedDocument document;
      document.raw = TRY(source_.document(referrer));
      document.document = TRY(parse(document.raw));
      document.is_referrer = true;
      // Who lists it may be wrong, or lie.
      if (subject_of(document.document) == digest) TRY(add(std::move(document), depth + 1));
    }
    return {};
  }

  void add_blobs(const oci::Manifest& manifest) {
    if (seen_.insert(manifest.config.digest).second)
      plan_.blobs.push_back({.descriptor = manifest.config, .origin = {}, .is_told = false});
    for (const oci::Descriptor& layer : manifest.layers)
      if (!is_elsewhere(layer.media_type) && seen_.insert(layer.digest).second)
        plan_.blobs.push_back({.descriptor = layer, .origin = {}});
  }

  CopySource& source_;
  const CopyChoice& choice_;
  CopyPlan plan_;
  std::size_t bytes_ = 0;  // Of documents.
  std::set<Digest> seen_;
};

}  // namespace

oci::Descriptor describe(const CopiedDocument& document) {
  oci::Descriptor descriptor;
  descriptor.media_type = document.raw.media_type;
  descriptor.digest = document.raw.digest;
  descriptor.size = document.raw.text.size();
  if (const auto* manifest = std::get_if<oci::Manifest>(&document.document)) {
    descriptor.artifact_type = manifest->artifact_type;
    // [distribution-spec 1.1, "Listing Referrers": the config's type stands in for it]
    if (document.is_referrer && descriptor.artifact_type.empty())
      descriptor.artifact_type = manifest->config.media_type;
    if (document.is_referrer) descriptor.annotations = manifest->annotations;
  }
  return descriptor;
}

const Digest& subject_of(const oci::Document& document) {
  return std::visit([](const auto& one) -> const Digest& { return one.subject; }, document);
}

bool is_artifact(const oci::Document& document) {
  const auto* manifest = std::get_if<oci::Manifest>(&document);
  return manifest != nullptr && !check_is_image(*manifest);
}

Result<CopyPlan> plan_copy(CopySource& source, const CopyChoice& choice) {
  return Planner(source, choice).plan();
}

}  // namespace tare::image
