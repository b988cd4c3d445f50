// SPDX-License-Identifier: Apache-2.0
#include "network/dns_names.h"

#include <algorithm>
#include <array>

namespace tare::network::dns {
namespace {

constexpr std::size_t kShortId = 12;

// Other engines' names for the host as a container sees it.
constexpr std::array<std::string_view, 3> kHostNames = {
    "host.docker.internal", "gateway.docker.internal", "host.containers.internal"};

const std::optional<Address>& address_of(const Endpoint& endpoint, bool is_v6) {
  return is_v6 ? endpoint.v6 : endpoint.v4;
}

void append(std::vector<Address>& addresses, const std::optional<Address>& address) {
  if (address && std::ranges::find(addresses, *address) == addresses.end())
    addresses.push_back(*address);
}

}  // namespace

bool is_host_name(std::string_view name) {
  return std::ranges::find(kHostNames, name) != kHostNames.end();
}

void Names::assign(std::vector<Network> networks, std::vector<Endpoint> endpoints) {
  askers_.clear();
  realms_.clear();
  endpoints_ = std::move(endpoints);
  for (Network& network : networks) {
    auto realm = std::make_unique<Realm>();
    realm->network = std::move(network);
    realms_[realm->network.id] = std::move(realm);
  }
  for (const Endpoint& endpoint : endpoints_) add(endpoint);
  const auto order = [](const Place& place) {
    return std::make_pair(!place.endpoint->is_gateway, std::string_view(place.realm->network.name));
  };
  for (auto& [id, asker] : askers_) std::ranges::sort(asker.places, {}, order);
}

void Names::add(const Endpoint& endpoint) {
  const auto found = realms_.find(endpoint.network);
  if (found == realms_.end()) return;
  Realm& realm = *found->second;
  realm.containers[endpoint.container] = &endpoint;
  if (endpoint.v4) realm.addresses[*endpoint.v4] = &endpoint;
  if (endpoint.v6) realm.addresses[*endpoint.v6] = &endpoint;
  add_asker(realm, endpoint);
  if (realm.network.is_default()) return;
  // A set: an alias that is the name as well would have the container twice.
  std::set<std::string> names = {lower(endpoint.name), endpoint.container.substr(0, kShortId)};
  for (const std::string& alias : endpoint.aliases) names.insert(lower(alias));
  names.erase("");
  for (const std::string& name : names) {
    realm.groups[name].members.push_back(&endpoint);
    // With the network's name behind it, which is what reverse() answers.
    realm.groups[name + "." + lower(realm.network.name)].members.push_back(&endpoint);
  }
}

void Names::add_asker(Realm& realm, const Endpoint& endpoint) {
  Asker& asker = askers_[endpoint.container];
  asker.places.push_back({.realm = &realm, .endpoint = &endpoint});
  if (!realm.network.internal) asker.may_forward = true;
  for (const std::string& text : endpoint.dns)
    if (const auto address = Address::parse(text);
        address && std::ranges::find(asker.servers, *address) == asker.servers.end())
      asker.servers.push_back(*address);
}

const Names::Asker* Names::asker(const std::string& container) const {
  const auto found = askers_.find(container);
  return found == askers_.end() ? nullptr : &found->second;
}

void Names::find_links(const Place& place, const std::string& name, bool is_v6, Found& found) {
  for (const auto& [link, container] : place.endpoint->links) {
    if (lower(link) != name) continue;
    // Who is not there has no name: others may have it.
    const auto target = place.realm->containers.find(container);
    if (target == place.realm->containers.end()) continue;
    found.is_ours = true;
    append(found.addresses, address_of(*target->second, is_v6));
  }
}

void Names::find_group(Group& group, bool is_v6, Found& found) {
  found.is_ours = true;
  const std::size_t count = group.members.size();
  const std::size_t first = group.turns[is_v6 ? 1 : 0]++;
  for (std::size_t i = 0; i < count; ++i)
    append(found.addresses, address_of(*group.members[(first + i) % count], is_v6));
}

// The host is the gateway only where the gateway is our bridge.
Names::Found Names::find_host(const Asker& asker, bool is_v6) {
  Found found;
  for (const Place& place : asker.places) {
    if (place.realm->network.driver != Driver::Bridge) continue;
    found.is_ours = true;
    const Pool* pool = place.realm->network.pool(is_v6);
    if (pool == nullptr) continue;
    found.addresses.push_back(pool->gateway);
    return found;
  }
  return found;
}

Names::Found Names::find(const std::string& container, const std::string& name, bool is_v6) {
  const Asker* asking = asker(container);
  Found found;
  if (asking == nullptr) return found;
  // The first network that has an address wins: who shares two with another gets one address of it.
  for (const Place& place : asking->places) {
    find_links(place, name, is_v6, found);
    if (!found.addresses.empty()) return found;
    if (const auto group = place.realm->groups.find(name); group != place.realm->groups.end())
      find_group(group->second, is_v6, found);
    if (!found.addresses.empty()) return found;
  }
  if (!found.is_ours && is_host_name(name)) return find_host(*asking, is_v6);
  return found;
}

Names::Reverse Names::reverse(const std::string& container, const Address& address) const {
  const Asker* asking = asker(container);
  Reverse reverse;
  if (asking == nullptr) return reverse;
  for (const Place& place : asking->places) {
    const Network& network = place.realm->network;
    const Pool* pool = network.pool(address.is_v6);
    if (pool == nullptr || !pool->subnet.contains(address)) continue;
    reverse.is_ours = true;
    const auto found = place.realm->addresses.find(address);
    if (found == place.realm->addresses.end()) continue;
    const Endpoint& endpoint = *found->second;
    for (const auto& [link, target] : place.endpoint->links)
      if (network.is_default() && target == endpoint.container) reverse.names.push_back(link);
    if (!network.is_default() && !endpoint.name.empty())
      reverse.names.push_back(endpoint.name + "." + network.name);
  }
  return reverse;
}

bool Names::may_forward(const std::string& container) const {
  const Asker* asking = asker(container);
  return asking != nullptr && asking->may_forward;
}

const std::vector<Address>& Names::servers(const std::string& container) const {
  static const std::vector<Address> kNone;
  const Asker* asking = asker(container);
  return asking == nullptr ? kNone : asking->servers;
}

}  // namespace tare::network::dns
