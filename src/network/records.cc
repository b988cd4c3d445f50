// SPDX-License-Identifier: Apache-2.0
#include "network/records.h"

#include <fcntl.h>

#include <array>

#include "codec/json.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace tare::network {
namespace {

constexpr std::size_t kMostBytes = 4 << 20;

json::Value print_texts(const std::map<std::string, std::string>& texts) {
  json::Value out{json::Object{}};
  for (const auto& [key, text] : texts) out.set(key, text);
  return out;
}

std::map<std::string, std::string> parse_texts(const json::Value& in) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, text] : in.as_object()) texts[key] = text.as_string();
  return texts;
}

json::Value print_pool(const Pool& pool) {
  json::Value out;
  out.set("subnet", pool.subnet.text());
  if (pool.range) out.set("range", pool.range->text());
  out.set("gateway", pool.gateway.text());
  json::Value taken{json::Object{}};
  for (const auto& [name, address] : pool.taken) taken.set(name, address.text());
  out.set("taken", std::move(taken));
  out.set("asked", pool.is_asked);
  return out;
}

Result<Pool> parse_pool(const json::Value& in) {
  Pool pool;
  pool.subnet = TRY(Subnet::parse(in["subnet"].as_string()));
  if (in.find("range") != nullptr) pool.range = TRY(Subnet::parse(in["range"].as_string()));
  pool.gateway = TRY(Address::parse(in["gateway"].as_string()));
  for (const auto& [name, address] : in["taken"].as_object())
    pool.taken[name] = TRY(Address::parse(address.as_string()));
  pool.is_asked = in["asked"].as_bool();
  return pool;
}

json::Value print_port(const PublishedPort& port) {
  json::Value out;
  out.set("host", port.host.text());
  out.set("hostPort", port.host_port);
  out.set("protocol", protocol_text(port.protocol));
  out.set("containerPort", port.container_port);
  return out;
}

Result<std::uint16_t> parse_port_number(const json::Value& in, std::string_view key) {
  const std::int64_t number = in[key].as_int(-1);
  if (number < 1 || number > 65535)
    return fail(Kind::Invalid, std::string(key) + " is no number of a port");
  return static_cast<std::uint16_t>(number);
}

Result<PublishedPort> parse_port(const json::Value& in) {
  PublishedPort port;
  port.host = TRY(Address::parse(in["host"].as_string()));
  port.host_port = TRY(parse_port_number(in, "hostPort"));
  port.protocol = TRY(parse_protocol(in["protocol"].as_string()));
  port.container_port = TRY(parse_port_number(in, "containerPort"));
  return port;
}

Result<std::optional<Address>> parse_optional(const json::Value& in) {
  if (!in.is_string()) return std::nullopt;
  return TRY(Address::parse(in.as_string()));
}

// Calls `use` with each complete file of a directory; a missing directory is empty.
template <typename Use>
Result<> each_file(int store, const std::string& path, std::vector<Error>* problems, Use use) {
  auto names = sys::list_directory(store, path);
  if (!names && names.error().kind() == Kind::NotFound) return {};
  for (const std::string& name : TRY(std::move(names))) {
    if (name.starts_with(".") || name.find('.') != std::string::npos) continue;
    if (Result<> used = use(name); !used && used.error().kind() != Kind::NotFound && problems)
      problems->push_back(std::move(used).error().wrap("read " + quoted(path + "/" + name)));
  }
  return {};
}

}  // namespace

const Pool* Network::pool(bool is_v6) const {
  for (const Pool& each : pools)
    if (each.subnet.base.is_v6 == is_v6) return &each;
  return nullptr;
}

namespace {
constexpr std::array<std::string_view, 3> kProtocols = {"tcp", "udp", "sctp"};
}

std::string_view protocol_text(Protocol protocol) {
  return kProtocols[static_cast<std::size_t>(protocol)];
}

Result<Protocol> parse_protocol(std::string_view text) {
  for (std::size_t i = 0; i < kProtocols.size(); ++i)
    if (lower(text) == kProtocols[i]) return static_cast<Protocol>(i);
  return std::unexpected(
      Error(Kind::Invalid, quoted(std::string(text)) + " is no protocol of ports")
          .hint("there are tcp, udp and sctp"));
}

std::string host_interface_of(const std::string& container, const std::string& network) {
  return "veth" + container.substr(0, 7) + network.substr(0, 4);
}

std::string print_network(const Network& network) {
  json::Value out;
  out.set("version", 1);
  out.set("id", network.id);
  out.set("name", network.name);
  out.set("driver", network.driver == Driver::Bridge ? "bridge" : "macvlan");
  out.set("created", network.created);
  json::Array pools;
  for (const Pool& pool : network.pools) pools.push_back(print_pool(pool));
  out.set("pools", std::move(pools));
  out.set("internal", network.internal);
  out.set("isolated", network.isolated);
  out.set("device", network.device);
  out.set("mode", network.mode);
  out.set("mtu", network.mtu);
  out.set("options", print_texts(network.options));
  out.set("labels", print_texts(network.labels));
  return json::print(out);
}

