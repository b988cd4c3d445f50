// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include "base/text.h"

namespace tare {

Result<Digest> Digest::parse(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!text.starts_with(kPrefix))
    return fail(Kind::Invalid, "digest " + quoted(text) + " does not start with 'sha256:'");
  const std::string_view hex = text.substr(kPrefix.size());
  if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return fail(Kind::Invalid,
                "digest " + quoted(text) + " is not 64 lower-case hexadecimal digits");
  Digest digest;
  digest.hex_ = std::string(hex);
  return digest;
}

Digest Digest::from_sha256(std::string_view raw) {
  Digest digest;
  digest.hex_ = to_hex(raw);
  return digest;
}

}  // namespace tare
