// SPDX-License-Identifier: Apache-2.0
// What a start that was killed has left of its networks. Of those that ran to their end the network
// service takes it away, but it does not know of one that it was never told of.
// [tests/scenario/networks-killed.sh]
#include <fcntl.h>
#include <unistd.h>

#include "engine/state.h"
#include "network/firewall.h"
#include "network/home.h"
#include "network/leases.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr const char* kMark = "networks";  // In the container's directory.

// Where the rules are; those of a home network that is gone are, too.
struct Place {
  bool has_rules = true;
  network::HomeThread home;
};

// The rules first: as long as it has its address, they lead to nobody else.
Result<> release(Place& place, int store, const network::Network& network,
                 const std::string& container) {
  const std::string path = network::endpoint_path(network.id, container);
  if (const auto text = sys::load_file(store, path)) {
    const network::Endpoint endpoint = TRY(network::parse_endpoint(*text));
    if (is_alive(endpoint)) return {};
    const auto withdraw = [&]() -> Result<> {
      network::Firewall firewall = TRY(network::Firewall::open());
      auto withdrawn = firewall.withdraw(network::publication_of(endpoint));
      if (!withdrawn && withdrawn.error().kind() != Kind::NotFound) return withdrawn;
      return {};
    };
    if (!endpoint.ports.empty() && place.has_rules) TRY(place.home.run(withdraw));
    ::unlinkat(store, path.c_str(), 0);
  }
  network::release_addresses(store, network.id, container);
  return {};
}

}  // namespace

Result<> Engine::State::mark_networks(int dir) {
  return sys::replace_file(dir, kMark, "", sys::Durability::Lazy);
}

bool Engine::State::has_network_mark(int dir) {
  return ::faccessat(dir, kMark, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<> Engine::State::release_networks(const std::string& id, int dir) const {
  if (!has_network_mark(dir)) return {};
  Place place;
  if (auto home = TRY(find_home())) {
    place.has_rules = bool(*home);
    if (*home) TRY(place.home.enter(std::move(*home)));
  }
  for (const network::Network& network : TRY(network::load_networks(store.dir())))
    TRY(release(place, store.dir(), network, id), "network " + quoted(network.name));
  if (place.has_rules) TRY(place.home.run([this] { return sweep_egress(store.dir()); }));
  ::unlinkat(dir, kMark, 0);
  return {};
}

}  // namespace tare::engine
