// SPDX-License-Identifier: Apache-2.0
// Addresses of the internet protocols, and subnets of them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::network {

// IPv4 or IPv6, without a scope. A default one is 0.0.0.0.
struct Address {
  bool is_v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // In network order; of IPv4 the first four count.

  // Errors: Invalid. [inet_pton(3): "10.0.0.1", not "10.1" and not octal]
  static Result<Address> parse(std::string_view text);
  static Address of_bytes(std::string_view bytes);  // 4 or 16 of them.
  std::string text() const;                         // IPv6 as RFC 5952 has it.
  std::string_view raw() const;                     // 4 or 16 bytes.
  int bits() const { return is_v6 ? 128 : 32; }
  int family() const;  // AF_INET, AF_INET6.
  bool is_any() const;
  bool is_loopback() const;  // 127.0.0.0/8, ::1
  // The address `count` behind this one; wraps.
  Address plus(std::uint64_t count) const;
  auto operator<=>(const Address&) const = default;
};

struct Subnet {
  Address base;  // With no bit below the prefix.
  int prefix = 0;

  // "10.0.0.0/24". Errors: Invalid; a bit below the prefix is one, too.
  static Result<Subnet> parse(std::string_view text);
  // That of an interface: "10.0.0.7/24" is in 10.0.0.0/24.
  static Subnet of(const Address& address, int prefix);
  std::string text() const;
  bool contains(const Address& address) const;
  bool overlaps(const Subnet& other) const;
  Address first() const { return base; }
  Address last() const;
  // Of addresses, at most 2^63.
  std::uint64_t size() const;
  auto operator<=>(const Subnet&) const = default;
};

// "02:42:ac:11:00:02", in lower case. Errors: Invalid; a group address is one, too.
using Mac = std::array<std::uint8_t, 6>;
Result<Mac> parse_mac(std::string_view text);
std::string mac_text(const Mac& mac);

}  // namespace tare::network
