// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp_packets.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace tare::trust {
namespace {

constexpr std::size_t kMostPackets = 100'000;
constexpr std::size_t kEdDsaBytes = 32;

std::unexpected<Error> cut_off() { return fail(Kind::Corrupt, "an OpenPGP packet is cut off"); }

// Big-endian numbers and pieces, from the front.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}

  bool is_empty() const { return rest_.empty(); }
  std::size_t size() const { return rest_.size(); }
  Result<std::uint32_t> number(std::size_t count) {
    std::uint32_t value = 0;
    for (const char c : TRY(take(count))) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  Result<std::string_view> take(std::size_t count) {
    if (count > rest_.size()) return cut_off();
    const std::string_view piece = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return piece;
  }
  // What is behind its length, a number of `count` bytes.
  Result<std::string_view> sized(std::size_t count) {
    const std::uint32_t size = TRY(number(count));
    return take(size);
  }
  // A number of any length, behind its length in bits.
  Result<std::string_view> large_number() {
    const std::uint32_t bits = TRY(number(2));
    return take((bits + 7) / 8);
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// A packet's length and, in another size, a subpacket's. `partial`: from here on they are of parts.
Result<std::uint32_t> read_length(Bytes& bytes, std::uint32_t partial) {
  const std::uint32_t first = TRY(bytes.number(1));
  if (first < 192) return first;
  if (first == 255) return bytes.number(4);
  if (first >= partial) return fail(Kind::Unsupported, "an OpenPGP packet in parts");
  return ((first - 192) << 8) + TRY(bytes.number(1)) + 192;
}

std::string padded(std::string_view number, std::size_t size) {
  if (number.size() >= size) return std::string(number);
  return std::string(size - number.size(), '\0') + std::string(number);
}

Result<> read_subpacket(std::string_view body, bool is_hashed, Signature& signature) {
  Bytes bytes(body);
  const std::uint32_t kind = TRY(bytes.number(1));
  const bool is_critical = (kind & 0x80) != 0;
  // SECURITY: what is not signed says nothing, but for the cross signature, which signs itself.
  constexpr std::uint32_t kEmbedded = 32;
  if ((kind & 0x7f) == kEmbedded) {
    signature.embedded = bytes.rest();
    return {};
  }
  if (!is_hashed) return {};
  switch (kind & 0x7f) {
    case 2:
      signature.made_at = TRY(bytes.number(4));
      return {};
    case 3:
      signature.seconds_valid = TRY(bytes.number(4));
      return {};
    case 9:
      signature.key_seconds_valid = TRY(bytes.number(4));
      return {};
    case 27:
      signature.key_flags = bytes.is_empty() ? 0 : static_cast<std::uint8_t>(TRY(bytes.number(1)));
      return {};
    case 11:  // What is preferred, who it is by, and what people may read.
    case 16:
    case 20:
    case 21:
    case 22:
    case 23:
    case 24:
    case 25:
    case 26:
    case 28:
    case 29:
    case 30:
    case 33:
    case 34:
    case 7:
      return {};
    default:
      if (!is_critical) return {};
      return fail(Kind::Unsupported, "an OpenPGP signature demands what is not known");
  }
}

Result<> read_subpackets(std::string_view area, bool is_hashed, Signature& signature) {
  Bytes bytes(area);
  while (!bytes.is_empty()) {
    const std::uint32_t size = TRY(read_length(bytes, 255));
    if (size == 0) return fail(Kind::Corrupt, "an OpenPGP subpacket has no type");
    const std::string_view body = TRY(bytes.take(size));
    TRY(read_subpacket(body, is_hashed, signature));
  }
  return {};
}

std::string fingerprint_of(std::string_view body) {
  std::string text{'\x99', static_cast<char>(body.size() >> 8), static_cast<char>(body.size())};
  text += body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// Lines of base64 up to its checksum, which protects nothing that a signature does not.
Result<std::string> from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::string& line : split(text, '\n')) {
    const std::string_view letters = trim(line);
    if (letters.starts_with('=')) break;
    for (const char c : letters) {
      if (c == '=') continue;
      const int value = value_of(c);
      if (value < 0) return fail(Kind::Corrupt, "OpenPGP armour with what is no base64");
      bits = bits << 6 | static_cast<std::uint32_t>(value);
      count += 6;
      if (count < 8) continue;
      count -= 8;
      out += static_cast<char>(bits >> count);
    }
  }
  return out;
}

}  // namespace

Result<std::vector<Packet>> read_packets(std::string_view input) {
  std::vector<Packet> packets;
  Bytes bytes(input);
  while (!bytes.is_empty()) {
    const std::uint32_t first = TRY(bytes.number(1));
    if ((first & 0x80) == 0) return fail(Kind::Corrupt, "this is no OpenPGP packet");
    if (packets.size() == kMostPackets) return fail(Kind::Corrupt, "too many OpenPGP packets");
    Packet packet;
    std::uint32_t size = 0;
    if ((first & 0x40) != 0) {
      packet.tag = static_cast<int>(first & 0x3f);
      size = TRY(read_length(bytes, 224));
    } else {
      packet.tag = static_cast<int>(first >> 2 & 0xf);
      if ((first & 3) == 3) return fail(Kind::Unsupported, "an OpenPGP packet without length");
      size = TRY(bytes.number(std::size_t{1} << (first & 3)));
    }
    packet.body = TRY(bytes.take(size));
    packets.push_back(packet);
  }
  return packets;
}

Result<std::string> without_armour(std::string_view text, std::string_view kind) {
  const std::string begin = "-----BEGIN PGP " + std::string(kind) + "-----";
  const std::string end = "-----END PGP " + std::string(kind) + "-----";
  if (!trim(text).starts_with("-----BEGIN")) return std::string(text);
  std::string out;
  // Several blocks in one file are one ring.
  while (true) {
    const std::size_t from = text.find(begin);
    if (from == std::string_view::npos) break;
    text.remove_prefix(from + begin.size());
    const std::size_t to = text.find(end);
    if (to == std::string_view::npos) return fail(Kind::Corrupt, "OpenPGP armour without an end");
    std::string_view block = text.substr(0, to);
    text.remove_prefix(to);
    // Its headers, which base64 never looks like.
    while (!block.empty()) {
      const std::size_t line = std::min(block.find('\n'), block.size() - 1);
      const std::string_view next = trim(block.substr(0, line + 1));
      if (!next.empty() && next.find(':') == std::string_view::npos) break;
      block.remove_prefix(line + 1);
    }
    out += TRY(from_base64(block));
  }
  if (out.empty()) return fail(Kind::Corrupt, "no " + begin + " is in it");
  return out;
}

Result<Signature> read_signature(std::string_view body) {
  Bytes bytes(body);
  if (TRY(bytes.number(1)) != 4)
    return fail(Kind::Unsupported, "OpenPGP signatures of another version than 4");
  Signature signature;
  signature.type = static_cast<std::uint8_t>(TRY(bytes.number(1)));
  signature.algorithm = static_cast<std::uint8_t>(TRY(bytes.number(1)));
  signature.hash = static_cast<std::uint8_t>(TRY(bytes.number(1)));
  const std::string_view hashed = TRY(bytes.sized(2));
  signature.hashed = body.substr(0, body.size() - bytes.size());
  TRY(read_subpackets(hashed, true, signature));
  const std::string_view unhashed = TRY(bytes.sized(2));
  TRY(read_subpackets(unhashed, false, signature));
  (void)TRY(bytes.take(2));                                  // The digest's first bytes: a hint.
  if (signature.algorithm == 3) signature.algorithm = kRsa;  // RSA that only signs.
  if (signature.algorithm == kRsa) {
    signature.number = TRY(bytes.large_number());
  } else if (signature.algorithm == kEdDsa) {
    const std::string_view first = TRY(bytes.large_number());
    const std::string_view second = TRY(bytes.large_number());
    signature.number = padded(first, kEdDsaBytes) + padded(second, kEdDsaBytes);
    if (signature.number.size() != 2 * kEdDsaBytes)
      return fail(Kind::Corrupt, "an OpenPGP signature of another size");
  } else {
    return fail(Kind::Unsupported, "OpenPGP signatures that are neither RSA nor Ed25519");
  }
  return signature;
}

Result<OpenPgpKey> read_key(std::string_view body) {
  constexpr std::string_view kEd25519("\x2b\x06\x01\x04\x01\xda\x47\x0f\x01", 9);
  constexpr std::size_t kSmallestModulus = 256;  // Bytes: 2048 bits.
  Bytes bytes(body);
  if (TRY(bytes.number(1)) != 4)
    return fail(Kind::Unsupported, "OpenPGP keys of another version than 4");
  OpenPgpKey key{.fingerprint = fingerprint_of(body)};
  key.made_at = TRY(bytes.number(4));
  key.algorithm = static_cast<std::uint8_t>(TRY(bytes.number(1)));
  if (key.algorithm == 3) key.algorithm = kRsa;
  if (key.algorithm == kRsa) {
    key.modulus = TRY(bytes.large_number());
    key.exponent = TRY(bytes.large_number());
    if (key.modulus.size() < kSmallestModulus || key.modulus.size() > 2048 ||
        key.exponent.size() > 8)
      return fail(Kind::Unsupported, "RSA keys below 2048 bits");
    return key;
  }
  if (key.algorithm != kEdDsa || TRY(bytes.sized(1)) != kEd25519)
    return fail(Kind::Unsupported, "OpenPGP keys that are neither RSA nor Ed25519");
  const std::string_view point = TRY(bytes.large_number());
  if (point.size() != kEdDsaBytes + 1 || point[0] != 0x40)
    return fail(Kind::Corrupt, "an Ed25519 key of another size");
  key.point = point.substr(1);
  return key;
}

}  // namespace tare::trust
