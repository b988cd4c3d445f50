// SPDX-License-Identifier: Apache-2.0
#include "network/firewall.h"

#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "network/firewall_rules.h"
#include "network/static_tables.h"

namespace tare::network {
namespace {

using nft::Attributes;
using nft::Element;
using sys::netlink::Request;

constexpr const char* kTable = "tare";
const StaticTable kRules{.family = NFPROTO_INET,
                         .name = "inet tare",
                         .rules = kFirewallRules,
                         .layout = kFirewallLayout,
                         .rule_count = kFirewallRuleCount};
// Others change rules now and then, but not all the time.
constexpr int kMostTries = 50;
constexpr std::size_t kNameBytes = 16;  // IFNAMSIZ

const std::vector<std::string>& network_sets() {
  static const std::vector<std::string> sets = {"bridges", "internal", "routed",
                                                "same",    "sources4", "sources6"};
  return sets;
}

using Sets = std::map<std::string, std::vector<Element>>;

// What stands in the sets for a network.
Sets sets_of(const NetworkRules& rules) {
  const std::string name = nft::interface_key(rules.bridge);
  Sets sets;
  sets["bridges"].push_back({.key = name, .key_end = {}, .data = {}});
  if (rules.internal) sets["internal"].push_back({.key = name, .key_end = {}, .data = {}});
  if (rules.routed) sets["routed"].push_back({.key = name, .key_end = {}, .data = {}});
  if (!rules.isolated) sets["same"].push_back({.key = name + name, .key_end = {}, .data = {}});
  for (const Subnet& subnet : rules.subnets) {
    Element element{.key = name + std::string(subnet.first().raw()),
                    .key_end = name + std::string(subnet.last().raw()),
                    .data = {}};
    if (element.key == element.key_end) element.key_end.clear();
    sets[subnet.base.is_v6 ? "sources6" : "sources4"].push_back(std::move(element));
  }
  return sets;
}

std::string name_of(const Element& element) {
  const std::string_view key = std::string_view(element.key).substr(0, kNameBytes);
  return std::string(key.substr(0, key.find('\0')));
}

// The subnet between two addresses; ours are never anything else.
Subnet subnet_between(const Address& first, const Address& last) {
  int prefix = first.bits();
  while (prefix > 0 && Subnet::of(first, prefix).last() < last) --prefix;
  return Subnet::of(first, prefix);
}

void read_network(const std::string& set, const Element& element, NetworkRules& rules) {
  rules.bridge = name_of(element);
  if (set == "internal") rules.internal = true;
  if (set == "routed") rules.routed = true;
  if (set == "same") rules.isolated = false;
  if (!set.starts_with("sources") || element.key.size() <= kNameBytes) return;
  const std::string& last = element.key_end.empty() ? element.key : element.key_end;
  if (last.size() != element.key.size()) return;
  rules.subnets.push_back(subnet_between(Address::of_bytes(element.key.substr(kNameBytes)),
                                         Address::of_bytes(last.substr(kNameBytes))));
}

int number_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp:
      return IPPROTO_TCP;
    case Protocol::Udp:
      return IPPROTO_UDP;
    case Protocol::Sctp:
      return IPPROTO_SCTP;
  }
  return 0;
}

struct Place {
  std::string set;
  Element element;
};
Place place_of(const Mapping& mapping) {
  const PublishedPort& port = mapping.port;
  Place place;
  place.set = std::string(port.host.is_any() ? "any" : "ports") + (port.host.is_v6 ? "6" : "4");
  if (!port.host.is_any()) place.element.key = port.host.raw();
  place.element.key += nft::padded(std::string(1, static_cast<char>(number_of(port.protocol))));
  place.element.key += nft::port_key(port.host_port);
  place.element.data = std::string(mapping.target.raw()) + nft::port_key(port.container_port);
  return place;
}

std::uint16_t port_at(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[offset]) << 8U) |
                                    static_cast<unsigned char>(bytes[offset + 1]));
}

// nullopt for what is not of us.
std::optional<Mapping> read_mapping(bool is_v6, bool is_any, const Element& element) {
  const std::size_t bytes = is_v6 ? 16 : 4;
  const std::size_t prefix = is_any ? 0 : bytes;
  if (element.key.size() != prefix + 8 || element.data.size() != bytes + 4) return std::nullopt;
  Mapping mapping;
  mapping.port.host.is_v6 = is_v6;
  if (!is_any) mapping.port.host = Address::of_bytes(element.key.substr(0, bytes));
  const int protocol = static_cast<unsigned char>(element.key[prefix]);
  if (protocol == IPPROTO_UDP) mapping.port.protocol = Protocol::Udp;
  if (protocol == IPPROTO_SCTP) mapping.port.protocol = Protocol::Sctp;
  mapping.port.host_port = port_at(element.key, prefix + 4);
  mapping.port.container_port = port_at(element.data, bytes);
  mapping.target = Address::of_bytes(element.data.substr(0, bytes));
  return mapping;
}

