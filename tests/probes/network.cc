// SPDX-License-Identifier: Apache-2.0
// The network room's parts, each to be called from a script, in the network namespace that the
// script is in.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <span>

#include "base/text.h"
#include "network/firewall.h"
#include "network/forwarder.h"
#include "network/loop.h"
#include "network/port_sockets.h"

using namespace tare;
using namespace tare::network;

namespace {

using Words = std::span<const std::string>;

constexpr const char* kUsage =
    "usage: probe-network ensure | whole | list | watch\n"
    "       add-network BRIDGE [internal] [routed] [isolated] SUBNET... | remove-network BRIDGE\n"
    "       publish|withdraw|forget ADDRESS[,ADDRESS] HOST:PORT:PORT/PROTOCOL...\n"
    "       restore BRIDGE SUBNET ADDRESS[,ADDRESS] HOST:PORT:PORT/PROTOCOL...\n"
    "       many COUNT ADDRESS | times | obstacles BRIDGE...\n"
    "       redirect UDP-PORT TCP-PORT\n"
    "       hold HOST:PORT:PORT/PROTOCOL [forwarded]   until its input ends\n"
    "       pick PROTOCOL HOST...\n"
    "       forward ADDRESS[,ADDRESS] WORD... HOST:PORT:PORT/PROTOCOL...   prints numbers for each "
    "line of input\n"
    "         words: in=PID (whose network namespace the addresses are of), connections=N, "
    "flows=N,\n"
    "         descriptors=N, idle=MILLISECONDS\n";

Result<std::uint16_t> parse_port(std::string_view text) {
  const std::uint64_t number = TRY(parse_u64(text));
  if (number > 65535) return fail(Kind::Invalid, "no port: " + quoted(text));
  return static_cast<std::uint16_t>(number);
}

// "[::]:8080:80/tcp"
Result<PublishedPort> parse_published(std::string_view text) {
  PublishedPort port;
  const auto slash = text.rfind('/');
  const auto second = text.rfind(':', slash);
  const auto first = text.rfind(':', second - 1);
  if (slash == text.npos || second == text.npos || first == text.npos)
    return fail(Kind::Invalid, "no published port: " + quoted(text));
  std::string_view host = text.substr(0, first);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  port.host = TRY(Address::parse(host));
  port.host_port = TRY(parse_port(text.substr(first + 1, second - first - 1)));
  port.container_port = TRY(parse_port(text.substr(second + 1, slash - second - 1)));
  port.protocol = TRY(parse_protocol(text.substr(slash + 1)));
  return port;
}

std::string published_text(const PublishedPort& port) {
  const std::string host = port.host.is_v6 ? "[" + port.host.text() + "]" : port.host.text();
  return host + ":" + std::to_string(port.host_port) + ":" + std::to_string(port.container_port) +
         "/" + std::string(protocol_text(port.protocol));
}

Result<Publication> parse_publication(Words words) {
  Publication publication;
  for (const std::string& text : split(words[0], ',')) {
    const Address address = TRY(Address::parse(text));
    (address.is_v6 ? publication.v6 : publication.v4) = address;
  }
  for (const std::string& text : words.subspan(1))
    publication.ports.push_back(TRY(parse_published(text)));
  return publication;
}

Result<NetworkRules> parse_rules(Words words) {
  NetworkRules rules{.bridge = words[0], .subnets = {}};
  for (const std::string& word : words.subspan(1)) {
    if (word == "internal")
      rules.internal = true;
    else if (word == "routed")
      rules.routed = true;
    else if (word == "isolated")
      rules.isolated = true;
    else
      rules.subnets.push_back(TRY(Subnet::parse(word)));
  }
  return rules;
}

Result<> ensure(Words) {
  Firewall firewall = TRY(Firewall::open());
  std::puts(TRY(firewall.ensure()) ? "made" : "whole");
  return {};
}

Result<> whole(Words) {
  Firewall firewall = TRY(Firewall::open());
  std::puts(TRY(firewall.is_whole()) ? "yes" : "no");
  return {};
}

Result<> list(Words) {
  Firewall firewall = TRY(Firewall::open());
  const Firewall::Elements all = TRY(firewall.list());
  for (const NetworkRules& rules : all.networks) {
    std::printf("network %s", rules.bridge.c_str());
    if (rules.internal) std::printf(" internal");
    if (rules.routed) std::printf(" routed");
    if (rules.isolated) std::printf(" isolated");
    for (const Subnet& subnet : rules.subnets) std::printf(" %s", subnet.text().c_str());
    std::puts("");
  }
  for (const Mapping& mapping : all.mappings)
    std::printf("port %s %s\n", published_text(mapping.port).c_str(),
                mapping.target.text().c_str());
  return {};
}

Result<> watch(Words) {
  FirewallWatch watch = TRY(FirewallWatch::open());
  std::puts("watching");
  std::fflush(stdout);
  pollfd waited{.fd = watch.fd(), .events = POLLIN, .revents = 0};
  do {
    if (::poll(&waited, 1, 10'000) <= 0) return fail(Kind::Unavailable, "nothing was said");
  } while (!TRY(watch.table_is_gone()));
  std::puts("gone");
  return {};
}

Result<> add_network(Words words) {
  Firewall firewall = TRY(Firewall::open());
  return firewall.add_network(TRY(parse_rules(words)));
}

Result<> remove_network(Words words) {
  Firewall firewall = TRY(Firewall::open());
  return firewall.remove_network(words[0]);
}

Result<> publish(Words words) {
  Firewall firewall = TRY(Firewall::open());
  return firewall.publish(TRY(parse_publication(words)));
}

Result<> withdraw(Words words) {
  Firewall firewall = TRY(Firewall::open());
  return firewall.withdraw(TRY(parse_publication(words)));
}

Result<> forget(Words words) { return forget_stale_flows(TRY(parse_publication(words))); }

Result<> restore(Words words) {
  Firewall firewall = TRY(Firewall::open());
  const NetworkRules rules = TRY(parse_rules(words.first(2)));
  return firewall.restore({rules}, {TRY(parse_publication(words.subspan(2)))});
}

// Publishes ports one by one and tells the median time of the first and of the last hundred.
Result<> many(Words words) {
  Firewall firewall = TRY(Firewall::open());
  const std::uint64_t count = TRY(parse_u64(words[0]));
  const Address target = TRY(Address::parse(words[1]));
  std::vector<long> times;
  for (std::uint64_t i = 0; i < count; ++i) {
    PublishedPort port;
    port.host_port = static_cast<std::uint16_t>(10'000 + i);
    port.container_port = 80;
    const auto begin = std::chrono::steady_clock::now();
    TRY(firewall.publish({.ports = {port}, .v4 = target, .v6 = {}}));
    times.push_back((std::chrono::steady_clock::now() - begin) / std::chrono::nanoseconds(1));
  }
  const auto median = [&](std::size_t from) {
    std::vector<long> some(times.begin() + static_cast<long>(from),
                           times.begin() + static_cast<long>(from) + 100);
    std::ranges::sort(some);
    return some[50];
  };
  std::printf("first %ld ns, last %ld ns\n", median(0), median(times.size() - 100));
  return {};
}

// What a start pays for each part, the median of a hundred.
Result<> times(Words) {
  Firewall firewall = TRY(Firewall::open());
  TRY(firewall.ensure());
  const NetworkRules rules{.bridge = "tare9", .subnets = {TRY(Subnet::parse("10.9.0.0/24"))}};
  Publication tcp{.ports = {{.host_port = 9999, .container_port = 80}}, .v6 = {}};
  tcp.v4 = TRY(Address::parse("10.9.0.2"));
  Publication udp = tcp;
  udp.ports[0].protocol = Protocol::Udp;
  const std::vector<std::pair<const char*, std::function<Result<>()>>> parts = {
      {"is_whole", [&] -> Result<> { return TRY(firewall.is_whole()), Result<>(); }},
      {"add_network", [&] { return firewall.add_network(rules); }},
      {"publish tcp", [&] { return firewall.publish(tcp); }},
      {"publish udp", [&] { return firewall.publish(udp); }},
      {"forget flows", [&] { return forget_stale_flows(udp); }},
      {"withdraw tcp", [&] { return firewall.withdraw(tcp); }},
      {"withdraw udp", [&] { return firewall.withdraw(udp); }},
      {"remove_network", [&] { return firewall.remove_network(rules.bridge); }},
  };
  std::map<std::string, std::vector<long>> all;
  for (int i = 0; i < 100; ++i) {
    for (const auto& [name, run] : parts) {
      const auto begin = std::chrono::steady_clock::now();
      TRY(run());
      all[name].push_back((std::chrono::steady_clock::now() - begin) /
                          std::chrono::microseconds(1));
    }
  }
  for (auto& [name, taken] : all) {
    std::sort(taken.begin(), taken.end());
    std::printf("%s %ld us\n", name.c_str(), taken[taken.size() / 2]);
  }
  return {};
}

Result<> obstacles(Words words) {
  Firewall firewall = TRY(Firewall::open());
  for (const std::string& sentence :
       TRY(firewall.obstacles(std::vector<std::string>(words.begin(), words.end()))))
    std::puts(sentence.c_str());
  return {};
}

// Twice: the second replaces the first. Tells the time of both.
Result<> redirect(Words words) {
  const std::uint16_t udp = TRY(parse_port(words[0]));
  const std::uint16_t tcp = TRY(parse_port(words[1]));
  for (int i = 0; i < 2; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    TRY(redirect_resolver(udp, tcp));
    std::printf("%lld us\n", static_cast<long long>((std::chrono::steady_clock::now() - begin) /
                                                    std::chrono::microseconds(1)));
  }
  return {};
}

Result<> hold(Words words) {
  const PublishedPort port = TRY(parse_published(words[0]));
  const sys::Fd socket = TRY(open_port_socket(port, words.size() > 1));
  std::puts(socket ? "held" : "no such protocol");
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) continue;
  return {};
}

Result<> pick(Words words) {
  std::vector<Address> hosts;
  for (const std::string& text : words.subspan(1)) hosts.push_back(TRY(Address::parse(text)));
  const Protocol protocol = TRY(parse_protocol(words[0]));
  const std::uint16_t port = TRY(pick_port(hosts, protocol));
  std::printf("%u\n", unsigned{port});
  return {};
}

// A socket of another network namespace, and back again.
Result<sys::Fd> socket_in(const std::string& pid, int family, int type) {
  const sys::Fd here = TRY(sys::open_path("/proc/self/ns/net", O_RDONLY));
  const sys::Fd there = TRY(sys::open_path("/proc/" + pid + "/ns/net", O_RDONLY));
  if (::setns(there.get(), CLONE_NEWNET) < 0) return fail_errno("setns");
  sys::Fd socket(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::setns(here.get(), CLONE_NEWNET) < 0) return fail_errno("setns");
  if (!socket) return fail_errno("socket");
  return socket;
}

struct Forwarding {
  Publication publication;
  ForwardLimits limits;
  std::string pid = "self";
};
Result<Forwarding> parse_forwarding(Words words) {
  Forwarding forwarding;
  std::vector<std::string> rest{words[0]};
  for (const std::string& word : words.subspan(1)) {
    const auto parts = split_once(word, '=');
    if (!parts) {
      rest.push_back(word);
      continue;
    }
    const std::uint64_t number = TRY(parse_u64(parts->second));
    if (parts->first == "in") forwarding.pid = parts->second;
    if (parts->first == "connections") forwarding.limits.connections_per_port = number;
    if (parts->first == "flows") forwarding.limits.flows_per_port = number;
    if (parts->first == "descriptors") forwarding.limits.descriptors = number;
    if (parts->first == "idle") forwarding.limits.udp_idle = std::chrono::milliseconds(number);
  }
  forwarding.publication = TRY(parse_publication(rest));
  return forwarding;
}

Result<> forward(Words words) {
  const Forwarding forwarding = TRY(parse_forwarding(words));
  Loop loop = TRY(Loop::make());
  Forwarder forwarder(
      loop,
      [&](int family, int type, const Address&) { return socket_in(forwarding.pid, family, type); },
      forwarding.limits);
  std::vector<Forwarder::Port> ports;
  for (const PublishedPort& port : forwarding.publication.ports) {
    const auto target = forward_target(port, forwarding.publication);
    if (!target) return fail(Kind::Invalid, "no address to forward to");
    sys::Fd socket = TRY(open_port_socket(port, is_forwarded(port, forwarding.publication)));
    ports.push_back(
        TRY(forwarder.add(std::move(socket), port.protocol, *target, port.container_port)));
  }
  TRY(loop.add(STDIN_FILENO, EPOLLIN, [&](std::uint32_t) {
    char bytes[256];
    if (::read(STDIN_FILENO, bytes, sizeof bytes) <= 0) {
      for (const Forwarder::Port port : ports) forwarder.remove(port);
      loop.stop();
    }
    const Forwarder::Stats stats = forwarder.stats();
    std::printf("%zu ports, %zu connections, %zu flows, %zu descriptors\n", stats.ports,
                stats.connections, stats.flows, stats.descriptors);
    std::fflush(stdout);
  }));
  std::puts("forwarding");
  std::fflush(stdout);
  return loop.run();
}

struct Command {
  std::size_t words;  // At least.
  Result<> (*run)(Words);
};
const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> all = {
      {"ensure", {0, ensure}},
      {"whole", {0, whole}},
      {"list", {0, list}},
      {"watch", {0, watch}},
      {"add-network", {1, add_network}},
      {"remove-network", {1, remove_network}},
      {"publish", {2, publish}},
      {"withdraw", {2, withdraw}},
      {"forget", {2, forget}},
      {"restore", {4, restore}},
      {"many", {2, many}},
      {"times", {0, times}},
      {"obstacles", {0, obstacles}},
      {"redirect", {2, redirect}},
      {"hold", {1, hold}},
      {"pick", {2, pick}},
      {"forward", {2, forward}},
  };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto found = words.empty() ? commands().end() : commands().find(words[0]);
  if (found == commands().end() || words.size() - 1 < found->second.words) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const Result<> done = found->second.run(Words(words).subspan(1));
  if (done) return 0;
  std::fprintf(stderr, "probe-network: %s\n", done.error().message().c_str());
  if (!done.error().hint().empty()) std::fprintf(stderr, "  %s\n", done.error().hint().c_str());
  return 1;
}
