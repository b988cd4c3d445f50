// SPDX-License-Identifier: Apache-2.0
// One table of an SQLite file: rows by walking the tree of its pages. No query, no schema that is
// more than a page number. [SQLite documentation, "Database File Format", 1.3 to 2.6]
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "codec/bytes.h"
#include "trust/rpm_database.h"

namespace tare::trust {
namespace {

using codec::Numbers;

constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kFileHeader = 100;

// 7 bits a byte, the highest first; the ninth has 8. Moves `at` behind it.
std::uint64_t read_varint(const Numbers& bytes, std::uint64_t& at) {
  constexpr int kLast = 8;
  std::uint64_t value = 0;
  for (int i = 0; i < kLast; ++i) {
    const std::uint8_t byte = bytes.u8(at++);
    value = (value << 7) | (byte & 0x7fU);
    if ((byte & 0x80U) == 0) return value;
  }
  return (value << 8) | bytes.u8(at++);
}

// The columns of a row, as bytes; fewer when it is broken.
std::vector<std::string_view> columns_of(std::string_view row, std::size_t most) {
  const Numbers bytes(row, Numbers::Order::Big);
  std::vector<std::string_view> columns;
  std::uint64_t type_at = 0;
  const std::uint64_t header = read_varint(bytes, type_at);
  std::uint64_t at = header;
  while (type_at < header && header <= row.size() && columns.size() < most) {
    constexpr std::uint64_t kFirstText = 12;
    constexpr std::uint8_t kSizes[kFirstText] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
    const std::uint64_t type = read_varint(bytes, type_at);
    const std::uint64_t size = type < kFirstText ? kSizes[type] : (type - kFirstText) / 2;
    if (!bytes.has(at, size)) break;
    columns.push_back(row.substr(at, size));
    at += size;
  }
  return columns;
}

class Tables {
 public:
  explicit Tables(std::string_view file) : file_(file, Numbers::Order::Big) {
    constexpr std::size_t kLargest = 64 << 10;  // Written as 1.
    page_size_ = file_.u16(16) == 1 ? kLargest : file_.u16(16);
    usable_ = page_size_ - file_.u8(20);
  }

  bool is_usable() const {
    constexpr std::size_t kSmallest = 512;
    constexpr std::size_t kSmallestUsable = 480;
    return page_size_ >= kSmallest && usable_ >= kSmallestUsable && usable_ <= page_size_;
  }

  // `take(row)` for each row of the table whose first page is `root`. False when it is damaged.
  template <typename Take>
  bool each_row(std::uint64_t root, const Take& take) {
    constexpr std::uint8_t kInner = 5;
    constexpr std::uint8_t kLeaf = 13;
    used_.assign(file_.size() / page_size_ + 1, false);  // Pages are counted from 1.
    std::vector<std::uint64_t> pages{root};
    while (!pages.empty()) {
      const std::uint64_t number = pages.back();
      pages.pop_back();
      const auto page = use(number);
      if (!page) return false;
      const std::uint64_t head = number == 1 ? kFileHeader : 0;
      const std::uint8_t type = page->u8(head);
      const std::uint64_t cells = page->u16(head + 3);
      if (type == kInner)
        add_children(*page, head, cells, pages);
      else if (type != kLeaf || !each_cell(*page, head + kLeafHead, cells, take))
        return false;
      if (pages.size() > used_.size()) return false;  // More than there are.
    }
    return true;
  }

 private:
  static constexpr std::uint64_t kLeafHead = 8;
  static constexpr std::uint64_t kInnerHead = 12;

  // A page that was not used yet.
  std::optional<Numbers> use(std::uint64_t number) {
    if (number == 0 || number >= used_.size() || used_[number]) return std::nullopt;
    used_[number] = true;
    return Numbers(file_.part((number - 1) * page_size_, page_size_), Numbers::Order::Big);
  }

  static void add_children(const Numbers& page, std::uint64_t head, std::uint64_t cells,
                           std::vector<std::uint64_t>& pages) {
    pages.push_back(page.u32(head + 8));
    for (std::uint64_t i = cells; i-- > 0;)  // Lowest first.
      pages.push_back(page.u32(page.u16(head + kInnerHead + i * 2)));
  }

  template <typename Take>
  bool each_cell(const Numbers& page, std::uint64_t places, std::uint64_t cells, const Take& take) {
    if (!page.has(places, cells * 2)) return false;
    std::uint64_t taken = 0;
    for (std::uint64_t i = 0; i < cells; ++i) {
      std::uint64_t at = page.u16(places + i * 2);
      const std::uint64_t size = read_varint(page, at);
      (void)read_varint(page, at);  // The row's number.
      const std::uint64_t here = local_bytes(size);
      const std::string_view local = page.part(at, here);
      taken += here;
      if (local.size() != here || taken > page_size_) return false;  // They overlap.
      if (here == size) {
        take(local);
      } else if (gather(local, size, page.u32(at + here))) {
        take(std::string_view(row_));
      } else {
        return false;
      }
    }
    return true;
  }

  // How much of a row of `size` bytes is on the page itself. [1.6]
  std::uint64_t local_bytes(std::uint64_t size) const {
    const std::uint64_t most = usable_ - 35;
    if (size <= most) return size;
    const std::uint64_t least = (usable_ - 12) * 32 / 255 - 23;
    const std::uint64_t wanted = least + (size - least) % (usable_ - 4);
    return wanted <= most ? wanted : least;
  }

  // The rest of it, from a chain of pages.
  bool gather(std::string_view local, std::uint64_t size, std::uint64_t number) {
    if (size > file_.size()) return false;
    row_ = local;
    while (row_.size() < size) {
      const auto page = use(number);
      if (!page) return false;
      row_ += page->part(4, std::min<std::uint64_t>(size - row_.size(), usable_ - 4));
      number = page->u32(0);
    }
    return true;
  }

  Numbers file_;
  std::uint64_t page_size_ = 0;
  std::uint64_t usable_ = 0;  // Of a page.
  std::vector<bool> used_;
  std::string row_;
};

}  // namespace

bool is_rpm_sqlite(std::string_view database) { return database.starts_with(kMagic); }

bool each_in_sqlite(std::string_view database, const TakeHeader& take) {
  Tables tables(database);
  if (!tables.is_usable()) return false;
  std::uint64_t root = 0;
  // type, name, table, first page, sql
  const bool has_schema = tables.each_row(1, [&](std::string_view row) {
    const auto columns = columns_of(row, 4);
    if (columns.size() == 4 && columns[0] == "table" && columns[1] == "Packages")
      root = Numbers(columns[3], Numbers::Order::Big)
                 .number(0, std::min<std::size_t>(columns[3].size(), 8));
  });
  if (!has_schema || root == 0) return false;
  bool is_whole = true;
  const bool was_read = tables.each_row(root, [&](std::string_view row) {
    const auto columns = columns_of(row, 2);  // Its number, the header.
    if (columns.size() == 2)
      take(columns[1]);
    else
      is_whole = false;
  });
  return was_read && is_whole;
}

}  // namespace tare::trust
