// SPDX-License-Identifier: Apache-2.0
// Networks: their records, and what a container asks of them. [docs/formats/networks.md]
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/container_networks.h"
#include "engine/made_up_names.h"
#include "engine/record.h"
#include "engine/state.h"
#include "network/attach.h"
#include "network/firewall.h"
#include "network/home.h"
#include "network/leases.h"
#include "store/settings.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

using network::Network;
using network::Pool;
using network::Subnet;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Result<> check_network_name(std::string_view name) {
  if (name == "none" || name == "host" || name == "default" || name == "container")
    return fail(Kind::Invalid, "the name " + quoted(std::string(name)) + " means something else");
  const bool fits = !name.empty() && is_word(name[0]) && std::ranges::all_of(name, [](char c) {
    return is_word(c) || c == '_' || c == '.' || c == '-';
  });
  if (fits && name.size() <= 128) return {};
  return std::unexpected(
      Error(Kind::Invalid, quoted(std::string(name)) + " is no name of a network")
          .hint("letters, digits, '_', '.' and '-' are, with a letter or digit in front"));
}

Result<bool> is_on(const std::string& option, const std::string& text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return fail(Kind::Invalid, option + " is true or false, not " + quoted(text));
}

// Options of drivers that mean something here. [docker network create, "Bridge driver options"]
Result<> apply_options(Network& made) {
  const auto option = [&](const char* key) {
    const auto found = made.options.find(key);
    return found == made.options.end() ? std::string() : found->second;
  };
  const std::string prefix = "com.docker.network.";
  if (made.driver == network::Driver::Bridge) {
    made.device = option("com.docker.network.bridge.name");
    const std::string icc = option("com.docker.network.bridge.enable_icc");
    if (!icc.empty()) made.isolated = !TRY(is_on("com.docker.network.bridge.enable_icc", icc));
    const std::string masquerade = option(network::kMasquerade);
    if (!masquerade.empty()) TRY(is_on(network::kMasquerade, masquerade));
  } else {
    made.device = option("parent");
    made.mode = option("macvlan_mode");
    if (made.device.empty())
      return std::unexpected(
          Error(Kind::Invalid, "a macvlan network needs the device of this machine that it is on")
              .hint("name it: -o parent=eth0"));
  }
  if (made.device.size() > 15 || made.device.find('/') != std::string::npos)
    return fail(Kind::Invalid, quoted(made.device) + " is no name of a device");
  if (const std::string mtu = option("com.docker.network.driver.mtu"); !mtu.empty()) {
    const std::uint64_t bytes = TRY(parse_u64(mtu), "com.docker.network.driver.mtu");
    if (bytes < 68 || bytes > 65535)
      return fail(Kind::Invalid, "an MTU of " + mtu + " is not possible");
    made.mtu = static_cast<std::uint32_t>(bytes);
  }
  return {};
}

Result<Pool> make_pool(const CreateNetworkRequest::Pool& asked,
                       const std::vector<Network>& others) {
  Pool pool;
  pool.subnet = TRY(Subnet::parse(asked.subnet));
  pool.is_asked = true;
  for (const Network& other : others)
    for (const Pool& its : other.pools)
      if (its.subnet.overlaps(pool.subnet))
        return std::unexpected(Error(Kind::Invalid, "the subnet " + pool.subnet.text() +
                                                        " overlaps " + its.subnet.text() +
                                                        " of network " + quoted(other.name))
                                   .hint("leave --subnet out, and one that is free is chosen"));
  pool.gateway = pool.subnet.base.plus(1);
  if (!asked.gateway.empty()) pool.gateway = TRY(network::Address::parse(asked.gateway));
  if (!pool.subnet.contains(pool.gateway) || pool.subnet.size() < 2)
    return fail(Kind::Invalid, "the gateway " + pool.gateway.text() + " is not in the subnet " +
                                   pool.subnet.text());
  if (!asked.range.empty()) {
    pool.range = TRY(Subnet::parse(asked.range));
    if (!pool.subnet.contains(pool.range->base) || pool.range->prefix < pool.subnet.prefix)
      return fail(Kind::Invalid,
                  "the range " + asked.range + " is not in the subnet " + pool.subnet.text());
  }
  for (const auto& [name, text] : asked.taken) {
    const auto address = TRY(network::Address::parse(text));
    if (!pool.subnet.contains(address))
      return fail(Kind::Invalid, "--aux-address " + name + "=" + text + " is not in the subnet " +
                                     pool.subnet.text());
    pool.taken[name] = address;
  }
  return pool;
}

bool has_ipv6() { return ::access("/proc/sys/net/ipv6", F_OK) == 0; }

