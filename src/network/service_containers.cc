// SPDX-License-Identifier: Apache-2.0
#include "network/service_containers.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "network/links.h"
#include "network/service.h"
#include "network/service_log.h"
#include "network/service_release.h"
#include "sys/files.h"

namespace tare::network {
namespace {

constexpr std::size_t kMostBytes = 4 << 20;
constexpr int kRestores = 10;  // A port may be somebody else's for a moment.
constexpr std::chrono::seconds kRestoreDelay(1);

bool has_ended(int pidfd) {
  pollfd poll{.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, 0) != 0;
}

// Not our own, whatever the records say: its packet filter is not ours to change.
Result<> check_foreign(int network) {
  struct stat theirs{};
  struct stat ours{};
  if (::fstat(network, &theirs) != 0 || ::stat("/proc/self/ns/net", &ours) != 0)
    return fail_errno("look at a network namespace");
  if (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)
    return fail(Kind::Invalid, "its process is in the network namespace of the host");
  return {};
}

bool has_port(const Endpoint& endpoint, const PublishedPort& port) {
  return std::ranges::find(endpoint.ports, port) != endpoint.ports.end();
}

}  // namespace

ServiceContainers::ServiceContainers(Loop& loop, ServiceParts& parts, std::string store,
                                     std::function<void()> on_change)
    : loop_(loop),
      parts_(parts),
      store_(std::move(store)),
      on_change_(std::move(on_change)),
      host_({store_ + "/" + networks_path() + "/resolv.conf", "/etc/resolv.conf"}),
      egress_(loop, parts, store_),
      server_(loop, names_, host_, egress_) {}

ServiceContainers::~ServiceContainers() {
  loop_.cancel(telling_);
  loop_.cancel(restoring_);
  loop_.cancel(visiting_);
  for (auto& [id, container] : containers_)
    if (container.pidfd) loop_.remove(container.pidfd.get());
}

// By its path each time: a store can be moved.
Result<sys::Fd> ServiceContainers::open_store() const {
  return sys::open_path(store_, O_RDONLY | O_DIRECTORY);
}

std::size_t ServiceContainers::running() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      containers_, [](const auto& entry) { return bool(entry.second.pidfd); }));
}

Result<> ServiceContainers::load() {
  const sys::Fd store = TRY(open_store());
  std::vector<Error> problems;
  std::vector<Network> networks = TRY(load_networks(store.get(), &problems));
  std::vector<Endpoint> endpoints;
  for (const Network& network : networks)
    std::ranges::move(TRY(load_endpoints(store.get(), network.id, &problems)),
                      std::back_inserter(endpoints));
  for (const Error& problem : problems) log(problem);
  if (problems.empty()) networks_.clear();
  for (Network& network : networks) networks_[network.id] = std::move(network);
  for (const Endpoint& endpoint : endpoints) put(endpoint);
  // While something cannot be read nothing counts as gone.
  if (problems.empty()) remove_others(endpoints);
  sweep_leases(store.get());
  tell_records();
  return {};
}

// Endpoints that are not among these.
void ServiceContainers::remove_others(const std::vector<Endpoint>& endpoints) {
  std::set<std::pair<std::string, std::string>> there;
  for (const Endpoint& endpoint : endpoints) there.emplace(endpoint.container, endpoint.network);
  std::vector<std::pair<std::string, std::string>> gone;
  for (const auto& [id, container] : containers_)
    for (const auto& [network, endpoint] : container.endpoints)
      if (!there.contains({id, network})) gone.emplace_back(id, network);
  for (const auto& [id, network] : gone) {
    Container& container = containers_[id];
    remove(container, network);
    // Without a process it was never a container that runs: its start has failed.
    if (container.endpoints.empty() && !container.pidfd) {
      server_.stop(id);
      containers_.erase(id);
    }
  }
}

Result<> ServiceContainers::load_one(int store, const std::string& network,
                                     const std::string& container) {
  if (!networks_.contains(network)) {
    const std::string text = TRY(sys::load_file(store, network_record_path(network), kMostBytes));
    networks_[network] = TRY(parse_network(text));
  }
  const std::string text =
      TRY(sys::load_file(store, endpoint_path(network, container), kMostBytes));
  const Endpoint endpoint = TRY(parse_endpoint(text));
  if (endpoint.network != network || endpoint.container != container)
    return fail(Kind::Invalid, "the record of an endpoint is another's");
  put(endpoint);
  tell_records_soon();
  return {};
}

