// SPDX-License-Identifier: Apache-2.0
// Contents that the store has, by their digests: those in packs and those that are objects.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "store/layer_worker.h"
#include "store/store.h"

namespace tare::store {

// The sums of all layers, mapped.
class KnownSums {
 public:
  // `like`: as of LayerInput.
  static Result<KnownSums> load(const Store& store, const std::vector<Digest>& like = {});
  KnownSums() = default;
  KnownSums(KnownSums&&) = default;
  KnownSums& operator=(KnownSums&&) = delete;
  ~KnownSums();
  const KnownContents& contents() const { return contents_; }

 private:
  void add(int file, const Digest& diff_id);
  Result<> add_small(const Store& store, const Digest& like);
  std::size_t number_of(const Digest& layer);
  std::vector<std::pair<void*, std::size_t>> maps_;
  KnownContents contents_;
};

// Whoever uses it holds kBlobsLock. Nothing of what it gives was hashed: the reader does.
class ContentFinder {
 public:
  static Result<ContentFinder> open(const Store& store);
  bool is_empty() const { return known_.contents().layers.empty() && !has_objects_; }
  bool has(const Digest& digest, std::uint64_t size) const;
  struct Opened {
    sys::Fd file;
    std::uint64_t offset = 0;  // `size` bytes from here.
  };
  Result<Opened> open(const Digest& digest, std::uint64_t size) const;  // Errors: NotFound.

 private:
  ContentFinder(const Store& store, KnownSums known, bool has_objects)
      : store_(&store), known_(std::move(known)), has_objects_(has_objects) {}
  bool has_object(const Digest& digest, std::uint64_t size) const;
  const Store* store_;
  KnownSums known_;
  bool has_objects_;
};

}  // namespace tare::store
