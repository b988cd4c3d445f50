// SPDX-License-Identifier: Apache-2.0
// What the store knows about images: a record for every image (images/HEX.json) and a file for
// every name (names/ESCAPED). Private to the room. Changes are made under Store::kImagesLock.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "image/image.h"
#include "store/layers.h"

namespace tare::image {

struct RecordLayer {
  store::Layer layer;
  std::uint64_t size = 0;  // Bytes of the files in it.
  // Pulled in parts: its compressed bytes need not be here, and nobody saw that they are this
  // layer.
  bool partial = false;
};

struct Record {
  Digest id;
  Digest manifest;
  Digest attestations;             // Of the manifest with what is attested of it, or empty;
  std::vector<Digest> statements;  // and of the blobs that it has.
  std::vector<RecordLayer> layers;
  UnixNanos loaded_at = 0;
  std::string from;  // Repository that it was pulled from, in full; empty: it was not.
};

std::string print_record(const Record& record);
Result<Record> parse_record(const Digest& id, std::string_view text);

Result<Record> load_record(const store::Store& store, const Digest& id);  // Errors: NotFound.
Result<bool> has_record(const store::Store& store, const Digest& id);
Result<std::vector<Digest>> list_records(const store::Store& store);
// Whether an image with the layer `diff_id` came with these compressed bytes; `partial`: was pulled
// in parts, by a manifest that has these bytes at its place.
Result<bool> has_pair(const store::Store& store, const Digest& blob, const Digest& diff_id,
                      bool partial = false);
// What a record tells about a layer, when one has it: diff_id and size of its content.
Result<std::optional<store::LayerFacts>> known_layer(const store::Store& store, const Digest& blob);
Result<> write_record(store::Store& store, const Record& record);
Result<> remove_record(store::Store& store, const Digest& id);

// Names are full references with a tag: "docker.io/library/busybox:latest".
using Names = std::map<std::string, Digest>;
Result<Names> load_names(const store::Store& store,
                         std::map<std::string, Error>* damaged = nullptr);
Result<std::optional<Digest>> find_name(const store::Store& store, const std::string& name);
Result<> write_name(store::Store& store, const std::string& name, const Digest& id);
Result<> remove_name(store::Store& store, const std::string& name);
// The file that holds a name: no longer than a file name may be, and never "." or hidden.
std::string name_file(const std::string& name);

// Puts record, names and config together. Errors: Corrupt when the config is damaged.
Result<Image> assemble(const store::Store& store, const Record& record,
                       std::vector<std::string> names);

// To be called before anything is stored that no record names yet: if we are killed before there is
// one, the next sweep_if_wanted() removes it.
Result<> want_sweep(store::Store& store);
// For removing, which sweeps at its end, and has to work on a full disk.
Result<> want_sweep_if_it_fits(store::Store& store);
Result<> sweep_if_wanted(store::Store& store, store::RootfsBackend& rootfs);
// Removes blobs and root file systems that no record names. Does nothing while somebody loads.
Result<> sweep(store::Store& store, store::RootfsBackend& rootfs);
// The same for somebody whose own work is done: while a record or an index cannot be read it is not
// known what is used, nothing is removed, and a later sweep does it. tare fsck names the damage.
Result<> sweep_or_later(store::Store& store, store::RootfsBackend& rootfs);
// The root file systems of all images that use one of `layers`, which are about to be replaced:
// they say where in the packs things are. They are made again when they are needed.
Result<> remove_roots_of(store::Store& store, store::RootfsBackend& rootfs,
                         const std::set<Digest>& layers);

}  // namespace tare::image
