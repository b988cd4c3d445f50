// SPDX-License-Identifier: Apache-2.0
#include "network/service_message.h"

#include <algorithm>
#include <utility>

#include "codec/json.h"

namespace tare::network {
namespace {

constexpr std::uint64_t kMostPorts = 1 << 20;  // Of one endpoint; ranges are taken apart.

bool is_id(const std::string& text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string print_message(const ServiceMessage& message) {
  json::Value out;
  if (message.type == ServiceMessage::Type::Changed) {
    out.set("type", "changed");
    return json::print(out);
  }
  out.set("type", "endpoint");
  out.set("network", message.network);
  out.set("container", message.container);
  out.set("resolver", message.has_resolver);
  json::Array ports;
  for (const std::uint32_t port : message.ports) ports.push_back(port);
  out.set("ports", std::move(ports));
  return json::print(out);
}

Result<ServiceMessage> parse_message(std::string_view text) {
  const json::Value in = TRY(json::parse(text));
  const std::string type = TRY(json::require_string(in, "type", "message to the network service"));
  ServiceMessage message;
  if (type == "changed") return message;
  if (type != "endpoint")
    return fail(Kind::Invalid, "a message to the network service has an unknown type");
  message.type = ServiceMessage::Type::Endpoint;
  message.network = in["network"].as_string();
  message.container = in["container"].as_string();
  if (!is_id(message.network) || !is_id(message.container))
    return fail(Kind::Invalid, "a message to the network service has a wrong id");
  message.has_resolver = in["resolver"].as_bool();
  for (const json::Value& port : in["ports"].as_array()) {
    if (!port.is_uint() || port.as_uint() > kMostPorts)
      return fail(Kind::Invalid, "a message to the network service has a wrong port");
    message.ports.push_back(static_cast<std::uint32_t>(port.as_uint()));
  }
  if (message.descriptors() > kMostDescriptors)
    return fail(Kind::Invalid, "a message to the network service has too many descriptors");
  return message;
}

}  // namespace tare::network
