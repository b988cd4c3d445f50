// SPDX-License-Identifier: Apache-2.0
// network create, ls, inspect, rm, connect and disconnect; network prune is with the other prunes.
#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/network_options.h"
#include "front/cli/network_view.h"

namespace tare::cli {
namespace {

using enum OptionKind;

constexpr std::string_view kNoSwarm = "Tare runs on one machine and has no networks of a swarm";
constexpr std::string_view kNoTemplates =
    "networks are not made from others; give this one's own options";
constexpr std::string_view kLinkLocal =
    "link-local addresses cannot be chosen; --ip and --ip6 are for those of networks";

constexpr Option kCreate[] = {
    {0, "attachable", Flag, "", "No difference here: containers can join any network"},
    {0, "aux-address", List, "NAME=ADDRESS", "An address that others have, never a container"},
    {'d', "driver", Value, "name", "bridge (the default) or macvlan"},
    {0, "gateway", List, "address", "The host's address on the subnet that it is in"},
    {0, "internal", Flag, "", "No way out of this network, and no published ports"},
    {0, "ip-range", List, "subnet", "The part of a subnet that containers get addresses from"},
    {0, "ipv4", Flag, "", "IPv4 addresses (on by default)", {}, true},
    {0, "ipv6", Flag, "", "IPv6 addresses (on by default)", {}, true},
    {0, "label", List, "NAME=VALUE", "Attach a label to the network"},
    {'o', "opt", List, "NAME=VALUE",
     "com.docker.network.bridge.name, com.docker.network.driver.mtu, "
     "com.docker.network.bridge.enable_icc, com.docker.network.bridge.enable_ip_masquerade; of "
     "macvlan parent and macvlan_mode"},
    {0, "subnet", List, "subnet", "Its addresses, as 10.7.0.0/24; default: one that is free"},
    {0, "config-from", MissingValue, "", kNoTemplates},
    {0, "config-only", MissingFlag, "", kNoTemplates},
    {0, "ingress", MissingFlag, "", kNoSwarm},
    {0, "ipam-driver", MissingValue, "", "addresses are given by Tare itself; see --ip-range",
     "default"},
    {0, "ipam-opt", MissingValue, "", "addresses are given by Tare itself; see --ip-range"},
    {0, "scope", MissingValue, "", kNoSwarm, "local"},
};
constexpr Option kList[] = {
    {'f', "filter", List, "key=value", "Only some: dangling, driver, id, label, name, scope, type"},
    {0, "format", Value, "format", "table, json, or a Go template as '{{.ID}} {{.Name}}'"},
    {0, "no-trunc", Flag, "", "Do not shorten ids"},
    {'q', "quiet", Flag, "", "Print ids only"},
};
constexpr Option kInspect[] = {
    {'v', "verbose", Flag, "", "No difference here: everything is shown"},
};
constexpr Option kRemove[] = {
    {'f', "force", Flag, "", "No failure when it is not there"},
};
constexpr Option kConnect[] = {
    {0, "alias", List, "name", "A further name of it on this network"},
    {0, "gw-priority", Value, "number", "Of its networks the one with the highest is its way out"},
    {0, "ip", Value, "address", "Its IPv4 address on this network"},
    {0, "ip6", Value, "address", "Its IPv6 address on this network"},
    {0, "driver-opt", MissingValue, "", "a container's place on a network has no options here"},
    {0, "link", MissingValue, "",
     "containers on one network find each other by name; --alias adds names"},
    {0, "link-local-ip", MissingValue, "", kLinkLocal},
};
constexpr Option kDisconnect[] = {
    {'f', "force", Flag, "", "No failure when the container is not there, or not on it"},
};

std::unexpected<Error> not_for_modes(const std::string& name, std::string_view what) {
  return std::unexpected(
      Error(Kind::Invalid, "the network " + quoted(name) + " " + std::string(what))
          .hint("it is chosen when a container is created: tare run --network " + name));
}

std::unexpected<Error> not_removed(const std::string& name) {
  return std::unexpected(
      Error(Kind::Invalid, "the network " + quoted(name) + " is always there: it cannot be removed")
          .hint("'tare network ls --filter type=custom' lists those that can be"));
}

}  // namespace

std::span<const Option> network_create_options() { return kCreate; }
std::span<const Option> network_list_options() { return kList; }
std::span<const Option> network_inspect_options() { return kInspect; }
std::span<const Option> network_remove_options() { return kRemove; }
std::span<const Option> network_connect_options() { return kConnect; }
std::span<const Option> network_disconnect_options() { return kDisconnect; }

Result<int> cmd_network_create(Context& context, const Arguments& arguments) {
  const engine::CreateNetworkRequest request = TRY(create_network_request(arguments));
  engine::Engine& engine = *TRY(context.engine());
  context.print(TRY(engine.create_network(request)).id + "\n");
  return 0;
}

Result<int> cmd_network_ls(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const auto filters = TRY(parse_filters(arguments.list("filter"), network_filters()));
  const std::string format = arguments.value_or("format", "");
  const bool whole = arguments.flag("no-trunc");
  std::vector<NetworkView> networks = TRY(all_networks(engine));
  networks = TRY(filter_networks(std::move(networks), filters));
  std::vector<Row> rows;
  for (const NetworkView& network : networks) rows.push_back(network_row(network, whole));
  if (arguments.flag("quiet") && format.empty()) {
    for (const Row& row : rows) context.print(row.fields["ID"].as_string() + "\n");
    return 0;
  }
  const Columns columns = {
      {"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Driver", "DRIVER"}, {"Scope", "SCOPE"}};
  Columns titles = columns;
  for (const auto& title : Columns{{"CreatedAt", "CREATED AT"},
                                   {"IPv4", "IPV4"},
                                   {"IPv6", "IPV6"},
                                   {"Internal", "INTERNAL"},
                                   {"Labels", "LABELS"}})
    titles.push_back(title);
  context.print(TRY(render_rows(rows, format, columns, titles)));
  return 0;
}

Result<int> cmd_network_inspect(Context& context, const Arguments& arguments) {
  const std::string format = arguments.value_or("format", "");
  if (!format.empty() && format != "json") TRY(Template::parse(format));
  engine::Engine& engine = *TRY(context.engine());
  json::Array found;
  std::vector<Error> problems;
  for (const std::string& name : arguments.operands) {
    auto value = inspect_any_network(engine, name);
    if (value)
      found.push_back(std::move(*value));
    else
      problems.push_back(std::move(value).error());
  }
  if (format.empty())
    context.print(json::print(found, json::Style::Indented) + "\n");
  else if (format == "json")
    context.print(json::print(found) + "\n");
  else
    context.print(TRY(render_values(found, format)));
  for (const Error& problem : problems) context.report(problem);
  return problems.empty() ? 0 : 1;
}

Result<int> cmd_network_rm(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  return context.for_each(arguments.operands, [&](const std::string& name) -> Result<> {
    if (is_network_mode(name)) return not_removed(name);
    auto removed = engine.remove_network(name);
    if (!removed && arguments.flag("force") && removed.error().kind() == Kind::NotFound) return {};
    return removed;
  });
}

Result<int> cmd_network_connect(Context& context, const Arguments& arguments) {
  engine::NetworkRequest request;
  request.network = arguments.operands[0];
  if (is_network_mode(request.network))
    return not_for_modes(request.network, "cannot be joined afterwards");
  for (const std::string& text : arguments.list("alias")) {
    TRY(check_alias("alias", text));
    request.aliases.push_back(text);
  }
  if (const auto text = arguments.value("ip")) request.v4 = TRY(parse_ip("ip", *text, false));
  if (const auto text = arguments.value("ip6")) request.v6 = TRY(parse_ip("ip6", *text, true));
  if (const auto text = arguments.value("gw-priority"))
    request.gateway_priority = TRY(parse_gateway_priority("gw-priority", *text));
  if (request.network == network::Network::kDefault) TRY(check_default_network(request));
  engine::Engine& engine = *TRY(context.engine());
  TRY(engine.connect(arguments.operands[1], request));
  return 0;
}

Result<int> cmd_network_disconnect(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.operands[0];
  if (is_network_mode(name)) return not_for_modes(name, "cannot be left");
  engine::Engine& engine = *TRY(context.engine());
  const auto done = engine.disconnect(arguments.operands[1], name);
  if (done) return 0;
  if (arguments.flag("force") && done.error().kind() == Kind::NotFound) {
    TRY(engine.find_network(name));
    return 0;
  }
  return std::unexpected(done.error());
}

}  // namespace tare::cli
