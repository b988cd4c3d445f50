// SPDX-License-Identifier: Apache-2.0
#include "trust/rpm_database.h"

#include <optional>
#include <string>
#include <vector>

#include "codec/bytes.h"

namespace tare::trust {

using codec::Numbers;

bool each_rpm_header(std::string_view database, const TakeHeader& take) {
  if (is_rpm_sqlite(database)) return each_in_sqlite(database, take);
  if (is_rpm_ndb(database)) return each_in_ndb(database, take);
  if (is_rpm_hash(database)) return each_in_hash(database, take);
  return false;
}

namespace {

constexpr std::uint64_t kBlock = 16;  // Of ndb: slots and blobs are multiples of it.

}  // namespace

bool is_rpm_ndb(std::string_view database) { return database.starts_with("RpmP"); }

bool each_in_ndb(std::string_view database, const TakeHeader& take) {
  constexpr std::uint64_t kPage = 4096;
  constexpr std::uint64_t kFirstSlot = 32;
  constexpr std::uint64_t kHead = 16;  // Magic, package, generation, length.
  constexpr std::uint64_t kTail = 12;  // Checksum, length, magic.
  const Numbers numbers(database);
  const std::uint64_t slots_end = numbers.u32(12) * kPage;
  if (numbers.u32(4) != 0 || slots_end == 0 || slots_end > database.size()) return false;
  std::uint64_t taken = 0;
  for (std::uint64_t slot = kFirstSlot; slot < slots_end; slot += kBlock) {
    if (numbers.part(slot, 4) != "Slot") return false;
    const std::uint64_t at = numbers.u32(slot + 8) * kBlock;
    if (at == 0) continue;  // Free.
    const std::uint64_t size = numbers.u32(at + 12);
    const std::uint64_t room = numbers.u32(slot + 12) * kBlock;
    if (numbers.part(at, 4) != "BlbS" || numbers.u32(at + 4) != numbers.u32(slot + 4) ||
        size + kHead + kTail > room || !numbers.has(at, room))
      return false;
    taken += room;
    if (taken > database.size()) return false;  // They overlap.
    take(database.substr(at + kHead, size));
  }
  return true;
}

namespace {

// A hash of Berkeley DB. Its numbers have the order of the machine that wrote it.
class HashFile {
 public:
  static std::optional<HashFile> open(std::string_view database) {
    constexpr std::uint32_t kMagic = 0x061561;
    for (const Numbers::Order order : {Numbers::Order::Little, Numbers::Order::Big}) {
      const Numbers numbers(database, order);
      if (numbers.u32(12) == kMagic) return HashFile(numbers, order);
    }
    return std::nullopt;
  }

  bool each(const TakeHeader& take) {
    constexpr std::uint8_t kUnsorted = 2;
    constexpr std::uint8_t kSorted = 13;
    constexpr std::size_t kSmallest = 512;
    constexpr std::size_t kLargest = 64 << 10;
    const bool is_encrypted = file_.u8(24) != 0;
    if (page_size_ < kSmallest || page_size_ > kLargest || is_encrypted) return false;
    const std::uint64_t pages = file_.size() / page_size_;
    used_.resize(pages);
    bool is_whole = pages == file_.u32(32) + 1ULL;  // The last one's number.
    for (std::uint64_t number = 1; number < pages; ++number) {
      const Numbers page(file_.part(number * page_size_, page_size_), order_);
      const std::uint8_t type = page.u8(25);
      if (type == kUnsorted || type == kSorted) is_whole = each_on(page, take) && is_whole;
    }
    return is_whole;
  }

 private:
  static constexpr std::size_t kHead = 26;  // Of a page; then come the places of its items.

  HashFile(const Numbers& file, Numbers::Order order)
      : file_(file), order_(order), page_size_(file.u32(20)) {}

  // Items lie from the end of the page to its front: a key, its value, the next key.
  bool each_on(const Numbers& page, const TakeHeader& take) {
    constexpr std::uint8_t kHere = 1;
    constexpr std::uint8_t kElsewhere = 3;
    const std::uint64_t items = page.u16(20);
    if (!page.has(kHead, items * 2)) return false;
    for (std::uint64_t i = 1; i < items; i += 2) {
      const std::uint64_t at = page.u16(kHead + i * 2);
      const std::uint64_t end = page.u16(kHead + (i - 1) * 2);
      if (at < kHead || end <= at || !page.has(at, end - at)) return false;
      if (page.u8(at) == kHere) {
        take(page.part(at + 1, end - at - 1));
      } else if (page.u8(at) == kElsewhere) {
        if (!gather(page.u32(at + 4), page.u32(at + 8))) return false;
        take(value_);
      } else {
        return false;  // rpm has no duplicates.
      }
    }
    return true;
  }

  // What is too large for a page, from a chain of pages.
  bool gather(std::uint64_t number, std::uint64_t size) {
    constexpr std::uint8_t kOverflow = 7;
    value_.clear();
    while (number != 0 && value_.size() < size) {
      if (number >= used_.size() || used_[number]) return false;
      used_[number] = true;
      const Numbers page(file_.part(number * page_size_, page_size_), order_);
      if (page.u8(25) != kOverflow || !page.has(kHead, page.u16(22))) return false;
      value_ += page.part(kHead, page.u16(22));
      number = page.u32(16);
    }
    return value_.size() == size;
  }

  Numbers file_;
  Numbers::Order order_;
  std::uint64_t page_size_;
  std::vector<bool> used_;
  std::string value_;
};

}  // namespace

bool is_rpm_hash(std::string_view database) { return HashFile::open(database).has_value(); }

bool each_in_hash(std::string_view database, const TakeHeader& take) {
  auto file = HashFile::open(database);
  return file && file->each(take);
}

}  // namespace tare::trust
