// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>
#include <zstd_errors.h>

#include <vector>

#include "codec/coders.h"

namespace tare::codec {
namespace {

struct FreeDecoder {
  void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
};
struct FreeEncoder {
  void operator()(ZSTD_CCtx* context) const { ::ZSTD_freeCCtx(context); }
};

class ZstdDecoder : public Decoder {
 public:
  bool init() {
    context_.reset(::ZSTD_createDCtx());
    return context_ != nullptr && ::ZSTD_isError(::ZSTD_DCtx_setParameter(
                                      context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog)) == 0;
  }

  Result<> start() override {
    ::ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
    return {};
  }

  Result<Step> decode(std::string_view input, bool, char* output, std::size_t size) override {
    ZSTD_inBuffer in{.src = input.data(), .size = input.size(), .pos = 0};
    ZSTD_outBuffer out{.dst = output, .size = size, .pos = 0};
    const std::size_t status = ::ZSTD_decompressStream(context_.get(), &out, &in);
    if (::ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge)
      return std::unexpected(Error(Kind::Unsupported, "zstd: needs a window above 64 MiB")
                                 .hint("compress it with less than --ultra -22 or --long=27"));
    if (::ZSTD_isError(status) != 0)
      return fail(Kind::Corrupt, std::string("zstd: ") + ::ZSTD_getErrorName(status));
    return Step{.consumed = in.pos, .produced = out.pos, .finished = status == 0};
  }

 private:
  std::unique_ptr<ZSTD_DCtx, FreeDecoder> context_;
};

class ZstdEncoder : public Encoder {
 public:
  bool init() {
    context_.reset(::ZSTD_createCCtx());
    if (context_ == nullptr) return false;
    constexpr int kLevel = 3;
    ::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
    return ::ZSTD_isError(::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1)) == 0;
  }

  Result<> encode(std::string_view input, bool last, Sink& output) override {
    ZSTD_inBuffer in{.src = input.data(), .size = input.size(), .pos = 0};
    for (;;) {
      ZSTD_outBuffer out{.dst = buffer_.data(), .size = buffer_.size(), .pos = 0};
      const std::size_t left =
          ::ZSTD_compressStream2(context_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (::ZSTD_isError(left) != 0)
        return fail(Kind::Unavailable, std::string("zstd: ") + ::ZSTD_getErrorName(left));
      TRY(output.write({buffer_.data(), out.pos}));
      if (last ? left == 0 : in.pos == in.size) return {};
    }
  }

 private:
  std::unique_ptr<ZSTD_CCtx, FreeEncoder> context_;
  std::vector<char> buffer_ = std::vector<char>(::ZSTD_CStreamOutSize());
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_zstd_decoder() {
  auto decoder = std::make_unique<ZstdDecoder>();
  if (!decoder->init()) return fail(Kind::Unavailable, "zstd: no memory for the decoder");
  return decoder;
}

Result<std::unique_ptr<Encoder>> make_zstd_encoder() {
  auto encoder = std::make_unique<ZstdEncoder>();
  if (!encoder->init()) return fail(Kind::Unavailable, "zstd: no memory for the encoder");
  return encoder;
}

}  // namespace tare::codec
