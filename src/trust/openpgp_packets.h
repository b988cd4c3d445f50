// SPDX-License-Identifier: Apache-2.0
// The form of OpenPGP's keys and signatures; nothing is verified here. Views are into what was
// given. Private to the room. [RFC 4880 sections 4 to 6]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/openpgp.h"

namespace tare::trust {

struct Packet {
  static constexpr int kSignature = 2;
  static constexpr int kKey = 6;
  static constexpr int kUser = 13;
  static constexpr int kSubkey = 14;
  static constexpr int kAttribute = 17;

  int tag = 0;
  std::string_view body;
};

// Errors: Corrupt; Unsupported (bodies in parts, which neither keys nor signatures have).
Result<std::vector<Packet>> read_packets(std::string_view bytes);

// The bytes of a block "-----BEGIN PGP `kind`-----"; the same when it is none. Errors: Corrupt.
Result<std::string> without_armour(std::string_view text, std::string_view kind);

struct Signature {
  std::uint8_t type = 0;
  std::uint8_t algorithm = 0;
  std::uint8_t hash = 0;
  std::string_view hashed;  // What of the packet is signed itself.
  std::string number;       // The signature: RSA's, or both of Ed25519, 64 bytes.
  std::int64_t made_at = 0;
  std::int64_t seconds_valid = 0;      // 0: for ever; and the next.
  std::int64_t key_seconds_valid = 0;  // Of the key that is vouched for.
  std::optional<std::uint8_t> key_flags;
  std::string_view embedded;  // A signature in it.
};

constexpr std::uint8_t kRsa = 1;
constexpr std::uint8_t kEdDsa = 22;

// Errors: Corrupt; Unsupported (another version or algorithm, a demand that is not known).
Result<Signature> read_signature(std::string_view body);
Result<OpenPgpKey> read_key(std::string_view body);

// Whether the key has signed `text`. Of SHA-2 alone.
bool has_signed(const OpenPgpKey& key, const Signature& signature, std::string_view text);

}  // namespace tare::trust
