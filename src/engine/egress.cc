// SPDX-License-Identifier: Apache-2.0
// --egress: what a container may reach outside of its networks. [docs/decisions/0020-egress.md]
#include "network/egress.h"

#include <fcntl.h>

#include <algorithm>

#include "engine/container_networks.h"
#include "engine/network_inspect.h"
#include "engine/record.h"
#include "engine/state.h"
#include "network/egress_filter.h"
#include "network/home.h"
#include "network/service.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

using network::Egress;
using network::EgressFilter;
using network::Endpoint;
using network::Network;

constexpr std::size_t kMostBytes = 1 << 20;

const Network* network_of(const std::vector<Network>& networks, const Endpoint& endpoint) {
  const auto found = std::ranges::find(networks, endpoint.network, &Network::id);
  return found == networks.end() ? nullptr : &*found;
}

std::unexpected<Error> unlimited(const std::string& why, const std::string& hint) {
  return std::unexpected(Error(Kind::Invalid, "--egress cannot be kept: " + why).hint(hint));
}

}  // namespace

Result<> limit_egress(const std::vector<Network>& networks,
                      const std::vector<Endpoint>& endpoints) {
  if (endpoints.empty()) return {};
  EgressFilter filter = TRY(EgressFilter::open());
  bool is_there = false;
  for (const Endpoint& endpoint : endpoints) {
    const Network* const network = network_of(networks, endpoint);
    if (network == nullptr || network->driver != network::Driver::Bridge) continue;
    const Egress egress = TRY(Egress::parse(endpoint.egress));
    if (egress.mode != Egress::Mode::Free && !std::exchange(is_there, true)) TRY(filter.ensure());
    // Its addresses may have been those of another, also where it is not limited itself.
    TRY(filter.assign(network::egress_place(*network, endpoint), egress));
  }
  return {};
}

Result<> sweep_egress(int store) {
  EgressFilter filter = TRY(EgressFilter::open());
  return filter.sweep([store] { return network::egress_holders(store); });
}

Result<> Engine::State::check_egress(const CreateRequest& config) const {
  if (TRY(Egress::parse(config.net.egress)).mode == Egress::Mode::Free) return {};
  const std::string mode = network_mode(config);
  if (mode == "host")
    return unlimited("the container has the network of this machine",
                     "leave out --network host: on a network of its own it can be limited");
  if (mode == "none")
    return unlimited("without a network there is nothing to reach", "leave one of them out");
  if (mode.starts_with("container:"))
    return unlimited("the network is that of another container, and limited as that is",
                     "give --egress to that container");
  for (const NetworkRequest& request : config.net.networks)
    if (const Network found = TRY(lookup_network(request.network));
        found.driver != network::Driver::Bridge)
      return unlimited(
          "network " + quoted(found.name) + " leads past this machine (its driver is macvlan)",
          "use a network with the driver bridge");
  return {};
}

Result<> Engine::set_egress(const std::string& id, const std::vector<std::string>& egress) {
  State& state = *state_;
  State::Changing change = TRY(state.begin_change(*this, id));
  Container& container = change.container;
  container.config.net.egress = TRY(Egress::parse(egress)).texts();
  TRY(state.check_egress(container.config));
  if (container.status == Status::Running) TRY(state.limit_running(container));
  return state.write_config(container);
}

// The rules first: what fails has let nothing more through.
Result<> Engine::State::limit_running(const Container& container) const {
  std::vector<Endpoint> endpoints = TRY(endpoints_of(container.id));
  const std::vector<Network> networks = TRY(network::load_networks(store.dir()));
  for (Endpoint& endpoint : endpoints) endpoint.egress = container.config.net.egress;
  network::HomeThread home;
  if (auto where = TRY(find_home()); where && *where) TRY(home.enter(std::move(*where)));
  TRY(home.run([&] { return limit_egress(networks, endpoints); }));
  for (const Endpoint& endpoint : endpoints) TRY(write_endpoint(store.dir(), endpoint));
  return network::tell_changed(store.dir());
}

Result<std::vector<network::LedgerRow>> Engine::egress_ledger(const std::string& id) {
  const Container container = TRY(find(id));
  auto text = sys::load_file(state_->store.dir(), network::ledger_path(container.id), kMostBytes);
  if (!text && text.error().kind() == Kind::NotFound) {
    if (!container.config.net.egress.empty()) return std::vector<network::LedgerRow>();
    return std::unexpected(Error(Kind::NotFound, "nothing is written down of container " +
                                                     quoted(container.name) +
                                                     ", which has no --egress")
                               .hint("tare update --egress allow " + container.name +
                                     " writes down what it reaches, and limits nothing"));
  }
  const std::string ledger = TRY(std::move(text));
  return TRY(network::Ledger::parse(ledger)).rows();
}

}  // namespace tare::engine
