// SPDX-License-Identifier: Apache-2.0
// Changes of a container's networks and ports, while it runs or before it does.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/undo.h"
#include "engine/container_networks.h"
#include "engine/network_inspect.h"
#include "engine/record.h"
#include "engine/state.h"
#include "network/attach.h"
#include "network/firewall.h"
#include "network/home.h"
#include "network/leases.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

using network::Endpoint;

Result<> check_connectable(const CreateRequest& config) {
  const std::string mode = network_mode(config);
  if (mode == "host" || mode.starts_with("container:"))
    return fail(Kind::Invalid,
                "a container that shares the network of the host or of another container has no "
                "networks of its own");
  return {};
}

// The next name that none of them has.
std::string free_interface(const std::vector<Endpoint>& endpoints) {
  for (int number = 0;; ++number) {
    std::string name = "eth" + std::to_string(number);
    const auto has_it = [&](const Endpoint& endpoint) { return endpoint.interface == name; };
    if (std::ranges::none_of(endpoints, has_it)) return name;
  }
}

bool is_same(const PortRequest& a, const PortRequest& b) {
  return a.container_port == b.container_port && a.protocol == b.protocol &&
         (b.host_first == 0 || a.host_first == b.host_first) &&
         (b.hosts.empty() || a.hosts == b.hosts);
}

}  // namespace

// One that is on its way up is waited for: it runs then, or does not.
Result<Engine::State::Changing> Engine::State::begin_change(const Engine& engine,
                                                            const std::string& id) const {
  Changing change;
  change.changes = TRY(store.lock(kChanges));
  const Container found = TRY(engine.find(id));
  const sys::Fd dir = TRY(open_container(found.id));
  auto lock = await_container(dir.get(), found.name);
  if (!lock && lock.error().kind() != Kind::Busy) return std::unexpected(std::move(lock).error());
  change.networks = TRY(store.lock(kNetworksLock));
  change.container = TRY(load_container(dir.get()));
  if (lock)
    change.start = std::move(*lock);
  else if (change.container.status != Status::Running)
    return std::unexpected(std::move(lock).error());
  return change;
}

Result<> Engine::State::write_config(const Container& container) const {
  const sys::Fd dir = TRY(open_container(container.id));
  return sys::replace_file(dir.get(), "config.json", print_record(container));
}

Result<> Engine::State::rename_endpoints(const Container& container) const {
  if (container.config.net.networks.empty()) return {};
  const sys::Fd lock = TRY(store.lock(kNetworksLock));
  for (Endpoint& endpoint : TRY(endpoints_of(container.id))) {
    endpoint.name = container.name;
    TRY(write_endpoint(store.dir(), endpoint));
  }
  return network::tell_changed(store.dir());
}

Result<> Engine::connect(const std::string& id, const NetworkRequest& request) {
  State& state = *state_;
  CreateRequest alone;
  alone.net.networks = {request};
  TRY(state.resolve_networks(*this, alone, {}));
  if (alone.net.networks.empty()) return fail(Kind::Unsupported, "this user has no networks");
  const NetworkRequest& asked = alone.net.networks.front();
  State::Changing change = TRY(state.begin_change(*this, id));
  Container& container = change.container;
  TRY(check_connectable(container.config));
  for (const NetworkRequest& has : container.config.net.networks)
    if (has.network == asked.network)
      return fail(Kind::Exists, "container " + quoted(container.name) + " is on network " +
                                    quoted(asked.network) + " already");
  container.config.net.networks.push_back(asked);
  container.config.network.clear();
  TRY(state.check_egress(container.config));
  if (container.status == Status::Running) TRY(state.connect_running(container, asked));
  return state.write_config(container);
}

Result<> Engine::State::connect_running(const Container& container, const NetworkRequest& request) {
  const std::vector<Endpoint> before = TRY(endpoints_of(container.id));
  Container alone = container;
  alone.config.net.networks = {request};
  alone.config.net.ports.clear();
  alone.config.net.publish_all = false;
  StartingNetworks networks = TRY(start_networks(alone));
  if (!before.empty()) networks.set_services(before.front().services);
  Undo undo;
  undo.push([&networks]() noexcept { networks.undo(); });
  const bool has_gateway = std::ranges::any_of(before, &Endpoint::is_gateway);
  networks.place_beside(free_interface(before), !has_gateway);
  TRY(networks.settle());
  TRY(networks.find_inside(container.pid));
  TRY(networks.make_interfaces());
  TRY(networks.finish(container.pid));
  undo.keep();
  return {};
}

