// SPDX-License-Identifier: Apache-2.0
#include "image/documents.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "image/attested.h"
#include "image/records.h"
#include "image/registries.h"
#include "image/registry.h"
#include "trust/statement.h"

namespace tare::image {
namespace {

// [BuildKit, docs/attestations/attestation-storage.md]
constexpr const char* kReferenceDigest = "vnd.docker.reference.digest";
constexpr const char* kPredicateType = "in-toto.io/predicate-type";
constexpr std::string_view kStatementType = "application/vnd.in-toto+json";
constexpr std::string_view kProvenances = "https://slsa.dev/provenance/";  // Of all versions.
constexpr int kMaxNesting = 4;                                             // Of indexes in indexes.
constexpr std::size_t kMaxDocuments = 512;       // Manifests and indexes behind one name.
constexpr std::uint64_t kMaxForeign = 16 << 20;  // Bytes of a statement: some list all files.
constexpr json::Limits kLimits{.bytes = kMaxForeign, .depth = 64, .values = 1'500'000};

// As it is called in lists of platforms. [containerd platforms, Normalize]
std::string normal(oci::Platform platform) {
  if (platform.architecture == "arm64" && platform.variant == "v8") platform.variant.clear();
  if (platform.architecture == "arm" && platform.variant.empty()) platform.variant = "v7";
  return platform.text();
}

oci::Platform platform_of(const oci::ImageConfig& config) {
  return {.os = config.os, .architecture = config.architecture, .variant = config.variant};
}

bool is_envelope(std::string_view media_type) {
  return media_type.starts_with("application/vnd.in-toto.") && media_type.ends_with("+dsse");
}

bool is_wanted(const oci::Descriptor& layer) {
  const auto type = layer.annotations.find(kPredicateType);
  return type != layer.annotations.end() &&
         (layer.media_type == kStatementType || is_envelope(layer.media_type)) &&
         (type->second == trust::kSpdxType || type->second.starts_with(kProvenances));
}

// What is in an envelope of signatures, which nobody here verifies. [DSSE v1.0, protocol.md]
Result<std::string> take_out(const std::string& text) {
  const json::Value value = TRY(json::parse(text, kLimits), "signed statement");
  return from_base64(value["payload"].as_string());
}

// Of all that is behind one name.
class Collector {
 public:
  Collector(Registry& registry, const Site& site, DocumentDepth depth)
      : registry_(registry), site_(site), depth_(depth) {}

  Result<std::vector<ImageDocuments>> run(const RawManifest& top) {
    TRY(add(top, {}, 0));
    std::vector<ImageDocuments> all;
    for (auto& [platform, found] : images_) {
      if (depth_ == DocumentDepth::Statements)
        for (const oci::Descriptor& other : others_[found.manifest])
          TRY(add_statements(other, found.documents.statements));
      all.push_back(std::move(found.documents));
    }
    return all;
  }

 private:
  struct Found {
    Digest manifest;
    ImageDocuments documents;
  };

  Result<> add(const RawManifest& raw, const oci::Platform& platform, int level) {
    if (level > kMaxNesting) return fail(Kind::Invalid, "indexes are nested too deeply");
    if (++documents_ > kMaxDocuments) return fail(Kind::Invalid, "there are too many manifests");
    const oci::Document document =
        TRY(oci::parse_document(raw.text, ""), "manifest " + raw.digest.text());
    if (const auto* manifest = std::get_if<oci::Manifest>(&document))
      return add_image(*manifest, raw.digest, platform);
    for (const oci::Descriptor& member : std::get<oci::Index>(document).manifests) {
      const auto about = member.annotations.find(kReferenceDigest);
      if (about != member.annotations.end()) {
        if (const auto subject = Digest::parse(about->second)) others_[*subject].push_back(member);
      } else if (oci::is_manifest_type(member.media_type) ||
                 oci::is_index_type(member.media_type)) {
        const RawManifest inner = TRY(registry_.manifest(site_, member.digest.text()));
        TRY(add(inner, member.platform, level + 1));
      }
    }
    return {};
  }

