// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: the 512-byte header block of a tar archive, read and written.
// [POSIX.1-2017 pax "ustar Interchange Format"; GNU tar manual "Basic Tar Format"]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::tar {

inline constexpr std::size_t kBlock = 512;

struct Field {
  std::size_t offset;
  std::size_t size;
};

namespace field {
inline constexpr Field kName{0, 100};
inline constexpr Field kMode{100, 8};
inline constexpr Field kUid{108, 8};
inline constexpr Field kGid{116, 8};
inline constexpr Field kSize{124, 12};
inline constexpr Field kMtime{136, 12};
inline constexpr Field kChecksum{148, 8};
inline constexpr Field kType{156, 1};
inline constexpr Field kLink{157, 100};
inline constexpr Field kMagic{257, 8};  // With the version.
inline constexpr Field kUser{265, 32};
inline constexpr Field kGroup{297, 32};
inline constexpr Field kMajor{329, 8};
inline constexpr Field kMinor{337, 8};
inline constexpr Field kPrefix{345, 155};
inline constexpr Field kStarPrefix{345, 131};  // star keeps times and its own mark behind it.
inline constexpr Field kStarMark{508, 4};
inline constexpr Field kGnuSparse{386, 96};  // Four extents.
inline constexpr Field kGnuExtended{482, 1};
inline constexpr Field kGnuRealSize{483, 12};
inline constexpr Field kGnuMoreSparse{0, 504};  // 21 extents, of an extension block.
inline constexpr Field kGnuMoreExtended{504, 1};
}  // namespace field

enum class Dialect : std::uint8_t { V7, Ustar, Gnu };

class Block {
 public:
  Block() { bytes_.fill('\0'); }
  explicit Block(std::string_view bytes) : Block() { bytes.copy(bytes_.data(), kBlock); }

  std::string_view bytes() const { return {bytes_.data(), kBlock}; }
  bool is_zero() const;
  std::string_view raw(Field field) const { return bytes().substr(field.offset, field.size); }
  // Up to the first NUL, or the whole field.
  std::string_view text(Field field) const;
  char type() const { return bytes_[field::kType.offset]; }
  // Errors: Corrupt for a magic number that readers would disagree on.
  Result<Dialect> dialect() const;
  // Errors: Corrupt.
  Result<> check_checksum() const;

  void put_text(Field field, std::string_view text);
  // Zero-padded octal digits and a NUL; `value` must fit (see fits_octal).
  void put_octal(Field field, std::uint64_t value);
  void put_checksum();

 private:
  std::uint64_t sum_unsigned() const;
  std::int64_t sum_signed() const;

  std::array<char, kBlock> bytes_;
};

// A number as tar fields hold it: octal digits with blanks around them, or base 256 when the first
// bit is set. Blank is zero. Errors: Corrupt (other characters, more than 63 bits).
Result<std::int64_t> parse_field(std::string_view field);

// Whether put_octal can write it.
constexpr bool fits_octal(Field field, std::uint64_t value) {
  return value < std::uint64_t{1} << 3 * (field.size - 1);
}

// Bytes of padding that follow `size` bytes of content.
constexpr std::uint64_t padding_after(std::uint64_t size) {
  return (kBlock - size % kBlock) % kBlock;
}

}  // namespace tare::tar
