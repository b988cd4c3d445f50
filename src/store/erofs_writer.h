// SPDX-License-Identifier: Apache-2.0
// Writes a tree down as an EROFS image whose contents are in packs. docs/formats/erofs.md
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "codec/stream.h"
#include "store/merged_tree.h"

namespace tare::store {

// An extra device of the image.
struct ErofsDevice {
  Digest layer;  // Whose pack it is.
  std::uint64_t bytes = 0;
};

struct ErofsRequest {
  const MergedTree* tree = nullptr;
  std::vector<ErofsDevice> devices;
  // The number (from 1) of the device that a content of the tree is in.
  std::function<std::uint16_t(const MergedTree::Inode&)> device_of;
  RawDigest uuid{};  // Its first 16 bytes.
};

// Errors: Invalid (what EROFS cannot hold: too many attributes of a file, 2^32 blocks).
Result<> write_erofs(const ErofsRequest& request, codec::Sink& sink);

// The diff_ids in the device table of an image, in order. Errors: Corrupt.
Result<std::vector<Digest>> erofs_devices(int file);

}  // namespace tare::store
