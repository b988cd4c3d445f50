// SPDX-License-Identifier: Apache-2.0
// The packages in an image. Private to the room.
#pragma once

#include <string>
#include <vector>

#include "engine/image_files.h"
#include "trust/sbom.h"

namespace tare::engine {

// What is read is bounded; what is left out is in the list's notes.
trust::PackageList packages_of(ImageFiles& files);

// The names that an archive of the package has where it is got from, without directories.
std::vector<std::string> archive_names(const trust::Package& package);

}  // namespace tare::engine
