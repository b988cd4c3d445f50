// SPDX-License-Identifier: Apache-2.0
// Looking at all bytes again: what is on disk is what its digests say, or is named.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "base/text.h"
#include "codec/sha256.h"
#include "image/bin.h"
#include "image/image.h"
#include "image/rebuild.h"
#include "image/records.h"
#include "store/damage.h"
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

// Gives bytes at a pace: all that came since the first one are no more than `bytes_per_second`.
class Pace {
 public:
  explicit Pace(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}
  void passed(std::size_t bytes) {
    if (rate_ == 0) return;
    bytes_ += bytes;
    const std::chrono::duration<double> due(static_cast<double>(bytes_) /
                                            static_cast<double>(rate_));
    std::this_thread::sleep_until(begin_ +
                                  std::chrono::duration_cast<std::chrono::nanoseconds>(due));
  }

 private:
  std::uint64_t rate_;
  std::uint64_t bytes_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

struct PacedSource : codec::Source {
  PacedSource(codec::Source& source, Pace& own) : inner(source), pace(own) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = TRY(inner.read(buffer, size));
    pace.passed(count);
    return count;
  }
  codec::Source& inner;
  Pace& pace;
};

class Verification {
 public:
  Verification(store::Store& store, store::RootfsBackend& rootfs, const Progress& progress,
               const Images::VerifyOptions& options)
      : store_(store),
        rootfs_(rootfs),
        progress_(progress),
        options_(options),
        seen_(options.seen),
        pace_(options.bytes_per_second) {}

  void image(const Digest& id, const std::string& name) {
    image_ = id;
    name_ = name;
    const auto record = load_record(store_, id);
    if (!record) return add("record", id, Damage::Mend::Rebuild, record.error());
    parts(*record);
    const auto prepared = rootfs_.prepared();
    if (prepared && std::ranges::find(*prepared, id) != prepared->end())
      if (const auto right = rootfs_.verify(id, layers_of(*record)); !right)
        add("root file system", id, Damage::Mend::MakeAgain, right.error());
  }
  // One in the bin.
  void removed(const Digest& id) {
    image_ = id;
    name_ = id.short_hex() + " (removed)";
    const auto binned = load_binned(store_, id);
    if (!binned) return add("removed image", id, Damage::Mend::Rebuild, binned.error());
    parts(binned->record);
  }
  void name_file(const std::string& file, const Error& error) {
    image_ = Digest();
    name_ = "names/" + file;
    add("name", Digest(), Damage::Mend::Rebuild, error);
    damages_.back().file = file;
  }
  std::vector<Damage> take() { return std::move(damages_); }

