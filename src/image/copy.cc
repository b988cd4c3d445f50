// SPDX-License-Identifier: Apache-2.0
// Copying between registries, layouts, archives and the store: all documents first, into a plan;
// then the blobs, three at once; then what names them.
#include "base/text.h"
#include "image/copy_plan.h"
#include "image/leaks.h"
#include "image/registries.h"
#include "image/remote_image.h"

namespace tare::image {
namespace {

class Copy {
 public:
  Copy(CopyContext context, const Images::CopyRequest& request, const TransferProgress& progress)
      : context_(context), request_(request), progress_(progress) {}

  Result<Images::Copied> run() {
    from_ = TRY(Location::parse(request_.source), "the source");
    to_ = TRY(Location::parse(request_.target), "the destination");
    scratch_.emplace(TRY(context_.store.make_scratch()));
    context_.scratch = &*scratch_;
    CopyChoice choice{.platform = TRY(parse_platform(request_.platform)),
                      .all = request_.all,
                      .referrers = request_.referrers};
    TRY(open_registry());
    const auto source = TRY(open_source(), request_.source);
    const CopyPlan plan = TRY(plan_copy(*source, choice), request_.source);
    if (to_.type == Type::Registry) TRY(refuse_secrets(plan));
    const auto target = TRY(open_target(), request_.target);
    auto copied = move(*source, *target, plan);
    if (!copied) return std::unexpected(std::move(copied).error());
    Images::Copied result{.digest = plan.named().raw.digest,
                          .media_type = plan.named().raw.media_type,
                          .image = {},
                          .documents = plan.documents.size(),
                          .notes = {}};
    if (const auto* manifest = std::get_if<oci::Manifest>(&plan.named().document);
        manifest != nullptr && to_.type == Type::Store)
      result.image = manifest->config.digest;
    for (std::string note : {source->note(), target->note()})
      if (!note.empty()) result.notes.push_back(std::move(note));
    return result;
  }

 private:
  using Type = Location::Type;

  // As a push refuses them.
  Result<> refuse_secrets(const CopyPlan& plan) const {
    std::vector<Digest> digests;
    for (const MovedBlob& blob : plan.blobs) digests.push_back(blob.descriptor.digest);
    if (from_.type == Type::Store) {
      const Image image = TRY(context_.images.find(from_.place));
      for (const store::Layer& layer : image.layers) digests.push_back(layer.diff_id);
    }
    return refuse_leaks(context_.store, digests, request_.allowed_secrets);
  }

  Result<> open_registry() {
    if (from_.type != Type::Registry && to_.type != Type::Registry) return {};
    registry_.emplace(TRY(Registry::open(request_.options, [&](const transfer::Event& event) {
      if (event.type == transfer::Event::Type::Waiting) say("Retrying: " + escaped(event.text));
    })));
    context_.registry = &*registry_;
    registries_ = TRY(load_registries());
    return {};
  }

  TransferOptions options(std::optional<bool> tls_verify) const {
    TransferOptions options = request_.options;
    options.tls_verify = tls_verify;
    return options;
  }

  Result<std::unique_ptr<CopySource>> open_source() {
    if (from_.type != Type::Registry) return local_source(context_, from_);
    const std::vector<Reference> names = TRY(expand_name(from_.place, registries_));
    for (std::size_t i = 0;; ++i) {
      auto source = open_named(names[i]);
      if (source || i + 1 == names.size()) return source;
      say(names[i].familiar() + ": " + source.error().message());
    }
  }

  // From the first mirror that has it, else from the registry itself.
  Result<std::unique_ptr<CopySource>> open_named(const Reference& name) {
    std::vector<Site> sites = TRY(
        find_sites(name, Registry::Use::Pull, options(request_.source_tls_verify), registries_));
    for (std::size_t i = 0;; ++i) {
      auto source = open_site(sites[i], name);
      if (source || i + 1 == sites.size()) return source;
      say(sites[i].host + ": " + source.error().message() + "; trying " + sites[i + 1].host);
    }
  }

  Result<std::unique_ptr<CopySource>> open_site(Site& site, const Reference& name) {
    TRY(registry_->connect(site));
    RawManifest raw =
        TRY(registry_->manifest(site, name.digest.empty() ? name.tag : name.digest.text()));
    say("Copying " + name.text());
    return registry_source(context_, site, std::move(raw));
  }

  Result<std::unique_ptr<CopyTarget>> open_target() {
    if (to_.type != Type::Registry) return local_target(context_, to_);
    const Reference name = TRY(Reference::parse(to_.place));
    std::vector<Site> sites = TRY(
        find_sites(name, Registry::Use::Push, options(request_.target_tls_verify), registries_));
    TRY(registry_->connect(sites.front()));
    return registry_target(context_, sites.front(), name);
  }

  // The repository that the source has the blobs in, when the target is at the same registry.
  std::string mount_origin(const CopySource& source, const CopyTarget& target) const {
    if (source.site() == nullptr || target.site() == nullptr) return "";
    const bool same = source.site()->endpoint.url == target.site()->endpoint.url;
    return same && source.site()->repository != target.site()->repository
               ? source.site()->repository
               : "";
  }

  Result<> move(CopySource& source, CopyTarget& target, CopyPlan plan) {
    TRY(target.begin(plan), request_.target);
    std::optional<Downloads> downloads;
    if (source.site() != nullptr) downloads.emplace(TRY(Downloads::open(context_.store)));
    const BlobEnds ends{.from = source.site(),
                        .downloads = downloads ? &*downloads : nullptr,
                        .open = [&](const oci::Descriptor& blob) { return source.open(blob); },
                        .to = target.site(),
                        .has = [&](const oci::Descriptor& blob) { return target.has(blob); },
                        .keep = [&](const oci::Descriptor& blob,
                                    const BlobFile& file) { return target.keep(blob, file); },
                        .room = [&] { return context_.store.room(); }};
    const std::string origin = mount_origin(source, target);
    for (MovedBlob& blob : plan.blobs) blob.origin = origin;
    TRY(BlobMover(registry_ ? &*registry_ : nullptr, ends, progress_).run(plan.blobs));
    return target.finish(plan);
  }

  void say(const std::string& text) const {
    if (progress_) progress_({"", text, 0, 0});
  }

  CopyContext context_;
  const Images::CopyRequest& request_;
  const TransferProgress& progress_;
  Location from_;
  Location to_;
  std::optional<store::Store::Scratch> scratch_;
  std::optional<Registry> registry_;
  Registries registries_;
};

}  // namespace

Result<Images::Copied> Images::copy(const CopyRequest& request, const TransferProgress& progress) {
  return Copy({.store = store_,
               .rootfs = rootfs_,
               .images = *this,
               .registry = nullptr,
               .scratch = nullptr,
               .unpack_for = request.unpack_for,
               .all = request.all},
              request, progress)
      .run();
}

}  // namespace tare::image
