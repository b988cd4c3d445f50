// SPDX-License-Identifier: Apache-2.0
#include "image/attestations.h"

#include <algorithm>
#include <set>

#include "codec/sha256.h"
#include "image/attested.h"
#include "image/records.h"

namespace tare::image {
namespace {

// [BuildKit, docs/attestations/attestation-storage.md; image-spec 1.1 manifest.md, "Guidelines for
// Artifact Usage"]
constexpr const char* kArtifactType = "application/vnd.docker.attestation.manifest.v1+json";
constexpr const char* kEmptyType = "application/vnd.oci.empty.v1+json";
constexpr const char* kStatementType = "application/vnd.in-toto+json";
constexpr const char* kPredicateType = "in-toto.io/predicate-type";
constexpr const char* kReferenceType = "vnd.docker.reference.type";
constexpr const char* kReferenceDigest = "vnd.docker.reference.digest";
constexpr const char* kIsAttestation = "attestation-manifest";
constexpr const char* kOurs = "tare.attestations";  // With the version of what is in it.
constexpr std::string_view kEmpty = "{}";

oci::Descriptor describe_text(std::string_view text, const char* media_type) {
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = codec::sha256(text);
  descriptor.size = text.size();
  return descriptor;
}

Attested make_attested(const oci::Descriptor& subject, const std::vector<Statement>& statements,
                       const std::map<std::string, std::string>& annotations) {
  Attested attested{.manifest_text = {}, .blobs = {std::string(kEmpty)}};
  json::Value value;
  value.set("schemaVersion", 2);
  value.set("mediaType", std::string(oci::kManifestType));
  value.set("artifactType", kArtifactType);
  value.set("config", oci::print_descriptor(describe_text(kEmpty, kEmptyType)));
  json::Value& layers = value.set("layers", json::Array());
  for (const Statement& statement : statements) {
    oci::Descriptor layer = describe_text(statement.text, kStatementType);
    layer.annotations = {{kPredicateType, statement.predicate_type}};
    layers.push(oci::print_descriptor(layer));
    attested.blobs.push_back(statement.text);
  }
  value.set("subject", oci::print_descriptor(subject));
  if (!annotations.empty()) {
    json::Value& object = value.set("annotations", json::Object());
    for (const auto& [name, text] : annotations) object.set(name, text);
  }
  attested.manifest_text = json::print(value);
  return attested;
}

Result<oci::Manifest> parse_attestations(const std::string& text, const Digest& subject) {
  const oci::Document document = TRY(oci::parse_document(text, ""), "attestations");
  const auto* manifest = std::get_if<oci::Manifest>(&document);
  if (manifest == nullptr || manifest->subject != subject)
    return fail(Kind::Invalid, "the attestations are not of this image");
  if (manifest->layers.size() > kMaxStatements)
    return fail(Kind::Invalid, "there are more than " + std::to_string(kMaxStatements) +
                                   " attestations of the image");
  return *manifest;
}

Result<oci::Descriptor> describe_image(const store::Store& store, const Digest& manifest,
                                       std::string* text_out = nullptr) {
  std::string text = TRY(store.load_blob(manifest));
  const oci::Document document = TRY(oci::parse_document(text, ""));
  oci::Descriptor descriptor;
  descriptor.media_type = std::visit([](const auto& one) { return one.media_type; }, document);
  descriptor.digest = manifest;
  descriptor.size = text.size();
  if (text_out != nullptr) *text_out = std::move(text);
  return descriptor;
}

}  // namespace

Result<> attest(store::Store& store, const Digest& id, const std::vector<Statement>& statements,
                const std::map<std::string, std::string>& annotations) {
  if (statements.size() > kMaxStatements)
    return fail(Kind::Invalid, "too many attestations of one image");
  for (const Statement& each : statements)
    if (each.text.size() > kMaxStatement)
      return fail(Kind::Invalid, "the attestation " + quoted(each.predicate_type) + " has " +
                                     human_size(each.text.size()));
  const sys::Fd blobs = TRY(store.lock(store::Store::kBlobsLock, sys::Lock::Shared));
  Record record = TRY(load_record(store, id));
  const bool had_some = !record.attestations.empty();
  if (statements.empty() && !had_some) return {};
  if (had_some) TRY(want_sweep(store));
  record.attestations = Digest();
  record.statements.clear();
  if (!statements.empty()) {
    TRY(want_sweep(store));
    const oci::Descriptor subject = TRY(describe_image(store, record.manifest));
    const Attested attested = make_attested(subject, statements, annotations);
    record.attestations = TRY(store.put_blob(attested.manifest_text)).digest;
    for (const std::string& blob : attested.blobs)
      record.statements.push_back(TRY(store.put_blob(blob)).digest);
  }
  const sys::Fd lock = TRY(store.lock(store::Store::kImagesLock));
  const Record now = TRY(load_record(store, id));
  if (now.manifest != record.manifest)
    return fail(Kind::Busy, "the image " + id.short_hex() + " came again meanwhile");
  return write_record(store, record);
}

Result<std::vector<Statement>> statements_of(const store::Store& store, const Image& image) {
  std::vector<Statement> statements;
  if (image.attestations.empty()) return statements;
  const std::string text = TRY(store.load_blob(image.attestations), "attestations");
  const oci::Manifest manifest = TRY(parse_attestations(text, image.manifest));
  for (const oci::Descriptor& layer : manifest.layers) {
    const auto type = layer.annotations.find(kPredicateType);
    if (layer.media_type != kStatementType || type == layer.annotations.end()) continue;
    std::string statement = TRY(store.load_blob(layer.digest, kMaxStatement));
    statements.push_back({.predicate_type = type->second, .text = std::move(statement)});
  }
  return statements;
}

bool is_attested(const store::Store& store, const Image& image, const Digest& one,
                 const std::vector<std::string>& types, bool wanted,
                 const std::map<std::string, std::string>& annotations) {
  if (image.attestations.empty()) return false;
  const auto text = store.load_blob(image.attestations);
  if (!text) return false;
  const auto manifest = parse_attestations(*text, image.manifest);
  if (!manifest || manifest->annotations != annotations) return false;
  std::set<std::string> known;
  bool found = false;
  for (const oci::Descriptor& layer : manifest->layers) {
    if (const auto type = layer.annotations.find(kPredicateType); type != layer.annotations.end())
      known.insert(type->second);
    found = found || layer.digest == one;
    if (!store.has_blob(layer.digest)) return false;
  }
  return found && std::ranges::all_of(types, [&](const std::string& type) {
           return known.contains(type) == wanted;
         });
}

Result<AttestedDocuments> attested_documents(const store::Store& store, const Image& image) {
  AttestedDocuments all;
  all.image.digest = image.manifest;
  all.image_descriptor = TRY(describe_image(store, image.manifest, &all.image.text));
  all.image_descriptor.platform = {.os = image.config.os,
                                   .architecture = image.config.architecture,
                                   .variant = image.config.variant};
  all.image.media_type = all.image_descriptor.media_type;
  if (image.attestations.empty()) return all;
  std::string text = TRY(store.load_blob(image.attestations), "attestations");
  const oci::Manifest manifest = TRY(parse_attestations(text, image.manifest));
  all.blobs = manifest.layers;
  all.blobs.push_back(manifest.config);
  oci::Descriptor& descriptor = all.attestations_descriptor;
  descriptor.media_type = manifest.media_type;
  descriptor.digest = image.attestations;
  descriptor.size = text.size();
  descriptor.artifact_type = manifest.artifact_type;
  descriptor.platform = {.os = "unknown", .architecture = "unknown", .variant = ""};
  descriptor.annotations = {
      {kOurs, "1"}, {kReferenceDigest, image.manifest.text()}, {kReferenceType, kIsAttestation}};
  all.attestations = {
      .text = std::move(text), .media_type = manifest.media_type, .digest = image.attestations};
  oci::Index index;
  index.media_type = std::string(oci::kIndexType);
  for (const auto& [name, value] : manifest.annotations) {
    if (name.starts_with(kOfIndex)) index.annotations[name.substr(kOfIndex.size())] = value;
    if (name.starts_with(kOfDescriptor))
      all.image_descriptor.annotations[name.substr(kOfDescriptor.size())] = value;
  }
  index.manifests = {all.image_descriptor, descriptor};
  all.index.text = oci::print_index(index);
  all.index.media_type = index.media_type;
  all.index.digest = codec::sha256(all.index.text);
  return all;
}

const oci::Descriptor* find_attestations(const oci::Index& index, const Digest& manifest) {
  const auto has = [](const oci::Descriptor& member, const char* key, const std::string& value) {
    const auto found = member.annotations.find(key);
    return found != member.annotations.end() && found->second == value;
  };
  for (const oci::Descriptor& member : index.manifests)
    if (has(member, kReferenceType, kIsAttestation) &&
        has(member, kReferenceDigest, manifest.text()) && has(member, kOurs, "1"))
      return &member;
  return nullptr;
}

Result<Attested> load_attested(const oci::Descriptor& found, const Digest& manifest,
                               const LoadDocument& load) {
  Attested attested;
  attested.manifest_text = TRY(load(found));
  const oci::Manifest parsed = TRY(parse_attestations(attested.manifest_text, manifest));
  attested.blobs.push_back(TRY(load(parsed.config)));
  for (const oci::Descriptor& layer : parsed.layers) {
    if (layer.size > kMaxStatement)
      return fail(Kind::Invalid, "an attestation has " + human_size(layer.size));
    attested.blobs.push_back(TRY(load(layer)));
  }
  return attested;
}

}  // namespace tare::image
