// SPDX-License-Identifier: Apache-2.0
#include "store/image_tree.h"

#include <sys/stat.h>

#include <algorithm>

namespace tare::store {
namespace {

std::size_t place_of(ImageTree& image, const Digest& layer) {
  const auto at = std::find(image.packs.begin(), image.packs.end(), layer);
  if (at != image.packs.end()) return static_cast<std::size_t>(at - image.packs.begin());
  image.packs.push_back(layer);
  return image.packs.size() - 1;
}

}  // namespace

std::string layer_label(std::size_t index, const std::vector<Layer>& layers) {
  return "layer " + std::to_string(index + 1) + " of " + std::to_string(layers.size()) + " (" +
         layers[index].blob.text() + ")";
}

Result<ImageTree> load_image_tree(const Store& store, const std::vector<Layer>& layers) {
  ImageTree image;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string what = layer_label(i, layers);
    const LayerIndex index = TRY(load_layer(store, layers[i].diff_id), what);
    std::vector<std::size_t>& used = image.used.emplace_back();
    used.push_back(place_of(image, layers[i].diff_id));
    for (const Digest& reference : index.references()) used.push_back(place_of(image, reference));
    TRY(image.tree.apply(index), what);
  }
  for (MergedTree::Id id = 0; id < image.tree.size(); ++id)
    image.has_objects = image.has_objects || (image.tree.inode(id).content.pack == kInObject &&
                                              image.tree.inode(id).names > 0);
  for (const Digest& pack : image.packs) {
    const sys::Fd file = TRY(open_pack(store, pack), "layer " + pack.text());
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return fail_errno("stat a pack");
    image.pack_bytes.push_back(static_cast<std::uint64_t>(info.st_size));
  }
  return image;
}

}  // namespace tare::store
