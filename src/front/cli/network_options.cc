// SPDX-License-Identifier: Apache-2.0
#include "front/cli/network_options.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/text.h"
#include "front/cli/health_options.h"
#include "front/cli/port_options.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

using engine::CreateRequest;
using engine::NetworkRequest;
using network::Address;

constexpr std::string_view kContainer = "container:";

// The network stack is none, the host's or another container's: there is no network to be on.
bool is_mode(std::string_view name) {
  return name == "none" || name == "host" || name.starts_with(kContainer);
}

bool is_plain_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '\x7f';
  });
}

Result<> read_field(NetworkRequest& request, std::string_view key, const std::string& value) {
  if (key == "name") {
    request.network = value;
  } else if (key == "alias") {
    TRY(check_alias("network", value));
    request.aliases.push_back(value);
  } else if (key == "ip") {
    if (!value.empty()) request.v4 = TRY(parse_ip("network", value, false));
  } else if (key == "ip6") {
    if (!value.empty()) request.v6 = TRY(parse_ip("network", value, true));
  } else if (key == "mac-address" || key == "mac") {
    request.mac = TRY(parse_mac_address(value));
  } else if (key == "gw-priority") {
    request.gateway_priority = TRY(parse_gateway_priority("network", value));
  } else if (key == "driver-opt") {
    return std::unexpected(
        Error(Kind::Unsupported, "--network: driver-opt=" + value +
                                     ": a container's place on a network has no options here")
            .hint("leave it out; options of the network itself: 'tare network create --opt'"));
  } else if (key == "link-local-ip") {
    return std::unexpected(
        Error(Kind::Unsupported, "--network: link-local-ip: link-local addresses cannot be chosen")
            .hint("ip= and ip6= choose addresses of the network's subnets"));
  } else {
    const std::vector<std::string> known = {"name",        "alias",       "ip",        "ip6",
                                            "mac-address", "gw-priority", "driver-opt"};
    const auto close = nearest(key, known);
    return std::unexpected(
        Error(Kind::Invalid, "--network: there is no field " + quoted(key))
            .hint(close ? "did you mean " + *close + "=?" : "known are " + join(known, ", ")));
  }
  return {};
}

// Words that are no networks with other engines either.
Result<> check_name(const NetworkRequest& request) {
  const std::string& name = request.network;
  if (name.empty())
    return std::unexpected(Error(Kind::Invalid, "--network: the name of the network is missing")
                               .hint("'tare network ls' lists them; --network none has none"));
  if (name == kContainer)
    return std::unexpected(Error(Kind::Invalid, "--network: the container's name is missing")
                               .hint("write container:NAME"));
  if (name.starts_with("ns:"))
    return std::unexpected(
        Error(Kind::Unsupported,
              "--network " + quoted(name) + ": a namespace by its path cannot be joined")
            .hint("container:NAME joins that of a container"));
  if (name.find(',') != std::string::npos)
    return std::unexpected(
        Error(Kind::Invalid, "--network " + quoted(name) + ": one network has one --network")
            .hint("write --network A --network B, or name=A,alias=B"));
  NetworkRequest plain;
  plain.network = name;
  if (is_mode(name) && request != plain)
    return std::unexpected(
        Error(Kind::Invalid,
              "--network " + quoted(name) + " is no network with addresses and names of its own")
            .hint("leave the other fields out, or name a network of 'tare network ls'"));
  return {};
}

Result<NetworkRequest> parse_fields(std::string_view text, NetworkRequest request) {
  for (const std::string& field : TRY(csv_fields("network", text))) {
    const auto pair = split_once(field, '=');
    if (!pair)
      return std::unexpected(
          Error(Kind::Invalid, "--network: " + quoted(field) + " is no field, which is KEY=VALUE")
              .hint("write name=NETWORK,alias=NAME,ip=ADDRESS"));
    TRY(read_field(request, lower(trim(pair->first)), std::string(trim(pair->second))));
  }
  TRY(check_name(request));
  return request;
}

}  // namespace

