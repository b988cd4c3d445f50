// SPDX-License-Identifier: Apache-2.0
// Every file of an image that tells of packages, read within the bounds for an image. Private to
// the room.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/image_files.h"
#include "trust/packages.h"

namespace tare::engine {

// Bounds, in bytes, of one file that tells of packages, and of a database of rpm, which has all of
// them with their files.
inline constexpr std::size_t kMaxPackageFile = 64 << 20;
inline constexpr std::size_t kMaxRpmDatabase = 256 << 20;

trust::Distribution distribution_of(ImageFiles& files);

struct PackageReading {
  bool with_systems = true;  // Also the databases of dpkg, apk and rpm.
  // By absolute path, in the order of names; without packages it is not called.
  std::function<void(const std::string& path, trust::Bundle bundle)> take;
};
// Gives what was not read, in sentences.
std::vector<std::string> read_packages(ImageFiles& files, const trust::Distribution& distribution,
                                       const PackageReading& reading);

}  // namespace tare::engine