  Result<> add_image(const oci::Manifest& manifest, const Digest& digest, oci::Platform platform) {
    const bool is_image = manifest.config.media_type == oci::kConfigType ||
                          manifest.config.media_type == oci::kDockerConfigType;
    if (!is_image || !manifest.artifact_type.empty()) return {};
    Found found;
    found.manifest = digest;
    found.documents.config = TRY(registry_.blob_text(site_, manifest.config), "config");
    if (platform.architecture.empty())
      platform = platform_of(TRY(oci::parse_image_config(found.documents.config), "config"));
    found.documents.platform = normal(platform);
    images_.insert_or_assign(found.documents.platform, std::move(found));
    return {};
  }

  Result<> add_statements(const oci::Descriptor& other, std::vector<Statement>& statements) {
    const RawManifest raw = TRY(registry_.manifest(site_, other.digest.text()));
    const oci::Document document = TRY(oci::parse_document(raw.text, ""), "attestations");
    const auto* manifest = std::get_if<oci::Manifest>(&document);
    if (manifest == nullptr) return fail(Kind::Invalid, "the attestations are an index");
    for (const oci::Descriptor& layer : manifest->layers) {
      if (!is_wanted(layer)) continue;
      if (statements.size() >= kMaxStatements)
        return fail(Kind::Invalid, "there are too many attestations of one image");
      std::string text = TRY(registry_.blob_text(site_, layer, kMaxForeign), "attestation");
      if (is_envelope(layer.media_type)) text = TRY(take_out(text));
      statements.push_back(
          {.predicate_type = layer.annotations.at(kPredicateType), .text = std::move(text)});
    }
    return {};
  }

  Registry& registry_;
  const Site& site_;
  DocumentDepth depth_;
  std::map<std::string, Found> images_;  // By platform.
  std::map<Digest, std::vector<oci::Descriptor>> others_;
  std::size_t documents_ = 0;
};

}  // namespace

Result<Documents> documents_here(const store::Store& store, const Image& image, std::string name,
                                 DocumentDepth depth) {
  AttestedDocuments stored = TRY(attested_documents(store, image));
  RawManifest& top = stored.index.text.empty() ? stored.image : stored.index;
  Documents all{.top = {.reference = std::move(name),
                        .text = std::move(top.text),
                        .media_type = std::move(top.media_type),
                        .digest = top.digest},
                .images = {}};
  if (depth == DocumentDepth::Top) return all;
  ImageDocuments one;
  one.platform = normal(platform_of(image.config));
  one.config = TRY(store.load_blob(image.id), "config");
  if (depth == DocumentDepth::Statements) one.statements = TRY(statements_of(store, image));
  all.images.push_back(std::move(one));
  return all;
}

Result<Documents> documents_in_registry(std::string_view name, const TransferOptions& options,
                                        DocumentDepth depth) {
  const Registries registries = TRY(load_registries());
  const Reference reference = TRY(expand_name(name, registries)).front();
  Registry registry = TRY(Registry::open(options, {}));
  std::vector<Site> sites = TRY(registry.sites(reference, Registry::Use::Pull));
  TRY(registry.connect(sites.back()));
  const std::string wanted = reference.digest.empty() ? reference.tag : reference.digest.text();
  RawManifest raw = TRY(registry.manifest(sites.back(), wanted));
  Documents all;
  if (depth != DocumentDepth::Top)
    all.images = TRY(Collector(registry, sites.back(), depth).run(raw), quoted(name));
  all.top = {.reference = reference.text(),
             .text = std::move(raw.text),
             .media_type = std::move(raw.media_type),
             .digest = raw.digest};
  return all;
}

bool was_pulled(const store::Store& store, const Digest& id) {
  const auto record = load_record(store, id);
  return record && !record->from.empty();
}

Result<json::Value> predicate_of(const Statement& statement) {
  json::Value value = TRY(json::parse(statement.text, kLimits), "attestation");
  json::Value* predicate = value.find("predicate");
  if (predicate == nullptr)
    return fail(Kind::Invalid, "the attestation " + quoted(statement.predicate_type) +
                                   " says nothing: it has no predicate");
  return std::move(*predicate);
}

}  // namespace tare::image
