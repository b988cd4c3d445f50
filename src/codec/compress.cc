// SPDX-License-Identifier: Apache-2.0
#include "codec/compress.h"

#include <algorithm>
#include <vector>

#include "codec/coders.h"

namespace tare::codec {
namespace {

constexpr std::size_t kPiece = 128 << 10;

std::string_view name_of(Compression format) {
  switch (format) {
    case Compression::None:
      return "uncompressed";
    case Compression::Gzip:
      return "gzip";
    case Compression::Zstd:
      return "zstd";
    case Compression::Xz:
      return "xz";
    case Compression::Bzip2:
      return "bzip2";
  }
  return "";
}

// The bytes of `inner`, with a look ahead.
class Input {
 public:
  explicit Input(Source& inner) : inner_(inner), buffer_(kPiece) {}

  // Reads until `size` bytes are buffered or the end is seen.
  Result<> need(std::size_t size) {
    if (begin_ > 0 && end_ - begin_ < size) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
      end_ -= begin_;
      begin_ = 0;
    }
    while (end_ - begin_ < size && !ended_) {
      const std::size_t count = TRY(inner_.read(buffer_.data() + end_, buffer_.size() - end_));
      ended_ = count == 0;
      end_ += count;
    }
    return {};
  }

  std::string_view buffered() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t count) { begin_ += count; }
  bool ended() const { return ended_; }  // Nothing follows what is buffered.
  Source& inner() { return inner_; }

 private:
  Source& inner_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
};

// Counts what goes out against the limit; `produce` of the subclass does the work.
class LimitedSource : public Source {
 public:
  LimitedSource(Input input, std::uint64_t limit) : input_(std::move(input)), limit_(limit) {}

  Result<std::size_t> read(char* buffer, std::size_t size) final {
    const std::size_t count = TRY(produce(buffer, size));
    if (count > limit_ - total_)
      return fail(Kind::Invalid, "uncompressed data is larger than the limit of " +
                                     std::to_string(limit_) + " bytes");
    total_ += count;
    return count;
  }

 protected:
  virtual Result<std::size_t> produce(char* buffer, std::size_t size) = 0;
  Input input_;

 private:
  std::uint64_t limit_;
  std::uint64_t total_ = 0;
};

class PlainSource : public LimitedSource {
 public:
  using LimitedSource::LimitedSource;

 private:
  Result<std::size_t> produce(char* buffer, std::size_t size) override {
    const std::size_t buffered = input_.buffered().copy(buffer, size);
    input_.consume(buffered);
    if (buffered > 0 || input_.ended()) return buffered;
    return input_.inner().read(buffer, size);
  }
};

class DecodingSource : public LimitedSource {
 public:
  DecodingSource(Input input, std::uint64_t limit, Compression format,
                 std::unique_ptr<Decoder> decoder)
      : LimitedSource(std::move(input), limit), format_(format), decoder_(std::move(decoder)) {}

 private:
  Result<std::size_t> produce(char* buffer, std::size_t size) override {
    if (size == 0) return 0;
    for (;;) {
      TRY(input_.need(1));
      const std::string_view bytes = input_.buffered();
      if (!inside_) {
        if (bytes.empty()) return 0;
        TRY(decoder_->start());
        inside_ = true;
      }
      const Decoder::Step step = TRY(decoder_->decode(bytes, input_.ended(), buffer, size));
      input_.consume(step.consumed);
      inside_ = !step.finished;
      if (step.produced > 0) return step.produced;
      if (step.finished || step.consumed > 0) continue;
      return fail(Kind::Corrupt, std::string(name_of(format_)) + ": data ends too early");
    }
  }

  Compression format_;
  std::unique_ptr<Decoder> decoder_;
  bool inside_ = false;  // Between start() and the end of a member.
};

class EncodingSink : public Sink {
 public:
  EncodingSink(Sink& inner, std::unique_ptr<Encoder> encoder)
      : inner_(inner), encoder_(std::move(encoder)) {
    pending_.reserve(kPiece);
  }

