// SPDX-License-Identifier: Apache-2.0
// The layers of an image together: the tree that they make, and the packs that its contents are in.
#pragma once

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

// "layer 2 of 3 (sha256:...)".
std::string layer_label(std::size_t index, const std::vector<Layer>& layers);

}  // namespace tare::store
