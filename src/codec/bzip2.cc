// SPDX-License-Identifier: Apache-2.0
#include <bzlib.h>

#include <algorithm>
#include <limits>

#include "codec/coders.h"

namespace tare::codec {
namespace {

std::string_view meaning(int status) {
  switch (status) {
    case BZ_MEM_ERROR:
      return "no memory";
    case BZ_DATA_ERROR_MAGIC:
      return "incorrect header";
    default:
      return "broken data";
  }
}

// It needs 3.7 MB at most, whatever the data says: blocks have 900 kB. [bzip2 manual, "Memory
// management"]
class Bzip2Decoder : public Decoder {
 public:
  Bzip2Decoder() = default;
  Bzip2Decoder(const Bzip2Decoder&) = delete;
  Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;
  ~Bzip2Decoder() override { end(); }

  Result<> start() override {
    end();
    stream_ = bz_stream{};
    const int status = ::BZ2_bzDecompressInit(&stream_, 0, 0);
    if (status != BZ_OK) return fail(Kind::Unavailable, "bzip2: " + std::string(meaning(status)));
    is_open_ = true;
    return {};
  }

  Result<Step> decode(std::string_view input, bool /*last*/, char* output,
                      std::size_t size) override {
    constexpr std::size_t kMost = std::numeric_limits<unsigned>::max();
    const auto given = static_cast<unsigned>(std::min(input.size(), kMost));
    const auto room = static_cast<unsigned>(std::min(size, kMost));
    stream_.next_in = const_cast<char*>(input.data());  // It is only read.
    stream_.avail_in = given;
    stream_.next_out = output;
    stream_.avail_out = room;
    const int status = ::BZ2_bzDecompress(&stream_);
    if (status != BZ_OK && status != BZ_STREAM_END)
      return fail(status == BZ_MEM_ERROR ? Kind::Unavailable : Kind::Corrupt,
                  "bzip2: " + std::string(meaning(status)));
    return Step{.consumed = given - stream_.avail_in,
                .produced = room - stream_.avail_out,
                .finished = status == BZ_STREAM_END};
  }

 private:
  void end() {
    if (is_open_) ::BZ2_bzDecompressEnd(&stream_);
    is_open_ = false;
  }

  bz_stream stream_{};
  bool is_open_ = false;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_bzip2_decoder() { return std::make_unique<Bzip2Decoder>(); }

}  // namespace tare::codec
