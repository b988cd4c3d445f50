// SPDX-License-Identifier: Apache-2.0
// Bytes that come from anywhere, read with bounds: a file by pieces, and numbers in a piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::codec {

// Random access to a file's bytes. Fewer bytes than asked are an error of the caller's file.
class Bytes {
 public:
  virtual ~Bytes() = default;
  virtual std::uint64_t size() const = 0;
  // Exactly `size` bytes from `offset`; both were checked to lie inside size(). Errors: of reading.
  virtual Result<std::string> read(std::uint64_t offset, std::size_t size) const = 0;
};

class StringBytes : public Bytes {
 public:
  explicit StringBytes(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::string> read(std::uint64_t offset, std::size_t size) const override {
    return std::string(bytes_.substr(offset, size));
  }

 private:
  std::string_view bytes_;
};

// Numbers in binary data. What is not inside the data reads as 0, so that a caller who checks what
// a number means needs no other check.
class Numbers {
 public:
  enum class Order : std::uint8_t { Little, Big };
  explicit Numbers(std::string_view bytes, Order order = Order::Little)
      : bytes_(bytes), order_(order) {}

  std::uint8_t u8(std::uint64_t at) const { return static_cast<std::uint8_t>(number(at, 1)); }
  std::uint16_t u16(std::uint64_t at) const { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t u32(std::uint64_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t u64(std::uint64_t at) const { return number(at, 8); }
  // Of `size` bytes, at most 8.
  std::uint64_t number(std::uint64_t at, std::size_t size) const {
    if (!has(at, size)) return 0;
    constexpr unsigned kByte = 8;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t place = order_ == Order::Big ? i : size - 1 - i;
      value = (value << kByte) | static_cast<unsigned char>(bytes_[at + place]);
    }
    return value;
  }
  bool has(std::uint64_t at, std::uint64_t size) const {
    return at <= bytes_.size() && size <= bytes_.size() - at;
  }
  // That part; empty when not all of it is there.
  std::string_view part(std::uint64_t at, std::uint64_t size) const {
    return has(at, size) ? bytes_.substr(at, size) : std::string_view();
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  Order order_;
};

}  // namespace tare::codec
