// SPDX-License-Identifier: Apache-2.0
// gzip by ISA-L; not in every program, see coders.h.
#include <isa-l/igzip_lib.h>
#include <zlib.h>

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

// Reads the header of a member, byte by byte. ISA-L could, but it computes a wrong checksum of a
// header that arrives in pieces (version 2.30). [RFC 1952 2.3]
class HeaderReader {
 public:
  bool done() const { return part_ == Part::Done; }

  // Takes bytes off `input` until the header or the input ends. Errors: Corrupt.
  Result<> take(std::string_view& input) {
    while (!done() && !input.empty()) {
      const auto byte = static_cast<std::uint8_t>(input.front());
      input.remove_prefix(1);
      if (part_ != Part::Checksum) crc_ = ::crc32(crc_, &byte, 1);
      if (!accept(byte)) return fail(Kind::Corrupt, "gzip: incorrect header");
    }
    return {};
  }

 private:
  enum class Part : std::uint8_t { Fixed, ExtraSize, Extra, Name, Comment, Checksum, Done };
  static constexpr std::uint8_t kHasChecksum = 2;
  static constexpr std::uint8_t kHasExtra = 4;
  static constexpr std::uint8_t kHasName = 8;
  static constexpr std::uint8_t kHasComment = 16;
  static constexpr std::uint8_t kReserved = 0xe0;

  // False when the byte cannot stand here.
  bool accept(std::uint8_t byte) {
    const unsigned index = index_++;
    switch (part_) {
      case Part::Fixed:
        if (index == 0 && byte != 0x1f) return false;
        if (index == 1 && byte != 0x8b) return false;
        if (index == 2 && byte != 8) return false;
        if (index == 3) flags_ = byte;
        if (index == 9) go_on(Part::ExtraSize);
        return (flags_ & kReserved) == 0;
      case Part::ExtraSize:
        extra_size_ |= static_cast<unsigned>(byte) << 8 * index;
        if (index == 1) go_on(extra_size_ > 0 ? Part::Extra : Part::Name);
        return true;
      case Part::Extra:
        if (index + 1 == extra_size_) go_on(Part::Name);
        return true;
      case Part::Name:
        if (byte == 0) go_on(Part::Comment);
        return true;
      case Part::Comment:
        if (byte == 0) go_on(Part::Checksum);
        return true;
      case Part::Checksum:
        if (byte != (crc_ >> 8 * index & 0xff)) return false;
        if (index == 1) go_on(Part::Done);
        return true;
      case Part::Done:
        break;
    }
    return false;
  }

  // To `part`, or the next that the flags ask for.
  void go_on(Part part) {
    if (part == Part::ExtraSize && (flags_ & kHasExtra) == 0) part = Part::Name;
    if (part == Part::Name && (flags_ & kHasName) == 0) part = Part::Comment;
    if (part == Part::Comment && (flags_ & kHasComment) == 0) part = Part::Checksum;
    if (part == Part::Checksum && (flags_ & kHasChecksum) == 0) part = Part::Done;
    part_ = part;
    index_ = 0;
  }

  Part part_ = Part::Fixed;
  unsigned index_ = 0;  // Of the next byte in its part.
  unsigned extra_size_ = 0;
  std::uint8_t flags_ = 0;
  std::uint64_t crc_ = 0;
};

class IsalDecoder : public Decoder {
 public:
  Result<> start() override {
    header_ = {};
    ::isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;  // Checks the trailer.
    return {};
  }

  Result<Step> decode(std::string_view input, bool, char* output, std::size_t size) override {
    const std::size_t input_size = input.size();
    TRY(header_.take(input));
    if (!header_.done()) return Step{.consumed = input_size};
    state_.next_in = input_of(input);
    state_.avail_in = static_cast<std::uint32_t>(input.size());
    state_.next_out = reinterpret_cast<std::uint8_t*>(output);
    const auto room = static_cast<std::uint32_t>(std::min<std::size_t>(size, 1u << 30));
    state_.avail_out = room;
    const int status = ::isal_inflate(&state_);
    if (status < 0) return fail(Kind::Corrupt, "gzip: " + std::string(meaning(status)));
    return Step{.consumed = input_size - state_.avail_in,
                .produced = room - state_.avail_out,
                .finished = state_.block_state == ISAL_BLOCK_FINISH};
  }

 private:
  HeaderReader header_;
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
