// SPDX-License-Identifier: Apache-2.0
// Which keys of a ring may sign: what their primary keys say of them. [RFC 4880 5.2.1, 11.1]
#include <algorithm>

#include "base/text.h"
#include "trust/openpgp_packets.h"

namespace tare::trust {
namespace {

constexpr std::uint8_t kMaySign = 2;
constexpr std::uint8_t kFirstSha2 = 8;

// Of signatures.
constexpr std::uint8_t kVouchFirst = 0x10;  // For a name, to 0x13: more or less checked.
constexpr std::uint8_t kVouchLast = 0x13;
constexpr std::uint8_t kBinding = 0x18;
constexpr std::uint8_t kCrossBinding = 0x19;
constexpr std::uint8_t kDirect = 0x1f;
constexpr std::uint8_t kRevocation = 0x20;
constexpr std::uint8_t kSubkeyRevocation = 0x28;

// A key of a certificate, and what was said of it last.
struct Candidate {
  OpenPgpKey key;
  std::string signed_form;
  bool is_known = false;  // Of an algorithm that we have.
  bool is_revoked = false;
  bool is_vouched = false;
  bool may_sign = false;
  std::int64_t said_at = -1;

  void take(const Signature& signature, bool signs) {
    if (signature.made_at < said_at) return;
    said_at = signature.made_at;
    is_vouched = true;
    may_sign = signs;
    key.valid_until =
        signature.key_seconds_valid == 0 ? 0 : key.made_at + signature.key_seconds_valid;
  }
};

// How a key's packet is signed.
std::string key_form(std::string_view body) {
  std::string form{'\x99', static_cast<char>(body.size() >> 8), static_cast<char>(body.size())};
  return form += body;
}

std::string user_form(std::string_view body) {
  std::string form = "\xb4";
  for (int shift = 24; shift >= 0; shift -= 8) form += static_cast<char>(body.size() >> shift);
  return form += body;
}

Candidate candidate_of(std::string_view body) {
  Candidate candidate{.signed_form = key_form(body)};
  if (auto key = read_key(body)) {
    candidate.key = std::move(*key);
    candidate.is_known = true;
  }
  return candidate;
}

// A primary key with what follows it.
class Certificate {
 public:
  explicit Certificate(std::string_view body) : primary_(candidate_of(body)) {}

  void take(const Packet& packet) {
    user_.reset();
    if (packet.tag == Packet::kSubkey) {
      subkeys_.push_back(candidate_of(packet.body));
      return;
    }
    if (packet.tag == Packet::kUser) {
      user_ = user_form(packet.body);
      if (primary_.key.owner.empty()) primary_.key.owner = packet.body.substr(0, 200);
    }
    is_before_names_ = false;
  }

  void take(const Signature& signature) {
    if (!primary_.is_known) return;
    if (!subkeys_.empty())
      take_binding(signature, subkeys_.back());
    else if (user_)
      take_vouching(signature);
    else if (is_before_names_)
      take_direct(signature);
  }

  void put_signers(std::vector<OpenPgpKey>& keys) {
    if (!primary_.is_known || primary_.is_revoked || !primary_.is_vouched) return;
    if (primary_.may_sign) keys.push_back(primary_.key);
    for (Candidate& subkey : subkeys_) {
      if (!subkey.is_known || subkey.is_revoked || !subkey.may_sign) continue;
      // It is not longer valid than what vouches for it.
      const std::int64_t end = primary_.key.valid_until;
      if (end != 0 && (subkey.key.valid_until == 0 || subkey.key.valid_until > end))
        subkey.key.valid_until = end;
      subkey.key.owner = primary_.key.owner;
      keys.push_back(subkey.key);
    }
  }

 private:
  bool is_own(const Signature& signature, const std::string& text) const {
    return has_signed(primary_.key, signature, primary_.signed_form + text);
  }

  void take_direct(const Signature& signature) {
    if (signature.type != kDirect && signature.type != kRevocation) return;
    // One that cannot be verified any more counts: its key is old, or somebody is up to something.
    const bool is_old = signature.type == kRevocation && signature.hash < kFirstSha2;
    if (!is_old && !is_own(signature, "")) return;
    if (signature.type == kRevocation)
      primary_.is_revoked = true;
    else
      primary_.take(signature, !signature.key_flags || (*signature.key_flags & kMaySign) != 0);
  }

  void take_vouching(const Signature& signature) {
    if (signature.type < kVouchFirst || signature.type > kVouchLast) return;
    if (!is_own(signature, *user_)) return;
    primary_.take(signature, !signature.key_flags || (*signature.key_flags & kMaySign) != 0);
  }

  // SECURITY: a key that signs has to say itself that it belongs here, else anybody could put
  // another's key below his own.
  void take_binding(const Signature& signature, Candidate& subkey) {
    if (signature.type != kBinding && signature.type != kSubkeyRevocation) return;
    if (!subkey.is_known || !is_own(signature, subkey.signed_form)) return;
    if (signature.type == kSubkeyRevocation) {
      subkey.is_revoked = true;
      return;
    }
    bool signs = signature.key_flags && (*signature.key_flags & kMaySign) != 0;
    if (signs) {
      const auto cross = read_signature(signature.embedded);
      signs = cross && cross->type == kCrossBinding &&
              has_signed(subkey.key, *cross, primary_.signed_form + subkey.signed_form);
    }
    subkey.take(signature, signs);
  }

  Candidate primary_;
  std::vector<Candidate> subkeys_;
  std::optional<std::string> user_;
  bool is_before_names_ = true;
};

}  // namespace

Result<std::vector<OpenPgpKey>> read_openpgp_keys(std::string_view ring) {
  const std::string bytes = TRY(without_armour(ring, "PUBLIC KEY BLOCK"));
  std::vector<OpenPgpKey> keys;
  std::optional<Certificate> certificate;
  for (const Packet& packet : TRY(read_packets(bytes))) {
    if (packet.tag == Packet::kKey) {
      if (certificate) certificate->put_signers(keys);
      certificate.emplace(packet.body);
    } else if (!certificate) {
      continue;
    } else if (packet.tag == Packet::kSignature) {
      // What cannot be read vouches for nothing; a revocation of another form is as good as none.
      if (const auto signature = read_signature(packet.body)) certificate->take(*signature);
    } else if (packet.tag == Packet::kUser || packet.tag == Packet::kSubkey ||
               packet.tag == Packet::kAttribute) {
      certificate->take(packet);
    }
  }
  if (certificate) certificate->put_signers(keys);
  return keys;
}

}  // namespace tare::trust
