// SPDX-License-Identifier: Apache-2.0
// Looking at all bytes again: what is on disk is what its digests say, or is named.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "codec/sha256.h"
#include "image/image.h"
#include "image/records.h"
#include "store/layers.h"

namespace tare::image {
namespace {

struct NullSink : codec::Sink {
  Result<> write(std::string_view) override { return {}; }
};

Result<> check_digest(codec::Source& source, const Digest& wanted) {
  NullSink nowhere;
  codec::HashingSource hashing(source);
  TRY(codec::copy(hashing, nowhere));
  const Digest found = hashing.digest();
  if (found == wanted) return {};
  return fail(Kind::Corrupt, "its content has the digest " + found.text());
}

class Verification {
 public:
  Verification(const store::Store& store, store::RootfsBackend& rootfs, const Progress& progress)
      : store_(store), rootfs_(rootfs), progress_(progress) {}

  void image(const Digest& id, const std::string& name) {
    image_ = id;
    name_ = name;
    const auto record = load_record(store_, id);
    if (!record) return add("record", id, Damage::Mend::Fetch, record.error());
    for (const Digest& blob : {record->id, record->manifest})
      if (const auto bytes = store_.load_blob(blob); !bytes)
        add("document", blob, Damage::Mend::Fetch, bytes.error());
    std::vector<store::Layer> layers;
    for (const RecordLayer& layer : record->layers) {
      this->layer(layer.layer);
      layers.push_back(layer.layer);
    }
    const auto prepared = rootfs_.prepared();
    if (prepared && std::ranges::find(*prepared, id) != prepared->end())
      if (const auto right = rootfs_.verify(id, layers); !right)
        add("root file system", id, Damage::Mend::MakeAgain, right.error());
  }
  std::vector<Damage> take() { return std::move(damages_); }

 private:
  void layer(const store::Layer& layer) {
    if (!seen_.insert(layer.diff_id).second) return;
    if (progress_) progress_("checking layer " + layer.diff_id.short_hex(), seen_.size(), 0);
    bool blob_is_right = false;
    if (layer.blob != layer.diff_id || store_.has_blob(layer.blob)) {
      const auto checked = blob(layer.blob);
      blob_is_right = checked.has_value();
      if (!checked) add("layer blob", layer.blob, Damage::Mend::Fetch, checked.error());
    }
    const auto checked = tar(layer.diff_id);
    if (!checked)
      add("layer", layer.diff_id,
          blob_is_right ? Damage::Mend::TakeApartAgain : Damage::Mend::Fetch, checked.error());
  }
  Result<> blob(const Digest& digest) const {
    if (!store_.has_blob(digest)) return fail(Kind::NotFound, "it is missing");
    const store::BlobBytes bytes = TRY(store::open_blob_bytes(store_, digest));
    return check_digest(*bytes.source, digest);
  }
  // Index, pack, objects and residue in one: together they are the tar.
  Result<> tar(const Digest& diff_id) const {
    if (!store::has_layer(store_, diff_id)) return fail(Kind::NotFound, "it is missing");
    const auto source = TRY(store::open_layer_tar(store_, diff_id));
    return check_digest(*source, diff_id);
  }
  void add(const char* what, const Digest& digest, Damage::Mend mend, const Error& error) {
    damages_.push_back({.image = image_,
                        .image_name = name_,
                        .what = what,
                        .digest = digest,
                        .why = error.message(),
                        .mend = mend});
  }

  const store::Store& store_;
  store::RootfsBackend& rootfs_;
  const Progress& progress_;
  std::set<Digest> seen_;
  Digest image_;
  std::string name_;
  std::vector<Damage> damages_;
};

std::string familiar(const std::string& name) {
  const auto reference = Reference::parse(name);
  return reference ? reference->familiar() : name;
}

}  // namespace

Result<std::vector<Damage>> Images::verify(const std::vector<std::string>& names,
                                           const Progress& progress) const {
  // Nobody removes blobs meanwhile.
  const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
  std::map<Digest, std::vector<std::string>> wanted;
  for (const std::string& name : names) {
    const Digest id = TRY(resolve(name));
    wanted[id].push_back(name);
  }
  if (names.empty()) {
    for (const Digest& id : TRY(list_records(store_))) wanted.try_emplace(id);
    for (const auto& [name, id] : TRY(load_names(store_))) wanted[id].push_back(familiar(name));
  }
  Verification verification(store_, rootfs_, progress);
  for (const auto& [id, own] : wanted)
    verification.image(id, own.empty() ? id.short_hex() : own.front());
  return verification.take();
}

Result<> Images::mend(const Damage& damage) {
  if (damage.mend == Damage::Mend::Fetch)
    return std::unexpected(
        Error(Kind::Unsupported, "its bytes are not here any more")
            .hint("get the image again: tare pull or tare load; what is right is kept"));
  {
    const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
    const Record record = TRY(load_record(store_, damage.image));
    if (damage.mend == Damage::Mend::TakeApartAgain)
      for (const RecordLayer& layer : record.layers)
        if (layer.layer.diff_id == damage.digest)
          TRY(store::take_from_blob_again(store_, layer.layer, rootfs_.contents()));
    // Made of what was wrong, or wrong itself: made again when it is needed.
    TRY(rootfs_.remove(damage.image));
  }
  return {};
}

}  // namespace tare::image
