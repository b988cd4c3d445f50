// SPDX-License-Identifier: Apache-2.0
// OpenPGP signatures, as those of package repositories: version 4, RSA and Ed25519, SHA-2.
// [RFC 4880; RFC 9580; draft-koch-eddsa-for-openpgp]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::trust {

// A key that may sign.
struct OpenPgpKey {
  std::string fingerprint;     // 40 hexadecimal digits.
  std::string owner;           // Of its first name; for people.
  std::uint8_t algorithm = 0;  // As in the packet.
  std::string modulus;         // RSA: n and e, big-endian.
  std::string exponent;
  std::string point;             // Ed25519: 32 bytes.
  std::int64_t made_at = 0;      // Seconds since 1970.
  std::int64_t valid_until = 0;  // 0: for ever.
};

// Keys from a key ring, binary or armoured. Left out is what may not sign, what was revoked, and
// what no SHA-2 signature of its own primary key vouches for. Errors: Corrupt.
Result<std::vector<OpenPgpKey>> read_openpgp_keys(std::string_view ring);

struct OpenPgpSigned {
  std::string text;         // What was signed, with line feeds.
  std::string fingerprint;  // Of the key.
};

// A document with its signature in it ("-----BEGIN PGP SIGNED MESSAGE-----"), by one of the keys at
// least. `now`: seconds since 1970, when keys and signatures have to be valid; 0: when it was
// signed. Errors: Denied (no valid signature by any of these keys), Corrupt.
Result<OpenPgpSigned> check_signed_text(std::string_view document,
                                        const std::vector<OpenPgpKey>& keys, std::int64_t now);
// The same of `text`, with the signature beside it.
Result<OpenPgpSigned> check_signature(std::string_view text, std::string_view signature,
                                      const std::vector<OpenPgpKey>& keys, std::int64_t now);

}  // namespace tare::trust
