// SPDX-License-Identifier: Apache-2.0
#include "network/service_ports.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "network/port_sockets.h"
#include "network/service_log.h"
#include "network/sources.h"

namespace tare::network {
namespace {

Result<sys::Fd> make_socket(int family, int type) {
  sys::Fd socket(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("make a socket for a published port");
  return socket;
}

// Of the host's family where the container has one.
std::optional<Address> target_of(const Endpoint& endpoint, const PublishedPort& port) {
  const auto& same = port.host.is_v6 ? endpoint.v6 : endpoint.v4;
  return same ? same : (port.host.is_v6 ? endpoint.v4 : endpoint.v6);
}

}  // namespace

ServicePorts::ServicePorts(Loop& loop)
    : loop_(loop),
      uplink_(loop, home_),
      forwarder_(loop, [this](int family, int type, const Address& client) {
        return connect_socket(family, type, client);
      }) {}

ServicePorts::~ServicePorts() {
  unwatch();
  if (flows_timer_ != 0) loop_.cancel(flows_timer_);
}

// Where the container is. It sees who asks, where that can be, and the bridge's address otherwise.
Result<sys::Fd> ServicePorts::connect_socket(int family, int type, const Address& client) {
  sys::Fd socket;
  const auto make = [&]() -> Result<> {
    if (can_speak_as(client, family))
      if (auto made = make_socket_as(client, type)) socket = std::move(*made);
    if (!socket) socket = TRY(make_socket(family, type));
    return {};
  };
  TRY(home_.run(make));
  return socket;
}

// Not as anybody whose address means something else where the container is.
bool ServicePorts::can_speak_as(const Address& client, int family) const {
  if (!has_sources_ || client.family() != family || client.is_any() || client.is_loopback())
    return false;
  if (client.is_v6 && client.bytes[0] == 0xfe && (client.bytes[1] & 0xc0U) == 0x80) return false;
  return std::ranges::none_of(rules_, [&](const NetworkRules& rules) {
    return std::ranges::any_of(rules.subnets,
                               [&](const Subnet& subnet) { return subnet.contains(client); });
  });
}

void ServicePorts::unwatch() {
  if (watch_) loop_.remove(watch_->fd());
  if (forwarding_watch_) loop_.remove(forwarding_watch_->fd());
  watch_.reset();
  forwarding_watch_.reset();
}

Result<> ServicePorts::start() {
  const auto open = [this]() -> Result<> {
    FirewallWatch rules = TRY(FirewallWatch::open());
    ForwardingWatch settings = TRY(ForwardingWatch::open());
    watch_.emplace(std::move(rules));
    forwarding_watch_.emplace(std::move(settings));
    return {};
  };
  TRY(home_.run(open));
  TRY(loop_.add(watch_->fd(), EPOLLIN, [this](std::uint32_t) { on_rules(); }));
  return loop_.add(forwarding_watch_->fd(), EPOLLIN, [this](std::uint32_t) { on_forwarding(); });
}

// It is where the first container's keeper is.
void ServicePorts::learn_home(const Endpoint& endpoint) {
  if (home_.is_elsewhere() || endpoint.pid <= 0) return;
  const auto learn = [&]() -> Result<> {
    if (TRY(owns_network())) return {};  // Whoever else's it may be, we stay where we are.
    sys::Fd network = TRY(home_of(endpoint));
    if (!network) return {};
    TRY(home_.enter(std::move(network)));
    unwatch();
    firewall_.reset();
    TRY(start());
    auto accepted = home_.run(accept_sources);
    has_sources_ = bool(accepted);
    if (!accepted)
      log(std::move(accepted).error().wrap("show containers who asks their published ports"));
    return uplink_.start();
  };
  // Another one may tell, if it has ended.
  if (auto learned = learn(); !learned && learned.error().kind() != Kind::NotFound)
    log(std::move(learned).error().wrap("enter the network of this user's containers"));
}

Result<> ServicePorts::at_home(const Endpoint& endpoint, const std::function<Result<>()>& work) {
  learn_home(endpoint);
  return home_.run(work);
}

// Rules of a home network see nothing of what comes to the host.
bool ServicePorts::is_forwarded_here(const Endpoint& endpoint, const PublishedPort& port) const {
  return home_.is_elsewhere() || is_forwarded(port, publication_of(endpoint));
}

void ServicePorts::on_rules() {
  const auto heard = watch_->heard_removal();
  if (heard && !*heard) return;
  const auto again = [this](const std::function<Result<>()>& work) {
    if (auto healed = home_.run(work); !healed)
      log(std::move(healed).error().wrap("make the rules of networks again"));
  };
  // Whatever table it was: if ours is whole, another store's service may have made it, empty for
  // us. What holds back goes before what lets through.
  if (heal_first_) again(heal_first_);
  again([this] { return heal(); });
}

// Somebody else may want this machine to forward now: then it is not ours to stop anything.
void ServicePorts::on_forwarding() {
  forwarding_watch_->drain();
  const auto guard = [this]() -> Result<> {
    Firewall& firewall = *TRY(this->firewall());
    if (!TRY(firewall.is_whole())) return {};
    return guard_forwarding(firewall);
  };
  if (auto guarded = home_.run(guard); !guarded)
    log(std::move(guarded).error().wrap("guard what this machine forwards"));
}

// The service before us, of this store or another, may have switched it off at its end, while a
// start was on its way to us.
Result<> ServicePorts::forward(const std::vector<Network>& networks) {
  bool v4 = false;
  bool v6 = false;
  for (const Endpoint& endpoint : endpoints_)
    for (const Network& network : networks) {
      if (network.id != endpoint.network || network.driver != Driver::Bridge || network.internal)
        continue;
      v4 = true;
      v6 = v6 || network.pool(true) != nullptr;
    }
  if (!v4) return {};
  Firewall& firewall = *TRY(this->firewall());
  auto enabled = enable_forwarding(firewall, v6);
  // The table is gone, and comes back with its guard.
  if (!enabled && enabled.error().kind() == Kind::NotFound) return {};
  return enabled;
}

void ServicePorts::on_end() {
  const auto end = [this]() -> Result<> {
    Firewall& firewall = *TRY(this->firewall());
    return end_forwarding(firewall);
  };
  if (auto ended = home_.run(end); !ended)
    log(std::move(ended).error().wrap("switch off what this machine forwards"));
}

Result<Firewall*> ServicePorts::firewall() {
  if (!firewall_) firewall_.emplace(TRY(Firewall::open()));
  return &*firewall_;
}

// One look, which takes a while, for all ports that come at once.
void ServicePorts::forget_flows_soon(const Endpoint& endpoint, const PublishedPort& port) {
  if (port.protocol != Protocol::Udp) return;
  Publication& publication = fresh_[endpoint.container];
  publication.v4 = endpoint.v4;
  publication.v6 = endpoint.v6;
  publication.ports.push_back(port);
  constexpr std::chrono::milliseconds kDelay{20};
  if (flows_timer_ == 0) flows_timer_ = loop_.after(kDelay, [this] { forget_flows(); });
}

void ServicePorts::forget_flows() {
  flows_timer_ = 0;
  for (const auto& [container, publication] : std::exchange(fresh_, {}))
    if (auto done = home_.run([&] { return forget_stale_flows(publication); }); !done)
      log(std::move(done).error().wrap("forget flows of " + container));
}

Result<> ServicePorts::heal() {
  Firewall& firewall = *TRY(this->firewall());
  TRY(firewall.ensure());
  std::vector<Publication> publications;
  for (const Endpoint& endpoint : endpoints_)
    if (!endpoint.ports.empty()) publications.push_back(publication_of(endpoint));
  TRY(firewall.restore(rules_, publications));
  return guard_forwarding(firewall);
}

// What was published for containers that ended while no service ran. Only what leads into networks
// of this store: the table is every store's.
Result<> ServicePorts::sweep() {
  Firewall& firewall = *TRY(this->firewall());
  if (!TRY(firewall.is_whole())) return endpoints_.empty() ? Result<>() : heal();
  const Firewall::Elements elements = TRY(firewall.list());
  std::vector<Mapping> wanted;
  for (const Endpoint& endpoint : endpoints_)
    std::ranges::move(mappings_of(publication_of(endpoint)), std::back_inserter(wanted));
  for (const Mapping& mapping : elements.mappings) {
    const auto leads_here = [&](const NetworkRules& rules) {
      return std::ranges::any_of(
          rules.subnets, [&](const Subnet& subnet) { return subnet.contains(mapping.target); });
    };
    if (std::ranges::none_of(rules_, leads_here)) continue;
    if (std::ranges::find(wanted, mapping) != wanted.end()) continue;
    Publication stale{.ports = {mapping.port}};
    (mapping.target.is_v6 ? stale.v6 : stale.v4) = mapping.target;
    TRY(firewall.withdraw(stale));
  }
  return {};
}

Result<> ServicePorts::redirect(std::uint16_t udp_port, std::uint16_t tcp_port) {
  return redirect_resolver(udp_port, tcp_port);
}

Result<sys::Fd> ServicePorts::open_port(const Endpoint& endpoint, const PublishedPort& port) {
  learn_home(endpoint);
  return open_port_socket(port, is_forwarded_here(endpoint, port));
}

Result<> ServicePorts::take_port(const Endpoint& endpoint, const PublishedPort& port,
                                 sys::Fd socket) {
  learn_home(endpoint);
  const Key key{endpoint.network, endpoint.container, port};
  const auto target = target_of(endpoint, port);
  forget_flows_soon(endpoint, port);
  if (!socket || !target || port.protocol == Protocol::Sctp || !is_forwarded_here(endpoint, port)) {
    held_[key] = std::move(socket);
    return {};
  }
  forwarded_[key] =
      TRY(forwarder_.add(std::move(socket), port.protocol, *target, port.container_port));
  return {};
}

void ServicePorts::drop_port(const Endpoint& endpoint, const PublishedPort& port) {
  const Key key{endpoint.network, endpoint.container, port};
  held_.erase(key);
  const auto found = forwarded_.find(key);
  if (found == forwarded_.end()) return;
  forwarder_.remove(found->second);
  forwarded_.erase(found);
}

Result<> ServicePorts::withdraw(const Endpoint& endpoint) {
  if (endpoint.ports.empty()) return {};
  auto withdrawn = home_.run([&]() -> Result<> {
    Firewall& firewall = *TRY(this->firewall());
    return firewall.withdraw(publication_of(endpoint));
  });
  if (!withdrawn && withdrawn.error().kind() == Kind::NotFound)
    return {};  // The whole table is gone.
  return withdrawn;
}

Result<> ServicePorts::publish(const Endpoint& endpoint) {
  if (endpoint.ports.empty()) return {};
  return home_.run([&]() -> Result<> {
    Firewall& firewall = *TRY(this->firewall());
    return firewall.publish(publication_of(endpoint));
  });
}

void ServicePorts::on_records(const std::vector<Network>& networks,
                              const std::vector<Endpoint>& endpoints) {
  rules_.clear();
  for (const Network& network : networks)
    if (network.driver == Driver::Bridge) rules_.push_back(rules_of(network));
  endpoints_ = endpoints;
  for (const Endpoint& endpoint : endpoints_) learn_home(endpoint);
  if (auto forwards = home_.run([&] { return forward(networks); }); !forwards)
    log(std::move(forwards).error());
  if (std::exchange(is_swept_, true)) return;
  if (auto swept = home_.run([this] { return sweep(); }); !swept)
    log(std::move(swept).error().wrap("look for ports of containers that ended"));
}

}  // namespace tare::network
