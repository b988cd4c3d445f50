// SPDX-License-Identifier: Apache-2.0
#include "front/cli/network_options.h"

#include <doctest/doctest.h>

#include "front/cli/request.h"

using namespace tare;
using namespace tare::cli;

namespace {

Result<engine::CreateRequest> request(std::vector<const char*> words) {
  words.insert(words.begin(), "create");
  words.push_back("image");
  const auto line = parse_command_line(words);
  REQUIRE(line);
  return create_request(line->arguments);
}

std::string message(const auto& result) { return result ? "" : result.error().message(); }
std::string hint(const auto& result) { return result ? "" : result.error().hint(); }

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

using Strings = std::vector<std::string>;

Result<engine::CreateNetworkRequest> made(std::vector<const char*> words) {
  words.insert(words.begin(), {"network", "create"});
  words.push_back("web");
  const auto line = parse_command_line(words);
  REQUIRE(line);
  return create_network_request(line->arguments);
}

}  // namespace

TEST_CASE("--network in every form") {
  CHECK(parse_network("web")->network == "web");
  CHECK(parse_network("container:db")->network == "container:db");
  CHECK(parse_network("container:a=b")->network == "container:a=b");
  CHECK(parse_network("name=host")->network == "host");
  const auto all = parse_network(
      "name=web,alias=a,alias=b,ip=10.0.0.7,ip6=fd00::7,mac-address=02-42-AC-11-00-02,"
      "gw-priority=-3");
  REQUIRE(all);
  CHECK(all->network == "web");
  CHECK(all->aliases == Strings{"a", "b"});
  CHECK(all->v4->text() == "10.0.0.7");
  CHECK(all->v6->text() == "fd00::7");
  CHECK(all->mac == "02:42:ac:11:00:02");
  CHECK(all->gateway_priority == -3);
  const auto podman = parse_network("web:alias=a,mac=02:42:ac:11:00:02,ip=10.0.0.7");
  REQUIRE(podman);
  CHECK(podman->network == "web");
  CHECK(podman->aliases == Strings{"a"});
  CHECK(podman->mac == "02:42:ac:11:00:02");
  CHECK(parse_network("\"name=web\",alias=a")->aliases == Strings{"a"});
  CHECK(parse_network(" Name = web , ip= ")->network == "web");
}

TEST_CASE("nonsense for --network is refused") {
  CHECK(contains(message(parse_network("")), "name of the network is missing"));
  CHECK(contains(message(parse_network("alias=x")), "name of the network is missing"));
  CHECK(contains(message(parse_network("container:")), "container's name is missing"));
  CHECK(contains(message(parse_network("a,b")), "one network has one --network"));
  CHECK(contains(hint(parse_network("name=a,ailas=x")), "did you mean alias=?"));
  CHECK(contains(hint(parse_network("name=a,colour=x")), "known are name"));
  CHECK(contains(message(parse_network("name=a,b")), "'b' is no field"));
  CHECK(contains(message(parse_network("name=a,gw-priority=x")), "whole number"));
  CHECK(contains(message(parse_network("name=a,gw-priority=3000000000")), "whole number"));
  CHECK(contains(message(parse_network("name=a,ip=fd00::1")), "--ip6"));
  CHECK(contains(message(parse_network("name=a,ip6=10.0.0.1")), "--ip or ip="));
  CHECK(contains(message(parse_network("name=a,ip=10.0.0")), "no IPv4 address"));
  CHECK(contains(message(parse_network("name=a,ip=0.0.0.0")), "can have"));
  CHECK(contains(message(parse_network("name=a,mac-address=x")), "for --mac-address"));
  CHECK(contains(message(parse_network("name=a,driver-opt=k=v")), "has no options"));
  CHECK(contains(message(parse_network("name=a,link-local-ip=169.254.1.1")), "link-local"));
  CHECK(contains(message(parse_network("name=none,alias=x")), "no network with addresses"));
  CHECK(contains(message(parse_network("host:ip=10.0.0.1")), "no network with addresses"));
  CHECK(contains(message(parse_network("ns:/proc/1/ns/net")), "by its path"));
  CHECK_FALSE(parse_network("name=a,alias="));
  CHECK_FALSE(parse_network("name=a,alias=x y"));
  CHECK_FALSE(parse_network("\"name=a"));
}

