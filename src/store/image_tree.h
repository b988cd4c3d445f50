// SPDX-License-Identifier: Apache-2.0
// The layers of an image together: the tree that they make, and the packs that its contents are in.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/layers.h"
#include "store/merged_tree.h"
#include "store/store.h"

namespace tare::store {

struct ImageTree {
  MergedTree tree;
  std::vector<Digest> packs;                   // Layers whose packs are used, each once.
  std::vector<std::uint64_t> pack_bytes;       // Of each.
  std::vector<std::vector<std::size_t>> used;  // [layer][pack number of its index]: place in packs.
  bool has_objects = false;

  // Place in `packs` of a content that is in one.
  std::size_t pack_of(const MergedTree::Inode& inode) const {
    return used[inode.layer][inode.content.pack];
  }
};

// Reads the indexes of `layers`, which must be there. Errors: Corrupt, and those of
// MergedTree::apply(), naming the layer.
Result<ImageTree> load_image_tree(const Store& store, const std::vector<Layer>& layers);
// The same, from the store's memo if it has one. Nobody else changes it as long as it is held.
Result<std::shared_ptr<ImageTree>> share_image_tree(const Store& store,
                                                    const std::vector<Layer>& layers);

// The trees that were asked for last. One is made of that of fewer layers when nobody holds that.
class TreeMemo {
 public:
  Result<std::shared_ptr<ImageTree>> get(const Store& store, const std::vector<Layer>& layers);
  void forget() { slots_.clear(); }

 private:
  // One layer of a tree: an index that was replaced is another one.
  using Key = std::vector<std::string>;
  struct Slot {
    Key key;
    std::shared_ptr<ImageTree> tree;
  };
  static constexpr std::size_t kSlots = 3;

  static Result<Key> key_of(const Store& store, const std::vector<Layer>& layers);
  // Takes out the slot of the most of these layers that can become all of them.
  Slot take_longest(const Key& key);

  std::vector<Slot> slots_;  // The last asked for comes last.
};

// "layer 2 of 3 (sha256:...)".
std::string layer_label(std::size_t index, const std::vector<Layer>& layers);

}  // namespace tare::store