Error about_table(Error error) {
  if (error.kind() != Kind::NotFound) return error;
  return Error(Kind::NotFound, "the table 'inet tare' of nftables is not there")
      .hint("somebody removed it; it is made again when a container starts");
}

// Element for element, those that are only in the first.
std::vector<Element> without(const std::vector<Element>& all, const std::vector<Element>& some) {
  std::vector<Element> rest;
  for (const Element& element : all)
    if (std::ranges::find(some, element) == some.end()) rest.push_back(element);
  return rest;
}

}  // namespace

NetworkRules rules_of(const Network& network) {
  NetworkRules rules{.bridge = network.device,
                     .subnets = {},
                     .internal = network.internal,
                     .isolated = network.isolated};
  const auto masquerade = network.options.find(kMasquerade);
  rules.routed = masquerade != network.options.end() &&
                 (masquerade->second == "false" || masquerade->second == "0");
  for (const Pool& pool : network.pools) rules.subnets.push_back(pool.subnet);
  return rules;
}

Publication publication_of(const Endpoint& endpoint) {
  return {.ports = endpoint.ports, .v4 = endpoint.v4, .v6 = endpoint.v6};
}

std::vector<Mapping> mappings_of(const Publication& publication) {
  std::vector<Mapping> mappings;
  for (const PublishedPort& port : publication.ports) {
    const auto& target = port.host.is_v6 ? publication.v6 : publication.v4;
    if (target && !port.host.is_loopback()) mappings.push_back({.port = port, .target = *target});
  }
  return mappings;
}

Result<Firewall> Firewall::open() {
  return Firewall(TRY(nft::Table::open(NFPROTO_INET, kTable), "set up the firewall"));
}

Result<bool> Firewall::is_whole() { return network::is_whole(table_, kRules); }

Result<std::optional<std::uint64_t>> Firewall::handle() {
  auto tables =
      table_.ask(table_.request(NFT_MSG_GETTABLE, 0, Attributes().text(NFTA_TABLE_NAME, kTable)));
  if (!tables && tables.error().kind() == Kind::NotFound) return std::nullopt;
  if (!tables) return std::unexpected(nft::unsupported(std::move(tables).error()));
  if (tables->empty()) return std::nullopt;
  return TRY(nft::table_handle(tables->front()));
}

Result<bool> Firewall::ensure() { return ensure_tables(table_, {&kRules, 1}); }

// Whatever stands in the sets for it becomes what is wanted.
Result<> Firewall::change_network(const std::string& bridge, const NetworkRules* wanted) {
  Sets goal;
  if (wanted != nullptr) goal = sets_of(*wanted);
  for (int tries = 0; tries < kMostTries; ++tries) {
    const std::uint32_t generation = TRY(table_.generation());
    std::vector<Request> batch;
    for (const std::string& set : network_sets()) {
      std::vector<Element> present = TRY(table_.elements(set));
      std::erase_if(present, [&](const Element& element) { return name_of(element) != bridge; });
      table_.remove(batch, set, without(present, goal[set]));
      table_.add(batch, set, without(goal[set], present));
    }
    auto done = table_.commit(batch, generation);
    if (done || done.error().kind() != Kind::Busy) return done;
  }
  return fail(Kind::Busy, "the rules of this host change all the time");
}

Result<> Firewall::add_network(const NetworkRules& rules) {
  auto done = change_network(rules.bridge, &rules);
  if (done) return {};
  return std::unexpected(
      about_table(std::move(done).error()).wrap("let network " + rules.bridge + " through"));
}

Result<> Firewall::remove_network(const std::string& bridge) {
  auto done = change_network(bridge, nullptr);
  if (done) return {};
  return std::unexpected(
      about_table(std::move(done).error()).wrap("forget network " + bridge + " in the firewall"));
}

Result<> Firewall::guard(bool v6, bool is_on) {
  const std::string set = "guarded";
  const char family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
  const Element element{.key = std::string(1, family), .key_end = {}, .data = {}};
  const auto present = TRY(table_.find(set, element.key), "guard what this machine forwards");
  if (present.has_value() == is_on) return {};
  std::vector<Request> batch;
  if (is_on)
    table_.add(batch, set, {element});
  else
    table_.remove(batch, set, {element});
  auto done = table_.commit(batch);
  // Somebody else was faster.
  if (done || (!is_on && done.error().kind() == Kind::NotFound)) return {};
  return std::unexpected(
      about_table(std::move(done).error()).wrap("guard what this machine forwards"));
}

