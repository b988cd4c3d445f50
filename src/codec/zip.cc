// SPDX-License-Identifier: Apache-2.0
#include "codec/zip.h"

#include <algorithm>

#include "codec/inflate.h"

namespace tare::codec {
namespace {

constexpr std::uint64_t kMaxDirectory = 64 << 20;
constexpr std::size_t kEnd = 22;  // The last record, with a comment of up to 64 KiB after it.
constexpr std::size_t kMaxComment = 0xffff;
constexpr std::uint64_t kDirectoryEntry = 46;
constexpr std::uint64_t kFileHeader = 30;
constexpr std::uint32_t kIs64Bit = 0xffffffff;

std::unexpected<Error> corrupt(const char* what) {
  return fail(Kind::Corrupt, std::string("zip archive: ") + what);
}

}  // namespace

Result<std::string> Zip::bytes(std::uint64_t offset, std::uint64_t size) const {
  if (offset > file_->size() || size > file_->size() - offset)
    return corrupt("a place outside of it");
  return file_->read(offset, size);
}

Result<Zip> Zip::open(const Bytes& file) {
  Zip zip(file);
  const std::uint64_t searched = std::min<std::uint64_t>(file.size(), kEnd + kMaxComment);
  const std::string tail = TRY(zip.bytes(file.size() - searched, searched));
  const std::size_t found = tail.rfind(std::string_view("PK\5\6", 4));
  if (found == std::string::npos || tail.size() - found < kEnd) return corrupt("it has no end");
  const Numbers end(std::string_view(tail).substr(found));
  const std::uint64_t size = end.u32(12);
  const std::uint64_t offset = end.u32(16);
  const std::uint64_t end_at = file.size() - searched + found;
  if (offset == kIs64Bit || size == kIs64Bit)
    return fail(Kind::Unsupported, "zip archive: of 64 bits");
  if (size > kMaxDirectory || size > end_at || offset > end_at - size)
    return corrupt("its directory is outside of it");
  // Something may be put before the archive: a script that starts it.
  const std::uint64_t before = end_at - size - offset;
  const std::string directory = TRY(zip.bytes(end_at - size, size));
  const Numbers numbers(directory);
  std::uint64_t at = 0;
  while (at < size) {
    const std::uint64_t name = numbers.u16(at + 28);
    if (numbers.part(at, 4) != std::string_view("PK\1\2", 4) ||
        !numbers.has(at + kDirectoryEntry, name))
      return corrupt("its directory is broken");
    zip.entries_.push_back({.name = std::string(numbers.part(at + kDirectoryEntry, name)),
                            .size = numbers.u32(at + 24),
                            .packed = numbers.u32(at + 20),
                            .place = before + numbers.u32(at + 42),
                            .method = numbers.u16(at + 10)});
    at += kDirectoryEntry + name + numbers.u16(at + 30) + numbers.u16(at + 32);
  }
  return zip;
}

Result<std::string> Zip::read(const Entry& entry, std::size_t limit) const {
  constexpr std::uint16_t kStored = 0;
  constexpr std::uint16_t kDeflated = 8;
  if (entry.size > limit || entry.packed > limit)
    return fail(Kind::Invalid, "zip archive: a file of it is too large");
  const std::string header = TRY(bytes(entry.place, kFileHeader));
  const Numbers numbers(header);
  if (!header.starts_with(std::string_view("PK\3\4", 4))) return corrupt("a file is not there");
  const std::uint64_t data = kFileHeader + numbers.u16(26) + numbers.u16(28);
  std::string packed = TRY(bytes(entry.place + data, entry.packed));
  if (entry.method == kStored) return packed;
  if (entry.method == kDeflated) return inflate(packed, Deflate::Raw, limit);
  return fail(Kind::Unsupported, "zip archive: a compression that is not known");
}

}  // namespace tare::codec
