// SPDX-License-Identifier: Apache-2.0
// Registries as the ends of a copy.
#include <algorithm>

#include "codec/sha256.h"
#include "image/copy_ends.h"

namespace tare::image {
namespace {

class RegistrySource : public CopySource {
 public:
  RegistrySource(Registry& registry, Site site, RawManifest named)
      : registry_(registry), site_(std::move(site)), named_(std::move(named)) {}

  Result<RawManifest> named() override { return named_; }
  Result<RawManifest> document(const oci::Descriptor& descriptor) override {
    RawManifest raw = TRY(registry_.manifest(site_, descriptor.digest.text()));
    if (raw.text.size() != descriptor.size)
      return fail(Kind::Corrupt, "manifest " + descriptor.digest.text() + " has " +
                                     std::to_string(raw.text.size()) + " bytes, but " +
                                     std::to_string(descriptor.size) + " were announced");
    return raw;
  }
  Result<std::string> config(const oci::Descriptor& descriptor) override {
    return registry_.blob_text(site_, descriptor);
  }
  Result<std::vector<oci::Descriptor>> referrers(const Digest& digest) override {
    return registry_.referrers(site_, digest);
  }
  const Site* site() const override { return &site_; }
  Result<sys::Fd> open(const oci::Descriptor&) override {
    return fail(Kind::Internal, "a registry's blobs are no files");
  }

 private:
  Registry& registry_;
  Site site_;
  RawManifest named_;
};

class RegistryTarget : public CopyTarget {
 public:
  RegistryTarget(Registry& registry, Site site, const Reference& name)
      : registry_(registry), site_(std::move(site)), name_(name) {}

  Result<> begin(const CopyPlan& plan) override {
    if (name_.digest.empty() || name_.digest == plan.named().raw.digest) return {};
    return fail(Kind::Invalid, "what is copied is " + plan.named().raw.digest.text() + " and not " +
                                   name_.digest.text());
  }
  const Site* site() const override { return &site_; }
  Result<bool> has(const oci::Descriptor&) override { return false; }
  Result<> keep(const oci::Descriptor&, const BlobFile&) override {
    return fail(Kind::Internal, "a registry is sent its blobs");
  }
  Result<> finish(const CopyPlan& plan) override {
    for (const CopiedDocument& document : plan.documents) {
      const bool is_named = &document == &plan.named();
      const std::string digest = document.raw.digest.text();
      const std::string reference = is_named && !name_.tag.empty() ? name_.tag : digest;
      const transfer::Reply reply = TRY(registry_.put_manifest(site_, reference, document.raw));
      const Digest& subject = subject_of(document.document);
      if (!subject.empty() && reply.header("oci-subject") != subject.text())
        TRY(list_referrer(registry_, site_, subject, document),
            "list " + digest + " as a referrer");
    }
    return {};
  }

 private:
  Registry& registry_;
  Site site_;
  Reference name_;
};

}  // namespace

// This registry keeps no list of what refers to what: we do, under a tag. Who does the same at
// the same time may be overwritten: the specification has no way around it.
Result<> list_referrer(Registry& registry, const Site& site, const Digest& subject,
                       const CopiedDocument& referrer) {
  const std::string tag = referrers_tag(subject);
  oci::Index index;
  index.media_type = std::string(oci::kIndexType);
  const auto known = registry.manifest(site, tag);
  if (!known && known.error().kind() != Kind::NotFound) return std::unexpected(known.error());
  if (known) {
    const oci::Document document = TRY(oci::parse_document(known->text, known->media_type));
    if (const auto* list = std::get_if<oci::Index>(&document)) index = *list;
  }
  const bool listed = std::ranges::any_of(index.manifests, [&](const oci::Descriptor& other) {
    return other.digest == referrer.raw.digest;
  });
  if (listed) return {};
  CopiedDocument described = referrer;
  described.is_referrer = true;
  index.manifests.push_back(describe(described));
  const std::string text = oci::print_index(index);
  (void)TRY(registry.put_manifest(
      site, tag, {.text = text, .media_type = index.media_type, .digest = codec::sha256(text)}));
  return {};
}

std::unique_ptr<CopySource> registry_source(const CopyContext& context, Site site,
                                            RawManifest named) {
  return std::make_unique<RegistrySource>(*context.registry, std::move(site), std::move(named));
}

std::unique_ptr<CopyTarget> registry_target(const CopyContext& context, Site site,
                                            const Reference& name) {
  return std::make_unique<RegistryTarget>(*context.registry, std::move(site), name);
}

}  // namespace tare::image
