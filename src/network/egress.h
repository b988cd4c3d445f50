// SPDX-License-Identifier: Apache-2.0
// What a container may reach outside of its own networks: the list of --egress. Pure; the packet
// filter of it is in egress_filter.h. [docs/decisions/0020-egress.md]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/address.h"
#include "network/records.h"

namespace tare::network {

// One port of one protocol, or with port 0 all of TCP and UDP, and ping.
struct EgressPort {
  std::uint16_t port = 0;
  Protocol protocol = Protocol::Tcp;  // Of port 0 it says nothing.
  bool is_all() const { return port == 0; }
  auto operator<=>(const EgressPort&) const = default;
};

// Either a name or addresses.
struct EgressItem {
  std::string name;  // In lower case. "*.debian.org" is all names below debian.org, and not itself.
  std::optional<Subnet> subnet;
  EgressPort port;
  std::string text() const;  // "debian.org:443", "[2001:db8::/32]:53/udp"
  bool operator==(const EgressItem&) const = default;
};

struct Egress {
  enum class Mode : std::uint8_t {
    Free,    // Nothing was said.
    Noted,   // "allow": everything, and it is written down.
    Listed,  // Only these items; with none of them it is "deny".
  };
  Mode mode = Mode::Free;
  std::vector<EgressItem> items;

  // What --egress says, each text one or more words with commas between them: "deny" or "allow"
  // alone, or NAME, ADDRESS or SUBNET, each with :PORT[/PROTOCOL] or without. None: Free.
  // Errors: Invalid, with what is wrong with which word.
  static Result<Egress> parse(const std::vector<std::string>& texts);
  // What parse() makes the same of, a word each.
  std::vector<std::string> texts() const;
  // What `name`, as dns::Name::text() has it, may be reached at; empty: it is not on the list.
  std::vector<EgressPort> ports_of(std::string_view name) const;
  // The first item that has the name, for who reads the ledger; "" when there is none.
  std::string item_of(std::string_view name) const;
  bool operator==(const Egress&) const = default;
};

// Whether names may lead there: not to this machine, link-local or shared between many, nor to
// nobody, whatever a name server says. Addresses of IPv4 inside those of IPv6 count as themselves.
// [RFC 6890; DNS rebinding]
bool may_be_named(const Address& address);

}  // namespace tare::network
