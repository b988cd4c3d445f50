// SPDX-License-Identifier: Apache-2.0
#include "network/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace tare::network {
namespace {

// The address with all bits below `prefix` set to `bit`.
Address fill(Address address, int prefix, bool bit) {
  for (int i = prefix; i < address.bits(); ++i) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (i % 8));
    auto& byte = address.bytes[static_cast<std::size_t>(i / 8)];
    byte = static_cast<std::uint8_t>(bit ? byte | mask : byte & ~mask);
  }
  return address;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  Address address;
  const std::string copy(text);
  address.is_v6 = text.find(':') != std::string_view::npos;
  if (::inet_pton(address.family(), copy.c_str(), address.bytes.data()) != 1 ||
      copy.size() != std::string_view(copy.c_str()).size())
    return std::unexpected(Error(Kind::Invalid, quoted(copy) + " is no IP address"));
  return address;
}

Address Address::of_bytes(std::string_view bytes) {
  Address address;
  address.is_v6 = bytes.size() > 4;
  std::copy_n(bytes.begin(), std::min(bytes.size(), address.bytes.size()), address.bytes.begin());
  return address;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  ::inet_ntop(family(), bytes.data(), buffer.data(), buffer.size());
  return buffer.data();
}

std::string_view Address::raw() const {
  return {reinterpret_cast<const char*>(bytes.data()), is_v6 ? 16U : 4U};
}

int Address::family() const { return is_v6 ? AF_INET6 : AF_INET; }

bool Address::is_any() const {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (!is_v6) return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; }) &&
         bytes[15] == 1;
}

Address Address::plus(std::uint64_t count) const {
  Address next = *this;
  for (int i = bits() / 8 - 1; i >= 0 && count != 0; --i) {
    auto& byte = next.bytes[static_cast<std::size_t>(i)];
    // The sum of the lowest byte, and the rest with its carry.
    const std::uint64_t sum = byte + (count & 0xff);
    byte = static_cast<std::uint8_t>(sum);
    count = (count >> 8) + (sum >> 8);
  }
  return next;
}

Result<Subnet> Subnet::parse(std::string_view text) {
  const auto parts = split_once(text, '/');
  const auto wrong = [&](const char* why) {
    return std::unexpected(Error(Kind::Invalid, quoted(std::string(text)) + " is no subnet: " + why)
                               .hint("write it like 10.1.2.0/24 or fd00:1::/64"));
  };
  if (!parts) return wrong("there is no prefix length behind a slash");
  const auto address = Address::parse(parts->first);
  if (!address) return wrong("before the slash there is no IP address");
  const auto prefix = parse_u64(parts->second);
  if (!prefix || *prefix > static_cast<std::uint64_t>(address->bits()))
    return wrong("behind the slash there is no prefix length");
  const Subnet subnet = of(*address, static_cast<int>(*prefix));
  if (subnet.base != *address)
    return wrong(("it has bits below its prefix; " + subnet.text() + " has not").c_str());
  return subnet;
}

Subnet Subnet::of(const Address& address, int prefix) {
  return {.base = fill(address, prefix, false), .prefix = prefix};
}

std::string Subnet::text() const { return base.text() + "/" + std::to_string(prefix); }

bool Subnet::contains(const Address& address) const {
  return address.is_v6 == base.is_v6 && fill(address, prefix, false) == base;
}

bool Subnet::overlaps(const Subnet& other) const {
  return contains(other.base) || other.contains(base);
}

Address Subnet::last() const { return fill(base, prefix, true); }

std::uint64_t Subnet::size() const {
  return std::uint64_t{1} << std::min(base.bits() - prefix, 63);
}

Result<Mac> parse_mac(std::string_view text) {
  const auto wrong = [&] {
    return std::unexpected(
        Error(Kind::Invalid, quoted(std::string(text)) + " is no MAC address of one interface")
            .hint("write it like 02:42:ac:11:00:02; the first byte is even"));
  };
  Mac mac{};
  if (text.size() != 17) return wrong();
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::string small = lower(text);
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const std::size_t high = kDigits.find(small[3 * i]);
    const std::size_t low = kDigits.find(small[3 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos ||
        (i < 5 && small[3 * i + 2] != ':'))
      return wrong();
    mac[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if ((mac[0] & 1) != 0 || mac == Mac{}) return wrong();
  return mac;
}

std::string mac_text(const Mac& mac) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : mac) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

}  // namespace tare::network
