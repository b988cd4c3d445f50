// SPDX-License-Identifier: Apache-2.0
// --link: what a container is told of another one, in Docker's variables. [docs.docker.com, "Legacy
// container links", "Environment variables"]
#include <algorithm>

#include "engine/state.h"

namespace tare::engine {
namespace {

struct Port {
  unsigned number = 0;
  std::string protocol;
};

// TCP first, then by number.
std::vector<Port> ports_of(const NetworkSettings& settings) {
  std::vector<Port> ports;
  const auto add = [&](unsigned number, std::string protocol) {
    const auto is_same = [&](const Port& port) {
      return port.number == number && port.protocol == protocol;
    };
    if (number != 0 && std::ranges::none_of(ports, is_same))
      ports.push_back({.number = number, .protocol = std::move(protocol)});
  };
  for (const std::string& text : settings.exposed) {
    const auto parts = split_once(text, '/');
    const auto number = parse_u64(parts ? parts->first : std::string_view(text));
    if (number) add(static_cast<unsigned>(*number), lower(parts ? parts->second : "tcp"));
  }
  for (const PortRequest& port : settings.ports)
    add(port.container_port, std::string(network::protocol_text(port.protocol)));
  std::ranges::sort(ports, [](const Port& a, const Port& b) {
    return std::pair(a.protocol != "tcp", a.number) < std::pair(b.protocol != "tcp", b.number);
  });
  return ports;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

struct Names {
  std::string container;
  std::string alias;
};

Names names_of(const std::string& link) {
  const auto parts = split_once(link, ':');
  const std::string_view container = parts ? parts->first : std::string_view(link);
  const std::string_view alias = parts && !parts->second.empty() ? parts->second : container;
  return {.container = std::string(container), .alias = std::string(alias)};
}

// The four that each port has, and one more pair at the ends of a row of ports.
void add_port(std::vector<std::string>& out, const std::string& alias, const std::string& address,
              const Port& port) {
  const std::string number = std::to_string(port.number);
  const std::string name = alias + "_PORT_" + number + "_" + upper(port.protocol);
  out.push_back(name + "=" + port.protocol + "://" + address + ":" + number);
  out.push_back(name + "_ADDR=" + address);
  out.push_back(name + "_PORT=" + number);
  out.push_back(name + "_PROTO=" + port.protocol);
}

void add_row(std::vector<std::string>& out, const std::string& alias, const std::string& address,
             const Port& first, const Port& last) {
  if (first.number == last.number) return;
  const std::string name =
      alias + "_PORT_" + std::to_string(first.number) + "_" + upper(first.protocol);
  const std::string url = first.protocol + "://" + address + ":";
  out.push_back(name + "_START=" + url + std::to_string(first.number));
  out.push_back(name + "_PORT_START=" + std::to_string(first.number));
  out.push_back(name + "_END=" + url + std::to_string(last.number));
  out.push_back(name + "_PORT_END=" + std::to_string(last.number));
}

std::vector<std::string> variables(const Names& names, const Container& own, const Container& other,
                                   const std::string& address) {
  std::string alias = upper(names.alias);
  std::ranges::replace(alias, '-', '_');
  std::vector<std::string> out;
  out.push_back(alias + "_NAME=/" + own.name + "/" + names.alias);
  const std::vector<Port> ports = ports_of(other.config.net);
  std::size_t first = 0;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (i == 0)
      out.push_back(alias + "_PORT=" + ports[0].protocol + "://" + address + ":" +
                    std::to_string(ports[0].number));
    add_port(out, alias, address, ports[i]);
    const bool goes_on = i + 1 < ports.size() && ports[i + 1].protocol == ports[i].protocol &&
                         ports[i + 1].number == ports[i].number + 1;
    if (goes_on) continue;
    add_row(out, alias, address, ports[first], ports[i]);
    first = i + 1;
  }
  for (const std::string& entry : other.config.env)
    if (!entry.starts_with("PATH=") && !entry.starts_with("HOME="))
      out.push_back(alias + "_ENV_" + entry);
  return out;
}

}  // namespace

Result<std::vector<network::Endpoint>> Engine::State::linked_endpoints(
    const Engine& engine, const std::string& link) const {
  const Names names = names_of(link);
  const Container other = TRY(engine.find(names.container), "--link " + link);
  std::vector<network::Endpoint> endpoints = TRY(endpoints_of(other.id));
  if (endpoints.empty())
    return std::unexpected(Error(Kind::Busy, "cannot link to container " + quoted(other.name) +
                                                 ": it does not run on a network")
                               .hint("start it first: tare start " + other.name));
  for (network::Endpoint& endpoint : endpoints) endpoint.links = {{names.alias, other.id}};
  return endpoints;
}

Result<std::vector<std::string>> Engine::State::link_variables(const Engine& engine,
                                                               const Container& container) const {
  std::vector<std::string> out;
  for (const std::string& link : container.config.net.links) {
    const Names names = names_of(link);
    const Container other = TRY(engine.find(names.container), "--link " + link);
    for (const network::Endpoint& endpoint : TRY(endpoints_of(other.id))) {
      if (!endpoint.v4) continue;
      for (std::string& entry : variables(names, container, other, endpoint.v4->text()))
        out.push_back(std::move(entry));
      break;
    }
  }
  return out;
}

}  // namespace tare::engine
