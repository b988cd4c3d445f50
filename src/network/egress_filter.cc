// SPDX-License-Identifier: Apache-2.0
#include "network/egress_filter.h"

#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <map>

#include "network/dns_names.h"
#include "network/egress_rules.h"
#include "network/leases.h"

namespace tare::network {
namespace {

using nft::Element;
using sys::netlink::Request;

constexpr int kMostTries = 50;          // Others change rules now and then, but not all the time.
constexpr std::size_t kNameBytes = 16;  // IFNAMSIZ

// The sets with a family at their ends.
constexpr std::array kContainers = {"containers4", "containers6"};
constexpr std::array kNamed = {"named4", "named6", "named_ports4", "named_ports6"};
constexpr std::array kFixed = {"fixed4", "fixed6", "fixed_ports4", "fixed_ports6"};
constexpr std::array kSeen = {"begun4", "begun6", "refused4", "refused6"};
constexpr std::array kPins = {"pinned", "pinned4", "pinned6"};

std::string of_family(std::string_view set, bool is_v6) {
  return std::string(set) + (is_v6 ? "6" : "4");
}

using Sets = std::map<std::string, std::vector<Element>>;

std::string source_key(const std::string& bridge, const Address& source) {
  return nft::interface_key(bridge) + std::string(source.raw());
}
std::string protocol_key(int protocol) {
  return nft::padded(std::string(1, static_cast<char>(protocol)));
}
int number_of(const EgressPort& port) {
  return port.protocol == Protocol::Udp ? IPPROTO_UDP : IPPROTO_TCP;
}

// "named" and "named_ports".
std::string set_of(const char* kind, const EgressPort& port, bool is_v6) {
  return of_family(std::string(kind) + (port.is_all() ? "" : "_ports"), is_v6);
}
std::string port_part(const EgressPort& port) {
  return port.is_all() ? "" : protocol_key(number_of(port)) + nft::port_key(port.port);
}

std::vector<Address> addresses_of(const EgressPlace& place) {
  std::vector<Address> addresses;
  if (place.v4) addresses.push_back(*place.v4);
  if (place.v6) addresses.push_back(*place.v6);
  return addresses;
}

void add_fixed(Sets& sets, const EgressPlace& place, const Subnet& target, const EgressPort& port) {
  const auto& source = target.base.is_v6 ? place.v6 : place.v4;
  if (!source) return;
  const std::string from = source_key(place.bridge, *source);
  const std::string port_key = port_part(port);
  Element element{.key = from + std::string(target.first().raw()) + port_key,
                  .key_end = from + std::string(target.last().raw()) + port_key};
  if (element.key == element.key_end) element.key_end.clear();
  sets[set_of("fixed", port, target.base.is_v6)].push_back(std::move(element));
}

struct Target {
  Subnet subnet;
  EgressPort port;
  bool operator==(const Target&) const = default;
};
// Addresses on the list. The kernel refuses ranges that overlap, and they need not be there twice.
std::vector<Target> targets_of(const EgressPlace& place, const Egress& egress) {
  std::vector<Target> all;
  for (const EgressItem& item : egress.items) {
    if (item.subnet) all.push_back({*item.subnet, item.port});
    if (dns::is_host_name(item.name))
      for (const Address& gateway : place.gateways)
        all.push_back({Subnet::of(gateway, gateway.bits()), item.port});
  }
  std::vector<Target> targets;
  for (const Target& target : all) {
    const auto covers = [&](const Target& other) {
      return other.port == target.port && other.subnet.prefix < target.subnet.prefix &&
             other.subnet.contains(target.subnet.base);
    };
    if (std::ranges::none_of(all, covers) && std::ranges::find(targets, target) == targets.end())
      targets.push_back(target);
  }
  return targets;
}

// What stands in the sets of both tables for a container.
Sets sets_of(const EgressPlace& place, const Egress& egress) {
  Sets sets;
  if (egress.mode == Egress::Mode::Free) return sets;
  const bool is_listed = egress.mode == Egress::Mode::Listed;
  for (const Address& source : addresses_of(place)) {
    const std::string chain = of_family(is_listed ? "listed" : "noted", source.is_v6);
    sets[of_family("containers", source.is_v6)].push_back(
        {.key = source_key(place.bridge, source), .chain = chain});
    if (is_listed)
      sets[of_family("pinned", source.is_v6)].push_back({.key = source_key(place.port, source)});
  }
  if (!is_listed) return sets;
  sets["pinned"].push_back({.key = nft::interface_key(place.port)});
  for (const Target& target : targets_of(place, egress))
    add_fixed(sets, place, target.subnet, target.port);
  return sets;
}

std::vector<Element> without(const std::vector<Element>& all, const std::vector<Element>& some) {
  std::vector<Element> rest;
  std::ranges::copy_if(all, std::back_inserter(rest), [&](const Element& element) {
    return std::ranges::find(some, element) == some.end();
  });
  return rest;
}

std::uint16_t port_at(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[offset]) << 8U) |
                                    static_cast<unsigned char>(bytes[offset + 1]));
}