TEST_CASE("names for /etc/hosts") {
  CHECK(*parse_extra_host("db:10.0.0.1") == "db:10.0.0.1");
  CHECK(*parse_extra_host("db=10.0.0.1") == "db:10.0.0.1");
  CHECK(*parse_extra_host("db:::1") == "db:::1");
  CHECK(*parse_extra_host("db=::1") == "db:::1");
  CHECK(*parse_extra_host("db:[::1]") == "db:::1");
  CHECK(*parse_extra_host("host.docker.internal:host-gateway") ==
        "host.docker.internal:host-gateway");
  CHECK(*parse_extra_host("h=host-gateway") == "h:host-gateway");
  for (const char* bad : {"", "db", "db:", "db:x", ":10.0.0.1", "a b:10.0.0.1",
                          "db:10.0.0.1\nx:1.1.1.1", "a\nb:10.0.0.1", "db:[::1", "db:[]"})
    CHECK_MESSAGE(contains(message(parse_extra_host(bad)), "for --add-host"), bad);
}

TEST_CASE("links") {
  CHECK(*parse_link("db") == "db:db");
  CHECK(*parse_link("db:store") == "db:store");
  CHECK(*parse_link("0123456789ab") == "0123456789ab:0123456789ab");
  CHECK(*parse_link("/db:/web/store") == "db:store");
  for (const char* bad : {"", ":", "db:", ":x", "a:b:c", "a b", "a:b c"})
    CHECK_FALSE(parse_link(bad));
}

TEST_CASE("options of networks become a request") {
  const auto plain = request({});
  REQUIRE(plain);
  CHECK(plain->network.empty());
  CHECK(plain->net == engine::NetworkSettings());
  const auto all = request({"--network",
                            "a",
                            "--net",
                            "name=b,gw-priority=1",
                            "--network-alias",
                            "x",
                            "--net-alias",
                            "y",
                            "--ip",
                            "10.0.0.7",
                            "--ip6",
                            "fd00::7",
                            "--mac-address",
                            "02:42:ac:11:00:02",
                            "--dns",
                            "9.9.9.9",
                            "--dns",
                            "2620:fe::fe",
                            "--dns-search",
                            "example.com",
                            "--dns-opt",
                            "ndots:2",
                            "--dns-option",
                            "edns0",
                            "--add-host",
                            "h=1.2.3.4",
                            "--link",
                            "db:store",
                            "--expose",
                            "80-81",
                            "--expose",
                            "80",
                            "-p",
                            "8080:80",
                            "-p",
                            "any:53:53/udp",
                            "-P"});
  REQUIRE_MESSAGE(all, message(all));
  CHECK(all->network.empty());
  REQUIRE(all->net.networks.size() == 2);
  const auto& first = all->net.networks[0];
  CHECK(first.network == "a");
  CHECK(first.aliases == Strings{"x", "y"});
  CHECK(first.v4->text() == "10.0.0.7");
  CHECK(first.v6->text() == "fd00::7");
  CHECK(first.mac == "02:42:ac:11:00:02");
  CHECK(all->net.networks[1].network == "b");
  CHECK(all->net.networks[1].aliases.empty());
  CHECK(all->net.networks[1].gateway_priority == 1);
  CHECK(all->net.dns == Strings{"9.9.9.9", "2620:fe::fe"});
  CHECK(all->net.dns_search == Strings{"example.com"});
  CHECK(all->net.dns_options == Strings{"edns0", "ndots:2"});
  CHECK(all->net.extra_hosts == Strings{"h:1.2.3.4"});
  CHECK(all->net.links == Strings{"db:store"});
  CHECK(all->net.exposed == Strings{"80/tcp", "81/tcp"});
  CHECK(all->net.ports.size() == 2);
  CHECK(all->net.publish_all);
}

