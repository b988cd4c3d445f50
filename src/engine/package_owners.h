// SPDX-License-Identifier: Apache-2.0
// Which package a file of an image is of. Private to the room.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/image_files.h"
#include "trust/packages.h"

namespace tare::engine {

// dpkg, apk and rpm have lists of files, and so have packages of Python; those of npm and RubyGems
// are directories; a program or archive of Java is a package itself.
class PackageOwners {
 public:
  static PackageOwners read(ImageFiles& files);
  // Null when it is nobody's.
  const trust::Package* find(std::string_view path) const;

 private:
  void read_dpkg(ImageFiles& files, const std::vector<trust::Package>& packages);
  void read_systems(ImageFiles& files, const trust::Distribution& distribution);
  void add_dpkg_list(std::string_view text, std::size_t package, bool with_digests);
  void add_python_list(std::string_view text, std::string_view directory, std::size_t package);
  void add_own(ImageFiles& files, const std::string& path, const trust::Bundle& bundle);
  void add(std::string path, std::size_t package);
  std::size_t number_of(const trust::Package& package);
  trust::TakeFile taker();

  std::vector<trust::Package> packages_;
  std::size_t owned_bytes_ = 0;
  std::unordered_map<std::string, std::size_t> owners_;
  std::unordered_map<std::string, std::size_t> directories_;  // All below them.
};

}  // namespace tare::engine
