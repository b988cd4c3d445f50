// SPDX-License-Identifier: Apache-2.0
// gzip by ISA-L; not in every program, see coders.h.
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "codec/coders.h"

namespace tare::codec {
namespace {

std::uint8_t* input_of(std::string_view bytes) {
  return const_cast<std::uint8_t*>(
      reinterpret_cast<const std::uint8_t*>(bytes.data()));  // ISA-L only reads it.
}

std::string_view meaning(int status) {
  switch (status) {
    case ISAL_INVALID_BLOCK:
      return "invalid block";
    case ISAL_INVALID_SYMBOL:
      return "invalid symbol";
    case ISAL_INVALID_LOOKBACK:
      return "reference before the start of the data";
    case ISAL_INVALID_WRAPPER:
      return "incorrect header";
    case ISAL_UNSUPPORTED_METHOD:
      return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
      return "incorrect checksum or length";
    default:
      return "broken data";
  }
}

class IsalDecoder : public Decoder {
 public:
  Result<> start() override {
    ::isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;
    return {};
  }

  Result<Step> decode(std::string_view input, bool, char* output, std::size_t size) override {
    state_.next_in = input_of(input);
    state_.avail_in = static_cast<std::uint32_t>(input.size());
    state_.next_out = reinterpret_cast<std::uint8_t*>(output);
    const auto room = static_cast<std::uint32_t>(std::min<std::size_t>(size, 1u << 30));
    state_.avail_out = room;
    const int status = ::isal_inflate(&state_);
    if (status < 0) return fail(Kind::Corrupt, "gzip: " + std::string(meaning(status)));
    return Step{.consumed = input.size() - state_.avail_in,
                .produced = room - state_.avail_out,
                .finished = state_.block_state == ISAL_BLOCK_FINISH};
  }

 private:
  inflate_state state_;
};

class IsalEncoder : public Encoder {
 public:
  IsalEncoder() : level_buffer_(ISAL_DEF_LVL1_DEFAULT) {
    ::isal_deflate_init(&stream_);
    stream_.level = 1;
    stream_.level_buf = level_buffer_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    stream_.gzip_flag = IGZIP_GZIP;
  }
  IsalEncoder(const IsalEncoder&) = delete;
  IsalEncoder& operator=(const IsalEncoder&) = delete;

  Result<> encode(std::string_view input, bool last, Sink& output) override {
    stream_.next_in = input_of(input);
    stream_.avail_in = static_cast<std::uint32_t>(input.size());
    stream_.end_of_stream = last ? 1 : 0;
    std::array<char, 64 << 10> buffer;
    do {
      stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer.data());
      stream_.avail_out = buffer.size();
      if (::isal_deflate(&stream_) != COMP_OK)
        return fail(Kind::Internal, "gzip: the encoder was called out of order");
      TRY(output.write({buffer.data(), buffer.size() - stream_.avail_out}));
    } while (stream_.avail_out == 0 || stream_.avail_in > 0);
    return {};
  }

 private:
  std::vector<std::uint8_t> level_buffer_;
  isal_zstream stream_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_isal_decoder() { return std::make_unique<IsalDecoder>(); }
Result<std::unique_ptr<Encoder>> make_isal_encoder() { return std::make_unique<IsalEncoder>(); }

}  // namespace tare::codec