Result<NetworkRequest> parse_network(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(':');
  if (equals == std::string_view::npos || (text.starts_with(kContainer) && colon < equals)) {
    NetworkRequest request;
    request.network = trim(text);
    TRY(check_name(request));
    return request;
  }
  if (colon < equals) {  // podman's form.
    NetworkRequest request;
    request.network = trim(text.substr(0, colon));
    return parse_fields(text.substr(colon + 1), std::move(request));
  }
  return parse_fields(text, {});
}

Result<int> parse_gateway_priority(std::string_view option, std::string_view text) {
  const auto number = parse_i64(text);
  if (!number || *number < std::numeric_limits<int>::min() ||
      *number > std::numeric_limits<int>::max())
    return bad_value(option, text, "gw-priority is a whole number, as 1 or -1");
  return static_cast<int>(*number);
}

Result<> check_default_network(const NetworkRequest& request) {
  const char* what = request.v4 || request.v6   ? "an address of one's choice"
                     : !request.aliases.empty() ? "another name"
                                                : nullptr;
  if (what == nullptr) return {};
  return std::unexpected(
      Error(Kind::Invalid, std::string(what) + " (" +
                               (request.v4 || request.v6 ? "--ip, --ip6" : "--network-alias") +
                               ") is only there on networks of your own, not on the default one")
          .hint("make one: 'tare network create --subnet 10.7.0.0/24 NAME', and --network NAME"));
}

Result<> check_alias(std::string_view option, std::string_view text) {
  constexpr std::size_t kLongest = 253;  // [RFC 1035 2.3.4]
  if (is_plain_word(text) && text.size() <= kLongest && text.find_first_of(",:/") == text.npos)
    return {};
  return bad_value(option, text, "a name has no space in it, as db or db.example");
}

Result<Address> parse_ip(std::string_view option, std::string_view text, bool is_v6) {
  const auto address = Address::parse(text);
  if (!address)
    return bad_value(option, text,
                     is_v6 ? "no IPv6 address, as fd00:1::7" : "no IPv4 address, as 10.1.2.7");
  if (address->is_v6 != is_v6)
    return bad_value(option, text,
                     is_v6 ? "this is an IPv4 address, which --ip or ip= takes"
                           : "this is an IPv6 address, which --ip6 or ip6= takes");
  if (address->is_any() || address->is_loopback())
    return bad_value(option, text, "no address that a container can have on a network");
  return *address;
}

Result<std::string> parse_mac_address(std::string_view text) {
  std::string usual(text);
  std::ranges::replace(usual, '-', ':');
  const auto mac = network::parse_mac(usual);
  if (!mac) return bad_value("mac-address", text, mac.error().hint());
  return network::mac_text(*mac);
}

Result<std::string> parse_extra_host(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return bad_value("add-host", text,
                     std::string(why) + "; write NAME:ADDRESS, or NAME:host-gateway for this host");
  };
  auto pair = split_once(text, '=');
  if (!pair) pair = split_once(text, ':');
  if (!pair) return wrong("the address is missing");
  auto [name, address] = *pair;
  if (!is_plain_word(name)) return wrong("the name is missing");
  if (address == "host-gateway") return std::string(name) + ":host-gateway";
  if (address.size() > 2 && address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  const auto parsed = Address::parse(address);
  if (!parsed) return wrong(quoted(address) + " is no IP address");
  return std::string(name) + ":" + parsed->text();
}

Result<std::string> parse_link(std::string_view text, std::string_view option) {
  const std::vector<std::string> parts = split(text, ':');
  const bool has_alias = parts.size() == 2;
  if (parts.size() > 2 || parts[0].empty() || (has_alias && parts[1].empty()))
    return bad_value(option, text, "write CONTAINER, or CONTAINER:ALIAS");
  std::string name = parts[0];
  std::string alias = has_alias ? parts[1] : parts[0];
  // "/db:/web/db" is how Docker's inspect shows them.
  if (name.starts_with('/')) name.erase(0, 1);
  alias.erase(0, alias.rfind('/') + 1);
  TRY(check_alias(option, name));
  TRY(check_alias(option, alias));
  return name + ":" + alias;
}

