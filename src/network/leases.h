// SPDX-License-Identifier: Apache-2.0
// Which subnets networks get, and which addresses containers. [docs/formats/networks.md]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "network/records.h"

namespace tare::network {

// The first of the subnets that Tare chooses from (those of Docker, then more) which overlaps none
// of `taken`. Errors: Unavailable.
Result<Subnet> choose_subnet(const std::vector<Subnet>& taken);
// The unique local /64 of the network with this id. [RFC 4193]
Subnet local_subnet(const std::string& network);
// What may be given to a container: not the subnet's own address, the gateway, the broadcast
// address of IPv4, nor what --aux-address names. Errors: Invalid, with the reason.
Result<> check_assignable(const Pool& pool, const Address& address);
// The MAC address that goes with an IPv4 address, as Docker's did.
Mac mac_of(const Address& v4);

// Makes `wanted`, or else the first free address of the pool, the container's: a symbolic link in
// the network's directory, made or not in one step. What it holds already it gets again. `store`:
// its directory. Errors: Exists (whose `wanted` is); Unavailable (none is free).
Result<Address> take_address(int store, const Network& network, const Pool& pool,
                             const std::string& container, const std::optional<Address>& wanted);
// Those of a container on one network. One that is not its own stays.
void release_addresses(int store, const std::string& network, const std::string& container);
struct Lease {
  std::string address;
  std::string container;
};
Result<std::vector<Lease>> load_leases(int store, const std::string& network);

}  // namespace tare::network
