// SPDX-License-Identifier: Apache-2.0
// Ports as people write and read them: -p, --expose, the PORTS column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace tare::cli {

// -p [[ADDRESS:]HOST-PORT[-PORT]:]PORT[-PORT][/PROTOCOL]; ADDRESS is IPv4, IPv6 (in brackets or
// not) or "any", which is everything of both families. Or fields: published=,target=,protocol=.
// One for each port of the container. `option` is for messages. Errors: Invalid. [docker run
// reference, "Publish or expose port"]
Result<std::vector<engine::PortRequest>> parse_publish(std::string_view text,
                                                       std::string_view option = "publish");
// All values of -p. Errors: Invalid, also when two of them want the same port of the host.
Result<std::vector<engine::PortRequest>> parse_published(const std::vector<std::string>& texts,
                                                         std::string_view option = "publish");

// PORT[-PORT][/PROTOCOL].
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  network::Protocol protocol = network::Protocol::Tcp;
  bool contains(std::uint16_t port, network::Protocol of) const {
    return of == protocol && port >= first && port <= last;
  }
};
// `option` is for messages. Errors: Invalid.
Result<PortRange> parse_port_range(std::string_view text, std::string_view option);
// "80/tcp". Errors: Invalid.
Result<PortRange> read_exposed(std::string_view text);
// --expose, as engine::NetworkSettings wants it: "80/tcp" and so on.
Result<std::vector<std::string>> parse_expose(std::string_view text);

// "127.0.0.1:80", "[::]:80".
std::string address_and_port(const network::Address& address, std::uint16_t port);
// "80/tcp"
std::string port_and_protocol(std::uint16_t port, network::Protocol protocol);
// "127.0.0.1:8080->80/tcp, 9000/tcp", ports that are the same on both sides and follow each other
// as one range. `exposed` are those of the container; published ones among them are not told twice.
// [observed: docker ps]
std::string ports_text(std::vector<network::PublishedPort> published,
                       const std::vector<std::string>& exposed);
// Who can use a port that is published at this address: "this machine only".
std::string who_reaches(const network::Address& address);

// Whether `left` comes before `right` when the numbers in them count as numbers: "80" before "443".
bool natural_less(std::string_view left, std::string_view right);

}  // namespace tare::cli
