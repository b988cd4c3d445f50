// SPDX-License-Identifier: Apache-2.0
// The packages in an image, and which file is whose. Private to the room.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/image_files.h"
#include "trust/sbom.h"

namespace tare::engine {

// What is read is bounded; what is left out is in the list's notes.
trust::PackageList packages_of(ImageFiles& files);

// Whose the files of dpkg, apk and rpm are.
class PackageOwners {
 public:
  static PackageOwners read(ImageFiles& files);
  // Null when it is nobody's.
  const trust::Package* find(std::string_view path) const;

 private:
  void read_dpkg(ImageFiles& files, const std::vector<trust::Package>& packages);
  void add_dpkg_list(std::string_view text, std::size_t package, bool with_digests);
  void add(std::string path, std::size_t package);
  std::size_t number_of(const trust::Package& package);
  trust::TakeFile taker();

  std::vector<trust::Package> packages_;
  std::size_t owned_bytes_ = 0;
  std::unordered_map<std::string, std::size_t> owners_;
};

// The names that an archive of the package has where it is got from, without directories.
std::vector<std::string> archive_names(const trust::Package& package);

}  // namespace tare::engine