  // The encoder gets pieces of kPiece bytes however we are called: output must not depend on it.
  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (pending_.empty() && bytes.size() >= kPiece) {
        TRY(encoder_->encode(bytes.substr(0, kPiece), false, inner_));
        bytes.remove_prefix(kPiece);
        continue;
      }
      const std::string_view part = bytes.substr(0, kPiece - pending_.size());
      pending_ += part;
      bytes.remove_prefix(part.size());
      if (pending_.size() < kPiece) break;
      TRY(encoder_->encode(pending_, false, inner_));
      pending_.clear();
    }
    return {};
  }

  Result<> finish() override {
    TRY(encoder_->encode(pending_, true, inner_));
    pending_.clear();
    return inner_.finish();
  }

 private:
  Sink& inner_;
  std::unique_ptr<Encoder> encoder_;
  std::string pending_;
};

class PlainSink : public Sink {
 public:
  explicit PlainSink(Sink& inner) : inner_(inner) {}
  Result<> write(std::string_view bytes) override { return inner_.write(bytes); }
  Result<> finish() override { return inner_.finish(); }

 private:
  Sink& inner_;
};

Result<std::unique_ptr<Decoder>> make_decoder(Compression format) {
  switch (format) {
    case Compression::Gzip:
      return make_isal_decoder != nullptr ? make_isal_decoder() : make_zlib_decoder();
    case Compression::Zstd:
      return make_zstd_decoder();
    case Compression::Xz:
      return make_xz_decoder();
    case Compression::Bzip2:
      return make_bzip2_decoder();
    case Compression::None:
      break;
  }
  return fail(Kind::Internal, "nothing to decode");
}

}  // namespace

Compression detect_compression(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  if (first_bytes.starts_with("\x1f\x8b"sv)) return Compression::Gzip;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return Compression::Zstd;
  if (first_bytes.starts_with("\xfd"
                              "7zXZ\0"sv))
    return Compression::Xz;
  // The size of the blocks, and the first two of the six bytes that begin a block or end a stream:
  // a text may begin with "BZh", too.
  if (first_bytes.size() >= 6 && first_bytes.starts_with("BZh"sv) && first_bytes[3] >= '1' &&
      first_bytes[3] <= '9' &&
      (first_bytes.substr(4, 2) == "\x31\x41"sv || first_bytes.substr(4, 2) == "\x17\x72"sv))
    return Compression::Bzip2;
  // A skippable frame, with which some zstd writers begin. [RFC 8878 3.1.2]
  if (first_bytes.size() >= 4 && (first_bytes[0] & 0xf0) == 0x50 &&
      first_bytes.substr(1, 3) == "\x2a\x4d\x18"sv)
    return Compression::Zstd;
  return Compression::None;
}

Result<Decompressed> decompress_detected(Source& inner, std::uint64_t limit) {
  Input input(inner);
  TRY(input.need(6));
  const Compression format = detect_compression(input.buffered());
  if (format == Compression::None)
    return Decompressed{format, std::make_unique<PlainSource>(std::move(input), limit)};
  auto decoder = TRY(make_decoder(format));
  return Decompressed{format, std::make_unique<DecodingSource>(std::move(input), limit, format,
                                                               std::move(decoder))};
}

Result<std::unique_ptr<Source>> decompress(Source& inner, std::uint64_t limit) {
  Decompressed found = TRY(decompress_detected(inner, limit));
  return std::move(found.source);
}

Result<std::unique_ptr<Sink>> compress(Compression format, Sink& inner) {
  switch (format) {
    case Compression::None:
      return std::make_unique<PlainSink>(inner);
    case Compression::Gzip: {
      auto encoder = TRY(make_isal_encoder != nullptr ? make_isal_encoder() : make_zlib_encoder());
      return std::make_unique<EncodingSink>(inner, std::move(encoder));
    }
    case Compression::Zstd: {
      auto encoder = TRY(make_zstd_encoder());
      return std::make_unique<EncodingSink>(inner, std::move(encoder));
    }
    case Compression::Xz:
    case Compression::Bzip2:
      break;
  }
  return fail(Kind::Unsupported, std::string(name_of(format)) + " is only read, not written");
}

}  // namespace tare::codec
