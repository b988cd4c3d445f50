// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace tare::front_transfer {
namespace {

struct Address {
  unsigned char bytes[16] = {};
  std::size_t size = 0;  // 4 or 16.
};

std::optional<Address> parse_address(std::string text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  Address address;
  if (::inet_pton(AF_INET, text.c_str(), address.bytes) == 1)
    address.size = 4;
  else if (::inet_pton(AF_INET6, text.c_str(), address.bytes) == 1)
    address.size = 16;
  else
    return std::nullopt;
  return address;
}

bool is_in_range(const Address& address, const std::string& range) {
  const std::size_t slash = range.find('/');
  const auto network = parse_address(range.substr(0, slash));
  const auto bits = parse_u64(std::string_view(range).substr(slash + 1));
  if (!network || !bits || network->size != address.size || *bits > 8 * network->size) return false;
  const std::size_t whole = *bits / 8;
  if (std::memcmp(network->bytes, address.bytes, whole) != 0) return false;
  const unsigned rest = *bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xffu << (8 - rest) & 0xffu;
  return ((network->bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

// Takes ":5000" off: not of "fd00::1", where the colons are the address.
std::string take_port(std::string& entry) {
  const std::size_t colon = entry.rfind(':');
  if (colon == std::string::npos || entry.ends_with(']')) return "";
  if (entry.find(':') != colon && !entry.starts_with('[')) return "";
  std::string port = entry.substr(colon + 1);
  entry.resize(colon);
  return port;
}

bool is_direct(std::string entry, const Origin& origin) {
  if (entry.empty()) return false;
  if (entry == "*") return true;
  const auto address = parse_address(origin.host);
  if (entry.find('/') != std::string::npos) return address && is_in_range(*address, entry);
  const std::string port = take_port(entry);
  if (!port.empty() && port != std::to_string(origin.port)) return false;
  if (const auto own = parse_address(entry))
    return address && address->size == own->size &&
           std::memcmp(address->bytes, own->bytes, own->size) == 0;
  if (entry.starts_with("*.")) entry.erase(0, 1);
  if (entry.starts_with('.')) return origin.host.ends_with(entry);
  return origin.host == entry || origin.host.ends_with("." + entry);
}

}  // namespace

std::string proxy_for(const Origin& origin, const transfer::Proxies& proxies) {
  if (is_loopback(origin.host)) return "";
  std::string none = lower(proxies.none);
  std::ranges::replace(none, ' ', ',');
  for (const std::string& entry : split(none, ','))
    if (is_direct(std::string(trim(entry)), origin)) return "";
  return origin.scheme == "https" ? proxies.https : proxies.http;
}

}  // namespace tare::front_transfer
