// SPDX-License-Identifier: Apache-2.0
// Layers in the form zstd:chunked, by their list of files: which frames of the blob are which file,
// and what of the blob has to come when some of the files are here. Pure; docs/decisions/0018.
// Private to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "oci/manifest.h"

namespace tare::image {

constexpr std::uint64_t kMaxToc = 64 << 20;  // Of the list of files, uncompressed.

// Where the list of files ("TOC") is in a layer's blob.
struct ChunkedPlace {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // Compressed.
  std::uint64_t uncompressed = 0;
  Digest checksum;  // Of the compressed bytes.
  // The tar is in the frames before this; the list is in a frame that decompressors skip.
  std::uint64_t frames_end() const { return offset - 8; }
  bool operator==(const ChunkedPlace&) const = default;
};

// What the annotations of a layer's descriptor say; nothing when they do not, or cannot be right.
std::optional<ChunkedPlace> chunked_place(const oci::Descriptor& layer);

// A regular file: the frames [begin, end) of the blob are its content and nothing else.
struct ChunkedFile {
  Digest digest;
  std::uint64_t size = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// The files that a list names, in the order of the blob; those without content are left out, and so
// is what the list tells about them. `frames_end`: no frame may be behind. Errors: Invalid.
Result<std::vector<ChunkedFile>> parse_toc(std::string_view text, std::uint64_t frames_end);

// A piece of the blob: to be fetched, or a file that is here.
struct ChunkedPiece {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool is_here = false;
  ChunkedFile file;  // When it is here.
};
struct ChunkedPlan {
  std::vector<ChunkedPiece> pieces;  // Together all of [0, frames_end).
  std::uint64_t fetched = 0;         // Bytes of those that are not here.
  std::size_t fetches = 0;
};
// Small files are fetched with what is around them, also when they are here: to ask for one more
// part takes longer, and a registry is asked for a few hundred parts at most.
using IsHere = std::function<bool(const ChunkedFile&)>;
ChunkedPlan plan_pieces(const std::vector<ChunkedFile>& files, std::uint64_t frames_end,
                        const IsHere& is_here);
// Whether it saves enough of a blob of so many bytes to be worth it.
bool is_worth_it(const ChunkedPlan& plan, const ChunkedPlace& place, std::uint64_t blob_bytes);

}  // namespace tare::image