Result<> Engine::disconnect(const std::string& id, const std::string& network) {
  State& state = *state_;
  State::Changing change = TRY(state.begin_change(*this, id));
  Container& container = change.container;
  const network::Network found = TRY(state.lookup_network(network));
  auto& networks = container.config.net.networks;
  const auto removed =
      std::erase_if(networks, [&](const NetworkRequest& has) { return has.network == found.name; });
  if (removed == 0)
    return fail(Kind::NotFound, "container " + quoted(container.name) +
                                    " is not connected to network " + quoted(found.name));
  if (networks.empty()) container.config.network = "none";
  TRY(state.write_config(container));
  if (container.status != Status::Running) return {};
  return state.disconnect_running(container, found);
}

Result<> Engine::State::disconnect_running(const Container& container,
                                           const network::Network& which) {
  std::vector<Endpoint> endpoints = TRY(endpoints_of(container.id));
  const auto is_it = [&](const Endpoint& endpoint) { return endpoint.network == which.id; };
  const auto found = std::ranges::find_if(endpoints, is_it);
  if (found == endpoints.end()) return {};
  const Endpoint gone = *found;
  if (const auto home = TRY(find_home()); home && *home) TRY(network::enter_home(home->get()));
  const sys::Fd inside =
      TRY(sys::open_path("/proc/" + std::to_string(container.pid) + "/ns/net", O_RDONLY));
  if (!gone.ports.empty()) {
    network::Firewall firewall = TRY(network::Firewall::open());
    TRY(firewall.withdraw(network::publication_of(gone)));
  }
  network::Links links = TRY(network::Links::open());
  TRY(network::remove_interface(links, gone, inside.get()));
  ::unlinkat(store.dir(), network::endpoint_path(which.id, container.id).c_str(), 0);
  network::release_addresses(store.dir(), which.id, container.id);
  TRY(network::tell_changed(store.dir()));
  if (!gone.is_gateway) return {};
  std::erase_if(endpoints, is_it);
  return pass_gateway_on(endpoints, inside.get());
}

// To the first that leads outside.
Result<> Engine::State::pass_gateway_on(std::vector<Endpoint>& endpoints, int inside) const {
  const auto networks = TRY(network::load_networks(store.dir()));
  for (Endpoint& endpoint : endpoints)
    for (const network::Network& network : networks) {
      if (network.id != endpoint.network || network.internal) continue;
      endpoint.is_gateway = true;
      TRY(write_endpoint(store.dir(), endpoint));
      return network::route_by(network, endpoint, inside);
    }
  return {};
}

Result<std::vector<PortInfo>> Engine::ports(const std::string& id) {
  std::vector<PortInfo> ports;
  std::vector<Endpoint> endpoints;
  if (id.empty()) {
    for (const network::Network& network : TRY(network::load_networks(state_->store.dir())))
      for (Endpoint& endpoint : TRY(network::load_endpoints(state_->store.dir(), network.id)))
        if (is_alive(endpoint)) endpoints.push_back(std::move(endpoint));
  } else {
    const Container container = TRY(find(id));
    endpoints = TRY(state_->endpoints_of(container.id));
  }
  for (const Endpoint& endpoint : endpoints)
    for (const network::PublishedPort& port : endpoint.ports)
      ports.push_back({.container = endpoint.container, .name = endpoint.name, .port = port});
  return ports;
}

Result<> Engine::publish(const std::string& id, const std::vector<PortRequest>& add,
                         const std::vector<PortRequest>& remove) {
  State& state = *state_;
  State::Changing change = TRY(state.begin_change(*this, id));
  Container& container = change.container;
  NetworkSettings& settings = container.config.net;
  for (const PortRequest& request : remove) {
    const auto gone = std::erase_if(settings.ports,
                                    [&](const PortRequest& has) { return is_same(has, request); });
    if (gone == 0)
      return fail(Kind::NotFound, "container " + quoted(container.name) +
                                      " does not publish port " +
                                      std::to_string(request.container_port) + "/" +
                                      std::string(network::protocol_text(request.protocol)));
  }
  settings.ports.insert(settings.ports.end(), add.begin(), add.end());
  if (container.status == Status::Running) TRY(state.publish_running(container, add, remove));
  return state.write_config(container);
}

Result<> Engine::State::publish_running(const Container& container,
                                        const std::vector<PortRequest>& add,
                                        const std::vector<PortRequest>& remove) {
  for (Endpoint& endpoint : TRY(endpoints_of(container.id))) {
    if (!endpoint.is_gateway) continue;
    StartingNetworks networks = StartingNetworks::running(
        {.store = store.dir(), .program = programs + "/tare-net"}, endpoint, TRY(find_home()));
    return networks.change_ports(add, remove);
  }
  return std::unexpected(
      Error(Kind::Invalid, "container " + quoted(container.name) +
                               " is on no network that leads outside, so it cannot publish ports")
          .hint("tare network connect puts it on one"));
}

}  // namespace tare::engine