Result<> Firewall::take_over(const std::vector<Mapping>& mappings) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const std::uint32_t generation = TRY(table_.generation());
    std::vector<Request> batch;
    for (const Mapping& mapping : mappings) {
      const Place place = place_of(mapping);
      const auto present = TRY(table_.find(place.set, place.element.key));
      if (present && present->data == place.element.data) continue;
      if (present) table_.remove(batch, place.set, {*present});
      table_.add(batch, place.set, {place.element});
    }
    auto done = table_.commit(batch, generation);
    if (done || done.error().kind() != Kind::Busy) return done;
  }
  return fail(Kind::Busy, "the rules of this host change all the time");
}

Result<> Firewall::publish(const Publication& publication) {
  const std::vector<Mapping> mappings = mappings_of(publication);
  Sets sets;
  for (const Mapping& mapping : mappings) {
    Place place = place_of(mapping);
    sets[place.set].push_back(std::move(place.element));
  }
  std::vector<Request> batch;
  for (const auto& [set, elements] : sets) table_.add(batch, set, elements);
  auto done = table_.commit(batch);
  // One of them is there and leads elsewhere.
  if (!done && (done.error().kind() == Kind::Busy || done.error().kind() == Kind::Exists))
    done = take_over(mappings);
  if (!done) return std::unexpected(about_table(std::move(done).error()).wrap("publish ports"));
  return {};
}

Result<> Firewall::withdraw(const Publication& publication) {
  const std::vector<Mapping> mappings = mappings_of(publication);
  for (int tries = 0; tries < kMostTries; ++tries) {
    const std::uint32_t generation = TRY(table_.generation());
    std::vector<Request> batch;
    for (const Mapping& mapping : mappings) {
      const Place place = place_of(mapping);
      const auto present = TRY(table_.find(place.set, place.element.key), "withdraw ports");
      if (present && present->data == place.element.data)
        table_.remove(batch, place.set, {*present});
    }
    auto done = table_.commit(batch, generation);
    if (done) return {};
    if (done.error().kind() != Kind::Busy)
      return std::unexpected(about_table(std::move(done).error()).wrap("withdraw ports"));
  }
  return fail(Kind::Busy, "the rules of this host change all the time");
}

Result<Firewall::Elements> Firewall::list() {
  std::map<std::string, NetworkRules> networks;
  for (const std::string& set : network_sets()) {
    auto elements = table_.elements(set);
    if (!elements) return std::unexpected(about_table(std::move(elements).error()));
    for (const Element& element : *elements) {
      const auto [found, is_new] = networks.try_emplace(name_of(element));
      if (is_new) found->second.isolated = true;  // Unless it is in `same`.
      read_network(set, element, found->second);
    }
  }
  Elements all;
  for (auto& [bridge, rules] : networks) all.networks.push_back(std::move(rules));
  for (const char* const set : {"ports4", "ports6", "any4", "any6"}) {
    const std::string_view name = set;
    for (const Element& element : TRY(table_.elements(set)))
      if (const auto mapping = read_mapping(name.ends_with('6'), name.starts_with("any"), element))
        all.mappings.push_back(*mapping);
  }
  return all;
}

Result<> Firewall::restore(const std::vector<NetworkRules>& networks,
                           const std::vector<Publication>& publications) {
  Sets sets;
  for (const NetworkRules& network : networks)
    for (auto& [set, elements] : sets_of(network))
      std::ranges::move(elements, std::back_inserter(sets[set]));
  std::vector<Mapping> mappings;
  for (const Publication& publication : publications)
    for (const Mapping& mapping : mappings_of(publication)) {
      mappings.push_back(mapping);
      Place place = place_of(mapping);
      sets[place.set].push_back(std::move(place.element));
    }
  std::vector<Request> batch;
  for (const auto& [set, elements] : sets) table_.add(batch, set, elements);
  auto done = table_.commit(batch);
  if (done) return {};
  if (done.error().kind() != Kind::Busy && done.error().kind() != Kind::Exists)
    return std::unexpected(about_table(std::move(done).error()).wrap("restore the firewall"));
  // Something of before is in the way.
  for (const NetworkRules& network : networks) TRY(add_network(network));
  return take_over(mappings);
}

}  // namespace tare::network