namespace {

std::vector<std::string> both(const Arguments& arguments, std::string_view option,
                              std::string_view other_spelling) {
  std::vector<std::string> out = arguments.list(option);
  for (std::string& text : arguments.list(other_spelling)) out.push_back(std::move(text));
  return out;
}

// One alias is one service.
Result<> read_services(engine::NetworkSettings& net, const Arguments& arguments) {
  for (const std::string& text : arguments.list("with")) {
    const std::string link = TRY(parse_link(text, "with"));
    const std::string alias = link.substr(link.find(':'));
    for (const auto* others : {&net.with, &net.links})
      for (const std::string& other : *others)
        if (other.ends_with(alias))
          return bad_value("with", text, "another service has the alias " + alias.substr(1));
    net.with.push_back(link);
  }
  if (const auto text = arguments.value("with-timeout"))
    net.with_timeout = TRY(duration_of("with-timeout", *text));
  return {};
}

Result<> read_names(engine::NetworkSettings& net, const Arguments& arguments) {
  for (const std::string& text : arguments.list("dns")) {
    const auto address = Address::parse(text);
    if (!address)
      return bad_value("dns", text, "the address of a name server is an IP address, as 9.9.9.9");
    net.dns.push_back(address->text());
  }
  for (const std::string& text : arguments.list("dns-search")) {
    const bool fits = is_plain_word(text) && std::ranges::all_of(text, [](char c) {
                        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ||
                               c == '.' || c == '_';
                      });
    if (!fits)
      return bad_value("dns-search", text, "no domain, as example.com; '.' alone is none at all");
    net.dns_search.push_back(text);
  }
  for (const std::string& text : both(arguments, "dns-option", "dns-opt")) {
    if (!is_plain_word(text))
      return bad_value("dns-option", text, "no option of resolv.conf(5), as ndots:2");
    net.dns_options.push_back(text);
  }
  for (const std::string& text : arguments.list("add-host"))
    net.extra_hosts.push_back(TRY(parse_extra_host(text)));
  for (const std::string& text : arguments.list("link")) net.links.push_back(TRY(parse_link(text)));
  net.egress = TRY(network::Egress::parse(arguments.list("egress"))).texts();
  return read_services(net, arguments);
}

Result<> read_ports(engine::NetworkSettings& net, const Arguments& arguments) {
  net.ports = TRY(parse_published(arguments.list("publish")));
  net.publish_all = arguments.flag("publish-all");
  for (const std::string& text : arguments.list("expose"))
    for (std::string& port : TRY(parse_expose(text)))
      if (std::ranges::find(net.exposed, port) == net.exposed.end())
        net.exposed.push_back(std::move(port));
  return {};
}

std::unexpected<Error> twice(std::string_view option, std::string_view field) {
  return std::unexpected(Error(Kind::Invalid, "--" + std::string(option) + " and " +
                                                  std::string(field) +
                                                  " of --network contradict each other")
                             .hint("give one of them"));
}

// --ip and the like, which are of the first network.
Result<> read_first(NetworkRequest& first, const Arguments& arguments) {
  const std::vector<std::string> aliases = both(arguments, "network-alias", "net-alias");
  if (!aliases.empty() && !first.aliases.empty()) return twice("network-alias", "alias=");
  for (const std::string& text : aliases) {
    TRY(check_alias("network-alias", text));
    first.aliases.push_back(text);
  }
  if (const auto text = arguments.value("ip")) {
    if (first.v4) return twice("ip", "ip=");
    first.v4 = TRY(parse_ip("ip", *text, false));
  }
  if (const auto text = arguments.value("ip6")) {
    if (first.v6) return twice("ip6", "ip6=");
    first.v6 = TRY(parse_ip("ip6", *text, true));
  }
  if (const auto text = arguments.value("mac-address")) {
    if (!first.mac.empty()) return twice("mac-address", "mac-address=");
    first.mac = TRY(parse_mac_address(*text));
  }
  return {};
}

struct Conflict {
  std::string_view option;
  std::string_view because;
};
constexpr Conflict kOfOther[] = {
    {"publish", "ports are published by that container"},
    {"publish-all", "ports are published by that container"},
    {"expose", "ports are published by that container"},
    {"dns", "names are looked up as in that container"},
    {"dns-search", "names are looked up as in that container"},
    {"dns-option", "names are looked up as in that container"},
    {"dns-opt", "names are looked up as in that container"},
    {"add-host", "it has the /etc/hosts of that container"},
    {"hostname", "it has the host name of that container"},
    {"link", "names are looked up as in that container"},
    {"egress", "what it reaches is what that container may reach"},
};
constexpr Conflict kOfNone[] = {
    {"egress", "there is no network of its own that could be limited"},
    {"link", "there is no network on which the other container could be reached"},
};
// Of all that are no networks.
constexpr Conflict kOfModes[] = {
    {"with", "it has no network of its own on which it could reach the service"},
    {"ip", "it has no network on which it could have an address of its own"},
    {"ip6", "it has no network on which it could have an address of its own"},
    {"mac-address", "it has no interface of its own"},
    {"network-alias", "it has no network on which others could ask for a name"},
    {"net-alias", "it has no network on which others could ask for a name"},
};

Result<> check_conflicts(std::string_view mode, std::span<const Conflict> conflicts,
                         const Arguments& arguments) {
  for (const Conflict& conflict : conflicts) {
    if (!arguments.given(conflict.option)) continue;
    return std::unexpected(
        Error(Kind::Invalid, "--" + std::string(conflict.option) + " does not go with --network " +
                                 std::string(mode) + ": " + std::string(conflict.because))
            .hint(mode.starts_with(kContainer)
                      ? "give it to that container, or leave out --network"
                      : "leave one of them out, or name a network of 'tare network ls'"));
  }
  return {};
}

Result<> check_mode(const std::string& mode, const Arguments& arguments) {
  TRY(check_conflicts(mode, kOfModes, arguments));
  if (mode.starts_with(kContainer)) return check_conflicts(mode, kOfOther, arguments);
  return check_conflicts(mode, kOfNone, arguments);
}

Result<> check_together(const std::vector<NetworkRequest>& networks) {
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const std::string& name = networks[i].network;
    if (networks.size() > 1 && is_mode(name))
      return std::unexpected(
          Error(Kind::Invalid, "--network " + quoted(name) + " does not go with another network")
              .hint("leave one of them out"));
    if (networks.size() > 1 && name == "bridge")
      return std::unexpected(
          Error(Kind::Invalid, "the default network and others do not go together")
              .hint("'tare network connect bridge CONTAINER' adds it afterwards"));
    for (std::size_t j = 0; j < i; ++j)
      if (networks[j].network == name)
        return std::unexpected(Error(Kind::Invalid, "--network " + quoted(name) + " is given twice")
                                   .hint("give it once, with all its fields"));
  }
  return {};
}

}  // namespace

