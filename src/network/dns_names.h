// SPDX-License-Identifier: Apache-2.0
// Which names a container may ask for, and what they stand for: those of the containers on networks
// that it is on itself.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "network/records.h"

namespace tare::network::dns {

// One of the names for the host that containers know, in lower case.
bool is_host_name(std::string_view name);

class Names {
 public:
  // Replaces all that was known.
  void assign(std::vector<Network> networks, std::vector<Endpoint> endpoints);

  struct Found {
    bool is_ours = false;  // With no addresses: the name is there, but none of this family.
    std::vector<Address> addresses;
  };
  // `name` as Name::text() has it. Where a name stands for several containers, another one is first
  // each time.
  Found find(const std::string& asker, const std::string& name, bool is_v6);

  struct Reverse {
    bool is_ours = false;  // The address lies in a network of the asker: nobody else is asked.
    std::vector<std::string> names;
  };
  Reverse reverse(const std::string& asker, const Address& address) const;

  // Whether a query that is not ours may leave: not where all networks of the asker are internal,
  // nor for who is on none.
  bool may_forward(const std::string& asker) const;
  // The name servers of its own, as addresses; empty: the host's.
  const std::vector<Address>& servers(const std::string& asker) const;
  bool knows(const std::string& container) const { return askers_.contains(container); }

 private:
  // What one name stands for in one network.
  struct Group {
    std::vector<const Endpoint*> members;
    std::size_t turns[2] = {0, 0};  // Of IPv4, IPv6: glibc asks for both each time.
  };
  struct Realm {
    Network network;
    std::unordered_map<std::string, Group> groups;                // Empty on the default network.
    std::unordered_map<std::string, const Endpoint*> containers;  // By id.
    std::map<Address, const Endpoint*> addresses;
  };
  struct Place {
    Realm* realm = nullptr;
    const Endpoint* endpoint = nullptr;
  };
  struct Asker {
    std::vector<Place> places;  // That of the default route first.
    std::vector<Address> servers;
    bool may_forward = false;
  };

  void add(const Endpoint& endpoint);
  void add_asker(Realm& realm, const Endpoint& endpoint);
  const Asker* asker(const std::string& container) const;
  static void find_links(const Place& place, const std::string& name, bool is_v6, Found& found);
  static void find_group(Group& group, bool is_v6, Found& found);
  static Found find_host(const Asker& asker, bool is_v6);

  std::vector<Endpoint> endpoints_;
  std::unordered_map<std::string, std::unique_ptr<Realm>> realms_;  // By the network's id.
  std::unordered_map<std::string, Asker> askers_;                   // By the container's id.
};

}  // namespace tare::network::dns
