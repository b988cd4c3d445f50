// SPDX-License-Identifier: Apache-2.0
// Files of a zip archive, by its directory at the end. The archive is hostile: places and sizes are
// checked against the file, and what is inflated has a limit. Not read: archives of 64 bits,
// encrypted files, other compression than DEFLATE. [PKWARE APPNOTE.TXT 6.3.10]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bytes.h"

namespace tare::codec {

class Zip {
 public:
  // Reads the directory. `file` must outlive the object. Errors: Corrupt, Unsupported; of reading.
  static Result<Zip> open(const Bytes& file);

  struct Entry {
    std::string name;        // As it is: any bytes, "..", anything.
    std::uint64_t size = 0;  // As it says.
    std::uint64_t packed = 0;
    std::uint64_t place = 0;
    std::uint16_t method = 0;
  };
  const std::vector<Entry>& entries() const { return entries_; }
  // The content. Errors: Corrupt; Unsupported; Invalid (more than `limit`); of reading.
  Result<std::string> read(const Entry& entry, std::size_t limit) const;

 private:
  explicit Zip(const Bytes& file) : file_(&file) {}
  Result<std::string> bytes(std::uint64_t offset, std::uint64_t size) const;

  const Bytes* file_;
  std::vector<Entry> entries_;
};

}  // namespace tare::codec
