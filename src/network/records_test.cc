// SPDX-License-Identifier: Apache-2.0
#include "network/records.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;

namespace {

Network sample() {
  Pool pool{.subnet = Subnet::parse("10.89.0.0/24").value(),
            .range = Subnet::parse("10.89.0.128/25").value(),
            .gateway = Address::parse("10.89.0.1").value(),
            .taken = {{"router", Address::parse("10.89.0.200").value()}},
            .is_asked = true};
  return {.id = std::string(64, 'a'),
          .name = "back",
          .driver = Driver::Bridge,
          .created = 12,
          .pools = {pool},
          .internal = true,
          .isolated = true,
          .device = "br-aaaaaaaaaaaa",
          .mode = "",
          .mtu = 1400,
          .options = {{"o", "1"}},
          .labels = {{"l", "2"}}};
}

Endpoint sample_endpoint() {
  return {.network = std::string(64, 'a'),
          .container = std::string(64, 'b'),
          .name = "web",
          .aliases = {"www"},
          .links = {{"db", std::string(64, 'c')}},
          .v4 = Address::parse("10.89.0.130").value(),
          .v6 = Address::parse("fd00::2").value(),
          .mac = "02:42:0a:59:00:82",
          .interface = "eth0",
          .host_interface = "vethbbbbbbb",
          .pid = 7,
          .pid_start = "99",
          .ports = {{.host = Address::parse("::1").value(),
                     .host_port = 8080,
                     .protocol = Protocol::Udp,
                     .container_port = 80}},
          .dns = {"9.9.9.9"},
          .is_gateway = true};
}

}  // namespace

TEST_CASE("what is written of networks and endpoints is read again") {
  CHECK(parse_network(print_network(sample())).value() == sample());
  CHECK(parse_endpoint(print_endpoint(sample_endpoint())).value() == sample_endpoint());
}

TEST_CASE("records that lie are refused") {
  CHECK_FALSE(parse_network("{}"));
  CHECK_FALSE(parse_network(R"({"id":"a","name":"b","driver":"overlay"})"));
  CHECK_FALSE(parse_network(
      R"({"id":"a","name":"b","driver":"bridge","pools":[{"subnet":"10.0.0.1/8"}]})"));
  CHECK_FALSE(parse_endpoint(R"({"network":"a","container":"b","v4":"1"})"));
  CHECK_FALSE(parse_endpoint(
      R"({"network":"a","container":"b","ports":[{"host":"::","hostPort":0,"protocol":"tcp","containerPort":1}]})"));
}
