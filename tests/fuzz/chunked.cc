// SPDX-License-Identifier: Apache-2.0
// Lists of files of layers in the form zstd:chunked: what is accepted is in order and within the
// blob, and whatever is here, the pieces are all of it.
#include "image/chunked.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(chunked) {
  constexpr std::uint64_t kEnd = 1 << 20;
  oci::Descriptor layer;
  layer.size = kEnd;
  layer.annotations = {
      {"io.containers.zstd-chunked.manifest-position", std::string(bytes)},
      {"io.containers.zstd-chunked.manifest-checksum", "sha256:" + std::string(64, 'a')}};
  if (const auto place = image::chunked_place(layer)) {
    FUZZ_CHECK(place->frames_end() < kEnd);
    FUZZ_CHECK(place->offset + place->bytes <= kEnd);
  }
  const auto files = image::parse_toc(bytes, kEnd);
  if (!files) return;
  const auto plan = image::plan_pieces(
      *files, kEnd, [](const image::ChunkedFile& file) { return file.size % 2 == 0; });
  std::uint64_t at = 0;
  std::uint64_t fetched = 0;
  for (const image::ChunkedPiece& piece : plan.pieces) {
    FUZZ_CHECK(piece.begin == at);
    FUZZ_CHECK(piece.end > at);
    if (!piece.is_here) fetched += piece.end - piece.begin;
    at = piece.end;
  }
  FUZZ_CHECK(at == kEnd);
  FUZZ_CHECK(fetched == plan.fetched);
}