// Subnets that were asked for, and one that is free of each family without.
Result<std::vector<Pool>> make_pools(const CreateNetworkRequest& request, const std::string& id,
                                     const std::vector<Network>& others) {
  std::vector<Pool> pools;
  for (const auto& asked : request.pools) {
    if (asked.subnet.empty())
      return std::unexpected(
          Error(Kind::Invalid, "a gateway, range or address without the subnet that it is in")
              .hint("give --subnet, too"));
    pools.push_back(TRY(make_pool(asked, others)));
  }
  const auto has = [&](bool is_v6) {
    return std::ranges::any_of(pools,
                               [&](const Pool& pool) { return pool.subnet.base.is_v6 == is_v6; });
  };
  if (std::ranges::count_if(pools, [](const Pool& p) { return p.subnet.base.is_v6; }) > 1 ||
      std::ranges::count_if(pools, [](const Pool& p) { return !p.subnet.base.is_v6; }) > 1)
    return fail(Kind::Invalid, "a network has one subnet of each family");
  const auto add = [&](const Subnet& subnet) {
    pools.push_back({.subnet = subnet, .gateway = subnet.base.plus(1)});
  };
  if (request.v4 && !has(false)) {
    std::vector<Subnet> taken;
    for (const Network& other : others)
      for (const Pool& pool : other.pools) taken.push_back(pool.subnet);
    network::Links links = TRY(network::Links::open());
    for (const Subnet& subnet : TRY(links.subnets())) taken.push_back(subnet);
    add(TRY(network::choose_subnet(taken)));
  }
  if (request.v6 && !has(true) && has_ipv6()) add(network::local_subnet(id));
  if (pools.empty())
    return fail(Kind::Invalid, "a network without IPv4 and without IPv6 has no addresses");
  return pools;
}

// The one that was asked for; "tare0", or the next that nobody has.
Result<std::string> default_device(int store, const std::vector<Network>& others) {
  if (std::string asked = TRY(store::load_settings(store)).default_bridge; !asked.empty()) {
    network::Links links = TRY(network::Links::open());
    const auto there = TRY(links.find(asked));
    if (!there) return asked;
    return std::unexpected(
        Error(Kind::Exists, "this machine has a device " + quoted(asked) +
                                " already, and the setting default-bridge names it")
            .hint("docker0 is Docker's where that is installed: stop it and remove the device, or "
                  "take the line out of the file 'settings' of the store"));
  }
  network::Links links = TRY(network::Links::open());
  for (int number = 0;; ++number) {
    std::string name = "tare" + std::to_string(number);
    const auto is_its = [&](const Network& other) { return other.device == name; };
    if (std::ranges::any_of(others, is_its)) continue;
    const auto link = TRY(links.find(name));
    if (!link) return name;
  }
}

const Network* find_by(const std::vector<Network>& networks, const std::string& text,
                       std::vector<const Network*>& prefixed) {
  for (const Network& each : networks)
    if (each.name == text || each.id == text) return &each;
  for (const Network& each : networks)
    if (!text.empty() && each.id.starts_with(text)) prefixed.push_back(&each);
  return prefixed.size() == 1 ? prefixed.front() : nullptr;
}

}  // namespace

Result<Network> Engine::State::make_network(const CreateNetworkRequest& request) {
  const std::vector<Network> others = TRY(network::load_networks(store.dir()));
  for (const Network& other : others)
    if (other.name == request.name)
      return std::unexpected(
          Error(Kind::Exists, "network with name " + request.name + " already exists")
              .hint("remove it (tare network rm), or take another name"));
  Network made;
  made.id = TRY(random_id());
  made.name = request.name;
  if (request.driver != "bridge" && request.driver != "macvlan")
    return std::unexpected(
        Error(Kind::Unsupported, "there is no network driver " + quoted(request.driver))
            .hint("bridge and macvlan are there; a container has the host's with --network host"));
  made.driver = request.driver == "bridge" ? network::Driver::Bridge : network::Driver::Macvlan;
  made.created = now_ns();
  made.internal = request.internal;
  made.options = request.options;
  made.labels = request.labels;
  TRY(apply_options(made));
  if (made.device.empty())
    made.device = made.is_default() ? TRY(default_device(store.dir(), others))
                                    : "br-" + made.id.substr(0, 12);
  for (const Network& other : others)
    if (other.device == made.device && made.driver == network::Driver::Bridge)
      return fail(Kind::Exists,
                  "the bridge " + quoted(made.device) + " is network " + quoted(other.name) + "'s");
  made.pools = TRY(make_pools(request, made.id, others));
  if (made.driver == network::Driver::Bridge) {
    network::Links links = TRY(network::Links::open());
    const auto there = TRY(links.find(made.device));
    if (there)
      return fail(Kind::Exists, "this machine has a device " + quoted(made.device) + " already");
  }
  TRY(sys::make_directories(store.path() + "/" + network::endpoints_path(made.id), 0700));
  TRY(sys::make_directories(store.path() + "/" + network::network_path(made.id) + "/leases", 0700));
  const sys::Fd dir =
      TRY(sys::open_at(store.dir(), network::network_path(made.id), O_RDONLY | O_DIRECTORY));
  TRY(sys::create_file(dir.get(), "network.json", network::print_network(made)));
  return made;
}

Result<Network> Engine::State::default_network() {
  const auto known = TRY(network::load_networks(store.dir()));
  for (const Network& each : known)
    if (each.is_default()) return each;
  const sys::Fd lock = TRY(store.lock(kNetworksLock));
  auto made = make_network({.name = Network::kDefault});
  if (made || made.error().kind() != Kind::Exists) return made;
  auto found = lookup_network(Network::kDefault);
  return found ? std::move(found) : std::move(made);
}

