// SPDX-License-Identifier: Apache-2.0
// Pushing: blobs that the registry does not have, three at once, then the manifest as it is in the
// store, byte for byte. [distribution-spec 1.1, "Pushing blobs"]
#include <algorithm>

#include "base/text.h"
#include "image/absent.h"
#include "image/attested.h"
#include "image/blob_mover.h"
#include "image/copy_ends.h"
#include "image/leaks.h"
#include "image/records.h"
#include "image/registry.h"
#include "store/layers.h"

namespace tare::image {
namespace {

// A repository of the same registry from which or to which an image with this blob came.
std::string origin_of(const std::vector<Image>& images, const Reference& target,
                      const Digest& blob) {
  for (const Image& image : images) {
    const bool has = std::ranges::any_of(
        image.layers, [&](const store::Layer& layer) { return layer.blob == blob; });
    if (!has) continue;
    for (const std::string& name : image.names) {
      const auto other = Reference::parse(name);
      if (other && other->registry == target.registry && other->repository != target.repository)
        return other->repository;
    }
  }
  return "";
}

class Push {
 public:
  Push(store::Store& store, const Images& images, const Images::PushRequest& request,
       const TransferProgress& progress)
      : store_(store), images_(images), request_(request), progress_(progress) {}

  Result<std::vector<Images::Pushed>> run() {
    Reference reference = TRY(Reference::parse(request_.reference));
    if (!reference.digest.empty())
      return std::unexpected(Error(Kind::Invalid, "an image is pushed to a tag, not to a digest")
                                 .hint("leave '@" + reference.digest.text() + "' out"));
    const std::vector<Reference> names = TRY(names_to_push(reference));
    Registry registry = TRY(Registry::open(request_.options, [&](const transfer::Event& event) {
      if (event.type == transfer::Event::Type::Waiting) say("Retrying: " + escaped(event.text));
    }));
    std::vector<Site> sites = TRY(registry.sites(reference, Registry::Use::Push));
    TRY(registry.connect(sites.front()));
    say("The push refers to repository [" + reference.registry + "/" + reference.repository + "]");
    std::vector<Images::Pushed> pushed;
    for (const Reference& name : names)
      pushed.push_back(TRY(push_one(registry, sites.front(), name)));
    return pushed;
  }

 private:
  Result<std::vector<Reference>> names_to_push(const Reference& reference) {
    if (!request_.all_tags) return std::vector{reference};
    std::vector<Reference> names;
    for (const Image& image : TRY(images_.list()))
      for (const std::string& text : image.names) {
        const auto name = Reference::parse(text);
        if (name && name->registry == reference.registry &&
            name->repository == reference.repository && !name->tag.empty())
          names.push_back(*name);
      }
    if (names.empty())
      return fail(Kind::NotFound,
                  "no image has a name of the repository " + reference.familiar_repository());
    return names;
  }

  Result<Images::Pushed> push_one(Registry& registry, const Site& site, const Reference& name) {
    const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
    const Image image = TRY(images_.find(name.text()));
    std::vector<std::string> notes = TRY(check_secrets(image));
    const AttestedDocuments documents = TRY(attested_documents(store_, image));
    const oci::Document document = TRY(oci::parse_document(documents.image.text, ""));
    const auto* parsed = std::get_if<oci::Manifest>(&document);
    if (parsed == nullptr) return fail(Kind::Internal, "the image's manifest is an index");
    const BlobEnds ends{
        .open = [&](const oci::Descriptor& blob) { return open_present_file(store_, blob.digest); },
        .to = &site};
    std::vector<MovedBlob> blobs = TRY(blobs_of(*parsed, name));
    for (const oci::Descriptor& blob : documents.blobs)
      blobs.push_back({.descriptor = blob, .origin = {}, .is_told = false});
    TRY(BlobMover(&registry, ends, progress_).run(blobs));
    const RawManifest& named = documents.index.text.empty() ? documents.image : documents.index;
    if (!documents.index.text.empty()) TRY(put_members(registry, site, documents));
    (void)TRY(registry.put_manifest(site, name.tag, named));
    say(name.tag + ": digest: " + named.digest.text() +
        " size: " + std::to_string(named.text.size()));
    return Images::Pushed{.familiar = name.familiar(),
                          .digest = named.digest,
                          .size = named.text.size(),
                          .notes = std::move(notes)};
  }

  // What is known to be secret stays here; of what only looks so, the user is told.
  Result<std::vector<std::string>> check_secrets(const Image& image) {
    std::vector<Digest> digests{image.id};
    for (const store::Layer& layer : image.layers) digests.push_back(layer.diff_id);
    TRY(refuse_leaks(store_, digests, request_.allowed_secrets));
    std::vector<std::string> notes;
    for (const Leak& leak : TRY(find_patterns(store_, image), "look for secrets"))
      notes.push_back("what looks like " + leak.id + " was pushed: " + join(leak.where, ", "));
    return notes;
  }

  // What the index has in it: the image first, for others refer to it.
  static Result<> put_members(Registry& registry, const Site& site,
                              const AttestedDocuments& documents) {
    (void)TRY(registry.put_manifest(site, documents.image.digest.text(), documents.image));
    const std::string digest = documents.attestations.digest.text();
    const transfer::Reply reply =
        TRY(registry.put_manifest(site, digest, documents.attestations), "attestations");
    if (reply.header("oci-subject") == documents.image.digest.text()) return {};
    oci::Document document = TRY(oci::parse_document(documents.attestations.text, ""));
    CopiedDocument referrer{
        .raw = documents.attestations, .document = std::move(document), .is_referrer = true};
    return list_referrer(registry, site, documents.image.digest, referrer);
  }

  Result<std::vector<MovedBlob>> blobs_of(const oci::Manifest& manifest, const Reference& target) {
    const std::vector<Image> images = TRY(images_.list());
    std::vector<MovedBlob> blobs;
    for (const oci::Descriptor& layer : manifest.layers)
      blobs.push_back({.descriptor = layer, .origin = origin_of(images, target, layer.digest)});
    blobs.push_back({.descriptor = manifest.config, .origin = {}, .is_told = false});
    return blobs;
  }

  void say(const std::string& text) const {
    if (progress_) progress_({"", text, 0, 0});
  }

  store::Store& store_;
  const Images& images_;
  const Images::PushRequest& request_;
  const TransferProgress& progress_;
};

}  // namespace

Result<std::vector<Images::Pushed>> Images::push(const PushRequest& request,
                                                 const TransferProgress& progress) const {
  return Push(store_, *this, request, progress).run();
}

}  // namespace tare::image
