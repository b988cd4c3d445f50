// SPDX-License-Identifier: Apache-2.0
#include "codec/tar_sparse.h"

#include <fmt/format.h>

#include "base/text.h"

namespace tare::tar {
namespace {

constexpr Field kOffset{0, 12};
constexpr Field kLength{12, 12};
constexpr std::size_t kExtent = 24;  // Bytes of one extent in the old format.

std::unexpected<Error> malformed() { return fail(Kind::Corrupt, "a sparse map is malformed"); }

std::unexpected<Error> too_large(std::size_t limit_bytes) {
  return fail(Kind::Invalid,
              fmt::format("a sparse map is larger than the limit of {} bytes", limit_bytes));
}

Result<std::uint64_t> parse_count(std::string_view text) {
  const auto number = parse_u64(text);
  if (!number) return malformed();
  return *number;
}

Result<std::uint64_t> parse_size_field(std::string_view field) {
  const std::int64_t number = TRY(parse_field(field));
  if (number < 0) return malformed();
  return static_cast<std::uint64_t>(number);
}

// Up to the first extent that is blank.
Result<> add_gnu_extents(std::string_view table, std::vector<Extent>& extents) {
  for (; table.size() >= kExtent && table[0] != '\0'; table.remove_prefix(kExtent)) {
    Extent extent;
    extent.offset = TRY(parse_size_field(table.substr(kOffset.offset, kOffset.size)));
    extent.length = TRY(parse_size_field(table.substr(kLength.offset, kLength.size)));
    extents.push_back(extent);
  }
  return {};
}

// "offset,length,offset,length..." of format 0.1.
Result<std::vector<Extent>> parse_map(std::string_view text) {
  std::vector<Extent> extents;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) return malformed();
    const std::size_t end = std::min(text.find(',', comma + 1), text.size());
    Extent extent;
    extent.offset = TRY(parse_count(text.substr(0, comma)));
    extent.length = TRY(parse_count(text.substr(comma + 1, end - comma - 1)));
    extents.push_back(extent);
    text.remove_prefix(end);
    if (text == ",") return malformed();
    if (!text.empty()) text.remove_prefix(1);
  }
  return extents;
}

// Numbers on lines of their own, in as many blocks as they need: the map of format 1.0.
class MapLines {
 public:
  MapLines(Input& input, std::uint64_t& stored, std::size_t limit_bytes)
      : input_(input), stored_(stored), limit_bytes_(limit_bytes) {}

  Result<std::uint64_t> number() {
    std::string line;
    for (;;) {
      if (at_ == block_.bytes().size()) TRY(next_block());
      const char c = block_.bytes()[at_++];
      if (c == '\n') return parse_count(line);
      line += c;
      if (line.size() > 20) return malformed();
    }
  }

 private:
  Result<> next_block() {
    if (stored_ < kBlock) return malformed();
    if (used_ + kBlock > limit_bytes_) return too_large(limit_bytes_);
    const auto block = TRY(input_.block());
    if (!block) return fail(Kind::Corrupt, "the archive ends too early");
    block_ = *block;
    at_ = 0;
    stored_ -= kBlock;
    used_ += kBlock;
    return {};
  }

  Input& input_;
  std::uint64_t& stored_;
  std::size_t limit_bytes_;
  std::size_t used_ = 0;
  Block block_;
  std::size_t at_ = kBlock;
};

Result<std::vector<Extent>> read_map(Input& input, std::uint64_t& stored, std::size_t limit_bytes) {
  MapLines lines(input, stored, limit_bytes);
  const std::uint64_t count = TRY(lines.number());
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < count; ++i) {
    Extent extent;
    extent.offset = TRY(lines.number());
    extent.length = TRY(lines.number());
    extents.push_back(extent);
  }
  return extents;
}

}  // namespace

Result<SparseMap> read_gnu_sparse(const Block& header, Input& input, std::size_t limit_bytes) {
  SparseMap map;
  map.real_size = TRY(parse_size_field(header.raw(field::kGnuRealSize)));
  TRY(add_gnu_extents(header.raw(field::kGnuSparse), map.extents));
  bool more = header.raw(field::kGnuExtended)[0] != '\0';
  for (std::size_t used = kBlock; more; used += kBlock) {
    if (used > limit_bytes) return too_large(limit_bytes);
    const auto block = TRY(input.block());
    if (!block) return fail(Kind::Corrupt, "the archive ends too early");
    TRY(add_gnu_extents(block->raw(field::kGnuMoreSparse), map.extents));
    more = block->raw(field::kGnuMoreExtended)[0] != '\0';
  }
  return map;
}

Result<std::optional<SparseMap>> read_pax_sparse(const PaxRecords& records, Input& input,
                                                 std::uint64_t& stored, std::size_t limit_bytes) {
  const std::string* major = records.find("GNU.sparse.major");
  const std::string* minor = records.find("GNU.sparse.minor");
  const std::string* text = records.find("GNU.sparse.map");
  const std::string* size = records.find("GNU.sparse.size");
  const bool lines = major != nullptr || minor != nullptr;
  if (lines) {
    size = records.find("GNU.sparse.realsize");
    if (major == nullptr || minor == nullptr || *major != "1" || *minor != "0")
      return fail(Kind::Unsupported, "an unknown format of sparse files");
    if (text != nullptr || !records.extents.empty()) return malformed();
  } else if (size == nullptr && text == nullptr && records.extents.empty()) {
    return std::nullopt;
  }
  if (size == nullptr || (text != nullptr && !records.extents.empty())) return malformed();
  SparseMap map;
  map.real_size = TRY(parse_count(*size));
  if (lines)
    map.extents = TRY(read_map(input, stored, limit_bytes));
  else if (text != nullptr)
    map.extents = TRY(parse_map(*text));
  else
    map.extents = records.extents;
  return map;
}

Result<> check_sparse(const SparseMap& map, std::uint64_t stored) {
  std::uint64_t end = 0;
  std::uint64_t sum = 0;
  for (const Extent& extent : map.extents) {
    if (extent.offset < end || extent.offset > map.real_size ||
        extent.length > map.real_size - extent.offset)
      return malformed();
    end = extent.offset + extent.length;
    sum += extent.length;  // At most the real size.
  }
  if (sum != stored) return malformed();
  return {};
}

}  // namespace tare::tar