TEST_CASE("words for --network that are no networks") {
  CHECK(request({"--network", "none"})->network == "none");
  CHECK(request({"--net=host"})->network == "host");
  CHECK(request({"--network", "container:db"})->network == "container:db");
  CHECK(request({"--network", "none"})->net.networks.empty());
  for (const char* name : {"bridge", "default"}) {
    const auto on = request({"--network", name, "--mac-address", "02:42:ac:11:00:02"});
    REQUIRE(on);
    REQUIRE(on->net.networks.size() == 1);
    CHECK(on->net.networks[0].network == "bridge");
  }
  const auto mac = request({"--mac-address", "02:42:ac:11:00:02"});
  REQUIRE(mac);
  REQUIRE(mac->net.networks.size() == 1);
  CHECK(mac->net.networks[0].network == "bridge");
}

TEST_CASE("options of networks that do not go together") {
  const auto refused = [](std::vector<const char*> words, std::string_view part) {
    const auto made = request(std::move(words));
    CHECK_MESSAGE(contains(message(made), part), message(made));
    CHECK_FALSE(hint(made).empty());
  };
  for (const char* mode : {"none", "host", "container:db"}) {
    refused({"--network", mode, "--network", "a"}, "does not go with another network");
    refused({"--network", "a", "--network", mode}, "does not go with another network");
    refused({"--network", mode, "--ip", "10.0.0.7"}, "--ip does not go with --network");
    refused({"--network", mode, "--ip6", "fd00::7"}, "--ip6 does not go");
    refused({"--network", mode, "--mac-address", "02:42:ac:11:00:02"}, "--mac-address does not");
    refused({"--network", mode, "--network-alias", "x"}, "--network-alias does not go");
    refused({"--network", mode, "--link", "db"}, "--link does not go");
  }
  refused({"--network", "container:db", "-p", "80"}, "--publish does not go");
  refused({"--network", "container:db", "-P"}, "--publish-all does not go");
  refused({"--network", "container:db", "--expose", "80"}, "--expose does not go");
  refused({"--network", "container:db", "--dns", "9.9.9.9"}, "--dns does not go");
  refused({"--network", "container:db", "--dns-opt", "ndots:1"}, "--dns-opt does not go");
  refused({"--network", "container:db", "--add-host", "h:1.2.3.4"}, "--add-host does not go");
  refused({"--network", "container:db", "-h", "name"}, "--hostname does not go");
  refused({"--network", "a", "--network", "a"}, "given twice");
  refused({"--network", "bridge", "--network", "a"}, "do not go together");
  refused({"--ip", "10.0.0.7"}, "networks of your own");
  refused({"--network", "bridge", "--ip6", "fd00::7"}, "networks of your own");
  refused({"--network-alias", "x"}, "networks of your own");
  refused({"--network", "name=default,alias=x"}, "networks of your own");
  refused({"--network", "name=a,alias=x", "--network-alias", "y"}, "contradict");
  refused({"--network", "name=a,ip=10.0.0.7", "--ip", "10.0.0.8"}, "contradict");
  refused({"--network", "name=a,ip6=fd00::7", "--ip6", "fd00::8"}, "contradict");
  refused(
      {"--network", "name=a,mac-address=02:42:ac:11:00:02", "--mac-address", "02:42:ac:11:00:03"},
      "contradict");
  refused({"-p", "80:80", "-p", "80:81"}, "of the host");
}

TEST_CASE("options of networks with wrong values") {
  CHECK(contains(message(request({"--ip", "fd00::7", "--network", "a"})), "which --ip6"));
  CHECK(contains(message(request({"--ip", "x", "--network", "a"})), "'x' for --ip"));
  CHECK(contains(message(request({"--dns", "dns.example"})), "for --dns"));
  CHECK(contains(message(request({"--dns-search", "a b"})), "for --dns-search"));
  CHECK(contains(message(request({"--dns-search", ""})), "for --dns-search"));
  CHECK(request({"--dns-search", "."}));
  CHECK(contains(message(request({"--dns-opt", "a\nnameserver 1.1.1.1"})), "for --dns-option"));
  CHECK(contains(message(request({"--network", "a", "--network-alias", ""})), "--network-alias"));
  CHECK(contains(message(request({"-p", "x"})), "'x' for --publish"));
  CHECK(contains(message(request({"--expose", "1:2"})), "'1:2' for --expose"));
}

