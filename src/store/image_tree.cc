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

// Applies the layers from `first` on. After an error the tree is of no use.
Result<> add_layers(const Store& store, const std::vector<Layer>& layers, std::size_t first,
                    ImageTree& image) {
  for (std::size_t i = first; i < layers.size(); ++i) {
    const std::string what = layer_label(i, layers);
    const LayerIndex index = TRY(load_layer(store, layers[i].diff_id), what);
    std::vector<std::size_t>& used = image.used.emplace_back();
    used.push_back(place_of(image, layers[i].diff_id));
    for (const Digest& reference : index.references()) used.push_back(place_of(image, reference));
    TRY(image.tree.apply(index), what);
  }
  image.has_objects = false;
  for (MergedTree::Id id = 0; id < image.tree.size(); ++id)
    image.has_objects = image.has_objects || (image.tree.inode(id).content.pack == kInObject &&
                                              image.tree.inode(id).names > 0);
  image.pack_bytes.clear();
  for (const Digest& pack : image.packs) {
    const sys::Fd file = TRY(open_pack(store, pack), "layer " + pack.text());
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return fail_errno("stat a pack");
    image.pack_bytes.push_back(static_cast<std::uint64_t>(info.st_size));
  }
  return {};
}

}  // namespace

std::string layer_label(std::size_t index, const std::vector<Layer>& layers) {
  return "layer " + std::to_string(index + 1) + " of " + std::to_string(layers.size()) + " (" +
         layers[index].blob.text() + ")";
}

Result<ImageTree> load_image_tree(const Store& store, const std::vector<Layer>& layers) {
  ImageTree image;
  TRY(add_layers(store, layers, 0, image));
  return image;
}

Result<std::shared_ptr<ImageTree>> share_image_tree(const Store& store,
                                                    const std::vector<Layer>& layers) {
  if (store.trees() != nullptr) return store.trees()->get(store, layers);
  return std::make_shared<ImageTree>(TRY(load_image_tree(store, layers)));
}

Result<TreeMemo::Key> TreeMemo::key_of(const Store& store, const std::vector<Layer>& layers) {
  Key key;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto info = TRY(stat_layer(store, layers[i].diff_id), layer_label(i, layers));
    key.push_back(layers[i].diff_id.hex() + " " + std::to_string(info.st_ino) + " " +
                  std::to_string(info.st_ctim.tv_sec) + "." + std::to_string(info.st_ctim.tv_nsec));
  }
  return key;
}

TreeMemo::Slot TreeMemo::take_longest(const Key& key) {
  auto best = slots_.end();
  for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
    const bool is_below = slot->key.size() <= key.size() &&
                          std::equal(slot->key.begin(), slot->key.end(), key.begin());
    const bool is_free = slot->key.size() == key.size() || slot->tree.use_count() == 1;
    if (is_below && is_free && (best == slots_.end() || best->key.size() < slot->key.size()))
      best = slot;
  }
  if (best == slots_.end()) return {.key = {}, .tree = std::make_shared<ImageTree>()};
  Slot taken = std::move(*best);
  slots_.erase(best);
  return taken;
}

Result<std::shared_ptr<ImageTree>> TreeMemo::get(const Store& store,
                                                 const std::vector<Layer>& layers) {
  Key key = TRY(key_of(store, layers));
  Slot slot = take_longest(key);
  if (slot.key.size() < layers.size() || layers.empty())
    TRY(add_layers(store, layers, slot.key.size(), *slot.tree));
  slot.key = std::move(key);
  slots_.push_back(slot);
  if (slots_.size() > kSlots) slots_.erase(slots_.begin());
  return std::move(slot.tree);
}

}  // namespace tare::store
