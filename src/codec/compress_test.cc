// SPDX-License-Identifier: Apache-2.0
#include "codec/compress.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "codec/coders.h"
#include "codec/sha256.h"

using namespace tare;
using codec::Compression;

namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

// Text that compresses, but not to nothing.
std::string sample(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += std::to_string(state >> 20) + (state >> 31 != 0 ? " apples and " : " pears or ");
  }
  text.resize(size);
  return text;
}

std::string compressed(Compression format, std::string_view bytes, std::size_t piece = 1 << 20) {
  codec::StringSink out;
  auto sink = codec::compress(format, out);
  REQUIRE(sink);
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    REQUIRE((*sink)->write(bytes.substr(at, piece)));
  REQUIRE((*sink)->finish());
  return out.bytes();
}

class Trickle : public codec::Source {
 public:
  Trickle(std::string_view bytes, std::size_t piece) : inner_(bytes), piece_(piece) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    return inner_.read(buffer, std::min(size, piece_));
  }

 private:
  codec::StringSource inner_;
  std::size_t piece_;
};

Result<std::string> uncompressed(std::string_view bytes, std::uint64_t limit = kNoLimit,
                                 std::size_t piece = 1 << 20) {
  Trickle source(bytes, piece);
  auto plain = TRY(codec::decompress(source, limit));
  codec::StringSink out;
  TRY(codec::copy(*plain, out));
  return out.bytes();
}

bool corrupt(std::string_view bytes) {
  const auto result = uncompressed(bytes);
  return !result && result.error().kind() == Kind::Corrupt;
}

// "hello\n", made by gzip -n.
const std::string kGzip = from_hex("1f8b0800000000000003cb48cdc9c9e7020020303a3606000000");

}  // namespace

TEST_CASE("compression is detected by the first bytes") {
  CHECK(codec::detect_compression(kGzip) == Compression::Gzip);
  CHECK(codec::detect_compression(from_hex("28b52ffd")) == Compression::Zstd);
  CHECK(codec::detect_compression(from_hex("5e2a4d18")) == Compression::Zstd);
  CHECK(codec::detect_compression(from_hex("fd377a585a00")) == Compression::Xz);
  CHECK(codec::detect_compression(from_hex("fd377a585a")) == Compression::None);
  CHECK(codec::detect_compression("") == Compression::None);
  CHECK(codec::detect_compression("BZh9") == Compression::None);
}

TEST_CASE("what was compressed comes back, whatever the pieces") {
  for (const Compression format : {Compression::None, Compression::Gzip, Compression::Zstd}) {
    for (const std::size_t size : {0, 1, 1000, 131071, 131072, 131073, 1'000'000}) {
      const std::string bytes = sample(size);
      const std::string packed = compressed(format, bytes);
      CAPTURE(size);
      CHECK(uncompressed(packed).value() == bytes);
      if (size <= 1000) CHECK(uncompressed(packed, kNoLimit, 1).value() == bytes);
      CHECK(uncompressed(packed, kNoLimit, 777).value() == bytes);
      if (size > 1000 && format != Compression::None) CHECK(packed.size() < size / 2);
    }
  }
}

