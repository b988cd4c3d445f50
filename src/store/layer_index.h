// SPDX-License-Identifier: Apache-2.0
// The index of a layer: what is in it, without walking or unpacking anything.
// docs/formats/layers.md
#pragma once

#include <array>
#include <cstdint>
#include <memory>
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

// Collects entries, in memory or, when they are many, in an empty file; finish() gives the index.
class IndexWriter {
 public:
  IndexWriter() = default;
  explicit IndexWriter(int spill) : spill_(spill) {}  // Borrowed.

  Result<> add(const IndexEntry& entry);
  // `sums` need not be sorted. Errors: Invalid (too many references).
  Result<> finish(IndexSummary summary, const std::vector<Digest>& references,
                  std::vector<Sum> sums, codec::Sink& sink) const;
  Result<std::string> finish(const IndexSummary& summary, const std::vector<Digest>& references,
                             std::vector<Sum> sums) const;
  std::uint64_t bytes() const { return spilled_ + entries_.size(); }
  std::uint64_t count() const { return count_; }

 private:
  template <typename Take>
  Result<> each_piece(const Take& take) const;  // Of the entries, in order.

  int spill_ = -1;
  std::uint64_t spilled_ = 0;
  std::string entries_;
  std::uint64_t count_ = 0;
};

// An index in memory, checked: what it gives was written by finish(), or the check sum of somebody
// who wants to fool us. So every length is bounded all the same.
class LayerIndex {
 public:
  // Takes the whole file. Errors: Corrupt.
  static Result<LayerIndex> parse(std::string bytes);
  // The same for a file that nobody changes, whose bytes are never in memory all at once.
  static Result<LayerIndex> map(int file);
  // The sums of a file in memory, unchecked but within it; none when it cannot be an index.
  static std::span<const Sum> sums_of(std::string_view bytes);

  const IndexSummary& summary() const { return summary_; }
  const std::vector<Digest>& references() const { return references_; }
  std::span<const Sum> sums() const { return sums_; }

  // Calls `take` for each entry, in order; stops at the first error. The views live as long as the
  // index. Errors: Corrupt; what `take` returns.
  template <typename Take>
  Result<> each(const Take& take) const {
    std::size_t at = 0;
    std::size_t forgotten = 0;
    IndexEntry entry;
    while (at < entries_bytes_) {
      TRY(read_entry(at, entry));
      TRY(take(entry));
      if (at - forgotten >= kForgetEvery) forgotten = forget(forgotten, at);
    }
    return {};
  }

 private:
  class Mapping;
  static constexpr std::size_t kForgetEvery = 8 << 20;

  static Result<LayerIndex> read(LayerIndex index);
  std::string_view all() const { return bytes_ ? std::string_view(*bytes_) : mapped_; }
  // Pages of entries that were read are given back; they come again when they are looked at.
  std::size_t forget(std::size_t from, std::size_t to) const;
  Result<> read_entry(std::size_t& at, IndexEntry& entry) const;
  Result<> check_content(const IndexEntry& entry) const;

  std::shared_ptr<const std::string> bytes_;  // One of the two.
  std::shared_ptr<const Mapping> mapping_;
  std::string_view mapped_;
  std::size_t entries_at_ = 0;
  std::size_t entries_bytes_ = 0;
  IndexSummary summary_;
  std::vector<Digest> references_;
  std::span<const Sum> sums_;
};

}  // namespace tare::store
