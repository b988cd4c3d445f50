// SPDX-License-Identifier: Apache-2.0
#include <lzma.h>

#include "codec/coders.h"

namespace tare::codec {
namespace {

// The dictionary, and what the decoder needs besides (well below 1 MiB). [lzma/container.h]
constexpr std::uint64_t kMemory = (1ull << kMaxWindowLog) + (1 << 20);

std::string_view meaning(lzma_ret status) {
  switch (status) {
    case LZMA_MEM_ERROR:
      return "no memory";
    case LZMA_MEMLIMIT_ERROR:
      return "needs a dictionary above 64 MiB";
    case LZMA_FORMAT_ERROR:
      return "incorrect header";
    case LZMA_OPTIONS_ERROR:
      return "unknown options";
    case LZMA_UNSUPPORTED_CHECK:
      return "unknown kind of checksum";
    default:
      return "broken data";
  }
}

class XzDecoder : public Decoder {
 public:
  XzDecoder() = default;
  XzDecoder(const XzDecoder&) = delete;
  XzDecoder& operator=(const XzDecoder&) = delete;
  ~XzDecoder() override { ::lzma_end(&stream_); }

  // A checksum that cannot be verified is an error. liblzma joins concatenated streams and skips
  // the padding between them itself, so this is called once.
  Result<> start() override {
    constexpr std::uint32_t kFlags = LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK;
    const lzma_ret status = ::lzma_stream_decoder(&stream_, kMemory, kFlags);
    if (status != LZMA_OK) return fail(Kind::Unavailable, "xz: " + std::string(meaning(status)));
    return {};
  }

  Result<Step> decode(std::string_view input, bool last, char* output, std::size_t size) override {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
    stream_.avail_in = input.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(output);
    stream_.avail_out = size;
    const lzma_ret status = ::lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
    if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR)
      return fail(status == LZMA_MEM_ERROR ? Kind::Unavailable : Kind::Corrupt,
                  "xz: " + std::string(meaning(status)));
    return Step{.consumed = input.size() - stream_.avail_in,
                .produced = size - stream_.avail_out,
                .finished = status == LZMA_STREAM_END};
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_xz_decoder() { return std::make_unique<XzDecoder>(); }

}  // namespace tare::codec