TEST_CASE("compressed bytes do not depend on how they were written") {
  const std::string bytes = sample(600'000);
  for (const Compression format : {Compression::Gzip, Compression::Zstd}) {
    const std::string packed = compressed(format, bytes);
    for (const std::size_t piece : {777, 131072, 131073, 400'000})
      CHECK(compressed(format, bytes, piece) == packed);
  }
}

TEST_CASE("gzip headers say nothing about where and when they were made") {
  const std::string packed = compressed(Compression::Gzip, "hello\n");
  CHECK(packed.substr(0, 8) == from_hex("1f8b080000000000"));
  CHECK(packed[9] == '\xff');
}

TEST_CASE("both gzip coders agree") {
  REQUIRE(codec::make_isal_decoder != nullptr);
  const std::string bytes = sample(1'000'000);
  for (const auto make_encoder : {codec::make_zlib_encoder, codec::make_isal_encoder}) {
    auto encoder = make_encoder();
    REQUIRE(encoder);
    codec::StringSink packed;
    REQUIRE((*encoder)->encode(bytes, true, packed));
    for (const auto make_decoder : {codec::make_zlib_decoder, codec::make_isal_decoder}) {
      auto decoder = make_decoder();
      REQUIRE(decoder);
      REQUIRE((*decoder)->start());
      std::string plain(bytes.size() + 10, 'x');
      std::size_t in = 0;
      std::size_t out = 0;
      for (bool finished = false; !finished;) {
        const auto step = (*decoder)->decode(packed.bytes().substr(in, 1000), false,
                                             plain.data() + out, plain.size() - out);
        REQUIRE(step);
        REQUIRE(step->consumed + step->produced > 0);
        in += step->consumed;
        out += step->produced;
        finished = step->finished;
      }
      CHECK(in == packed.bytes().size());
      CHECK(plain.substr(0, out) == bytes);
    }
  }
}

TEST_CASE("gzip headers with all their fields are skipped and checked") {
  // Extra field, name, comment and header checksum.
  const std::string header = from_hex("1f8b081e000000000003") + from_hex("0400") + "ext!" +
                             std::string("name\0comment\0", 13);
  const std::string packed = header + from_hex("56e2") + kGzip.substr(10);
  std::string changed = packed;
  changed[14] = 'x';
  std::string reserved = kGzip;
  reserved[3] = '\x20';
  std::string long_name = kGzip;
  long_name[3] = 8;
  long_name.insert(10, std::string(500'000, 'n') + '\0');
  for (const std::size_t piece : {1, 2, 3, 1000}) {
    CHECK(uncompressed(packed, kNoLimit, piece).value() == "hello\n");
    CHECK(uncompressed(packed + packed, kNoLimit, piece).value() == "hello\nhello\n");
    CHECK_FALSE(uncompressed(changed, kNoLimit, piece).has_value());
    CHECK_FALSE(uncompressed(reserved, kNoLimit, piece).has_value());
    CHECK(uncompressed(long_name, kNoLimit, piece).value() == "hello\n");
  }
}

TEST_CASE("concatenated members are one stream") {
  for (const Compression format : {Compression::Gzip, Compression::Zstd}) {
    const std::string packed = compressed(format, "one ") + compressed(format, "") +
                               compressed(format, "two ") + compressed(format, sample(200'000));
    CHECK(uncompressed(packed).value() == "one two " + sample(200'000));
    CHECK(uncompressed(packed, kNoLimit, 1).value() == "one two " + sample(200'000));
    CHECK(corrupt(packed + "garbage"));
    CHECK(corrupt(packed + std::string(512, '\0')));
  }
  CHECK(uncompressed(kGzip + kGzip).value() == "hello\nhello\n");
}

TEST_CASE("zstd skippable frames are skipped") {
  const std::string skippable = from_hex("5e2a4d1803000000") + "abc";
  const std::string packed = compressed(Compression::Zstd, "x");
  CHECK(uncompressed(skippable + packed + skippable).value() == "x");
}

TEST_CASE("broken off or changed data is refused") {
  for (const Compression format : {Compression::Gzip, Compression::Zstd}) {
    const std::string packed = compressed(format, sample(3000));
    for (std::size_t size = 6; size < packed.size(); ++size) {
      CAPTURE(size);
      CHECK(corrupt(packed.substr(0, size)));
    }
    for (const std::size_t back : {1, 2, 3, 4, 100}) {
      std::string changed = packed;
      changed[packed.size() - back] = static_cast<char>(changed[packed.size() - back] ^ 1);
      CHECK(corrupt(changed));
    }
  }
  for (const std::size_t back : {1, 5, 8}) {  // CRC and length.
    std::string changed = kGzip;
    changed[kGzip.size() - back] = static_cast<char>(changed[kGzip.size() - back] ^ 1);
    CHECK(corrupt(changed));
  }
  CHECK(uncompressed(from_hex("1f8b")).error().message() == "gzip: data ends too early");
}

TEST_CASE("a bomb ends at the limit") {
  for (const Compression format : {Compression::None, Compression::Gzip, Compression::Zstd}) {
    const std::string packed = compressed(format, std::string(100'000, '\0'));
    CHECK(uncompressed(packed, 100'000).value().size() == 100'000);
    const auto result = uncompressed(packed, 99'999);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind() == Kind::Invalid);
    CHECK(result.error().message() == "uncompressed data is larger than the limit of 99999 bytes");
  }
}

TEST_CASE("the format that was found is told") {
  codec::StringSource source(kGzip);
  CHECK(codec::decompress_detected(source, kNoLimit)->format == Compression::Gzip);
  codec::StringSource plain("plain");
  CHECK(codec::decompress_detected(plain, kNoLimit)->format == Compression::None);
}

TEST_CASE("bzip2 is read and not written") {
  // "hello\n" by bzip2.
  const std::string bzip2 = from_hex(
      "425a6839314159265359c1c080e2000001410000100244a00030cd00c3462997"
      "177245385090c1c080e2");
  CHECK(uncompressed(bzip2).value() == "hello\n");
  CHECK(uncompressed(bzip2, kNoLimit, 1).value() == "hello\n");
  CHECK(uncompressed(bzip2 + bzip2).value() == "hello\nhello\n");
  CHECK(corrupt(bzip2 + "garbage"));
  for (std::size_t size = 6; size < bzip2.size(); ++size) CHECK(corrupt(bzip2.substr(0, size)));
  CHECK(uncompressed(bzip2, 5).error().kind() == Kind::Invalid);
  codec::StringSink sink;
  CHECK(codec::compress(Compression::Bzip2, sink).error().kind() == Kind::Unsupported);
  CHECK(codec::detect_compression(bzip2.substr(0, 6)) == Compression::Bzip2);
  CHECK(codec::detect_compression("BZh9 is text") == Compression::None);
  CHECK(codec::detect_compression("BZh01A") == Compression::None);
}

TEST_CASE("xz is read and not written") {
  // "hello\n" by xz.
  const std::string xz = from_hex(
      "fd377a585a000004e6d6b4460200210116000000742fe5a301000568656c6c6f0a000000a56097f194f6fde00001"
      "1e06c12fa41d1fb6f37d010000000004595a");
  CHECK(uncompressed(xz).value() == "hello\n");
  CHECK(uncompressed(xz, kNoLimit, 1).value() == "hello\n");
  CHECK(uncompressed(xz + xz + std::string(4, '\0')).value() == "hello\nhello\n");
  CHECK(corrupt(xz + std::string(3, '\0')));
  for (std::size_t size = 6; size < xz.size(); ++size) CHECK(corrupt(xz.substr(0, size)));
  CHECK(uncompressed(xz, 5).error().kind() == Kind::Invalid);
  codec::StringSink sink;
  CHECK(codec::compress(Compression::Xz, sink).error().kind() == Kind::Unsupported);
}

TEST_CASE("windows and dictionaries beyond the limit are refused") {
  // Frames that ask for windows of 256 and 128 MiB, and one of 64 MiB. [RFC 8878 3.1.1.1.2]
  for (const char* descriptor : {"90", "88"}) {
    const auto large = uncompressed(from_hex("28b52ffd00" + std::string(descriptor) + "010000"));
    REQUIRE(!large);
    CHECK(large.error().kind() == Kind::Unsupported);
  }
  CHECK(uncompressed(from_hex("28b52ffd0080010000")).value().empty());
  CHECK(
      corrupt(from_hex("fd377a585a000004e6d6b44602002101200000000988a57601000568656c6c6f0a000000a56"
                       "097f194f6fde000011e06c12fa41d1fb6f37d010000000004595a")));
}
