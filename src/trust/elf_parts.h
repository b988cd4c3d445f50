// SPDX-License-Identifier: Apache-2.0
// Sections of a program by name, and what is at an address: where compilers leave notes. The file
// is hostile: every offset and count is checked against it and a bound. [System V gABI, chapters 4,
// 5]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codec/bytes.h"

namespace tare::trust {

class ElfParts {
 public:
  // Nothing when it is not ELF, or damaged. Reads the first bytes, the table of sections and their
  // names; 64 bytes of what is not ELF. `file` must outlive the object.
  static std::optional<ElfParts> open(const codec::Bytes& file);

  // The content of a section of at most `limit` bytes; of a longer one its start.
  std::optional<std::string> section(std::string_view name, std::size_t limit) const;
  // `size` bytes that the program has at an address; none when they are not in the file.
  std::optional<std::string> at_address(std::uint64_t address, std::size_t size) const;

  bool is_64_bit() const { return is_64_; }
  codec::Numbers::Order order() const { return order_; }

 private:
  explicit ElfParts(const codec::Bytes& file) : file_(&file) {}
  std::optional<std::string> read(std::uint64_t offset, std::uint64_t size) const;
  bool read_tables();
  // A number of the size of an address.
  std::uint64_t word(const codec::Numbers& numbers, std::uint64_t at) const {
    return is_64_ ? numbers.u64(at) : numbers.u32(at);
  }

  const codec::Bytes* file_;
  bool is_64_ = false;
  codec::Numbers::Order order_ = codec::Numbers::Order::Little;
  std::string sections_;  // Their headers, as in the file.
  std::string names_;
  std::string segments_;
};

}  // namespace tare::trust
