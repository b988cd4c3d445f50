// SPDX-License-Identifier: Apache-2.0
// Compressed streams: gzip [RFC 1952], zstd [RFC 8878], xz and bzip2, recognised by their first
// bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "codec/stream.h"

namespace tare::codec {

enum class Compression : std::uint8_t { None, Gzip, Zstd, Xz, Bzip2 };

// By magic number; None for everything unknown. 6 bytes are enough.
Compression detect_compression(std::string_view first_bytes);

// Reads `inner` and gives the uncompressed bytes; detects the format itself. Concatenated gzip
// members, zstd frames and bzip2 streams are one stream, as the tools treat them. `limit` bounds
// the output bytes: a bomb ends in an Invalid error. `inner` must outlive the result and is read
// ahead. Memory: 0.5 MiB and the window that the data asks for: gzip 32 KiB, bzip2 4 MiB, zstd and
// xz usually 8 MiB, above 64 MiB they are refused. Anything but another member after the end
// (padding, garbage) is an error, because tools differ in what they do with it. Errors: Corrupt.
Result<std::unique_ptr<Source>> decompress(Source& inner, std::uint64_t limit);
// The same, telling what it found.
struct Decompressed {
  Compression format;
  std::unique_ptr<Source> source;
};
Result<Decompressed> decompress_detected(Source& inner, std::uint64_t limit);

// Compresses into `inner`, which must outlive the result. The same bytes in give the same bytes out
// (no time, no name in the gzip header; one thread) from the same program: gzip is by zlib (level
// 6) or, where the program links codec_isal, by ISA-L. finish() must be called. Errors: Unsupported
// (xz and bzip2 are only read).
Result<std::unique_ptr<Sink>> compress(Compression format, Sink& inner);

}  // namespace tare::codec
