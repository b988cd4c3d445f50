// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp.h"

#include <algorithm>

#include "base/text.h"
#include "trust/openpgp_packets.h"

namespace tare::trust {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;
constexpr std::string_view kBegin = "-----BEGIN PGP SIGNED MESSAGE-----";
constexpr std::string_view kSignature = "-----BEGIN PGP SIGNATURE-----";
constexpr std::uint8_t kOfBytes = 0x00;
constexpr std::uint8_t kOfText = 0x01;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view without_end(std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \t\r");
  return last == std::string_view::npos ? std::string_view() : line.substr(0, last + 1);
}

bool is_valid_at(std::int64_t begin, std::int64_t end, std::int64_t time) {
  return begin <= time && (end == 0 || time < end);
}

// Any of the signatures has to be of any of the keys: repositories sign with old and new ones.
Result<std::string> find_signer(std::string_view block, std::uint8_t type, std::string_view text,
                                const std::vector<OpenPgpKey>& keys, std::int64_t now) {
  const std::string bytes = TRY(without_armour(block, "SIGNATURE"));
  std::string why = "by none of the keys";
  for (const Packet& packet : TRY(read_packets(bytes))) {
    if (packet.tag != Packet::kSignature) continue;
    const auto signature = read_signature(packet.body);
    if (!signature) {
      why = signature.error().message();
      continue;
    }
    if (signature->type != type) continue;
    const auto signer = std::ranges::find_if(
        keys, [&](const OpenPgpKey& key) { return has_signed(key, *signature, text); });
    if (signer == keys.end()) continue;
    const std::int64_t time = now == 0 ? signature->made_at : now;
    const std::int64_t end =
        signature->seconds_valid == 0 ? 0 : signature->made_at + signature->seconds_valid;
    // A clock that is behind is no reason: only an end is.
    if (!is_valid_at(0, end, time))
      why = "the signature is not valid any more";
    else if (!is_valid_at(0, signer->valid_until, time))
      why = "the key " + signer->fingerprint + " is not valid any more";
    else if (signature->made_at < signer->made_at)
      why = "it is older than the key " + signer->fingerprint;
    else
      return signer->fingerprint;
  }
  return fail(Kind::Denied, "it is not signed: " + why);
}

}  // namespace

Result<OpenPgpSigned> check_signed_text(std::string_view document,
                                        const std::vector<OpenPgpKey>& keys, std::int64_t now) {
  if (document.size() > kMostBytes) return fail(Kind::Corrupt, "a signed document above 16 MiB");
  if (without_end(take_line(document)) != kBegin)
    return fail(Kind::Corrupt, "this is no signed document");
  while (true) {
    if (document.empty()) return fail(Kind::Corrupt, "the signed document is cut off");
    const std::string_view line = without_end(take_line(document));
    if (line.empty()) break;
    if (!line.starts_with("Hash:"))
      return fail(Kind::Corrupt, "the signed document starts with " + quoted(line));
  }
  // What is signed ends each line with both, and has none behind the last. [RFC 4880 7.1]
  OpenPgpSigned out;
  std::string canonical;
  for (bool is_first = true;; is_first = false) {
    if (document.empty()) return fail(Kind::Corrupt, "the signed document has no signature");
    if (document.starts_with(kSignature)) break;
    std::string_view line = without_end(take_line(document));
    if (line.starts_with("- "))
      line.remove_prefix(2);
    else if (line.starts_with('-'))
      return fail(Kind::Corrupt, "a line of the signed document starts with '-'");
    if (!is_first) canonical += "\r\n";
    canonical += line;
    out.text += std::string(line) + "\n";
  }
  out.fingerprint = TRY(find_signer(document, kOfText, canonical, keys, now));
  return out;
}

Result<OpenPgpSigned> check_signature(std::string_view text, std::string_view signature,
                                      const std::vector<OpenPgpKey>& keys, std::int64_t now) {
  std::string fingerprint = TRY(find_signer(signature, kOfBytes, text, keys, now));
  return OpenPgpSigned{.text = std::string(text), .fingerprint = std::move(fingerprint)};
}

}  // namespace tare::trust
