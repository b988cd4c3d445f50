// SPDX-License-Identifier: Apache-2.0
// Taking a layer apart, in a confined process: a tar becomes index, pack, residue and objects.
// docs/formats/layers.md
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/confine.h"
#include "store/layer_index.h"
#include "store/store.h"

namespace tare::store {

struct HashOfDigest {
  std::size_t operator()(const RawDigest& digest) const {
    std::size_t value = 0;  // A digest is as good as random.
    std::memcpy(&value, digest.data(), sizeof value);
    return value;
  }
};

// What other layers' packs hold. The spans are sorted and outlive it; nothing in them is believed
// before somebody has hashed the content.
struct KnownContents {
  std::vector<std::pair<Digest, std::span<const Sum>>> layers;

  struct Place {
    std::size_t layer = 0;  // Of `layers`.
    std::uint64_t offset = 0;
  };
  std::optional<Place> find(const RawDigest& digest, std::uint64_t size) const;

  // Contents of at most kShareAbove bytes: of layers that are much like the new one, and of no
  // others, so that layers of strangers are not tied to each other by whatever is in all of them.
  struct Small {
    Place place;
    std::uint64_t size = 0;
  };
  std::unordered_map<RawDigest, Small, HashOfDigest> small;
};

// What the worker says: numbers of LayerWork's lines, see layer_import.cc.
//   h LAYER OFFSET SIZE HEX   a content is in the pack of known layer LAYER: to be hashed
//   o HEX                     objects/HEX is whole
//   r HEX                     a reference: diff_id of a layer whose pack is used
//   s ENTRIES TAR CONTENT PACK NEWEST
//   n DEVICES XATTRS          what was left out on purpose

// Reads the tar from `input` to its end. Makes "index", "pack", "tar" and "objects/" in its root
// directory. Runs confined. Errors: Corrupt, Invalid, Unsupported, naming the entry.
struct LayerWish {
  Contents contents = Contents::Packs;
  std::uint64_t max_bytes = 1ull << 40;  // Of all contents, as they come out and as they are kept.
};
Result<> take_layer_apart(int input, const LayerWish& wish, const KnownContents& known,
                          const Report& report);

}  // namespace tare::store
