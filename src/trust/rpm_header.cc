// SPDX-License-Identifier: Apache-2.0
#include "trust/rpm_header.h"

#include <algorithm>

namespace tare::trust {
namespace {

constexpr std::size_t kIntro = 8;              // Two numbers: of entries, of bytes of data.
constexpr std::size_t kEntry = 16;             // Tag, type, offset, count.
constexpr std::uint32_t kMostEntries = 65535;  // rpm has some 400 tags.

enum Type : std::uint32_t { kInt32 = 4, kString = 6, kStringArray = 8, kI18nString = 9 };

bool is_text(std::uint32_t type) {
  return type == kString || type == kStringArray || type == kI18nString;
}

}  // namespace

std::optional<RpmHeader> RpmHeader::parse(std::string_view blob) {
  const codec::Numbers numbers(blob, codec::Numbers::Order::Big);
  const std::uint64_t entries = numbers.u32(0);
  const std::uint64_t bytes = numbers.u32(4);
  if (entries == 0 || entries > kMostEntries || !numbers.has(kIntro, entries * kEntry + bytes))
    return std::nullopt;
  return RpmHeader(blob.substr(kIntro, entries * kEntry),
                   blob.substr(kIntro + entries * kEntry, bytes));
}

std::optional<RpmHeader::Entry> RpmHeader::find(Tag tag) const {
  for (std::size_t at = 0; at < index_.size(); at += kEntry) {
    if (index_.u32(at) != static_cast<std::uint32_t>(tag)) continue;
    const Entry entry{
        .type = index_.u32(at + 4), .offset = index_.u32(at + 8), .count = index_.u32(at + 12)};
    if (entry.offset >= data_.size()) return std::nullopt;
    return entry;
  }
  return std::nullopt;
}

std::vector<std::string_view> RpmHeader::texts(Tag tag) const {
  std::vector<std::string_view> texts;
  const auto entry = find(tag);
  if (!entry || !is_text(entry->type)) return texts;
  std::string_view rest = data_.substr(entry->offset);
  for (std::uint32_t i = 0; i < entry->count; ++i) {
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) break;
    texts.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return texts;
}

std::string_view RpmHeader::text(Tag tag) const {
  const auto entry = find(tag);
  if (!entry || !is_text(entry->type) || entry->count == 0) return {};
  const std::string_view rest = data_.substr(entry->offset);
  const std::size_t end = rest.find('\0');
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

std::vector<std::uint32_t> RpmHeader::numbers(Tag tag) const {
  std::vector<std::uint32_t> numbers;
  const auto entry = find(tag);
  if (!entry || entry->type != kInt32) return numbers;
  const codec::Numbers data(data_, codec::Numbers::Order::Big);
  const std::uint64_t there = (data_.size() - entry->offset) / sizeof(std::uint32_t);
  const std::uint64_t count = std::min<std::uint64_t>(entry->count, there);
  for (std::uint64_t i = 0; i < count; ++i)
    numbers.push_back(data.u32(entry->offset + i * sizeof(std::uint32_t)));
  return numbers;
}

}  // namespace tare::trust