Result<> ServiceContainers::take(const ServiceMessage& message, std::vector<sys::Fd> descriptors) {
  if (descriptors.size() != message.descriptors())
    return fail(Kind::Invalid, "a message came with other descriptors than it says");
  const sys::Fd store = TRY(open_store());
  TRY(load_one(store.get(), message.network, message.container));
  Container& container = containers_[message.container];
  const Endpoint& endpoint = container.endpoints.at(message.network);
  std::size_t next = 0;
  if (message.has_resolver) {
    // Its first question may be there already: then it has to be known what it may ask for.
    tell_records();
    TRY(server_.serve(message.container, std::move(descriptors[0]), std::move(descriptors[1])));
    next = 2;
  }
  for (const std::uint32_t index : message.ports) {
    sys::Fd socket = std::move(descriptors[next++]);
    if (index >= endpoint.ports.size()) continue;
    const PublishedPort& port = endpoint.ports[index];
    parts_.drop_port(endpoint, port);
    TRY(parts_.take_port(endpoint, port, std::move(socket)));
    container.ports.emplace(message.network, port);
  }
  return {};
}

void ServiceContainers::put(const Endpoint& endpoint) {
  Container& container = containers_[endpoint.container];
  if (endpoint.pid > 0 &&
      (container.pid != endpoint.pid || container.pid_start != endpoint.pid_start)) {
    if (container.pid > 0) forget_process(endpoint.container, container);
    watch(endpoint.container, container, endpoint);
  }
  std::erase_if(container.ports, [&](const PortKey& key) {
    if (key.first != endpoint.network || has_port(endpoint, key.second)) return false;
    parts_.drop_port(endpoint, key.second);
    return true;
  });
  container.endpoints[endpoint.network] = endpoint;
}

void ServiceContainers::remove(Container& container, const std::string& network) {
  const auto found = container.endpoints.find(network);
  std::erase_if(container.ports, [&](const PortKey& key) {
    if (key.first != network) return false;
    parts_.drop_port(found->second, key.second);
    return true;
  });
  container.endpoints.erase(found);
}

// An earlier start of the same container: all that was its is gone, its record is another's.
void ServiceContainers::forget_process(const std::string& id, Container& container) {
  if (container.pidfd) loop_.remove(container.pidfd.get());
  server_.stop(id);
  while (!container.endpoints.empty()) remove(container, container.endpoints.begin()->first);
  container = Container();
}

void ServiceContainers::watch(const std::string& id, Container& container,
                              const Endpoint& endpoint) {
  container.pid = endpoint.pid;
  container.pid_start = endpoint.pid_start;
  container.pidfd = sys::Fd(static_cast<int>(::syscall(SYS_pidfd_open, endpoint.pid, 0)));
  const auto end = [this, id, start = endpoint.pid_start] { on_end(id, start); };
  // Its number may be another's by now; the descriptor was opened before we look.
  if (container.pidfd && process_start(endpoint.pid) == endpoint.pid_start) {
    const auto watched = loop_.add(container.pidfd.get(), EPOLLIN, [end](std::uint32_t) { end(); });
    if (watched) return;
    log(watched.error());
  }
  container.pidfd.reset();
  loop_.after(std::chrono::milliseconds(0), end);
}

void ServiceContainers::on_end(const std::string& id, const std::string& pid_start) {
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.pid_start != pid_start) return;
  Container& container = found->second;
  if (container.pidfd) loop_.remove(container.pidfd.get());
  server_.stop(id);
  while (!container.endpoints.empty()) {
    const Endpoint endpoint = container.endpoints.begin()->second;
    release(endpoint);
    // Last: until then nobody else has published the same.
    remove(container, endpoint.network);
  }
  containers_.erase(id);
  tell_records_soon();
}

void ServiceContainers::release(const Endpoint& endpoint) const {
  const auto doing = [&]() -> Result<> {
    const sys::Fd store = TRY(open_store());
    const Released released = TRY(release_endpoint(store.get(), endpoint));
    if (released == Released::StartedAgain) return {};
    TRY(parts_.withdraw(endpoint));
    // Somebody may have published the same meanwhile.
    const auto text = sys::load_file(
        store.get(), endpoint_path(endpoint.network, endpoint.container), kMostBytes);
    if (!text) return {};
    const Endpoint again = TRY(parse_endpoint(*text));
    return parts_.publish(again);
  };
  if (auto done = doing(); !done)
    log(std::move(done).error().wrap("clean up after container " +
                                     endpoint.container.substr(0, 12)));
}

