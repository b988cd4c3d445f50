// SPDX-License-Identifier: Apache-2.0
#include "engine/container_networks.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/failpoint.h"
#include "base/undo.h"
#include "engine/record.h"
#include "engine/root_namespace.h"
#include "engine/state.h"
#include "network/attach.h"
#include "network/firewall.h"
#include "network/forwarding.h"
#include "network/home.h"
#include "network/leases.h"
#include "network/port_sockets.h"
#include "network/resolv_conf.h"
#include "network/uplink.h"
#include "sys/files.h"
#include "sys/ids.h"

namespace tare::engine {
namespace {

using network::Address;
using network::Endpoint;
using network::Network;
using network::PublishedPort;

constexpr std::string_view kShared = "container:";
constexpr const char* kResolver = "127.0.0.11";

bool has_ipv6() { return ::access("/proc/sys/net/ipv6", F_OK) == 0; }

// Both addresses of loopback are one answer to "without an address".
std::vector<Address> hosts_of(const PortRequest& request) {
  if (!request.hosts.empty()) return request.hosts;
  Address v4;
  v4.bytes = {127, 0, 0, 1};
  Address v6{.is_v6 = true};
  v6.bytes[15] = 1;
  if (!has_ipv6()) return {v4};
  return {v4, v6};
}

struct Opened {
  std::vector<PublishedPort> ports;
  std::vector<sys::Fd> sockets;
};

// The port of the host at all its addresses, or at none.
Result<Opened> open_at_all(const PortRequest& request, std::uint16_t number,
                           const network::Publication& publication, bool all_forwarded) {
  Opened opened;
  for (const Address& host : hosts_of(request)) {
    const PublishedPort port{.host = host,
                             .host_port = number,
                             .protocol = request.protocol,
                             .container_port = request.container_port};
    opened.sockets.push_back(TRY(network::open_port_socket(
        port, all_forwarded || network::is_forwarded(port, publication))));
    opened.ports.push_back(port);
  }
  return opened;
}

Result<Opened> open_any(const PortRequest& request, const network::Publication& publication,
                        bool all_forwarded) {
  constexpr int kTries = 32;  // Somebody else may be faster.
  for (int i = 1;; ++i) {
    const std::uint16_t number = TRY(network::pick_port(hosts_of(request), request.protocol));
    auto opened = open_at_all(request, number, publication, all_forwarded);
    if (opened || opened.error().kind() != Kind::Exists || i == kTries) return opened;
  }
}

// The first of the range that is free.
Result<Opened> open_request(const PortRequest& request, const network::Publication& publication,
                            bool all_forwarded) {
  if (request.host_first == 0) return open_any(request, publication, all_forwarded);
  for (unsigned number = request.host_first;; ++number) {
    auto opened =
        open_at_all(request, static_cast<std::uint16_t>(number), publication, all_forwarded);
    if (opened || opened.error().kind() != Kind::Exists || number >= request.host_last)
      return opened;
  }
}

// Exposed ports that nothing publishes, for -P.
Result<std::vector<PortRequest>> with_exposed(const NetworkSettings& settings) {
  std::vector<PortRequest> requests = settings.ports;
  if (!settings.publish_all) return requests;
  for (const std::string& text : settings.exposed) {
    const auto parts = split_once(text, '/');
    const auto port = parse_u64(parts ? parts->first : std::string_view(text));
    if (!port || *port == 0 || *port > 65535) continue;
    PortRequest request{.container_port = static_cast<std::uint16_t>(*port)};
    request.protocol = TRY(network::parse_protocol(parts ? parts->second : "tcp"));
    const auto is_same = [&](const PortRequest& other) {
      return other.container_port == request.container_port && other.protocol == request.protocol;
    };
    if (std::ranges::none_of(requests, is_same)) requests.push_back(request);
  }
  return requests;
}

// The one with the highest priority that leads outside, the first of equals.
std::size_t gateway_of(const std::vector<NetworkRequest>& requests,
                       const std::vector<Network>& networks) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < requests.size(); ++i) {
    const bool is_better = networks[best].internal == networks[i].internal
                               ? requests[i].gateway_priority > requests[best].gateway_priority
                               : networks[best].internal;
    if (is_better) best = i;
  }
  return best;
}

