// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. Layers in the store: taking them in, reading them back, listing what they need.
// docs/formats/layers.md
#pragma once

#include <sys/stat.h>

#include <memory>
#include <set>
#include <vector>

#include "store/layer_index.h"
#include "store/layer_worker.h"
#include "store/store.h"

namespace tare::store {

// What of a layer was left out on purpose.
struct ApplyNotes {
  std::uint64_t devices = 0;  // Device nodes: kept in the index, and never usable in a container.
  std::uint64_t xattrs = 0;   // Attributes outside the allow-list.
};

// What a layer turned out to be.
struct LayerFacts {
  Digest diff_id;
  std::uint64_t bytes = 0;          // Of the uncompressed tar.
  std::uint64_t content_bytes = 0;  // Of the files in it: what Docker calls the size of a layer.
  UnixNanos newest = 0;             // The newest time of a file.
  ApplyNotes notes;
};

constexpr std::uint64_t kMaxLayerBytes = 1ull << 40;  // Uncompressed.

// A layer's bytes: either `tar`, an uncompressed stream, or `blob`, a file that is read from where
// it stands to its end, compressed or not.
struct LayerInput {
  codec::Source* tar = nullptr;
  int blob = -1;
  bool share = true;              // Contents that other layers have are not kept again.
  std::vector<Digest> like = {};  // Layers that may have many of the same little files; those are
                                  // shared, too.
  // Uncompressed, and of the contents with their holes: no more than that is written.
  std::uint64_t max_bytes = kMaxLayerBytes;
};

// Takes a layer apart into the directory `place`, which must be empty and ours alone. Decompressing
// and parsing are done by two confined processes; every digest is computed by this one, which
// believes them nothing: what is kept under a digest has it. `progress` counts bytes of the tar.
// Errors: Corrupt, Invalid and others of take_layer_apart().
Result<LayerFacts> import_layer(const Store& store, int place, const LayerInput& input,
                                Contents contents, const Progress& progress);

// Gives what import_layer() made in `place` its names. The caller has synced the file system and
// holds kBlobsLock.
enum class Adoption : std::uint8_t { KeepOld, Replace };
// `durability`: Lazy for what can be made again (store/unsynced.h); its names are not waited for.
Result<> adopt_layer(Store& store, int place, const Digest& diff_id,
                     Adoption adoption = Adoption::KeepOld,
                     sys::Durability durability = sys::Durability::Synced);

// Before adopt_layer() replaces a damaged layer, and before the sync: `place` has it as
// import_layer() made it, without sharing. Other layers say where in its pack they find their
// contents: sees to it that these are there in the new pack, too, moving the new contents behind
// them if need be. Errors: Corrupt.
Result<> keep_shared_contents(const Store& store, int place, const Digest& diff_id);

// Ends what somebody who was killed while replacing a layer had decided to do.
Result<> finish_replacement(Store& store, const Digest& diff_id);

// A layer's own seal: its pack is right as it stands. docs/formats/layers.md
Result<> seal_pack(const Store& store, const Digest& diff_id);
bool is_pack_sealed(const Store& store, const Digest& diff_id, int pack);

bool has_layer(const Store& store, const Digest& diff_id);
Result<LayerIndex> load_layer(const Store& store, const Digest& diff_id);   // NotFound, Corrupt.
Result<struct stat> stat_layer(const Store& store, const Digest& diff_id);  // Of its index.
Result<sys::Fd> open_pack(const Store& store, const Digest& diff_id);
std::string object_path(const Digest& digest);  // Relative to the store.

// The uncompressed tar of a layer, byte for byte; not verified: the reader hashes. Errors:
// NotFound, Corrupt while it is read.
Result<std::unique_ptr<codec::Source>> open_layer_tar(const Store& store, const Digest& diff_id);

// The bytes of a blob, wherever they are: its file, or the layer that it is when it came
// uncompressed. Not verified: the reader hashes. Errors: NotFound.
struct BlobBytes {
  std::uint64_t size = 0;
  std::unique_ptr<codec::Source> source;
};
bool has_blob_bytes(const Store& store, const Digest& digest);
// The same as a file that can be read by its descriptor; made for this if it has to.
Result<sys::Fd> open_blob_file(const Store& store, const Digest& digest);
Result<BlobBytes> open_blob_bytes(const Store& store, const Digest& digest);

// A layer's content by itself, hashed: Corrupt when it is not what the index says.
Result<> verify_contents(const Store& store, const Digest& diff_id);

// `layers` and all whose packs they use, and those, and so on.
Result<std::set<Digest>> with_references(const Store& store, const std::set<Digest>& layers);
// Removes all layers but `keep`, and all objects that none of them has. The caller holds kBlobsLock
// alone.
Result<> remove_other_layers(Store& store, const std::set<Digest>& keep);

// Takes in those of `layers` that are missing, from their blobs.
Result<> ensure_layers(Store& store, const std::vector<Layer>& layers, Contents contents,
                       const Progress& progress);

// Takes a layer in again whose blob is right and whose parts are not.
Result<> take_from_blob_again(Store& store, const Layer& layer, Contents contents);
// The objects that a layer has; none when it is not there.
Result<std::vector<Digest>> objects_of_layer(const Store& store, const Digest& diff_id);
// Takes layers apart again that are there, in another way.
Result<> retake_layers(Store& store, const std::vector<Layer>& layers, Contents contents);

}  // namespace tare::store