void ServiceContainers::tell_records_soon() {
  if (telling_ == 0)
    telling_ = loop_.after(std::chrono::milliseconds(0), [this] { tell_records(); });
}

// One that nobody is on may have been removed: nobody tells.
void ServiceContainers::forget_networks() {
  std::set<std::string> used;
  for (const auto& [id, container] : containers_)
    for (const auto& [network, endpoint] : container.endpoints) used.insert(network);
  const auto store = open_store();
  if (!store) return;
  std::erase_if(networks_, [&](const auto& entry) {
    return !used.contains(entry.first) &&
           ::faccessat(store->get(), network_record_path(entry.first).c_str(), F_OK, 0) != 0;
  });
}

void ServiceContainers::tell_records() {
  loop_.cancel(telling_);
  telling_ = 0;
  forget_networks();
  std::vector<Network> networks;
  std::vector<Endpoint> endpoints;
  for (const auto& [id, network] : networks_) networks.push_back(network);
  for (const auto& [id, container] : containers_)
    for (const auto& [network, endpoint] : container.endpoints) endpoints.push_back(endpoint);
  parts_.on_records(networks, endpoints);
  egress_.on_records(networks, endpoints);
  if (auto told = tell_services(endpoints); !told) log(told.error());
  names_.assign(std::move(networks), std::move(endpoints));
  on_change_();
}

Result<> ServiceContainers::tell_services(const std::vector<Endpoint>& endpoints) {
  const sys::Fd store = TRY(open_store());
  return files_.update(store.get(), endpoints);
}

void ServiceContainers::restore_resolvers() {
  missing_.clear();
  for (const auto& [id, container] : containers_)
    if (container.pidfd && !server_.serves(id)) missing_.push_back(id);
  loop_.cancel(visiting_);
  visiting_ = 0;
  restore_next();
}

// One in a turn: the kernel takes its time to exchange rules (10 ms and more), in which others
// would wait for their names.
void ServiceContainers::restore_next() {
  visiting_ = 0;
  if (missing_.empty()) return;
  const std::string id = std::move(missing_.back());
  missing_.pop_back();
  const auto found = containers_.find(id);
  if (found != containers_.end() && found->second.pidfd && !server_.serves(id))
    if (auto restored = restore_resolver(id, found->second); !restored)
      log(std::move(restored).error().wrap("restore the name server of container " +
                                           id.substr(0, 12)));
  if (!missing_.empty())
    visiting_ = loop_.after(std::chrono::milliseconds(0), [this] { restore_next(); });
}

void ServiceContainers::restore() {
  restore_resolvers();
  restores_left_ = kRestores;
  for (auto& [id, container] : containers_)
    if (container.pidfd) restore_ports(container);
}

Result<> ServiceContainers::restore_resolver(const std::string& id, const Container& container) {
  const sys::Fd network =
      TRY(sys::open_path("/proc/" + std::to_string(container.pid) + "/ns/net", O_RDONLY));
  if (has_ended(container.pidfd.get())) return {};  // It was not certain whose it is.
  TRY(check_foreign(network.get()));
  ResolverSockets sockets;
  const auto open = [&]() -> Result<> {
    const Visit visit = TRY(Visit::begin(network.get()));
    sockets = TRY(open_resolver());
    return parts_.redirect(sockets.udp_port, sockets.tcp_port);
  };
  TRY(parts_.at_home(container.endpoints.begin()->second, open));
  return server_.serve(id, std::move(sockets.udp), std::move(sockets.tcp));
}

void ServiceContainers::restore_ports(Container& container) {
  bool is_missing = false;
  for (const auto& [network, endpoint] : container.endpoints)
    for (const PublishedPort& port : endpoint.ports) {
      if (container.ports.contains({network, port})) continue;
      auto socket = parts_.open_port(endpoint, port);
      if (socket && !*socket) continue;
      Result<> taken = socket ? parts_.take_port(endpoint, port, *std::move(socket))
                              : Result<>(std::unexpected(std::move(socket).error()));
      if (taken) {
        container.ports.emplace(network, port);
        continue;
      }
      is_missing = true;
      // Who starts it may have it still, and hands it over soon.
      if (restores_left_ == 1) log(taken.error());
    }
  if (!is_missing || restoring_ != 0 || --restores_left_ <= 0) return;
  restoring_ = loop_.after(kRestoreDelay, [this] {
    restoring_ = 0;
    for (auto& [id, each] : containers_)
      if (each.pidfd) restore_ports(each);
  });
}

}  // namespace tare::network
