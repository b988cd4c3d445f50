// SPDX-License-Identifier: Apache-2.0
// The header of an rpm package as the databases of rpm have it: an index of tags, and the data that
// they point to, all numbers big-endian. The bytes come from images: every offset and count is
// checked, and what does not fit counts as absent. [RPM documentation, "Package format V4", Header]
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "codec/bytes.h"

namespace tare::trust {

class RpmHeader {
 public:
  // [RPM documentation, "Tags"]
  enum class Tag : std::uint32_t {
    Name = 1000,
    Version = 1001,
    Release = 1002,
    Epoch = 1003,
    Vendor = 1011,
    License = 1014,
    Architecture = 1022,
    FileFlags = 1037,
    SourceRpm = 1044,
    DirectoryNumbers = 1116,
    BaseNames = 1117,
    DirectoryNames = 1118,
  };

  // Nothing when it is no header. `blob` must outlive the object.
  static std::optional<RpmHeader> parse(std::string_view blob);

  // The first string of the tag; empty when there is none.
  std::string_view text(Tag tag) const;
  // All of them.
  std::vector<std::string_view> texts(Tag tag) const;
  std::vector<std::uint32_t> numbers(Tag tag) const;

 private:
  RpmHeader(std::string_view index, std::string_view data)
      : index_(index, codec::Numbers::Order::Big), data_(data) {}
  struct Entry {
    std::uint32_t type = 0;
    std::uint32_t offset = 0;
    std::uint32_t count = 0;
  };
  std::optional<Entry> find(Tag tag) const;

  codec::Numbers index_;
  std::string_view data_;
};

}  // namespace tare::trust
