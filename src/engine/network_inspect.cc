// SPDX-License-Identifier: Apache-2.0
#include "engine/network_inspect.h"

#include <map>

#include "engine/state.h"

namespace tare::engine {
namespace {

using network::Endpoint;
using network::Network;
using network::Pool;

json::Value strings_or_null(const std::vector<std::string>& texts) {
  return texts.empty() ? json::Value() : json::Value(texts);
}

std::string port_key(std::uint16_t port, network::Protocol protocol) {
  return std::to_string(port) + "/" + std::string(network::protocol_text(protocol));
}

json::Value binding(const std::string& address, const std::string& port) {
  json::Value out;
  out.set("HostIp", address);
  out.set("HostPort", port);
  return out;
}

void put_binding(json::Value& ports, const std::string& key, json::Value entry) {
  json::Value* list = ports.find(key);
  if (list == nullptr || list->is_null()) list = &ports.set(key, json::Array{});
  list->push(std::move(entry));
}

std::string host_ports(const PortRequest& port) {
  if (port.host_first == 0) return "";
  std::string text = std::to_string(port.host_first);
  if (port.host_last > port.host_first) text += "-" + std::to_string(port.host_last);
  return text;
}

// Exposed ports that nothing publishes are null. [docker inspect]
json::Value ports_object(const CreateRequest& config, const std::vector<Endpoint>& endpoints) {
  json::Value ports{json::Object{}};
  for (const std::string& exposed : config.net.exposed) ports.set(exposed, json::Value());
  for (const Endpoint& endpoint : endpoints)
    for (const network::PublishedPort& port : endpoint.ports)
      put_binding(ports, port_key(port.container_port, port.protocol),
                  binding(port.host.text(), std::to_string(port.host_port)));
  return ports;
}

// Of a stopped container: what is asked for, and nothing that is given.
json::Value place_object(const Network* network, const NetworkRequest* request,
                         const Endpoint* endpoint) {
  json::Value out;
  json::Value ipam;
  if (request != nullptr && (request->v4 || request->v6)) {
    ipam.set("IPv4Address", request->v4 ? request->v4->text() : "");
    ipam.set("IPv6Address", request->v6 ? request->v6->text() : "");
  }
  out.set("IPAMConfig", std::move(ipam));
  out.set("Links", json::Value());
  std::vector<std::string> aliases;
  if (request != nullptr) aliases = request->aliases;
  if (endpoint != nullptr) aliases = endpoint->aliases;
  out.set("Aliases", strings_or_null(aliases));
  out.set("MacAddress", endpoint == nullptr ? "" : endpoint->mac);
  out.set("DriverOpts", json::Value());
  out.set("GwPriority", request == nullptr ? 0 : request->gateway_priority);
  out.set("NetworkID", network == nullptr ? "" : network->id);
  // An endpoint is a container's place on a network, so these two name it.
  out.set("EndpointID", endpoint == nullptr
                            ? ""
                            : endpoint->container.substr(0, 32) + endpoint->network.substr(0, 32));
  const auto family = [&](bool is_v6, const char* gateway, const char* address,
                          const char* prefix) {
    const Pool* const pool = network == nullptr ? nullptr : network->pool(is_v6);
    const std::optional<network::Address> given =
        endpoint == nullptr ? std::nullopt : (is_v6 ? endpoint->v6 : endpoint->v4);
    const bool is_there = pool != nullptr && given.has_value();
    out.set(gateway, is_there && !network->internal ? pool->gateway.text() : "");
    out.set(address, is_there ? given->text() : "");
    out.set(prefix, is_there ? pool->subnet.prefix : 0);
  };
  family(false, "Gateway", "IPAddress", "IPPrefixLen");
  family(true, "IPv6Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen");
  std::vector<std::string> names;
  if (endpoint != nullptr) {
    names.push_back(endpoint->name);
    names.push_back(endpoint->container.substr(0, 12));
    names.insert(names.end(), aliases.begin(), aliases.end());
  }
  out.set("DNSNames", strings_or_null(names));
  return out;
}

json::Value pool_object(const Pool& pool) {
  json::Value out;
  out.set("Subnet", pool.subnet.text());
  if (pool.range) out.set("IPRange", pool.range->text());
  out.set("Gateway", pool.gateway.text());
  if (pool.taken.empty()) return out;
  json::Value taken;
  for (const auto& [name, address] : pool.taken) taken.set(name, address.text());
  out.set("AuxiliaryAddresses", std::move(taken));
  return out;
}

json::Value texts_object(const std::map<std::string, std::string>& texts) {
  json::Value out{json::Object{}};
  for (const auto& [key, text] : texts) out.set(key, text);
  return out;
}

std::string with_prefix(const std::optional<network::Address>& address, const Pool* pool) {
  if (!address || pool == nullptr) return "";
  return address->text() + "/" + std::to_string(pool->subnet.prefix);
}

json::Value containers_object(const NetworkInfo& info) {
  json::Value out{json::Object{}};
  for (const Endpoint& endpoint : info.endpoints) {
    json::Value one;
    one.set("Name", endpoint.name);
    one.set("EndpointID", endpoint.container.substr(0, 32) + endpoint.network.substr(0, 32));
    one.set("MacAddress", endpoint.mac);
    one.set("IPv4Address", with_prefix(endpoint.v4, info.network.pool(false)));
    one.set("IPv6Address", with_prefix(endpoint.v6, info.network.pool(true)));
    out.set(endpoint.container, std::move(one));
  }
  return out;
}

}  // namespace

std::string network_mode(const CreateRequest& config) {
  if (!config.network.empty()) return config.network;
  return config.net.networks.empty() ? "none" : config.net.networks.front().network;
}

json::Value exposed_ports(const CreateRequest& config) {
  json::Value out;
  for (const std::string& port : config.net.exposed) out.set(port, json::Object{});
  for (const PortRequest& port : config.net.ports)
    out.set(port_key(port.container_port, port.protocol), json::Object{});
  return out;
}

void describe_networks(json::Value& host_config, const CreateRequest& config) {
  const NetworkSettings& settings = config.net;
  host_config.set("NetworkMode", network_mode(config));
  json::Value bindings{json::Object{}};
  for (const PortRequest& port : settings.ports) {
    const std::string key = port_key(port.container_port, port.protocol);
    if (port.hosts.empty()) put_binding(bindings, key, binding("127.0.0.1", host_ports(port)));
    for (const network::Address& host : port.hosts)
      put_binding(bindings, key, binding(host.text(), host_ports(port)));
  }
  host_config.set("PortBindings", std::move(bindings));
  host_config.set("PublishAllPorts", settings.publish_all);
  host_config.set("Dns", json::Value(settings.dns));
  host_config.set("DnsOptions", json::Value(settings.dns_options));
  host_config.set("DnsSearch", json::Value(settings.dns_search));
  host_config.set("ExtraHosts", strings_or_null(settings.extra_hosts));
  host_config.set("Links", strings_or_null(settings.links));
  host_config.set("Egress", strings_or_null(settings.egress));
}

Result<json::Value> Engine::State::network_settings(const Container& container) const {
  const CreateRequest& config = container.config;
  std::vector<Endpoint> endpoints;
  if (container.status == Status::Running && !config.net.networks.empty())
    endpoints = TRY(endpoints_of(container.id));
  const auto all = TRY(network::load_networks(store.dir()));
  json::Value networks{json::Object{}};
  json::Value first;
  for (const NetworkRequest& request : config.net.networks) {
    const Network* network = nullptr;
    for (const Network& each : all)
      if (each.name == request.network) network = &each;
    const Endpoint* endpoint = nullptr;
    for (const Endpoint& each : endpoints)
      if (network != nullptr && each.network == network->id) endpoint = &each;
    json::Value place = place_object(network, &request, endpoint);
    if (first.is_null()) first = place;
    networks.set(request.network, std::move(place));
  }
  if (config.network == "none" || config.network == "host")
    networks.set(config.network, place_object(nullptr, nullptr, nullptr));
  json::Value out;
  out.set("SandboxID", container.pid == 0 ? "" : container.id);
  out.set("SandboxKey",
          container.pid == 0 ? "" : "/proc/" + std::to_string(container.pid) + "/ns/net");
  out.set("Ports", ports_object(config, endpoints));
  // Gone from Docker's API 1.52, and still read. [vagrant, plugins/providers/docker/provider.rb]
  for (const char* key : {"EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen",
                          "IPAddress", "IPPrefixLen", "IPv6Gateway", "MacAddress"})
    out.set(key, first.is_null() ? json::Value("") : first[key]);
  out.set("Networks", std::move(networks));
  return out;
}

json::Value Engine::inspect_network(const NetworkInfo& info) const {
  const Network& network = info.network;
  json::Value out;
  out.set("Name", network.name);
  out.set("Id", network.id);
  out.set("Created", rfc3339(network.created));
  out.set("Scope", "local");
  out.set("Driver", network.driver == network::Driver::Bridge ? "bridge" : "macvlan");
  out.set("EnableIPv4", network.pool(false) != nullptr);
  out.set("EnableIPv6", network.pool(true) != nullptr);
  json::Value ipam;
  ipam.set("Driver", "default");
  ipam.set("Options", json::Value{json::Object{}});
  json::Array pools;
  for (const Pool& pool : network.pools) pools.push_back(pool_object(pool));
  ipam.set("Config", std::move(pools));
  out.set("IPAM", std::move(ipam));
  out.set("Internal", network.internal);
  out.set("Attachable", false);
  out.set("Ingress", false);
  json::Value from;
  from.set("Network", "");
  out.set("ConfigFrom", std::move(from));
  out.set("ConfigOnly", false);
  out.set("Containers", containers_object(info));
  json::Value options = texts_object(network.options);
  if (network.driver == network::Driver::Bridge)
    options.set("com.docker.network.bridge.name", network.device);
  out.set("Options", std::move(options));
  out.set("Labels", texts_object(network.labels));
  return out;
}

}  // namespace tare::engine
