// SPDX-License-Identifier: Apache-2.0
#include "codec/tar_block.h"

#include <algorithm>

#include "base/text.h"

namespace tare::tar {
namespace {

// Two's complement, most significant byte first; the first bit only marks the format.
Result<std::int64_t> parse_base256(std::string_view field) {
  const bool negative = (field[0] & 0x40) != 0;
  const std::uint8_t fill = negative ? 0xff : 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<std::uint8_t>(field[i]);
    if (i == 0) byte = negative ? byte | 0x80 : byte & 0x7f;
    const bool lost = (value >> 56) != fill;
    value = value << 8 | byte;
    if (lost || (value >> 63 != 0) != negative)
      return fail(Kind::Corrupt, "a base-256 number has more than 63 bits");
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace

Result<std::int64_t> parse_field(std::string_view field) {
  if (!field.empty() && (field[0] & 0x80) != 0) return parse_base256(field);
  constexpr std::string_view kBlank(" \0", 2);
  const std::size_t first = std::min(field.find_first_not_of(kBlank), field.size());
  std::int64_t value = 0;
  std::size_t at = first;
  for (; at < field.size() && field[at] >= '0' && field[at] <= '7'; ++at)
    value = value * 8 + (field[at] - '0');
  if (field.find_first_not_of(kBlank, at) != std::string_view::npos)
    return fail(Kind::Corrupt, quoted(field) + " is not an octal number");
  return value;
}

bool Block::is_zero() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](char c) { return c == '\0'; });
}

std::string_view Block::text(Field field) const {
  const std::string_view all = raw(field);
  return all.substr(0, all.find('\0'));
}

Result<Dialect> Block::dialect() const {
  const std::string_view magic = raw(field::kMagic);
  if (magic == std::string_view("ustar\00000", 8)) return Dialect::Ustar;
  if (magic == std::string_view("ustar  \0", 8)) return Dialect::Gnu;
  if (magic.starts_with("ustar"))
    return fail(Kind::Corrupt, "unknown kind of header, magic number " + quoted(magic));
  return Dialect::V7;
}

std::uint64_t Block::sum_unsigned() const {
  std::uint64_t sum = 0;
  for (const char c : bytes_) sum += static_cast<unsigned char>(c);
  for (const char c : raw(field::kChecksum)) sum -= static_cast<unsigned char>(c);
  return sum + std::uint64_t{' '} * field::kChecksum.size;
}

std::int64_t Block::sum_signed() const {
  std::int64_t sum = 0;
  for (const char c : bytes_) sum += static_cast<signed char>(c);
  for (const char c : raw(field::kChecksum)) sum -= static_cast<signed char>(c);
  return sum + std::int64_t{' '} * static_cast<std::int64_t>(field::kChecksum.size);
}

// Some old programs summed signed bytes; everybody accepts both. [POSIX.1-2017 pax, "chksum"]
Result<> Block::check_checksum() const {
  const auto stored = parse_field(raw(field::kChecksum));
  if (stored && (*stored == static_cast<std::int64_t>(sum_unsigned()) || *stored == sum_signed()))
    return {};
  return fail(Kind::Corrupt, "the checksum of a header is wrong");
}

void Block::put_text(Field field, std::string_view text) {
  text.substr(0, field.size).copy(bytes_.data() + field.offset, field.size);
}

void Block::put_octal(Field field, std::uint64_t value) {
  for (std::size_t i = field.size - 1; i-- > 0; value /= 8)
    bytes_[field.offset + i] = static_cast<char>('0' + value % 8);
  bytes_[field.offset + field.size - 1] = '\0';
}

// Six digits, a NUL and a space, as the first tar wrote it. [GNU tar manual, "Basic Tar Format"]
void Block::put_checksum() {
  const std::uint64_t sum = sum_unsigned();
  put_octal({field::kChecksum.offset, 7}, sum);
  bytes_[field::kChecksum.offset + 7] = ' ';
}

}  // namespace tare::tar
