// SPDX-License-Identifier: Apache-2.0
#include "audit/ld_cache.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace tare::audit {
namespace {

constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
constexpr std::string_view kOldMagic = "ld.so-1.7.0";
constexpr std::size_t kHeaderSize = 48;
constexpr std::size_t kEntrySize = 24;
constexpr std::size_t kOldHeaderSize = 16;
constexpr std::size_t kOldEntrySize = 12;
constexpr std::size_t kMaxName = 4096;
constexpr unsigned char kOrderUnknown = 0;  // Written before glibc 2.33.
constexpr unsigned char kLittle = 2;
constexpr unsigned char kBig = 3;
constexpr unsigned char kOurOrder = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? kLittle : kBig;

template <typename T>
T number_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(Kind::Corrupt, "damaged ld.so.cache: " + std::string(what));
}

Result<std::string> text_at(std::string_view bytes, std::uint32_t at) {
  if (at >= bytes.size()) return corrupt("a name lies outside the file");
  const std::string_view rest = bytes.substr(at, kMaxName + 1);
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return corrupt("a name has no end");
  return std::string(rest.substr(0, end));
}

// Where the new format begins: at the start, or 8-byte aligned behind the old tables.
Result<std::size_t> find_start(std::string_view bytes) {
  if (bytes.starts_with(kMagic)) return 0;
  if (!bytes.starts_with(kOldMagic) || bytes.size() < kOldHeaderSize)
    return fail(Kind::Unsupported, "ld.so.cache has an unknown format");
  const std::uint64_t count = number_at<std::uint32_t>(bytes, 12);
  const std::uint64_t start = (kOldHeaderSize + count * kOldEntrySize + 7) / 8 * 8;
  if (start >= bytes.size() || !bytes.substr(start).starts_with(kMagic))
    return fail(Kind::Unsupported, "ld.so.cache has only the format of before glibc 2.2");
  return static_cast<std::size_t>(start);
}

}  // namespace

Result<std::vector<CacheEntry>> read_ld_cache(std::string_view bytes) {
  bytes.remove_prefix(TRY(find_start(bytes)));
  if (bytes.size() < kHeaderSize) return corrupt("the header is cut off");
  const auto order = static_cast<unsigned char>(bytes[28]);
  if (order != kOrderUnknown && order != kOurOrder)
    return fail(Kind::Unsupported, "ld.so.cache was written for another byte order");
  const std::uint64_t count = number_at<std::uint32_t>(bytes, 20);
  if (count > (bytes.size() - kHeaderSize) / kEntrySize) return corrupt("too many entries");
  std::vector<CacheEntry> entries;
  entries.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = kHeaderSize + i * kEntrySize;
    CacheEntry entry;
    entry.flags = number_at<std::uint32_t>(bytes, at);
    entry.name = TRY(text_at(bytes, number_at<std::uint32_t>(bytes, at + 4)));
    entry.path = TRY(text_at(bytes, number_at<std::uint32_t>(bytes, at + 8)));
    entry.hwcap = number_at<std::uint64_t>(bytes, at + 16);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string print_ld_cache(std::vector<CacheEntry> entries) {
  // Descending, because that is how the loader's search reads the comparison.
  std::sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
    const int order = compare_cache_names(a.name, b.name);
    return order != 0 ? order > 0 : a.path < b.path;
  });
  std::string table;
  std::string strings;
  const std::size_t strings_start = kHeaderSize + entries.size() * kEntrySize;
  const auto add = [&](const std::string& text) {
    const auto at = static_cast<std::uint32_t>(strings_start + strings.size());
    strings += text;
    strings += '\0';
    return at;
  };
  for (const CacheEntry& entry : entries) {
    put<std::uint32_t>(table, entry.flags);
    put<std::uint32_t>(table, add(entry.name));
    put<std::uint32_t>(table, add(entry.path));
    put<std::uint32_t>(table, 0);
    put<std::uint64_t>(table, entry.hwcap);
  }
  std::string out(kMagic);
  put<std::uint32_t>(out, static_cast<std::uint32_t>(entries.size()));
  put<std::uint32_t>(out, static_cast<std::uint32_t>(strings.size()));
  out += static_cast<char>(kOurOrder);
  out.resize(kHeaderSize, '\0');
  return out + table + strings;
}

int compare_cache_names(std::string_view left, std::string_view right) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto take_number = [&](std::string_view text, std::size_t& at) {
    std::uint64_t value = 0;  // Wraps for absurd names: still a total answer, as in the loader.
    while (at < text.size() && digit(text[at]))
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    return value;
  };
  std::size_t l = 0;
  std::size_t r = 0;
  while (l < left.size()) {
    if (r >= right.size()) return 1;
    if (digit(left[l]) != digit(right[r])) return digit(left[l]) ? 1 : -1;
    if (digit(left[l])) {
      const std::uint64_t a = take_number(left, l);
      const std::uint64_t b = take_number(right, r);
      if (a != b) return a < b ? -1 : 1;
    } else if (left[l] != right[r]) {
      return static_cast<signed char>(left[l]) < static_cast<signed char>(right[r]) ? -1 : 1;
    } else {
      ++l;
      ++r;
    }
  }
  return r < right.size() ? -1 : 0;
}

}  // namespace tare::audit