Result<Network> Engine::State::lookup_network(const std::string& name_or_id) const {
  const auto networks = TRY(network::load_networks(store.dir()));
  std::vector<const Network*> prefixed;
  if (const Network* const found = find_by(networks, name_or_id, prefixed)) return *found;
  if (!prefixed.empty())
    return fail(Kind::Invalid, "several networks have ids that begin with " + quoted(name_or_id));
  return std::unexpected(Error(Kind::NotFound, "network " + name_or_id + " not found")
                             .hint("tare network ls shows those that are there"));
}

Result<Network> Engine::create_network(const CreateNetworkRequest& request) {
  TRY(check_network_name(request.name));
  if (request.name == Network::kDefault) TRY(state_->default_network());
  const sys::Fd lock = TRY(state_->store.lock(kNetworksLock));
  return state_->make_network(request);
}

Result<std::vector<NetworkInfo>> Engine::networks() {
  if (may_have_networks()) TRY(state_->default_network());
  auto all = TRY(network::load_networks(state_->store.dir()));
  std::ranges::sort(all, {}, &Network::name);
  std::vector<NetworkInfo> infos;
  for (Network& each : all) infos.push_back(TRY(state_->network_info(std::move(each))));
  const auto containers = TRY(list());
  for (const Container& container : containers)
    for (const NetworkRequest& one : container.config.net.networks)
      for (NetworkInfo& info : infos)
        if (info.network.name == one.network) info.containers.push_back(container.id);
  return infos;
}

Result<NetworkInfo> Engine::find_network(const std::string& name_or_id) {
  auto infos = TRY(networks());
  const Network found = TRY(state_->lookup_network(name_or_id));
  for (NetworkInfo& info : infos)
    if (info.network.id == found.id) return std::move(info);
  return fail(Kind::NotFound, "network " + name_or_id + " not found");
}

Result<NetworkInfo> Engine::State::network_info(Network which) const {
  NetworkInfo info{.network = std::move(which)};
  for (network::Endpoint& endpoint : TRY(network::load_endpoints(store.dir(), info.network.id)))
    if (is_alive(endpoint)) info.endpoints.push_back(std::move(endpoint));
  return info;
}

// Who starts has an address already, and its container's lock.
Result<std::vector<std::string>> Engine::State::starting_on(const std::string& network) const {
  std::vector<std::string> names;
  std::string last;
  for (const network::Lease& lease : TRY(network::load_leases(store.dir(), network))) {
    if (lease.container == std::exchange(last, lease.container)) continue;
    const std::string endpoint = network::endpoint_path(network, lease.container);
    if (::faccessat(store.dir(), endpoint.c_str(), F_OK, 0) == 0) continue;
    const auto lock = sys::open_at(store.dir(), "containers/" + lease.container + "/lock", O_RDWR);
    if (lock && TRY(sys::is_locked(lock->get()))) names.push_back(lease.container.substr(0, 12));
  }
  return names;
}

Result<> Engine::remove_network(const std::string& name_or_id) {
  State& state = *state_;
  const sys::Fd lock = TRY(state.store.lock(kNetworksLock));
  const Network found = TRY(state.lookup_network(name_or_id));
  if (found.is_default())
    return std::unexpected(
        Error(Kind::Invalid, found.name + " is a pre-defined network and cannot be removed")
            .hint("containers leave it with tare network disconnect, or start with --network"));
  const NetworkInfo info = TRY(state.network_info(found));
  std::vector<std::string> names = TRY(state.starting_on(found.id));
  for (const auto& endpoint : info.endpoints) names.push_back(endpoint.name);
  if (!names.empty()) {
    return std::unexpected(
        Error(Kind::Busy, "network " + found.name + " has active endpoints: " + join(names, ", "))
            .hint("stop these containers, or tare network disconnect them"));
  }
  if (const auto home = TRY(state.find_home()); home && *home)
    TRY(network::enter_home(home->get()));  // For good: this is the last thing that is done.
  if (const auto home = TRY(state.find_home()); !home) TRY(take_down_network(found));
  return state.store.discard(network::network_path(found.id));
}

Result<std::vector<std::string>> Engine::prune_networks(const PruneRequest& request) {
  std::vector<std::string> removed;
  const auto has = [](const Network& which, const std::pair<std::string, std::string>& label) {
    const auto found = which.labels.find(label.first);
    return found != which.labels.end() && (label.second.empty() || found->second == label.second);
  };
  for (const NetworkInfo& info : TRY(networks())) {
    const Network& which = info.network;
    const auto its = [&](const auto& label) { return has(which, label); };
    if (which.is_default() || !info.containers.empty() || !info.endpoints.empty()) continue;
    if (request.before != 0 && which.created >= request.before) continue;
    if (!std::ranges::all_of(request.with, its) || std::ranges::any_of(request.without, its))
      continue;
    if (remove_network(which.id)) removed.push_back(which.name);
  }
  return removed;
}

}  // namespace tare::engine