 private:
  void parts(const Record& record) {
    std::vector<Digest> documents{record.id, record.manifest};
    if (!record.attestations.empty()) documents.push_back(record.attestations);
    documents.insert(documents.end(), record.statements.begin(), record.statements.end());
    for (const Digest& blob : documents)
      if (const auto bytes = store_.load_blob(blob); !bytes)
        add("document", blob, Damage::Mend::Fetch, bytes.error());
      else
        store::unmark_damaged(store_, blob);
    for (const RecordLayer& layer : record.layers) this->layer(layer.layer, layer.partial);
  }
  static std::vector<store::Layer> layers_of(const Record& record) {
    std::vector<store::Layer> layers;
    for (const RecordLayer& layer : record.layers) layers.push_back(layer.layer);
    return layers;
  }
  void layer(const store::Layer& layer, bool partial) {
    const bool may_lack = partial || layer.blob == layer.diff_id;
    const bool has_blob = !may_lack || store_.has_blob(layer.blob);
    const bool blob_is_right = has_blob && layer_blob(layer.blob);
    if (!seen_.insert(layer.diff_id).second) {
      if (blob_is_right) can_be_taken_apart(layer.diff_id);
      return;
    }
    if (progress_) progress_("checking layer " + layer.diff_id.short_hex(), seen_.size(), 0);
    const auto checked = tar(layer.diff_id);
    if (checked)
      store::unmark_damaged(store_, layer.diff_id);
    else
      add("layer", layer.diff_id,
          blob_is_right ? Damage::Mend::TakeApartAgain : Damage::Mend::Fetch, checked.error());
    if (options_.read) options_.read(layer.diff_id);
  }
  bool layer_blob(const Digest& digest) {
    const auto [known, is_new] = blobs_.try_emplace(digest, true);
    if (!is_new) return known->second;
    const auto checked = blob(digest);
    known->second = checked.has_value();
    if (checked)
      store::unmark_damaged(store_, digest);
    else
      add("layer blob", digest, Damage::Mend::Fetch, checked.error());
    return known->second;
  }
  // A layer that one image has uncompressed may have its compressed bytes in another's.
  void can_be_taken_apart(const Digest& diff_id) {
    for (Damage& damage : damages_) {
      if (damage.digest != diff_id || damage.mend != Damage::Mend::Fetch) continue;
      damage.mend = Damage::Mend::TakeApartAgain;
      damage.image = image_;
    }
  }
  Result<> blob(const Digest& digest) {
    if (!store_.has_blob(digest)) return fail(Kind::NotFound, "it is missing");
    const store::BlobBytes bytes = TRY(store::open_blob_bytes(store_, digest));
    PacedSource paced(*bytes.source, pace_);
    return check_digest(paced, digest);
  }
  // Index, pack, objects and residue in one: together they are the tar.
  Result<> tar(const Digest& diff_id) {
    TRY(store::finish_replacement(store_, diff_id));
    if (!store::has_layer(store_, diff_id)) return fail(Kind::NotFound, "it is missing");
    const auto source = TRY(store::open_layer_tar(store_, diff_id));
    PacedSource paced(*source, pace_);
    return check_digest(paced, diff_id);
  }
  void add(const char* what, const Digest& digest, Damage::Mend mend, const Error& error) {
    damages_.push_back({.image = image_,
                        .image_name = name_,
                        .what = what,
                        .digest = digest,
                        .why = error.message(),
                        .mend = mend});
  }

  store::Store& store_;
  store::RootfsBackend& rootfs_;
  const Progress& progress_;
  const Images::VerifyOptions& options_;
  std::set<Digest> seen_;
  Pace pace_;
  std::map<Digest, bool> blobs_;  // Those that were looked at: whether they are right.
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
                                           const Progress& progress,
                                           const VerifyOptions& options) const {
  // Nobody removes blobs meanwhile.
  const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
  std::map<Digest, std::vector<std::string>> wanted;
  for (const std::string& name : names) {
    const Digest id = TRY(resolve(name));
    wanted[id].push_back(name);
  }
  store_.remove_temporaries();
  Verification verification(store_, rootfs_, progress, options);
  if (names.empty()) {
    for (const Digest& id : TRY(list_records(store_))) wanted.try_emplace(id);
    std::map<std::string, Error> damaged;
    for (const auto& [name, id] : TRY(load_names(store_, &damaged))) {
      if (TRY(has_record(store_, id)))
        wanted[id].push_back(familiar(name));
      else
        damaged.emplace(name_file(name),
                        Error(Kind::Corrupt, "it names an image that is not here"));
    }
    for (const auto& [file, error] : damaged) verification.name_file(file, error);
  }
  for (const auto& [id, own] : wanted)
    verification.image(id, own.empty() ? id.short_hex() : own.front());
  if (names.empty())
    for (const Digest& id : TRY(list_binned_ids(store_)))
      if (!wanted.contains(id)) verification.removed(id);
  return verification.take();
}

Result<> Images::mend(const Damage& damage) {
  if (damage.mend == Damage::Mend::Rebuild) return rebuild(store_, damage);
  if (damage.mend == Damage::Mend::Fetch) return store::mark_damaged(store_, damage.digest);
  const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
  if (damage.mend == Damage::Mend::MakeAgain) return rootfs_.remove(damage.image);
  auto record = load_record(store_, damage.image);
  if (!record) record = TRY(load_binned(store_, damage.image)).record;
  for (const RecordLayer& layer : record->layers) {
    if (layer.layer.diff_id != damage.digest) continue;
    TRY(remove_roots_of(store_, rootfs_, {damage.digest}));
    TRY(store::take_from_blob_again(store_, layer.layer, rootfs_.contents()));
    store::unmark_damaged(store_, damage.digest);
    return {};
  }
  return {};
}

}  // namespace tare::image
