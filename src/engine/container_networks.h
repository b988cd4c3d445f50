// SPDX-License-Identifier: Apache-2.0
// A container's networks: what it asks for when it is made, and what it gets when it starts.
// Private to this room.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "isolate/isolate.h"
#include "network/links.h"
#include "network/records.h"
#include "network/service.h"
#include "sys/fd.h"

namespace tare::engine {

// The store's lock of networks, and of their containers' places on them.
constexpr const char* kNetworksLock = "networks";

// Whether this user can have networks beside none and host.
bool may_have_networks();

// "container:" and what is behind it.
std::string shared_network_of(const CreateRequest& config);

// Whether its process lives.
bool is_alive(const network::Endpoint& endpoint);

// For as long as it runs. `store`: the store's directory.
Result<> write_endpoint(int store, const network::Endpoint& endpoint);

// Takes a network's device and its rules away, where we are.
Result<> take_down_network(const network::Network& network);

// Lets containers reach outside what their endpoints say, where we are. It holds before anything of
// them runs, or this fails. Errors: Unsupported. (egress.cc)
Result<> limit_egress(const std::vector<network::Network>& networks,
                      const std::vector<network::Endpoint>& endpoints);
// What the packet filter has of containers that have none of its addresses any more goes.
Result<> sweep_egress(int store);

// The networks of one container on its way up. Addresses and ports are its own from prepare() on;
// undo() gives everything back, also what make() and finish() did in another process.
class StartingNetworks {
 public:
  // What the engine knows: an open store, and the path of the service's program.
  struct Place {
    int store = -1;
    std::string program;
  };
  // Errors: NotFound (network); Unavailable, Exists (addresses, ports).
  // `home`: see is_elsewhere().
  static Result<StartingNetworks> prepare(Place place, const Container& container,
                                          const std::vector<network::Network>& networks,
                                          std::optional<sys::Fd> home);

  // Of a container whose network namespace another one has, too: nothing is to be made.
  static StartingNetworks shared(std::vector<network::Network> networks,
                                 std::vector<network::Endpoint> endpoints);

  // Where the devices are, when that is not where we are: a network namespace, or with an empty one
  // a new one.
  bool is_elsewhere() const { return home_.has_value(); }
  bool makes_home() const { return home_ && !*home_; }

  const std::vector<network::Endpoint>& endpoints() const { return endpoints_; }
  // Services that the container is told of, and their aliases on whichever network they are.
  void set_services(const std::vector<network::ServiceLink>& services);
  // What its /etc/hosts and /etc/resolv.conf say of them.
  std::string hosts(const CreateRequest& config) const;
  std::string resolv(const CreateRequest& config) const;

  // Whether there is something to be made.
  bool makes_interfaces() const;
  // In the launching process, first of all: it goes where the devices are, for good, and makes
  // those that are the networks'.
  Result<> settle();
  // In the launching process, when the container's network namespace is there. `pid`: of any
  // process in it.
  Result<> find_inside(int pid);
  // Then: interfaces, and the resolver's sockets.
  Result<> make();
  void set_name(const std::string& name);
  // When its program runs as `pid`: records, published ports, the service.
  Result<> finish(int pid);
  // What other rules of this host stop of its published ports: sentences.
  std::vector<std::string> obstacles() const;
  void undo() noexcept;

  // Of a container that runs, for changes. The one endpoint gets this interface, and the default
  // route only as the gateway; no resolver is made.
  void place_beside(const std::string& interface, bool is_gateway);
  Result<> make_interfaces();
  static StartingNetworks running(Place place, network::Endpoint endpoint,
                                  std::optional<sys::Fd> home);
  // Errors: as prepare(), and then nothing is changed.
  Result<> change_ports(const std::vector<PortRequest>& add,
                        const std::vector<PortRequest>& remove);

 private:
  Result<> go_home();
  Result<> open_ports(const NetworkSettings& settings, network::Endpoint& endpoint);

  Place place_;
  bool is_shared_ = false;
  bool is_of_user_ = false;  // In a home network.
  std::optional<sys::Fd> home_;
  std::vector<network::Link> devices_;      // As many as endpoints.
  std::vector<network::Network> networks_;  // As many as endpoints.
  std::vector<network::Endpoint> endpoints_;
  std::vector<sys::Fd> ports_;  // Sockets of the first endpoint with ports.
  sys::Fd inside_;              // The container's network namespace.
  network::ResolverSockets resolver_;
};

}  // namespace tare::engine
