// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: what compress.cc needs of each compression library. One decoder or
// encoder per file, so that every library's header stays in one place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "codec/stream.h"

namespace tare::codec {

class Decoder {
 public:
  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    // The member (gzip), frame (zstd), stream (bzip2) or file (xz) is complete and its checksum
    // matches.
    bool finished = false;
  };

  virtual ~Decoder() = default;
  // Makes ready for a new member; called before every one, also the first.
  virtual Result<> start() = 0;
  // Decodes some of `input` into at most `size` bytes at `output`. `last`: nothing follows `input`.
  // No progress with input left or `last` set means that the data is broken off. Errors: Corrupt.
  virtual Result<Step> decode(std::string_view input, bool last, char* output,
                              std::size_t size) = 0;
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  // Encodes all of `input` into `output`; with `last`, ends the stream. The output may depend on
  // how the input is cut, so the caller cuts it the same way always.
  virtual Result<> encode(std::string_view input, bool last, Sink& output) = 0;
};

// Errors of make_*: Unavailable (no memory).
Result<std::unique_ptr<Decoder>> make_zlib_decoder();
Result<std::unique_ptr<Encoder>> make_zlib_encoder();
Result<std::unique_ptr<Decoder>> make_zstd_decoder();
Result<std::unique_ptr<Encoder>> make_zstd_encoder();
Result<std::unique_ptr<Decoder>> make_xz_decoder();
Result<std::unique_ptr<Decoder>> make_bzip2_decoder();

// ISA-L does gzip two (reading) to fifteen (writing) times faster than zlib, but Debian has it only
// as a shared library, which the static programs cannot use. Programs that link `codec_isal`
// (CMake) have these, and then compress.cc takes them; in the others they are null.
[[gnu::weak]] Result<std::unique_ptr<Decoder>> make_isal_decoder();
[[gnu::weak]] Result<std::unique_ptr<Encoder>> make_isal_encoder();

// Windows and dictionaries beyond this are refused: memory must not depend on what an image says.
// It is that of "xz -9" and "zstd --ultra -21".
inline constexpr unsigned kMaxWindowLog = 26;  // 64 MiB.

}  // namespace tare::codec
