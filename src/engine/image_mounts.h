// SPDX-License-Identifier: Apache-2.0
// Notes of the images that `tare mount` attached, so that they can be listed and taken away: files
// in mounts/ of the store. The kernel knows whether they are still there.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace tare::engine {

struct ImageMount {
  std::string image;  // "sha256:...".
  std::string name;   // As it was asked for.
  std::string place;  // Absolute, without links.
};

// Where an image is attached when no directory is named; made here. `root` is the store's.
Result<std::string> make_mount_place(const std::string& root, const std::string& image);
Result<> note_mount(const std::string& root, const ImageMount& mount);
// Those that are still attached; notes of others are removed.
Result<std::vector<ImageMount>> list_mounts(const std::string& root);
// Takes it away, and its note. Errors: Busy.
Result<> take_mount_away(const std::string& root, const ImageMount& mount);

}  // namespace tare::engine
