// SPDX-License-Identifier: Apache-2.0
// The files of an image, read from the store without a mount. Private to the room.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bytes.h"
#include "store/image_tree.h"
#include "store/store.h"

namespace tare::engine {

class ImageFiles {
 public:
  // `store` must outlive the object. Errors: those of store::load_image_tree().
  static Result<ImageFiles> open(const store::Store& store,
                                 const std::vector<store::Layer>& layers);

  struct Found {
    store::MergedTree::Id inode = 0;
    std::size_t layer = 0;  // From 0: the last one with an entry for it.
  };
  // Links on the way lead to places inside; the last one is not followed. Errors: NotFound.
  Result<Found> find(std::string_view path);
  const store::MergedTree::Inode& inode(store::MergedTree::Id id) const {
    return image_->tree.inode(id);
  }
  // Names in a directory; none when there is no such directory.
  std::vector<std::string> list(std::string_view directory);
  // The content of a file of at most `limit` bytes, compared with its digest; links are followed.
  // Errors: NotFound; Invalid (no file, too large); Corrupt.
  Result<std::string> read(std::string_view path, std::size_t limit);
  // Random access to a regular file, which is not compared with its digest: `this` must outlive it.
  // Errors: of opening.
  Result<std::unique_ptr<codec::Bytes>> bytes(const store::MergedTree::Inode& inode);
  // The digest of its content; empty when it is no file with content.
  static Digest digest_of(const store::MergedTree::Inode& inode);

  // Everything but directories, by absolute path, in the order of names.
  using Take = std::function<void(const std::string& path, const Found& found)>;
  void each(const Take& take) const;

 private:
  ImageFiles(const store::Store& store, std::shared_ptr<store::ImageTree> image)
      : store_(&store), image_(std::move(image)) {}
  void walk(store::MergedTree::Id directory, std::string& path, const Take& take) const;
  Result<std::string> content(const store::MergedTree::Inode& inode) const;
  Result<sys::Fd> open_content(const store::MergedTree::Inode& inode) const;

  const store::Store* store_;
  std::shared_ptr<store::ImageTree> image_;
  std::map<std::size_t, sys::Fd> packs_;  // Those that bytes() opened, by place in image_.packs.
};

}  // namespace tare::engine