Result<> add_networks(CreateRequest& request, const Arguments& arguments) {
  TRY(read_names(request.net, arguments));
  TRY(read_ports(request.net, arguments));
  std::vector<NetworkRequest> networks;
  for (const std::string& text : both(arguments, "network", "net")) {
    networks.push_back(TRY(parse_network(text)));
    if (networks.back().network == "default") networks.back().network = "bridge";
  }
  TRY(check_together(networks));
  if (!networks.empty() && is_mode(networks[0].network)) {
    TRY(check_mode(networks[0].network, arguments));
    request.network = networks[0].network;
    return {};
  }
  NetworkRequest first;
  first.network = "bridge";
  if (!networks.empty()) first = networks[0];
  TRY(read_first(first, arguments));
  if (first.network == "bridge") TRY(check_default_network(first));
  NetworkRequest plain;
  plain.network = "bridge";
  // Nothing said: the engine's default, whatever that is.
  if (networks.empty() && first == plain) return {};
  if (networks.empty()) networks.emplace_back();
  networks[0] = std::move(first);
  request.net.networks = std::move(networks);
  return {};
}

std::vector<std::string> discard_ports(CreateRequest& request) {
  const bool lost = request.network == "host" || request.network == "none";
  if (!lost || (request.net.ports.empty() && !request.net.publish_all)) return {};
  request.net.ports.clear();
  request.net.publish_all = false;
  return {"Published ports are discarded when using " + request.network + " network mode"};
}

}  // namespace tare::cli
