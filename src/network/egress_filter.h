// SPDX-License-Identifier: Apache-2.0
// The packet filter of --egress: the tables `inet tare_egress` and `bridge tare_egress`, whose
// rules never change. Whom they limit, and to what, stands in their sets.
// [docs/decisions/0020-egress.md]
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "network/egress.h"
#include "network/nft.h"
#include "network/records.h"

namespace tare::network {

// A container on one bridge.
struct EgressPlace {
  std::string bridge;
  std::string port;  // Its end of the bridge.
  std::optional<Address> v4;
  std::optional<Address> v6;
  std::vector<Address> gateways;  // The host, as `host.docker.internal` names it.
  bool operator==(const EgressPlace&) const = default;
};
EgressPlace egress_place(const Network& network, const Endpoint& endpoint);

// An address that a name leads to, and for how long.
struct EgressOpening {
  Address address;
  EgressPort port;
  std::uint32_t seconds = 0;
};

// Packets that began something, or were not let through.
struct EgressSeen {
  std::string bridge;
  Address source;
  Address target;
  int protocol = 0;  // IPPROTO_*
  std::uint16_t port = 0;
  bool is_allowed = false;
  std::uint64_t packets = 0;
};

// For the network namespace that the calling thread was in at open(). PRIVILEGED (over it).
// Everything below is one transaction each.
class EgressFilter {
 public:
  // Errors: Unsupported (no nf_tables in this kernel), Denied.
  static Result<EgressFilter> open();

  // Sees to it that both tables are there and whole. True when one was made: it is empty. Errors:
  // Unsupported (no nft, or a kernel without a part of it).
  Result<bool> ensure();
  Result<bool> is_whole();

  // That `egress` holds for this container, whatever was said of its addresses before, also by
  // names. Free takes all away, and is quick where there is nothing. Otherwise the tables have to
  // be there: NotFound.
  Result<> assign(const EgressPlace& place, const Egress& egress);
  // Whether it is limited, or noted, as `egress` wants it; not whether to the right addresses.
  Result<bool> holds(const EgressPlace& place, const Egress& egress);
  // Lets the container reach these. What was open already is open for the new time.
  Result<> open_addresses(const EgressPlace& place, const std::vector<EgressOpening>& openings);
  // What was seen of these, and not since; nothing where there is no table.
  Result<std::vector<EgressSeen>> take_seen(const std::vector<EgressPlace>& places);

  // Who has which address, as leases say: what else stands in the sets of these bridges goes.
  struct Holders {
    std::vector<std::pair<std::string, Network>> bridges;  // By the bridge's name.
    std::set<std::pair<std::string, Address>> addresses;   // On which bridge.
    std::set<std::string> ports;
  };
  // `read` is called after the look at the sets, and again when they changed meanwhile: whoever has
  // an address was given it before his elements were. Nothing where there is no table.
  Result<> sweep(const std::function<Result<Holders>()>& read);

 private:
  struct Change;
  Result<bool> is_known(const EgressPlace& place);
  EgressFilter(nft::Table rules, nft::Table pins)
      : rules_(std::move(rules)), pins_(std::move(pins)) {}
  Result<Change> plan(const EgressPlace& place, const Egress& egress);
  Result<> commit_planned(const std::function<Result<Change>()>& plan);

  nft::Table rules_;
  nft::Table pins_;
};

// For sweep(): the holders of the store's leases. `store`: its directory.
Result<EgressFilter::Holders> egress_holders(int store);

}  // namespace tare::network
