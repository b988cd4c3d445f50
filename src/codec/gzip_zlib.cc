// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

#include "codec/coders.h"

namespace tare::codec {
namespace {

constexpr int kGzipWindow = 15 + 16;  // 32 KiB window; +16 asks for the gzip format. [zlib.h]

Bytef* input_of(std::string_view bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib only reads it.
}

class ZlibDecoder : public Decoder {
 public:
  ZlibDecoder() = default;
  ZlibDecoder(const ZlibDecoder&) = delete;
  ZlibDecoder& operator=(const ZlibDecoder&) = delete;
  ~ZlibDecoder() override { ::inflateEnd(&stream_); }

  bool init() { return ::inflateInit2(&stream_, kGzipWindow) == Z_OK; }

  Result<> start() override {
    ::inflateReset(&stream_);
    return {};
  }

  Result<Step> decode(std::string_view input, bool, char* output, std::size_t size) override {
    stream_.next_in = input_of(input);
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(output);
    const auto room = static_cast<uInt>(std::min<std::size_t>(size, 1u << 30));
    stream_.avail_out = room;
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      return fail(Kind::Corrupt,
                  std::string("gzip: ") + (stream_.msg != nullptr ? stream_.msg : "broken data"));
    return Step{.consumed = input.size() - stream_.avail_in,
                .produced = room - stream_.avail_out,
                .finished = status == Z_STREAM_END};
  }

 private:
  z_stream stream_{};
};

class ZlibEncoder : public Encoder {
 public:
  ZlibEncoder() = default;
  ZlibEncoder(const ZlibEncoder&) = delete;
  ZlibEncoder& operator=(const ZlibEncoder&) = delete;
  ~ZlibEncoder() override { ::deflateEnd(&stream_); }

  bool init() {
    constexpr int kLevel = 6;
    constexpr int kMemLevel = 8;
    if (::deflateInit2(&stream_, kLevel, Z_DEFLATED, kGzipWindow, kMemLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK)
      return false;
    header_.os = 255;  // Unknown: the bytes must not tell where they were made. [RFC 1952 2.3.1]
    return ::deflateSetHeader(&stream_, &header_) == Z_OK;
  }

  Result<> encode(std::string_view input, bool last, Sink& output) override {
    stream_.next_in = input_of(input);
    stream_.avail_in = static_cast<uInt>(input.size());
    std::array<char, 64 << 10> buffer;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream_.avail_out = buffer.size();
      if (::deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
        return fail(Kind::Internal, "gzip: the encoder was called out of order");
      TRY(output.write({buffer.data(), buffer.size() - stream_.avail_out}));
    } while (stream_.avail_out == 0);
    return {};
  }

 private:
  z_stream stream_{};
  gz_header header_{};
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_zlib_decoder() {
  auto decoder = std::make_unique<ZlibDecoder>();
  if (!decoder->init()) return fail(Kind::Unavailable, "gzip: no memory for the decoder");
  return decoder;
}

Result<std::unique_ptr<Encoder>> make_zlib_encoder() {
  auto encoder = std::make_unique<ZlibEncoder>();
  if (!encoder->init()) return fail(Kind::Unavailable, "gzip: no memory for the encoder");
  return encoder;
}

}  // namespace tare::codec
