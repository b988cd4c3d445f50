// SPDX-License-Identifier: Apache-2.0
// A content digest: "sha256:" and 64 lower-case hexadecimal digits, and nothing else.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare {

// Invariant: a non-empty Digest is canonical, so hex() may be used as a file name. sha512 is in the
// specification but not accepted yet: nothing in the field uses it. [image-spec 1.1 descriptor,
// "Digests"; security rule: digests are never used as paths before they were parsed]
class Digest {
 public:
  Digest() = default;  // Empty: "no digest".

  // Errors: Invalid for anything but canonical "sha256:<64 hex>".
  static Result<Digest> parse(std::string_view text);
  // `raw` is the 32 bytes of a SHA-256 value.
  static Digest from_sha256(std::string_view raw);

  bool empty() const { return hex_.empty(); }
  const std::string& hex() const { return hex_; }                       // 64 digits.
  std::string text() const { return empty() ? "" : "sha256:" + hex_; }  // With the algorithm.
  std::string short_hex() const { return hex_.substr(0, 12); }          // As Docker's short ids.

  auto operator<=>(const Digest&) const = default;

 private:
  std::string hex_;
};

}  // namespace tare