std::string name_of(std::string_view key) {
  key = key.substr(0, kNameBytes);
  return std::string(key.substr(0, key.find('\0')));
}

// nullopt for what is not of us.
std::optional<EgressSeen> read_seen(std::string_view set, const Element& element) {
  const std::size_t bytes = set.ends_with('6') ? 16 : 4;
  if (element.key.size() != kNameBytes + 2 * bytes + 8) return std::nullopt;
  const std::string_view key = element.key;
  EgressSeen seen{.bridge = name_of(key),
                  .source = Address::of_bytes(key.substr(kNameBytes, bytes)),
                  .target = Address::of_bytes(key.substr(kNameBytes + bytes, bytes))};
  const std::size_t protocol = kNameBytes + 2 * bytes;
  seen.protocol = static_cast<unsigned char>(key[protocol]);
  seen.port = port_at(key, protocol + 4);
  seen.is_allowed = set.starts_with("begun");
  seen.packets = element.packets;
  return seen;
}

Error about_tables(Error error) {
  if (error.kind() == Kind::NotFound)
    return Error(Kind::NotFound, "the tables 'tare_egress' of nftables are not there")
        .hint("somebody removed them; they are made again when a container starts");
  return error;
}

}  // namespace

struct EgressFilter::Change {
  std::uint32_t generation = 0;
  std::vector<Request> batch;
};

EgressPlace egress_place(const Network& network, const Endpoint& endpoint) {
  EgressPlace place{.bridge = network.device,
                    .port = endpoint.host_interface,
                    .v4 = endpoint.v4,
                    .v6 = endpoint.v6,
                    .gateways = {}};
  for (const Pool& pool : network.pools) place.gateways.push_back(pool.gateway);
  return place;
}

Result<EgressFilter> EgressFilter::open() {
  return EgressFilter(TRY(nft::Table::open(NFPROTO_INET, kEgressTable), "set up the egress filter"),
                      TRY(nft::Table::open(NFPROTO_BRIDGE, kEgressTable)));
}

Result<bool> EgressFilter::ensure() {
  auto made = ensure_tables(rules_, kEgressTables);
  if (made || made.error().kind() != Kind::Unsupported) return made;
  return std::unexpected(
      Error(Kind::Unsupported, "--egress cannot be kept: " + made.error().message())
          .hint("it needs nftables 1.0 or later, and of the kernel nf_tables of the families inet "
                "and bridge with nft_fib_inet and nft_reject_inet (Linux 5.11)"));
}

Result<bool> EgressFilter::is_whole() {
  for (const StaticTable& table : kEgressTables)
    if (!TRY(network::is_whole(rules_, table))) return false;
  return true;
}

Result<bool> EgressFilter::holds(const EgressPlace& place, const Egress& egress) {
  for (const auto& [set, elements] : sets_of(place, egress)) {
    nft::Table& table = set.starts_with("pinned") ? pins_ : rules_;
    if (set.starts_with("fixed")) continue;
    for (const Element& element : elements)
      if (!TRY(table.find(set, element.key))) return false;
  }
  return true;
}

Result<bool> EgressFilter::is_known(const EgressPlace& place) {
  for (const Address& source : addresses_of(place))
    if (TRY(rules_.find(of_family("containers", source.is_v6), source_key(place.bridge, source))))
      return true;
  return TRY(pins_.find("pinned", nft::interface_key(place.port))).has_value();
}

Result<> EgressFilter::commit_planned(const std::function<Result<Change>()>& plan) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const Change change = TRY(plan());
    auto done = rules_.commit(change.batch, change.generation);
    // NotFound: one of those to be removed was over meanwhile.
    if (done || (done.error().kind() != Kind::Busy && done.error().kind() != Kind::NotFound))
      return done;
  }
  return fail(Kind::Busy, "the rules of this host change all the time");
}

Result<EgressFilter::Change> EgressFilter::plan(const EgressPlace& place, const Egress& egress) {
  Change change{.generation = TRY(rules_.generation()), .batch = {}};
  Sets goal = sets_of(place, egress);
  const auto replace = [&](nft::Table& table, const char* set,
                           const std::vector<std::string>& prefixes) -> Result<> {
    std::vector<Element> present = TRY(table.elements(set));
    std::erase_if(present, [&](const Element& element) {
      return std::ranges::none_of(
          prefixes, [&](const std::string& prefix) { return element.key.starts_with(prefix); });
    });
    table.remove(change.batch, set, without(present, goal[set]));
    table.add(change.batch, set, without(goal[set], present));
    return {};
  };
  std::vector<std::string> sources;
  for (const Address& source : addresses_of(place))
    sources.push_back(source_key(place.bridge, source));
  for (const char* const set : kPins) TRY(replace(pins_, set, {nft::interface_key(place.port)}));
  for (const auto& sets :
       {std::span<const char* const>(kFixed), std::span<const char* const>(kNamed),
        std::span<const char* const>(kContainers)})
    for (const char* const set : sets) TRY(replace(rules_, set, sources));
  return change;
}

