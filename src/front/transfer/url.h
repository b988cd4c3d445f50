// SPDX-License-Identifier: Apache-2.0
// URLs that registries give us, and which secrets may go to them. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::front_transfer {

// Who is spoken to. Credentials belong to one origin. [RFC 6454; security rule: credentials belong
// to an origin]
struct Origin {
  std::string scheme;  // "http" or "https".
  std::string host;    // In lower case; an IPv6 address without brackets.
  std::uint16_t port = 0;
  bool operator==(const Origin&) const = default;
};

// Errors: Invalid, for what is no http or https URL, or has a user in it.
Result<Origin> origin_of(const std::string& url);
// The URL that `reference` means where `base` was asked for. [RFC 3986 5.2]
Result<std::string> resolve_url(const std::string& base, const std::string& reference);
// "localhost", 127.0.0.0/8 or ::1.
bool is_loopback(const std::string& host);
// That, link-local, and the addresses that Linux takes for itself: nobody outside may send us
// there.
bool is_local(const std::string& host);
// Whether both hosts belong to one owner: the same host, or names with the same last labels (two,
// or three below short domains as co.uk). Addresses are the same only if they are equal.
bool is_same_site(const std::string& host, const std::string& other);

// Whether a token may be asked for at `realm`, which the registry `registry` named: with our
// credentials only at the same site, and never less protected than the registry itself. Errors:
// Denied. [CVE-2026-33540: the realm decides where the password goes]
Result<> check_realm(const std::string& registry, const std::string& realm, bool with_credentials);
// Whether a redirection from `from` to `to` may be followed. Errors: Denied. [distribution-spec
// 1.1, "Pulling blobs": redirects; CVE-2014-5277: never from https to http]
Result<> check_redirect(const std::string& from, const std::string& to);

// [RFC 3986 2.3: unreserved characters stay]
std::string percent_encode(std::string_view text);

}  // namespace tare::front_transfer
