// SPDX-License-Identifier: Apache-2.0
// --network and what belongs to it, each by the rules that Docker has for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "front/cli/options.h"

namespace tare::cli {

// One --network: NAME, "name=NAME,alias=A,ip=...,ip6=...,mac-address=...,gw-priority=N" (fields as
// in CSV) or "NAME:alias=A,ip=...". The name may be none, host, bridge, default or container:NAME.
// Errors: Invalid; Unsupported (driver-opt, link-local-ip). [docker run reference, --network]
Result<engine::NetworkRequest> parse_network(std::string_view text);
// --add-host NAME:ADDRESS or NAME=ADDRESS, IPv6 with brackets or without, or host-gateway; as
// engine::NetworkSettings wants it: "NAME:ADDRESS".
Result<std::string> parse_extra_host(std::string_view text);
// --link and --with CONTAINER[:ALIAS]: "CONTAINER:ALIAS".
Result<std::string> parse_link(std::string_view text, std::string_view option = "link");
// An address of that family, in its usual form. Errors: Invalid.
Result<network::Address> parse_ip(std::string_view option, std::string_view text, bool is_v6);
// "02:42:ac:11:00:02", also from dashes. Errors: Invalid.
Result<std::string> parse_mac_address(std::string_view text);
// A name that others can ask for. Errors: Invalid.
Result<> check_alias(std::string_view option, std::string_view text);

// gw-priority. Errors: Invalid.
Result<int> parse_gateway_priority(std::string_view option, std::string_view text);
// What the default network does not have: names, and addresses of one's choice. Errors: Invalid.
Result<> check_default_network(const engine::NetworkRequest& request);

// All options of networks and ports of create and run. Errors: Invalid, also for those that do not
// go together.
Result<> add_networks(engine::CreateRequest& request, const Arguments& arguments);
// All options of network create, and its operand. Errors: Invalid; Exists (none, host); Unsupported
// (driver).
Result<engine::CreateNetworkRequest> create_network_request(const Arguments& arguments);
// Takes ports away that nobody could reach; sentences that say so. [observed: docker run]
std::vector<std::string> discard_ports(engine::CreateRequest& request);

}  // namespace tare::cli
