// SPDX-License-Identifier: Apache-2.0
// Headers and databases of rpm for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tare::trust::samples {

inline std::string number(std::uint64_t value, std::size_t size, bool big) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i, value >>= 8)
    out[big ? size - 1 - i : i] = static_cast<char>(value & 0xff);
  return out;
}
inline std::string le32(std::uint64_t value) { return number(value, 4, false); }
inline std::string be32(std::uint64_t value) { return number(value, 4, true); }

class Header {
 public:
  Header& text(std::uint32_t tag, const std::vector<std::string>& texts, std::uint32_t type = 8) {
    entry(tag, type, texts.size());
    for (const std::string& each : texts) data_ += each + '\0';
    return *this;
  }
  Header& text(std::uint32_t tag, const std::string& text) {
    return this->text(tag, std::vector{text}, 6);
  }
  Header& numbers(std::uint32_t tag, const std::vector<std::uint32_t>& numbers) {
    data_.resize((data_.size() + 3) / 4 * 4);
    entry(tag, 4, numbers.size());
    for (const std::uint32_t each : numbers) data_ += be32(each);
    return *this;
  }
  std::string bytes() const {
    return be32(index_.size() / 16) + be32(data_.size()) + index_ + data_;
  }

 private:
  void entry(std::uint32_t tag, std::uint32_t type, std::size_t count) {
    index_ += be32(tag) + be32(type) + be32(data_.size()) + be32(count);
  }
  std::string index_;
  std::string data_;
};

inline std::string header(const std::string& name) {
  return Header()
      .text(1000, name)
      .text(1001, "1.5")
      .text(1002, "3.el9")
      .numbers(1003, {2})
      .text(1011, "Example")
      .text(1014, "MIT")
      .text(1022, "x86_64")
      .text(1044, "tools-1.5-3.el9.src.rpm")
      .numbers(1037, {0, 64, 0})
      .numbers(1116, {0, 1, 7})
      .text(1117, std::vector<std::string>{"tool", "tool.log", "lost"})
      .text(1118, std::vector<std::string>{"/usr/bin/", "/var/log/"})
      .bytes();
}

// Packages.db
inline std::string ndb(const std::vector<std::string>& headers) {
  std::string slots = "RpmP" + le32(0) + le32(1) + le32(1) + le32(headers.size() + 1);
  slots.resize(32);
  std::string blobs;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    std::string blob = "BlbS" + le32(i + 1) + le32(1) + le32(headers[i].size()) + headers[i];
    blob.resize((blob.size() + 12 + 15) / 16 * 16 - 12);
    blob += le32(0) + le32(headers[i].size()) + "BlbE";
    slots += "Slot" + le32(i + 1) + le32((4096 + blobs.size()) / 16) + le32(blob.size() / 16);
    blobs += blob;
  }
  while (slots.size() < 4096) slots += "Slot" + le32(0) + le32(0) + le32(0);
  return slots + blobs;
}

// Packages: one page of pairs, the second value on pages of its own.
inline std::string hash(const std::string& small, const std::string& large, bool big = false) {
  constexpr std::size_t kPage = 1024;
  const auto n = [&](std::uint64_t value, std::size_t size) { return number(value, size, big); };
  std::string meta(12, '\0');
  meta += n(0x061561, 4) + n(9, 4) + n(kPage, 4) + '\0' + '\x08';
  meta.resize(32);
  meta += n(1 + (large.size() + kPage - 27) / (kPage - 26), 4);
  meta.resize(kPage);
  std::string places;
  std::string items;  // From the end of the page.
  const auto add = [&](const std::string& item) {
    items = item + items;
    places += n(kPage - items.size(), 2);
  };
  add('\x01' + n(0, 4));
  add('\x01' + n(7, 4));  // rpm's counter.
  add('\x01' + n(1, 4));
  add('\x01' + small);
  add('\x01' + n(2, 4));
  add(std::string("\x03\0\0\0", 4) + n(2, 4) + n(large.size(), 4));
  std::string pairs(20, '\0');
  pairs += n(6, 2) + n(kPage - items.size(), 2) + '\0' + '\x0d' + places;
  pairs.resize(kPage - items.size());
  pairs += items;
  std::string rest;
  for (std::size_t at = 0; at < large.size(); at += kPage - 26) {
    const std::string part = large.substr(at, kPage - 26);
    const bool is_last = at + part.size() == large.size();
    std::string page(16, '\0');
    page += n(is_last ? 0 : 3 + at / (kPage - 26), 4) + n(1, 2) + n(part.size(), 2) + '\0' + '\x07';
    page += part;
    page.resize(kPage);
    rest += page;
  }
  return meta + pairs + rest;
}

}  // namespace tare::trust::samples
