// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace tare::front_transfer {
namespace {

struct Free {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
  void operator()(char* text) const { ::curl_free(text); }
};
using Handle = std::unique_ptr<CURLU, Free>;

constexpr std::size_t kMaxUrl = 16 << 10;  // Of signed addresses of object stores: some 2 KiB.

std::string part(const Handle& url, CURLUPart what, unsigned flags = 0) {
  char* raw = nullptr;
  if (::curl_url_get(url.get(), what, &raw, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, Free> text(raw);
  return text.get();
}

Result<Handle> parse(const std::string& text) {
  Handle url(::curl_url());
  if (!url) return fail(Kind::Unavailable, "there is no memory");
  if (text.size() > kMaxUrl || text.find_first_of(std::string_view("\0\r\n", 3)) != text.npos ||
      ::curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return fail(Kind::Invalid, quoted(text) + " is not a URL");
  const std::string scheme = part(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https")
    return fail(Kind::Invalid, quoted(text) + " is neither an http nor an https URL");
  if (!part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty())
    return fail(Kind::Invalid, "a URL has a user in it");
  return url;
}

bool is_address(const std::string& host) {
  return host.find(':') != std::string::npos ||
         host.find_first_not_of("0123456789.") == std::string::npos;
}

// The last labels of a name, which one owner has.
std::string site_of(const std::string& host) {
  const std::vector<std::string> labels = split(host, '.');
  std::size_t count = 2;
  constexpr std::size_t kShort = 3;  // "co.uk", "com.au": owned by nobody.
  if (labels.size() > 2 && labels.back().size() == 2 && labels[labels.size() - 2].size() <= kShort)
    count = 3;
  if (labels.size() <= count) return host;
  return join(std::span(labels).last(count), ".");
}

}  // namespace

Result<Origin> origin_of(const std::string& url) {
  const Handle parsed = TRY(parse(url));
  Origin origin;
  origin.scheme = part(parsed, CURLUPART_SCHEME);
  origin.host = lower(part(parsed, CURLUPART_HOST));
  if (origin.host.starts_with('[') && origin.host.ends_with(']'))
    origin.host = origin.host.substr(1, origin.host.size() - 2);
  if (origin.host.empty()) return fail(Kind::Invalid, quoted(url) + " has no host");
  const auto port = parse_u64(part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  if (!port || *port == 0 || *port > 65535)
    return fail(Kind::Invalid, quoted(url) + " has no port");
  origin.port = static_cast<std::uint16_t>(*port);
  return origin;
}

Result<std::string> resolve_url(const std::string& base, const std::string& reference) {
  const Handle url = TRY(parse(base));
  if (reference.empty() || reference.size() > kMaxUrl ||
      ::curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
          CURLUE_OK)
    return fail(Kind::Invalid, quoted(reference) + " is not a URL");
  std::string text = part(url, CURLUPART_URL);
  TRY(parse(text));
  return text;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
         (host.starts_with("127.") && is_address(host));
}

// As the resolver reads an address, which may be "127.1" or one of IPv4 in one of IPv6; and "this
// host", which Linux takes for itself. [inet_aton(3); RFC 4291 2.5.5.2; RFC 1122 3.2.1.3; RFC 3927]
bool is_local(const std::string& host) {
  constexpr std::uint32_t kLinkLocal = 0xa9fe;
  const auto is_local_v4 = [](std::uint32_t address) {
    return address >> 24 == 127 || address >> 24 == 0 || address >> 16 == kLinkLocal;
  };
  in_addr v4{};
  in6_addr v6{};
  if (::inet_aton(host.c_str(), &v4) != 0) return is_local_v4(ntohl(v4.s_addr));
  if (::inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &v6) != 1)
    return is_loopback(host);
  if (IN6_IS_ADDR_V4MAPPED(&v6) || IN6_IS_ADDR_V4COMPAT(&v6)) {
    std::uint32_t last = 0;
    std::memcpy(&last, v6.s6_addr + 12, sizeof last);
    return is_local_v4(ntohl(last)) || IN6_IS_ADDR_LOOPBACK(&v6);
  }
  return IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6);
}

bool is_same_site(const std::string& host, const std::string& other) {
  if (host == other) return true;
  if (is_address(host) || is_address(other)) return false;
  return site_of(host) == site_of(other) && site_of(host).find('.') != std::string::npos;
}

Result<> check_realm(const std::string& registry, const std::string& realm, bool with_credentials) {
  const Origin own = TRY(origin_of(registry));
  const Origin theirs = TRY(origin_of(realm), "the token server of " + quoted(registry));
  const std::string named = own.host + " names the token server " + quoted(realm);
  if (theirs.scheme != "https" && own.scheme == "https")
    return fail(Kind::Denied, named + ", which is not encrypted");
  if (theirs.scheme != "https" && theirs.host != own.host)
    return fail(Kind::Denied, named + ", which is another host and not encrypted");
  if (is_local(theirs.host) && !is_local(own.host))
    return fail(Kind::Denied, named + ", which is this machine itself");
  if (with_credentials && !is_same_site(own.host, theirs.host))
    return std::unexpected(
        Error(Kind::Denied, named + ", which is another site: the password is not sent there")
            .hint("log out of " + own.host + " to ask without a password"));
  return {};
}

Result<> check_redirect(const std::string& from, const std::string& to) {
  const Origin old = TRY(origin_of(from));
  const Origin next = TRY(origin_of(to), "redirected by " + old.host);
  if (old.scheme == "https" && next.scheme != "https")
    return fail(Kind::Denied,
                old.host + " redirects to " + next.host + " without encryption: not followed");
  // A machine's own services answer its own programs: nobody from outside may send us to them.
  if (is_local(next.host) && !is_local(old.host))
    return fail(Kind::Denied, old.host + " redirects to this machine itself: not followed");
  return {};
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : "%" + to_hex(std::string_view(&c, 1));
  }
  return out;
}

}  // namespace tare::front_transfer