TEST_CASE("ports that nobody could reach are left out") {
  auto host = *request({"--network", "host", "-p", "80:80"});
  CHECK(discard_ports(host) ==
        Strings{"Published ports are discarded when using host network mode"});
  CHECK(host.net.ports.empty());
  CHECK(discard_ports(host).empty());
  auto none = *request({"--network", "none", "-P"});
  CHECK(discard_ports(none).size() == 1);
  auto bridge = *request({"-p", "80:80"});
  CHECK(discard_ports(bridge).empty());
  CHECK(bridge.net.ports.size() == 1);
}

TEST_CASE("options of network create become a request") {
  const auto plain = made({});
  REQUIRE(plain);
  CHECK(plain->name == "web");
  CHECK(plain->driver == "bridge");
  CHECK(plain->pools.empty());
  CHECK(plain->v4);
  CHECK(plain->v6);
  const auto all = made({"--subnet",
                         "10.7.0.0/24,fd00:7::/64",
                         "--ip-range",
                         "10.7.0.128/25",
                         "--gateway",
                         "10.7.0.254",
                         "--gateway",
                         "fd00:7::1",
                         "--aux-address",
                         "a=10.7.0.5",
                         "--aux-address",
                         "b=fd00:7::5",
                         "--internal",
                         "--label",
                         "x=y",
                         "-o",
                         "com.docker.network.driver.mtu=1400",
                         "--attachable",
                         "--ipam-driver",
                         "default",
                         "--scope=local"});
  REQUIRE_MESSAGE(all, message(all));
  REQUIRE(all->pools.size() == 2);
  CHECK(all->pools[0].subnet == "10.7.0.0/24");
  CHECK(all->pools[0].range == "10.7.0.128/25");
  CHECK(all->pools[0].gateway == "10.7.0.254");
  CHECK(all->pools[0].taken == std::map<std::string, std::string>{{"a", "10.7.0.5"}});
  CHECK(all->pools[1].gateway == "fd00:7::1");
  CHECK(all->pools[1].taken == std::map<std::string, std::string>{{"b", "fd00:7::5"}});
  CHECK(all->internal);
  CHECK(all->labels.at("x") == "y");
  CHECK(all->options.at("com.docker.network.driver.mtu") == "1400");
  CHECK_FALSE(made({"--ipv6=false"})->v6);
  CHECK(made({"-d", "macvlan", "-o", "parent=eth0"})->driver == "macvlan");
}

TEST_CASE("nonsense for network create is refused") {
  const auto refused = [](std::vector<const char*> words, std::string_view part) {
    const auto request = made(std::move(words));
    CHECK_MESSAGE(contains(message(request), part), message(request));
  };
  refused({"--subnet", "10.7.0.1/24"}, "10.7.0.0/24 has not");
  refused({"--subnet", "10.7.0.0"}, "for --subnet");
  refused({"--subnet", ""}, "for --subnet");
  refused({"--subnet", "10.7.0.0/24", "--subnet", "10.0.0.0/8"}, "overlaps '10.7.0.0/24'");
  refused({"--gateway", "10.7.0.1"}, "in no --subnet");
  refused({"--subnet", "10.7.0.0/24", "--gateway", "10.8.0.1"}, "in no --subnet");
  refused({"--subnet", "10.7.0.0/24", "--gateway", "x"}, "for --gateway");
  refused({"--subnet", "10.7.0.0/24", "--gateway", "10.7.0.1,10.7.0.2"}, "has one already");
  refused({"--subnet", "10.7.0.0/24", "--ip-range", "10.7.0.0/16"}, "in no --subnet");
  refused({"--subnet", "10.7.0.0/24", "--ip-range", "10.7.0.0/25", "--ip-range", "10.7.0.128/25"},
          "has one already");
  refused({"--subnet", "10.7.0.0/24", "--aux-address", "10.7.0.5"}, "NAME=ADDRESS");
  refused({"--subnet", "10.7.0.0/24", "--aux-address", "a=10.9.0.5"}, "in no --subnet");
  refused({"--ipv4=false", "--ipv6=false"}, "no addresses");
  refused({"-d", "overlay"}, "swarm");
  refused({"-d", "host"}, "mode of a container");
  refused({"-d", "ipvlan"}, "not there");
  refused({"-d", "weave"}, "no plugins");
  refused({"--label", "=x"}, "for --label");
}
