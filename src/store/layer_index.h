// SPDX-License-Identifier: Apache-2.0
// The index of a layer: what is in it, without walking or unpacking anything.
// docs/formats/layers.md
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "codec/tar.h"
#include "sys/fd.h"

namespace tare::store {

using RawDigest = std::array<unsigned char, 32>;
inline std::string_view bytes_of(const RawDigest& raw) {
  return {reinterpret_cast<const char*>(raw.data()), raw.size()};
}
RawDigest raw_digest(const Digest& digest);  // Of a non-empty one.
Digest digest_of(const RawDigest& raw);

constexpr std::uint64_t kPackAlign = 4096;        // Blocks of EROFS.
constexpr std::uint64_t kShareAbove = 4096;       // Contents of more bytes are kept once.
constexpr std::uint64_t kObjectAbove = 16 << 10;  // ... and are objects, where those are used.
constexpr std::uint16_t kNowhere = 0xffff;        // No content.
constexpr std::uint16_t kInObject = 0xfffe;       // In the object of its digest.
constexpr std::size_t kMaxReferences = 0xff00;

// Where the bytes of a file are.
struct ContentPlace {
  std::uint16_t pack = kNowhere;  // 0: the layer's own; n: of reference n.
  std::uint64_t offset = 0;
  RawDigest digest{};
};

struct IndexEntry {
  tar::Type type = tar::Type::Regular;
  bool sparse = false;  // Its content is not in the tar as it is: the residue has it.
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  UnixNanos mtime = 0;
  std::uint64_t size = 0;
  ContentPlace content;
  std::string_view path;
  std::string_view link;
  std::vector<std::pair<std::string_view, std::string_view>> xattrs;
};

// A content that a pack holds.
struct Sum {
  RawDigest digest{};
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
static_assert(sizeof(Sum) == 48);  // As on disk.

struct IndexSummary {
  std::uint64_t entries = 0;
  std::uint64_t tar_bytes = 0;
  std::uint64_t content_bytes = 0;  // Of the regular files: what Docker calls the size of a layer.
  std::uint64_t pack_bytes = 0;
  UnixNanos newest = 0;
};

// Collects entries in memory; finish() gives the file.
class IndexWriter {
 public:
  void add(const IndexEntry& entry);
  // `sums` need not be sorted. Errors: Invalid (too many references).
  Result<std::string> finish(IndexSummary summary, const std::vector<Digest>& references,
                             std::vector<Sum> sums) const;
  std::size_t bytes() const { return entries_.size(); }

 private:
  std::string entries_;
  std::uint64_t count_ = 0;
};

// An index in memory, checked: what it gives was written by finish(), or the check sum of somebody
// who wants to fool us. So every length is bounded all the same.
class LayerIndex {
 public:
  // Takes the whole file. Errors: Corrupt.
  static Result<LayerIndex> parse(std::string bytes);
  // The sums of a file in memory, unchecked but within it; none when it cannot be an index.
  static std::span<const Sum> sums_of(std::string_view bytes);

  const IndexSummary& summary() const { return summary_; }
  const std::vector<Digest>& references() const { return references_; }
  const std::vector<Sum>& sums() const { return sums_; }

  // Calls `take` for each entry, in order; stops at the first error. The views live as long as the
  // index. Errors: Corrupt; what `take` returns.
  template <typename Take>
  Result<> each(const Take& take) const {
    std::size_t at = 0;
    IndexEntry entry;
    while (at < entries_bytes_) {
      TRY(read_entry(at, entry));
      TRY(take(entry));
    }
    return {};
  }

 private:
  Result<> read_entry(std::size_t& at, IndexEntry& entry) const;
  Result<> check_content(const IndexEntry& entry) const;

  std::string bytes_;
  std::size_t entries_at_ = 0;
  std::size_t entries_bytes_ = 0;
  IndexSummary summary_;
  std::vector<Digest> references_;
  std::vector<Sum> sums_;
};

}  // namespace tare::store