std::string random_mac() {
  network::Mac mac{0x02, 0x42};
  (void)!::getentropy(mac.data() + 2, mac.size() - 2);
  return network::mac_text(mac);
}

Result<Endpoint> make_endpoint(int store, const Network& network, const NetworkRequest& request,
                               const Container& container) {
  Endpoint endpoint{.network = network.id,
                    .container = container.id,
                    .name = container.name,
                    .aliases = request.aliases};
  if (const network::Pool* pool = network.pool(false))
    endpoint.v4 = TRY(network::take_address(store, network, *pool, container.id, request.v4));
  if (const network::Pool* pool = network.pool(true))
    endpoint.v6 = TRY(network::take_address(store, network, *pool, container.id, request.v6));
  endpoint.mac = request.mac;
  if (endpoint.mac.empty())
    endpoint.mac = endpoint.v4 ? network::mac_text(network::mac_of(*endpoint.v4)) : random_mac();
  if (network.driver == network::Driver::Bridge)
    endpoint.host_interface = network::host_interface_of(container.id, network.id);
  endpoint.dns = container.config.net.dns;
  endpoint.egress = container.config.net.egress;
  return endpoint;
}

// The device and the rules, which may be gone since the last start (of the machine, too).
Result<network::Link> ensure_network(int store, const Network& network) {
  network::Links links = TRY(network::Links::open());
  const bool is_there = TRY(links.find(network.device)).has_value();
  network::Link device = TRY(network::ensure_device(links, network));
  if (!is_there)  // Containers of the one before it run on, and are cut off.
    for (const Endpoint& endpoint : TRY(network::load_endpoints(store, network.id)))
      TRY(network::attach_again(links, device, network, endpoint));
  if (network.driver == network::Driver::Macvlan) return device;
  network::Firewall firewall = TRY(network::Firewall::open());
  TRY(firewall.ensure());
  TRY(firewall.add_network(network::rules_of(network)));
  if (network.internal) return device;
  TRY(network::enable_forwarding(firewall, network.pool(true) != nullptr));
  return device;
}

// Where names are looked up on this machine. [docs/formats/networks.md, resolv.conf]
std::vector<std::string> host_domains(int store) {
  constexpr std::size_t kMostBytes = 65536;
  auto text = sys::load_file(store, network::networks_path() + "/resolv.conf", kMostBytes);
  if (!text) text = sys::load_file(AT_FDCWD, "/etc/resolv.conf", kMostBytes);
  return text ? network::dns::parse_search_domains(*text) : std::vector<std::string>();
}

// The container of ours that has it.
std::string holder_of(int store, const PublishedPort& port) {
  const auto is_it = [&](const PublishedPort& has) {
    return has.host_port == port.host_port && has.protocol == port.protocol &&
           has.host.is_v6 == port.host.is_v6 &&
           (has.host == port.host || has.host.is_any() || port.host.is_any());
  };
  const auto networks = network::load_networks(store);
  if (!networks) return "";
  for (const Network& network : *networks) {
    const auto endpoints = network::load_endpoints(store, network.id);
    if (!endpoints) continue;
    for (const Endpoint& endpoint : *endpoints)
      if (is_alive(endpoint) && std::ranges::any_of(endpoint.ports, is_it)) return endpoint.name;
  }
  return "";
}

// A port that is taken is held by the network service, whoever's it is.
Error name_holder(Error error, int store, const PortRequest& request) {
  if (error.kind() != Kind::Exists) return error;
  for (const Address& host : hosts_of(request)) {
    const PublishedPort port{
        .host = host, .host_port = request.host_last, .protocol = request.protocol};
    const std::string holder = holder_of(store, port);
    if (holder.empty()) continue;
    return Error(Kind::Exists, "port " + std::to_string(port.host_port) + "/" +
                                   std::string(network::protocol_text(port.protocol)) +
                                   " is taken already, by container " + quoted(holder))
        .hint("choose another port of the host, or leave it out to get one that is free");
  }
  return error;
}

std::string sentence_of(const Error& error) {
  return error.message() + (error.hint().empty() ? "" : ": " + error.hint());
}

const Network* named(const std::vector<Network>& networks, const std::string& name) {
  for (const Network& each : networks)
    if (each.name == name) return &each;
  return nullptr;
}

