// SPDX-License-Identifier: Apache-2.0
#include "engine/network_record.h"

namespace tare::engine {
namespace {

using network::Address;

json::Value print_request(const NetworkRequest& request) {
  json::Value out;
  out.set("network", request.network);
  out.set("aliases", json::Value(request.aliases));
  if (request.v4) out.set("v4", request.v4->text());
  if (request.v6) out.set("v6", request.v6->text());
  out.set("mac", request.mac);
  out.set("gatewayPriority", request.gateway_priority);
  return out;
}

std::optional<Address> parse_address(const json::Value& in) {
  auto address = Address::parse(in.as_string());
  return address ? std::optional(*address) : std::nullopt;
}

NetworkRequest parse_request(const json::Value& in) {
  return {.network = in["network"].as_string(),
          .aliases = in["aliases"].as_strings(),
          .v4 = parse_address(in["v4"]),
          .v6 = parse_address(in["v6"]),
          .mac = in["mac"].as_string(),
          .gateway_priority = static_cast<int>(in["gatewayPriority"].as_int())};
}

json::Value print_port(const PortRequest& port) {
  json::Value out;
  json::Array hosts;
  for (const Address& host : port.hosts) hosts.emplace_back(host.text());
  out.set("hosts", std::move(hosts));
  out.set("hostFirst", port.host_first);
  out.set("hostLast", port.host_last);
  out.set("containerPort", port.container_port);
  out.set("protocol", network::protocol_text(port.protocol));
  return out;
}

std::uint16_t parse_number(const json::Value& in) {
  const std::int64_t number = in.as_int();
  return number < 0 || number > 65535 ? std::uint16_t{0} : static_cast<std::uint16_t>(number);
}

PortRequest parse_port(const json::Value& in) {
  PortRequest port;
  for (const std::string& text : in["hosts"].as_strings())
    if (const auto address = Address::parse(text)) port.hosts.push_back(*address);
  port.host_first = parse_number(in["hostFirst"]);
  port.host_last = parse_number(in["hostLast"]);
  port.container_port = parse_number(in["containerPort"]);
  port.protocol =
      network::parse_protocol(in["protocol"].as_string()).value_or(network::Protocol::Tcp);
  return port;
}

}  // namespace

json::Value print_network_settings(const NetworkSettings& settings) {
  json::Value out;
  json::Array networks;
  for (const NetworkRequest& request : settings.networks)
    networks.push_back(print_request(request));
  out.set("networks", std::move(networks));
  json::Array ports;
  for (const PortRequest& port : settings.ports) ports.push_back(print_port(port));
  out.set("ports", std::move(ports));
  out.set("exposed", json::Value(settings.exposed));
  out.set("publishAll", settings.publish_all);
  out.set("dns", json::Value(settings.dns));
  out.set("dnsSearch", json::Value(settings.dns_search));
  out.set("dnsOptions", json::Value(settings.dns_options));
  out.set("extraHosts", json::Value(settings.extra_hosts));
  out.set("links", json::Value(settings.links));
  if (!settings.with.empty()) {
    out.set("with", json::Value(settings.with));
    out.set("withTimeout", static_cast<std::int64_t>(settings.with_timeout.count()));
  }
  if (!settings.egress.empty()) out.set("egress", json::Value(settings.egress));
  return out;
}

NetworkSettings parse_network_settings(const json::Value& in) {
  NetworkSettings settings;
  for (const json::Value& request : in["networks"].as_array())
    settings.networks.push_back(parse_request(request));
  for (const json::Value& port : in["ports"].as_array())
    if (const PortRequest parsed = parse_port(port); parsed.container_port != 0)
      settings.ports.push_back(parsed);
  settings.exposed = in["exposed"].as_strings();
  settings.publish_all = in["publishAll"].as_bool();
  settings.dns = in["dns"].as_strings();
  settings.dns_search = in["dnsSearch"].as_strings();
  settings.dns_options = in["dnsOptions"].as_strings();
  settings.extra_hosts = in["extraHosts"].as_strings();
  settings.links = in["links"].as_strings();
  settings.with = in["with"].as_strings();
  if (const json::Value* timeout = in.find("withTimeout"))
    settings.with_timeout = std::chrono::nanoseconds(timeout->as_int());
  settings.egress = in["egress"].as_strings();
  return settings;
}

}  // namespace tare::engine
