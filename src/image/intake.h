// SPDX-License-Identifier: Apache-2.0
// The way into the store for an image, wherever it comes from: layers are staged in a scratch
// directory, hashed and read through by a confined process; then everything gets its name at once.
// Private to the room.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "image/plan.h"
#include "image/records.h"
#include "image/steps.h"
#include "store/layers.h"

namespace tare::image {

struct StagedLayer {
  Digest blob;
  std::uint64_t blob_bytes = 0;
  std::string media_type;
  store::LayerFacts facts;
  bool partial = false;  // RecordLayer::partial.
};

class Intake {
 public:
  static Result<Intake> start(store::Store& store, store::RootfsBackend& rootfs);

  // Tells how far the taking in of each layer is; bytes of its tar.
  void tell(Progress progress) { progress_ = std::move(progress); }

  int scratch() const { return scratch_.dir.get(); }
  store::Store& store() const { return *store_; }

  // What `compressed` is uncompressed, by a confined process.
  Result<std::unique_ptr<codec::Source>> decompress(codec::Source& compressed) const;

  // Writes `content` to the scratch directory and verifies what is known about it; `what` names it
  // in errors. A layer that was staged before is known by `key`.
  Result<> stage(const std::string& key, codec::Source& content, const PlannedLayer& expected,
                 const std::string& what);
  // The same for an uncompressed layer that nothing is known about, whatever its first bytes.
  // `like`: as of store::LayerInput.
  Result<> stage_tar(const std::string& key, codec::Source& content, const std::string& what,
                     const std::vector<Digest>& like = {});
  // True when the store has the layer already: it is staged then, without its bytes. Nobody may
  // remove layers meanwhile, so the first time takes kBlobsLock until this is gone.
  Result<bool> stage_known(const std::string& key, const PlannedLayer& expected);
  // Takes a verified file over: `name` below `dir` becomes a second name of it, and stays.
  Result<> stage_file(const std::string& key, int dir, const std::string& name,
                      const PlannedLayer& expected, const std::string& what);
  // A layer whose bytes are put together of parts: `compressed` need not be the blob, but what it
  // is uncompressed must be the layer. Errors: Corrupt; those of taking it in.
  Result<> stage_parts(const std::string& key, codec::Source& compressed,
                       const PlannedLayer& expected);
  // True when the store has the layer, because another image came in parts with the same blob.
  Result<bool> stage_known_parts(const std::string& key, const PlannedLayer& expected);
  // A layer that is in the store. Whoever calls holds kBlobsLock until the commit is over.
  Result<> stage_known(const std::string& key, const Digest& blob, const std::string& what);
  const StagedLayer& layer(const std::string& key) const { return layers_.at(key).layer; }

  // Adds an image whose layers (PlannedLayer::path is the key) are staged. Errors: Corrupt when a
  // diff_id of the config is another.
  Result<> add(PlannedImage image);

  // Of the image that was added last, as it will be written.
  const Record& last_record() const { return images_.back().record; }

  // A step of a build whose layer is staged; its record is written with those of images.
  void add_step(Step step) { steps_.push_back(std::move(step)); }

  // Names everything; unpacks before, when `unpack_for` is given. All images or none.
  Result<std::vector<Image>> commit(const sys::IdMap* unpack_for, const Progress& progress);

 private:
  // "place" is empty when the layer is in the store already.
  struct Staged {
    std::string blob;   // File with the compressed bytes; empty: it came uncompressed.
    std::string place;  // Directory with the layer taken apart.
    StagedLayer layer;
  };
  Result<> hold_blobs();
  Result<Staged> take_apart(store::LayerInput input);
  Result<> stage_compressed(Staged& staged, codec::Source& content, const PlannedLayer& expected);
  struct Ready {
    Record record;
    PlannedImage plan;
  };
  Intake(store::Store& store, store::RootfsBackend& rootfs, store::Store::Scratch scratch)
      : store_(&store), rootfs_(&rootfs), scratch_(std::move(scratch)) {}

  Result<> measure(const std::string& key, int file, Staged staged, const std::string& what);
  Result<std::set<Digest>> prepare_replacements();
  Result<> store_blobs();
  Result<> unpack(const sys::IdMap& ids, const Progress& progress);
  Result<> write_records();

  store::Store* store_;
  store::RootfsBackend* rootfs_;
  store::Store::Scratch scratch_;
  sys::Fd blobs_lock_;
  Progress progress_;
  std::map<std::string, Staged> layers_;
  std::vector<Ready> images_;
  std::vector<Step> steps_;
  std::size_t places_ = 0;
};

}  // namespace tare::image