Result<> check_request(const Network& network, const NetworkRequest& request) {
  for (const auto& address : {request.v4, request.v6}) {
    if (!address) continue;
    const network::Pool* const pool = network.pool(address->is_v6);
    if (pool == nullptr)
      return fail(Kind::Invalid, "network " + quoted(network.name) +
                                     " has no subnet for the address " + address->text());
    if (!pool->is_asked)
      return std::unexpected(
          Error(Kind::Invalid,
                "network " + quoted(network.name) +
                    " has a subnet that was chosen for it: user specified IP address "
                    "is supported only on networks with a --subnet")
              .hint("tare network create --subnet ..., and give addresses of that"));
    TRY(network::check_assignable(*pool, *address));
  }
  if (!request.mac.empty()) TRY(network::parse_mac(request.mac));
  return {};
}

}  // namespace

Result<> write_endpoint(int store, const Endpoint& endpoint) {
  const sys::Fd dir =
      TRY(sys::open_at(store, network::endpoints_path(endpoint.network), O_RDONLY | O_DIRECTORY));
  // After a power cut no container runs.
  return sys::replace_file(dir.get(), endpoint.container, network::print_endpoint(endpoint),
                           sys::Durability::Lazy);
}

bool may_have_networks() { return ::geteuid() == 0; }

std::string shared_network_of(const CreateRequest& config) {
  return config.network.starts_with(kShared) ? config.network.substr(kShared.size()) : "";
}

bool is_alive(const Endpoint& endpoint) {
  return endpoint.pid > 0 && start_time(endpoint.pid) == endpoint.pid_start;
}

Result<> take_down_network(const Network& network) {
  if (network.driver == network::Driver::Macvlan) return {};
  network::Firewall firewall = TRY(network::Firewall::open());
  if (TRY(firewall.is_whole())) TRY(firewall.remove_network(network.device));
  network::Links links = TRY(network::Links::open());
  return network::remove_device(links, network);
}

Result<StartingNetworks> StartingNetworks::prepare(Place place, const Container& container,
                                                   const std::vector<Network>& networks,
                                                   std::optional<sys::Fd> home) {
  StartingNetworks made;
  made.home_ = std::move(home);
  made.place_ = std::move(place);
  const std::vector<NetworkRequest>& requests = container.config.net.networks;
  Undo undo;
  undo.push([&made]() noexcept { made.undo(); });
  for (const NetworkRequest& request : requests) {
    const Network* const found = named(networks, request.network);
    if (found == nullptr)
      return std::unexpected(
          Error(Kind::NotFound, "network " + quoted(request.network) + " is not there any more")
              .hint(
                  "make it again (tare network create), or tare network disconnect the container"));
    // What it had when it ran before; the service may not have seen its end yet.
    network::release_addresses(made.place_.store, found->id, container.id);
    made.networks_.push_back(*found);
    made.endpoints_.push_back({.network = found->id, .container = container.id});  // For undo.
    made.endpoints_.back() = TRY(make_endpoint(made.place_.store, *found, request, container));
    made.endpoints_.back().interface = "eth" + std::to_string(made.endpoints_.size() - 1);
    failpoint("start.leased");
  }
  if (made.endpoints_.empty()) return made;
  const std::size_t gateway = gateway_of(requests, made.networks_);
  made.endpoints_[gateway].is_gateway = true;
  if (!made.networks_[gateway].internal)
    TRY(made.open_ports(container.config.net, made.endpoints_[gateway]));
  undo.keep();
  return made;
}

StartingNetworks StartingNetworks::shared(std::vector<Network> networks,
                                          std::vector<Endpoint> endpoints) {
  StartingNetworks made;
  made.is_shared_ = true;
  made.networks_ = std::move(networks);
  made.endpoints_ = std::move(endpoints);
  return made;
}

Result<> StartingNetworks::open_ports(const NetworkSettings& settings, Endpoint& endpoint) {
  const network::Publication publication{.v4 = endpoint.v4, .v6 = endpoint.v6};
  for (const PortRequest& request : TRY(with_exposed(settings))) {
    auto made = open_request(request, publication, is_elsewhere());
    if (!made) return std::unexpected(name_holder(std::move(made).error(), place_.store, request));
    Opened opened = std::move(*made);
    for (PublishedPort& port : opened.ports) endpoint.ports.push_back(port);
    for (sys::Fd& socket : opened.sockets) ports_.push_back(std::move(socket));
  }
  return {};
}

