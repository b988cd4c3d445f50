// SPDX-License-Identifier: Apache-2.0
#include "network/dns_names.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;
using namespace tare::network::dns;

namespace {

std::string id(char c) { return std::string(64, c); }
Address address(const char* text) { return Address::parse(text).value(); }

Network network_of(char c, const char* name, const char* subnet) {
  Network network{.id = id(c), .name = name};
  const Subnet parsed = Subnet::parse(subnet).value();
  network.pools.push_back({.subnet = parsed, .gateway = parsed.base.plus(1)});
  return network;
}

Endpoint endpoint_of(char network, char container, const char* name, const char* v4) {
  return {.network = id(network), .container = id(container), .name = name, .v4 = address(v4)};
}

std::string found(Names& names, char asker, const char* name, bool is_v6 = false) {
  const Names::Found all = names.find(id(asker), name, is_v6);
  if (!all.is_ours) return "nobody's";
  std::string text;
  for (const Address& each : all.addresses) text += each.text() + " ";
  return text;
}

struct Fixture {
  std::vector<Network> networks = {network_of('a', "front", "10.1.1.0/24"),
                                   network_of('b', "back", "10.1.2.0/24"),
                                   network_of('d', "bridge", "10.1.3.0/24")};
  std::vector<Endpoint> endpoints = {
      endpoint_of('a', '1', "Web", "10.1.1.2"), endpoint_of('a', '2', "db", "10.1.1.3"),
      endpoint_of('b', '2', "db", "10.1.2.3"),  endpoint_of('b', '3', "web", "10.1.2.2"),
      endpoint_of('d', '4', "one", "10.1.3.2"), endpoint_of('d', '5', "two", "10.1.3.3")};
  Names names;
  void assign() { names.assign(networks, endpoints); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "network: a container finds who is on its networks, and nobody else") {
  endpoints[1].aliases = {"SQL", "db"};
  assign();
  CHECK(found(names, '1', "db") == "10.1.1.3 ");
  CHECK(found(names, '1', "sql") == "10.1.1.3 ");
  CHECK(found(names, '1', "222222222222") == "10.1.1.3 ");
  CHECK(found(names, '1', "db.front") == "10.1.1.3 ");
  CHECK(found(names, '1', "web") == "10.1.1.2 ");
  CHECK(found(names, '1', "db", true).empty());  // Ours, and no address.
  CHECK(found(names, '3', "db") == "10.1.2.3 ");
  CHECK(found(names, '3', "sql") == "nobody's");
  CHECK(found(names, '1', "one") == "nobody's");
  CHECK(found(names, '9', "web") == "nobody's");
  // Of a name on several of its networks, the default route's; else by the networks' names.
  CHECK(found(names, '2', "web") == "10.1.2.2 ");
  endpoints[1].is_gateway = true;
  assign();
  CHECK(found(names, '2', "web") == "10.1.1.2 ");
}

TEST_CASE_FIXTURE(Fixture, "network: on the default network there are only links") {
  endpoints[4].links = {{"Other", id('5')}, {"gone", id('6')}};
  assign();
  CHECK(found(names, '4', "other") == "10.1.3.3 ");
  CHECK(found(names, '4', "gone") == "nobody's");
  CHECK(found(names, '4', "two") == "nobody's");
  CHECK(found(names, '4', "555555555555") == "nobody's");
  CHECK(found(names, '5', "other") == "nobody's");
  const Names::Reverse linked = names.reverse(id('4'), address("10.1.3.3"));
  CHECK(linked.is_ours);
  CHECK(linked.names == std::vector<std::string>{"Other"});
  CHECK(names.reverse(id('5'), address("10.1.3.2")).names.empty());
}

TEST_CASE_FIXTURE(Fixture, "network: several containers of one alias take turns") {
  endpoints[0].aliases = {"service"};
  endpoints[0].v6 = address("fd00::2");
  endpoints[1].aliases = {"service"};
  endpoints[1].v6 = address("fd00::3");
  assign();
  CHECK(found(names, '1', "service") == "10.1.1.2 10.1.1.3 ");
  CHECK(found(names, '1', "service", true) == "fd00::2 fd00::3 ");
  CHECK(found(names, '2', "service") == "10.1.1.3 10.1.1.2 ");
  CHECK(found(names, '1', "service", true) == "fd00::3 fd00::2 ");
  CHECK(found(names, '1', "service") == "10.1.1.2 10.1.1.3 ");
}

TEST_CASE_FIXTURE(Fixture, "network: addresses have names, only on one's own networks") {
  assign();
  CHECK(names.reverse(id('1'), address("10.1.1.3")).names == std::vector<std::string>{"db.front"});
  CHECK(names.reverse(id('1'), address("10.1.1.99")).is_ours);
  CHECK(names.reverse(id('1'), address("10.1.1.99")).names.empty());
  CHECK_FALSE(names.reverse(id('1'), address("10.1.2.3")).is_ours);
  CHECK_FALSE(names.reverse(id('1'), address("fd00::1")).is_ours);
}

TEST_CASE_FIXTURE(Fixture, "network: the host has a name where its bridge is the gateway") {
  networks[1].driver = Driver::Macvlan;
  assign();
  CHECK(found(names, '1', "host.docker.internal") == "10.1.1.1 ");
  CHECK(found(names, '1', "host.containers.internal", true).empty());
  CHECK(found(names, '4', "gateway.docker.internal") == "10.1.3.1 ");
  CHECK(found(names, '3', "host.docker.internal") == "nobody's");
  // Somebody's alias goes before.
  endpoints[1].aliases = {"host.docker.internal"};
  assign();
  CHECK(found(names, '1', "host.docker.internal") == "10.1.1.3 ");
}

TEST_CASE_FIXTURE(Fixture, "network: who is on internal networks alone sends nothing out") {
  networks[1].internal = true;
  endpoints[2].dns = {"10.0.0.1", "bad", "10.0.0.1", "fd00::1"};
  assign();
  CHECK(names.may_forward(id('1')));
  CHECK(names.may_forward(id('2')));
  CHECK_FALSE(names.may_forward(id('3')));
  CHECK_FALSE(names.may_forward(id('9')));
  CHECK(names.servers(id('2')) == std::vector<Address>{address("10.0.0.1"), address("fd00::1")});
  CHECK(names.servers(id('9')).empty());
  CHECK(names.knows(id('1')));
  CHECK_FALSE(names.knows(id('9')));
}

TEST_CASE_FIXTURE(Fixture, "network: a record of no network is no name") {
  endpoints.push_back(endpoint_of('c', '1', "lost", "10.9.9.9"));
  assign();
  CHECK(found(names, '1', "lost") == "nobody's");
  assign();
  CHECK(found(names, '1', "db") == "10.1.1.3 ");
}