Result<> EgressFilter::assign(const EgressPlace& place, const Egress& egress) {
  if (egress.mode == Egress::Mode::Free && !TRY(is_known(place))) return {};
  auto done = commit_planned([&] { return plan(place, egress); });
  if (done) return {};
  return std::unexpected(
      about_tables(std::move(done).error()).wrap("limit what a container reaches"));
}

Result<> EgressFilter::open_addresses(const EgressPlace& place,
                                      const std::vector<EgressOpening>& openings) {
  Sets sets;
  for (const EgressOpening& opening : openings) {
    const auto& source = opening.address.is_v6 ? place.v6 : place.v4;
    if (!source) continue;
    sets[set_of("named", opening.port, opening.address.is_v6)].push_back(
        {.key = source_key(place.bridge, *source) + std::string(opening.address.raw()) +
                port_part(opening.port),
         .timeout_ms = std::uint64_t{1000} * opening.seconds});
  }
  std::vector<Request> batch;
  for (const auto& [set, elements] : sets) rules_.renew(batch, set, elements);
  auto done = rules_.commit(batch);
  if (done) return {};
  return std::unexpected(
      about_tables(std::move(done).error()).wrap("let a container reach a name"));
}

Result<std::vector<EgressSeen>> EgressFilter::take_seen(const std::vector<EgressPlace>& places) {
  std::set<std::string> ours;
  for (const EgressPlace& place : places)
    for (const Address& source : addresses_of(place)) ours.insert(source_key(place.bridge, source));
  std::vector<EgressSeen> all;
  std::vector<Request> batch;
  for (const char* const set : kSeen) {
    const std::size_t prefix = kNameBytes + (std::string_view(set).ends_with('6') ? 16 : 4);
    auto elements = rules_.elements(set);
    if (!elements && elements.error().kind() == Kind::NotFound) return all;
    std::vector<Element> taken;
    for (Element& element : TRY(std::move(elements))) {
      if (!ours.contains(element.key.substr(0, prefix))) continue;
      if (const auto seen = read_seen(set, element)) all.push_back(*seen);
      taken.push_back(std::move(element));
    }
    rules_.remove(batch, set, taken);
  }
  auto done = rules_.commit(batch);
  // One of them may have been over: they are there a minute at most, and are counted again then.
  if (!done && done.error().kind() != Kind::NotFound)
    return std::unexpected(std::move(done).error());
  return all;
}

Result<> EgressFilter::sweep(const std::function<Result<Holders>()>& read) {
  const auto plan_sweep = [&]() -> Result<Change> {
    Change change{.generation = TRY(rules_.generation()), .batch = {}};
    std::map<std::string, std::vector<Element>> there;
    for (const char* const set : kPins) there[set] = TRY(pins_.elements(set));
    for (const auto& sets :
         {std::span<const char* const>(kFixed), std::span<const char* const>(kNamed),
          std::span<const char* const>(kContainers)})
      for (const char* const set : sets) there[set] = TRY(rules_.elements(set));
    const Holders holders = TRY(read());
    const auto bridge_of = [&](const std::string& name) {
      return std::ranges::find(holders.bridges, name, &std::pair<std::string, Network>::first);
    };
    std::set<std::string> gone;  // Ports of bridges.
    for (auto& [set, elements] : there) {
      const std::size_t bytes = set.ends_with('6') ? 16 : 4;
      if (set == "pinned") continue;
      std::erase_if(elements, [&](const Element& element) {
        const std::string name = name_of(element.key);
        const Address source = Address::of_bytes(element.key.substr(kNameBytes, bytes));
        if (!set.starts_with("pinned"))
          return bridge_of(name) == holders.bridges.end() ||
                 holders.addresses.contains({name, source});
        // Of a network of ours, and nobody's any more.
        const bool is_ours = std::ranges::any_of(holders.bridges, [&](const auto& bridge) {
          const Pool* const pool = bridge.second.pool(source.is_v6);
          return pool != nullptr && pool->subnet.contains(source);
        });
        if (!is_ours || holders.ports.contains(name)) return true;
        gone.insert(name);
        return false;
      });
    }
    std::erase_if(there["pinned"],
                  [&](const Element& element) { return !gone.contains(name_of(element.key)); });
    for (const auto& [set, elements] : there)
      (set.starts_with("pinned") ? pins_ : rules_).remove(change.batch, set, elements);
    return change;
  };
  auto done = commit_planned(plan_sweep);
  if (!done && done.error().kind() == Kind::NotFound) return {};
  return done;
}

Result<EgressFilter::Holders> egress_holders(int store) {
  EgressFilter::Holders holders;
  for (Network& network : TRY(load_networks(store))) {
    if (network.driver != Driver::Bridge) continue;
    for (const Lease& lease : TRY(load_leases(store, network.id))) {
      if (const auto address = Address::parse(lease.address))
        holders.addresses.emplace(network.device, *address);
      holders.ports.insert(host_interface_of(lease.container, network.id));
    }
    holders.bridges.emplace_back(network.device, std::move(network));
  }
  return holders;
}

}  // namespace tare::network