Result<Network> parse_network(std::string_view text) {
  const json::Value in = TRY(json::parse(text));
  Network network;
  network.id = TRY(json::require_string(in, "id", "network record"));
  network.name = TRY(json::require_string(in, "name", "network record"));
  const std::string driver = TRY(json::require_string(in, "driver", "network record"));
  if (driver != "bridge" && driver != "macvlan")
    return fail(Kind::Invalid, "a network has the driver " + quoted(driver));
  network.driver = driver == "bridge" ? Driver::Bridge : Driver::Macvlan;
  network.created = in["created"].as_int();
  for (const json::Value& pool : in["pools"].as_array())
    network.pools.push_back(TRY(parse_pool(pool)));
  network.internal = in["internal"].as_bool();
  network.isolated = in["isolated"].as_bool();
  network.device = in["device"].as_string();
  network.mode = in["mode"].as_string();
  network.mtu = static_cast<std::uint32_t>(in["mtu"].as_uint());
  network.options = parse_texts(in["options"]);
  network.labels = parse_texts(in["labels"]);
  return network;
}

namespace {

json::Value print_service(const ServiceLink& service) {
  json::Value out;
  out.set("container", service.container);
  out.set("name", service.name);
  out.set("alias", service.alias);
  out.set("ports", json::Value(service.ports));
  out.set("url", service.url);
  out.set("healthCheck", service.has_health_check);
  return out;
}

ServiceLink parse_service(const json::Value& in) {
  return {.container = in["container"].as_string(),
          .name = in["name"].as_string(),
          .alias = in["alias"].as_string(),
          .ports = in["ports"].as_strings(),
          .url = in["url"].as_string(),
          .has_health_check = in["healthCheck"].as_bool()};
}

}  // namespace

std::string print_endpoint(const Endpoint& endpoint) {
  json::Value out;
  out.set("version", 1);
  out.set("network", endpoint.network);
  out.set("container", endpoint.container);
  out.set("name", endpoint.name);
  out.set("aliases", json::Value(endpoint.aliases));
  out.set("links", print_texts(endpoint.links));
  if (endpoint.v4) out.set("v4", endpoint.v4->text());
  if (endpoint.v6) out.set("v6", endpoint.v6->text());
  out.set("mac", endpoint.mac);
  out.set("interface", endpoint.interface);
  out.set("hostInterface", endpoint.host_interface);
  out.set("pid", endpoint.pid);
  out.set("pidStart", endpoint.pid_start);
  json::Array ports;
  for (const PublishedPort& port : endpoint.ports) ports.push_back(print_port(port));
  out.set("ports", std::move(ports));
  out.set("dns", json::Value(endpoint.dns));
  if (!endpoint.egress.empty()) out.set("egress", json::Value(endpoint.egress));
  out.set("gateway", endpoint.is_gateway);
  if (endpoint.services.empty()) return json::print(out);
  json::Array services;
  for (const ServiceLink& service : endpoint.services) services.push_back(print_service(service));
  out.set("services", std::move(services));
  return json::print(out);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const json::Value in = TRY(json::parse(text));
  Endpoint endpoint;
  endpoint.network = TRY(json::require_string(in, "network", "endpoint record"));
  endpoint.container = TRY(json::require_string(in, "container", "endpoint record"));
  endpoint.name = in["name"].as_string();
  endpoint.aliases = in["aliases"].as_strings();
  endpoint.links = parse_texts(in["links"]);
  endpoint.v4 = TRY(parse_optional(in["v4"]));
  endpoint.v6 = TRY(parse_optional(in["v6"]));
  endpoint.mac = in["mac"].as_string();
  endpoint.interface = in["interface"].as_string();
  endpoint.host_interface = in["hostInterface"].as_string();
  endpoint.pid = static_cast<int>(in["pid"].as_int());
  endpoint.pid_start = in["pidStart"].as_string();
  for (const json::Value& port : in["ports"].as_array())
    endpoint.ports.push_back(TRY(parse_port(port)));
  endpoint.dns = in["dns"].as_strings();
  endpoint.egress = in["egress"].as_strings();
  endpoint.is_gateway = in["gateway"].as_bool();
  for (const json::Value& service : in["services"].as_array())
    endpoint.services.push_back(parse_service(service));
  return endpoint;
}

std::string networks_path() { return "networks"; }
std::string network_path(const std::string& network) { return networks_path() + "/" + network; }
std::string network_record_path(const std::string& network) {
  return network_path(network) + "/network.json";
}
std::string endpoints_path(const std::string& network) {
  return network_path(network) + "/endpoints";
}
std::string endpoint_path(const std::string& network, const std::string& container) {
  return endpoints_path(network) + "/" + container;
}

Result<std::vector<Network>> load_networks(int store, std::vector<Error>* problems) {
  std::vector<Network> networks;
  const auto load = [&](const std::string& id) -> Result<> {
    if (id.size() != 64) return {};  // Locks and sockets.
    const std::string text = TRY(sys::load_file(store, network_record_path(id), kMostBytes));
    networks.push_back(TRY(parse_network(text)));
    return {};
  };
  TRY(each_file(store, networks_path(), problems, load));
  return networks;
}

Result<std::vector<Endpoint>> load_endpoints(int store, const std::string& network,
                                             std::vector<Error>* problems) {
  std::vector<Endpoint> endpoints;
  const auto load = [&](const std::string& id) -> Result<> {
    const std::string text = TRY(sys::load_file(store, endpoint_path(network, id), kMostBytes));
    endpoints.push_back(TRY(parse_endpoint(text)));
    return {};
  };
  TRY(each_file(store, endpoints_path(network), problems, load));
  return endpoints;
}

}  // namespace tare::network
