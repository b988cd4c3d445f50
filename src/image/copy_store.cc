// SPDX-License-Identifier: Apache-2.0
// The store as the target of a copy: everything goes the way that a pull goes.
#include "base/text.h"
#include "image/copy_ends.h"
#include "image/intake.h"
#include "image/remote_image.h"
#include "store/damage.h"
#include "store/layers.h"
#include "store/streams.h"

namespace tare::image {
namespace {

class StoreTarget : public CopyTarget {
 public:
  StoreTarget(const CopyContext& context, std::string name)
      : context_(context), name_(std::move(name)) {}

  Result<> begin(const CopyPlan& plan) override {
    const auto* manifest = std::get_if<oci::Manifest>(&plan.named().document);
    if (manifest == nullptr || plan.documents.size() != 1)
      return std::unexpected(
          Error(Kind::Unsupported, "the store keeps images for one platform, and nothing else")
              .hint("leave out --all and --referrers, or copy to oci:DIR"));
    TRY(check_is_image(*manifest));
    // Blobs that we find must not be removed before we have named them.
    lock_ = TRY(context_.store.lock(store::Store::kBlobsLock, sys::Lock::Shared));
    intake_.emplace(TRY(Intake::start(context_.store, context_.rootfs)));
    config_ = manifest->config.digest;
    image_.manifest_text = plan.named().raw.text;
    image_.names = {name_};
    for (const oci::Descriptor& layer : manifest->layers) {
      if (layer.digest == config_)
        return fail(Kind::Invalid, "the manifest has its config as a layer, too");
      image_.layers.push_back(
          {.path = layer.digest.text(), .digest = layer.digest, .size = layer.size, .diff_id = {}});
    }
    return {};
  }

  Result<bool> has(const oci::Descriptor& blob) override {
    // What is damaged comes again, and replaces it.
    if (blob.digest == config_ || !store::has_blob_bytes(context_.store, blob.digest) ||
        store::is_damaged(context_.store, blob.digest))
      return false;
    const std::string key = blob.digest.text();
    TRY(intake_->stage_known(key, blob.digest, "layer " + key));
    const std::uint64_t bytes = intake_->layer(key).blob_bytes;
    if (bytes != blob.size)
      return fail(Kind::Corrupt, "layer " + key + " has " + std::to_string(bytes) + " bytes, but " +
                                     std::to_string(blob.size) + " were announced");
    return true;
  }

  Result<> keep(const oci::Descriptor& blob, const BlobFile& file) override {
    if (blob.digest == config_) {
      TRY(verify_blob_file(file.fd, blob), "config");
      image_.config_text = TRY(sys::read_all(file.fd, kMaxConfig));
      image_.config = TRY(oci::parse_image_config(image_.config_text), "config");
      return {};
    }
    const std::string what = "layer " + blob.digest.text();
    const PlannedLayer expected{
        .path = {}, .digest = blob.digest, .size = blob.size, .diff_id = {}};
    if (file.dir >= 0)
      return intake_->stage_file(blob.digest.text(), file.dir, file.name, expected, what);
    store::FileSource source(file.fd);
    return intake_->stage(blob.digest.text(), source, expected, what);
  }

  Result<> finish(const CopyPlan&) override {
    if (image_.config.diff_ids.size() != image_.layers.size())
      return fail(Kind::Corrupt, "the manifest has " + std::to_string(image_.layers.size()) +
                                     " layers, but the config has " +
                                     std::to_string(image_.config.diff_ids.size()));
    TRY(intake_->add(std::move(image_)));
    (void)TRY(intake_->commit(context_.unpack_for, {}));
    return {};
  }

 private:
  static constexpr std::size_t kMaxConfig = 4 << 20;
  CopyContext context_;
  std::string name_;
  sys::Fd lock_;
  std::optional<Intake> intake_;
  Digest config_;
  PlannedImage image_;
};

}  // namespace

Result<std::unique_ptr<CopyTarget>> store_target(const CopyContext& context,
                                                 const Location& location) {
  const Reference name = TRY(Reference::parse(location.place));
  if (!name.digest.empty() || name.tag.empty())
    return fail(Kind::Invalid, "an image in the store gets a name with a tag, not a digest");
  return std::make_unique<StoreTarget>(context, name.text());
}

}  // namespace tare::image
