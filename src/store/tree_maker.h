// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. Writes a tree down as files and directories. docs/formats/trees.md
#pragma once

#include "store/image_tree.h"
#include "sys/ids.h"

namespace tare::store {

enum class LargeFiles : std::uint8_t {
  Copied,      // From the objects; shared blocks where the file system can.
  Redirected,  // Empty, and redirected to objects.
};

struct TreeRequest {
  const Store* store = nullptr;
  const ImageTree* image = nullptr;
  MergedTree::Id top = 0;        // The directory of the image that becomes `root`.
  int root = -1;                 // An empty directory that nobody else can reach. Borrowed.
  sys::IdMap ids;                // Owners on disk.
  bool v3_capabilities = false;  // File capabilities belong to the root of `ids`.
  LargeFiles large = LargeFiles::Copied;
};

// The caller's umask is not looked at. Errors: the file system's, naming the file.
Result<> make_tree(const TreeRequest& request);

// Compares what make_tree() made with what it was made from. Errors: Corrupt, naming the file.
Result<> check_tree(const ImageTree& image, int root, LargeFiles large);

}  // namespace tare::store
