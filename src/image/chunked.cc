// SPDX-License-Identifier: Apache-2.0
#include "image/chunked.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "codec/json.h"

namespace tare::image {
namespace {

constexpr std::uint64_t kFrameHeader = 8;        // Of a skippable frame. [RFC 8878 3.1.2]
constexpr std::uint64_t kLeastPiece = 16 << 10;  // As many bytes as a request is worth.
constexpr std::size_t kMostFetches = 256;
constexpr std::uint64_t kLeastSaved = 1 << 20;
constexpr std::size_t kMostValues = 1'000'000;  // Some 80,000 files.

// The second is what writers before 2023 say. Neither is in a specification.
constexpr std::array<std::string_view, 2> kPrefixes = {"io.github.containers.zstd-chunked.",
                                                       "io.containers.zstd-chunked."};

const std::string& annotation(const oci::Annotations& annotations, std::string_view name) {
  static const std::string none;
  for (const std::string_view prefix : kPrefixes)
    if (const auto found = annotations.find(std::string(prefix) + std::string(name));
        found != annotations.end())
      return found->second;
  return none;
}

std::optional<ChunkedFile> read_file(const json::Value& entry) {
  const auto digest = Digest::parse(entry["digest"].as_string());
  if (entry["type"].as_string() != "reg" || !digest) return std::nullopt;
  ChunkedFile file{.digest = *digest,
                   .size = entry["size"].as_uint(),
                   .begin = entry["offset"].as_uint(),
                   .end = entry["endOffset"].as_uint()};
  if (file.size == 0) return std::nullopt;
  return file;
}

ChunkedPlan plan_from(const std::vector<ChunkedFile>& files, std::uint64_t frames_end,
                      std::uint64_t least, const IsHere& is_here) {
  ChunkedPlan plan;
  std::uint64_t at = 0;
  const auto fetch_to = [&](std::uint64_t end) {
    if (end == at) return;
    plan.pieces.push_back({.begin = at, .end = end, .is_here = false, .file = {}});
    plan.fetched += end - at;
    ++plan.fetches;
  };
  for (const ChunkedFile& file : files) {
    if (file.end - file.begin < least || !is_here(file)) continue;
    fetch_to(file.begin);
    plan.pieces.push_back({.begin = file.begin, .end = file.end, .is_here = true, .file = file});
    at = file.end;
  }
  fetch_to(frames_end);
  return plan;
}

}  // namespace

std::optional<ChunkedPlace> chunked_place(const oci::Descriptor& layer) {
  const auto words = split(annotation(layer.annotations, "manifest-position"), ':');
  const auto checksum = Digest::parse(annotation(layer.annotations, "manifest-checksum"));
  if (words.size() != 4 || words[3] != "1" || !checksum) return std::nullopt;
  const auto offset = parse_u64(words[0]);
  const auto bytes = parse_u64(words[1]);
  const auto uncompressed = parse_u64(words[2]);
  if (!offset || !bytes || !uncompressed) return std::nullopt;
  if (*offset <= kFrameHeader || *offset > layer.size || *bytes == 0 ||
      *bytes > layer.size - *offset || *bytes > kMaxToc || *uncompressed > kMaxToc)
    return std::nullopt;
  return ChunkedPlace{
      .offset = *offset, .bytes = *bytes, .uncompressed = *uncompressed, .checksum = *checksum};
}

Result<std::vector<ChunkedFile>> parse_toc(std::string_view text, std::uint64_t frames_end) {
  const json::Value toc = TRY(json::parse(text, {.bytes = kMaxToc, .values = kMostValues}));
  if (toc["version"].as_int() != 1)
    return fail(Kind::Invalid, "the list of files is not of version 1");
  std::vector<ChunkedFile> files;
  for (const json::Value& entry : toc["entries"].as_array())
    if (auto file = read_file(entry)) files.push_back(std::move(*file));
  std::ranges::sort(files, {}, &ChunkedFile::begin);
  std::uint64_t at = 0;
  for (const ChunkedFile& file : files) {
    if (file.begin < at || file.end <= file.begin || file.end > frames_end)
      return fail(Kind::Invalid, "the list of files has a file where none can be");
    at = file.end;
  }
  return files;
}

ChunkedPlan plan_pieces(const std::vector<ChunkedFile>& files, std::uint64_t frames_end,
                        const IsHere& is_here) {
  for (std::uint64_t least = kLeastPiece;; least *= 2) {
    ChunkedPlan plan = plan_from(files, frames_end, least, is_here);
    if (plan.fetches <= kMostFetches) return plan;
  }
}

bool is_worth_it(const ChunkedPlan& plan, const ChunkedPlace& place, std::uint64_t blob_bytes) {
  const std::uint64_t comes = plan.fetched + place.bytes;  // Both are less than the blob.
  return comes <= blob_bytes / 2 && blob_bytes - comes >= kLeastSaved;
}

}  // namespace tare::image