Result<> StartingNetworks::settle() {
  TRY(go_home());
  for (const Network& network : networks_)
    devices_.push_back(
        TRY(ensure_network(place_.store, network), "network " + quoted(network.name)));
  TRY(limit_egress(networks_, endpoints_));
  failpoint("launcher.device");
  return {};
}

Result<> StartingNetworks::go_home() {
  if (!home_) return {};
  is_of_user_ = true;
  TRY(*home_ ? network::enter_home(home_->get()) : network::make_home());
  home_.reset();
  return {};
}

bool StartingNetworks::makes_interfaces() const { return !is_shared_ && !endpoints_.empty(); }

Result<> StartingNetworks::find_inside(int pid) {
  if (!inside_) inside_ = TRY(sys::open_path("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
  return {};
}

Result<> StartingNetworks::make() {
  TRY(make_interfaces());
  failpoint("launcher.interface");
  const auto visit = TRY(network::Visit::begin(inside_.get()));
  TRY(network::set_loopback_up());
  resolver_ = TRY(network::open_resolver());
  return network::redirect_resolver(resolver_.udp_port, resolver_.tcp_port);
}

Result<> StartingNetworks::make_interfaces() {
  network::Links links = TRY(network::Links::open());
  for (std::size_t i = 0; i < endpoints_.size(); ++i)
    TRY(network::make_interface(links, devices_[i], networks_[i], endpoints_[i], inside_.get()),
        "network " + quoted(networks_[i].name));
  return {};
}

void StartingNetworks::place_beside(const std::string& interface, bool is_gateway) {
  for (Endpoint& endpoint : endpoints_) {
    endpoint.interface = interface;
    endpoint.is_gateway = is_gateway;
  }
}

StartingNetworks StartingNetworks::running(Place place, Endpoint endpoint,
                                           std::optional<sys::Fd> home) {
  StartingNetworks made;
  made.home_ = std::move(home);
  made.place_ = std::move(place);
  made.endpoints_ = {std::move(endpoint)};
  return made;
}

Result<> StartingNetworks::change_ports(const std::vector<PortRequest>& add,
                                        const std::vector<PortRequest>& remove) {
  Endpoint& endpoint = endpoints_.front();
  const Endpoint before = endpoint;
  const auto goes = [&](const PublishedPort& port) {
    return std::ranges::any_of(remove, [&](const PortRequest& request) {
      const std::vector<Address>& hosts = request.hosts;
      return port.container_port == request.container_port && port.protocol == request.protocol &&
             (request.host_first == 0 || port.host_port == request.host_first) &&
             (hosts.empty() || std::ranges::find(hosts, port.host) != hosts.end());
    });
  };
  network::Publication gone{.v4 = before.v4, .v6 = before.v6};
  std::ranges::copy_if(before.ports, std::back_inserter(gone.ports), goes);
  endpoint.ports.clear();
  TRY(open_ports({.ports = add}, endpoint));
  TRY(go_home());
  const network::Publication fresh{.ports = endpoint.ports, .v4 = before.v4, .v6 = before.v6};
  network::Firewall firewall = TRY(network::Firewall::open());
  TRY(firewall.publish(fresh));
  Undo undo;
  undo.push([&]() noexcept {
    (void)firewall.withdraw(fresh);
    (void)firewall.publish(gone);
  });
  TRY(firewall.withdraw(gone));
  // The new ones first: they are those that the sockets belong to.
  for (const PublishedPort& port : before.ports)
    if (!goes(port)) endpoint.ports.push_back(port);
  TRY(write_endpoint(place_.store, endpoint));
  undo.keep();  // From here on it is what the record says.
  network::Handover handover{.network = endpoint.network, .container = endpoint.container};
  handover.ports = std::move(ports_);
  return network::hand_over(place_.store, place_.program, std::move(handover));
}

void StartingNetworks::set_services(const std::vector<network::ServiceLink>& services) {
  for (Endpoint& endpoint : endpoints_) {
    endpoint.services = services;
    for (const network::ServiceLink& service : services)
      endpoint.links[service.alias] = service.container;
  }
}

void StartingNetworks::set_name(const std::string& name) {
  if (is_shared_) return;
  for (Endpoint& endpoint : endpoints_) endpoint.name = name;
}

Result<> StartingNetworks::finish(int pid) {
  if (is_shared_) return {};
  bool is_first = true;
  for (Endpoint& endpoint : endpoints_) {
    endpoint.pid = pid;
    endpoint.pid_start = start_time(pid);
    TRY(write_endpoint(place_.store, endpoint));
    failpoint("launcher.endpoint");
    if (!endpoint.ports.empty()) {
      network::Firewall firewall = TRY(network::Firewall::open());
      TRY(firewall.publish(network::publication_of(endpoint)));
    }
    failpoint("launcher.published");
    network::Handover handover{.network = endpoint.network, .container = endpoint.container};
    if (std::exchange(is_first, false)) {
      handover.dns_udp = std::move(resolver_.udp);
      handover.dns_tcp = std::move(resolver_.tcp);
    }
    if (!endpoint.ports.empty()) handover.ports = std::move(ports_);
    TRY(network::hand_over(place_.store, place_.program, std::move(handover)));
  }
  return {};
}

std::vector<std::string> StartingNetworks::obstacles() const {
  const bool leads_out =
      std::ranges::any_of(networks_, [](const Network& network) { return !network.internal; });
  if (is_of_user_ && leads_out && !network::has_uplink_program())
    return {sentence_of(network::no_uplink_program())};
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const auto is_open = [](const PublishedPort& port) { return !port.host.is_loopback(); };
    if (std::ranges::none_of(endpoints_[i].ports, is_open)) continue;
    auto found = [&]() -> Result<std::vector<std::string>> {
      network::Firewall firewall = TRY(network::Firewall::open());
      return firewall.obstacles({devices_[i].name});
    }();
    if (found) return std::move(*found);
    return {sentence_of(std::move(found).error().wrap("look for rules that stop published ports"))};
  }
  return {};
}

void StartingNetworks::undo() noexcept {
  if (is_shared_) return;
  for (const Endpoint& endpoint : endpoints_) {
    if (!endpoint.ports.empty())
      if (auto firewall = network::Firewall::open())
        (void)firewall->withdraw(network::publication_of(endpoint));
    ::unlinkat(place_.store, network::endpoint_path(endpoint.network, endpoint.container).c_str(),
               0);
    network::release_addresses(place_.store, endpoint.network, endpoint.container);
  }
}

std::string StartingNetworks::hosts(const CreateRequest& config) const {
  std::string text;
  for (const Endpoint& endpoint : endpoints_)
    for (const auto& address : {endpoint.v4, endpoint.v6})
      if (address) text += address->text() + "\t" + config.hostname + "\n";
  for (const std::string& entry : config.net.extra_hosts) {
    const auto pair = split_once(entry, ':');
    if (!pair) continue;
    if (pair->second != "host-gateway") {
      text += std::string(pair->second) + "\t" + std::string(pair->first) + "\n";
      continue;
    }
    for (const Network& network : networks_)
      for (const network::Pool& pool : network.pools)
        text += pool.gateway.text() + "\t" + std::string(pair->first) + "\n";
    if (config.network == "host") text += "127.0.0.1\t" + std::string(pair->first) + "\n";
  }
  return text;
}

std::string StartingNetworks::resolv(const CreateRequest& config) const {
  std::string text = std::string("nameserver ") + kResolver + "\n";
  const NetworkSettings& settings = config.net;
  std::vector<std::string> domains = settings.dns_search;
  const bool is_inside = std::ranges::all_of(networks_, &Network::internal);
  if (domains.empty() && !is_inside) domains = host_domains(place_.store);
  if (!domains.empty() && domains != std::vector<std::string>{"."})
    text += "search " + join(domains, " ") + "\n";
  std::vector<std::string> options = settings.dns_options;
  const auto is_ndots = [](const std::string& option) { return option.starts_with("ndots:"); };
  if (std::ranges::none_of(options, is_ndots)) options.emplace_back("ndots:0");
  return text + "options " + join(options, " ") + "\n";
}

Result<> Engine::State::resolve_networks(const Engine& engine, CreateRequest& config,
                                         const std::vector<std::string>& exposed) {
  NetworkSettings& settings = config.net;
  for (const std::string& port : exposed)
    if (std::ranges::find(settings.exposed, port) == settings.exposed.end())
      settings.exposed.push_back(port);
  if (config.network == "none" || config.network == "host") return {};
  if (const std::string other = shared_network_of(config); !other.empty()) {
    config.network = std::string(kShared) + TRY(engine.find(other), "--network").id;
    return {};
  }
  if (settings.networks.empty()) settings.networks.push_back({.network = Network::kDefault});
  std::set<std::string> seen;
  for (NetworkRequest& request : settings.networks) {
    if (request.network == "default") request.network = Network::kDefault;
    const Network found = request.network == Network::kDefault
                              ? TRY(default_network())
                              : TRY(lookup_network(request.network));
    request.network = found.name;
    TRY(check_request(found, request));
    if (!seen.insert(found.id).second)
      return fail(Kind::Invalid, "network " + quoted(found.name) + " is given twice");
  }
  return {};
}

Result<std::vector<Endpoint>> Engine::State::endpoints_of(const std::string& id) const {
  std::vector<Endpoint> endpoints;
  for (const Network& network : TRY(network::load_networks(store.dir()))) {
    auto text = sys::load_file(store.dir(), network::endpoint_path(network.id, id));
    if (!text && text.error().kind() == Kind::NotFound) continue;
    const std::string record = TRY(std::move(text));
    Endpoint endpoint = TRY(network::parse_endpoint(record));
    if (is_alive(endpoint)) endpoints.push_back(std::move(endpoint));
  }
  std::ranges::sort(endpoints, {}, &Endpoint::interface);
  return endpoints;
}

// Nothing: it is where we are. Of an ordinary user it is where the keepers of those that run are,
// or nowhere yet.
Result<std::optional<sys::Fd>> Engine::State::find_home() const {
  if (TRY(network::owns_network())) return std::nullopt;
  for (const Network& network : TRY(network::load_networks(store.dir())))
    for (const Endpoint& endpoint : TRY(network::load_endpoints(store.dir(), network.id))) {
      if (!is_alive(endpoint)) continue;
      auto home = network::home_of(endpoint);
      if (home && *home) return std::move(*home);
    }
  return sys::Fd();
}

Result<StartingNetworks> Engine::State::start_networks(const Container& container) const {
  const std::string other = shared_network_of(container.config);
  if (other.empty() && container.config.net.networks.empty()) return StartingNetworks();
  const std::vector<Network> all = TRY(network::load_networks(store.dir()));
  if (!other.empty()) {
    std::vector<Network> networks;
    std::vector<Endpoint> endpoints = TRY(endpoints_of(other));
    for (const Endpoint& endpoint : endpoints)
      for (const Network& network : all)
        if (network.id == endpoint.network) networks.push_back(network);
    return StartingNetworks::shared(std::move(networks), std::move(endpoints));
  }
  std::optional<sys::Fd> home = TRY(find_home());
  return StartingNetworks::prepare({.store = store.dir(), .program = programs + "/tare-net"},
                                   container, all, std::move(home));
}

Result<> Engine::State::share_network(const Container& container, isolate::Spec& spec) const {
  const std::string other = shared_network_of(container.config);
  if (other.empty()) return {};
  const sys::Fd dir = TRY(open_container(other), "--network container:");
  const Container running = TRY(load_container(dir.get()));
  if (running.status != Status::Running)
    return std::unexpected(Error(Kind::Busy, "cannot join the network of container " +
                                                 quoted(running.name) + ", which does not run")
                               .hint("start it first: tare start " + running.name));
  spec.network = isolate::Namespace::Host;
  // They are the other's to set.
  std::erase_if(spec.sysctls, [](const auto& each) { return each.first.starts_with("net."); });
  sys::Fd inside =
      TRY(sys::open_path("/proc/" + std::to_string(running.pid) + "/ns/net", O_RDONLY));
  spec.joined.push_back({.kind = CLONE_NEWNET, .fd = std::move(inside)});
  return {};
}

}  // namespace tare::engine
