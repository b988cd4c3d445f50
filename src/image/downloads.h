// SPDX-License-Identifier: Apache-2.0
// Layers on their way from a registry: files downloads/HEX.part of the store. What a broken
// transfer left is where the next one goes on. Private to the room.
#pragma once

#include <optional>
#include <string>

#include "store/store.h"

namespace tare::image {

class Downloads {
 public:
  // Removes what is older than a week and nobody's.
  static Result<Downloads> open(const store::Store& store);

  struct Part {
    sys::Fd file;             // Locked as long as it is open.
    std::uint64_t bytes = 0;  // Which it has already.
  };
  // The part of a blob, for us alone; nothing when somebody else is at it.
  Result<std::optional<Part>> claim(const Digest& digest);
  // The file's name below dir(), for who takes it over.
  static std::string name(const Digest& digest) { return digest.hex() + ".part"; }
  int dir() const { return dir_.get(); }
  // Bytes of a blob that are here already.
  std::uint64_t bytes_of(const Digest& digest) const;
  void remove(const Digest& digest);

 private:
  explicit Downloads(sys::Fd dir) : dir_(std::move(dir)) {}
  void remove_old();
  sys::Fd dir_;
};

}  // namespace tare::image
