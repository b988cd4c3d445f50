// SPDX-License-Identifier: Apache-2.0
// Networks as they are listed and inspected: the engine's, and "none" and "host", which are modes
// of a container and listed as networks because Docker does.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "front/cli/render.h"

namespace tare::cli {

struct NetworkView {
  std::string id;  // 64 hexadecimal digits.
  std::string name;
  std::string driver;  // "bridge", "macvlan"; "null" and "host" of the modes.
  UnixNanos created = 0;
  bool v4 = false;
  bool v6 = false;
  bool internal = false;
  std::vector<std::pair<std::string, std::string>> labels;
  bool built_in = false;
  bool in_use = false;  // A container is on it, running or not.
};

// "none" and "host".
bool is_network_mode(std::string_view name);
// The engine's as a view; and all, with the modes, by name.
NetworkView view_of(const engine::NetworkInfo& info);
Result<std::vector<NetworkView>> all_networks(engine::Engine& engine);
// docker network inspect's JSON object of one by name, id or prefix. Errors: as
// Engine::find_network().
Result<json::Value> inspect_any_network(engine::Engine& engine, const std::string& name_or_id);
// The row of `network ls`.
Row network_row(const NetworkView& network, bool whole_id);
// Those of `networks` that pass docker network ls's --filter. Errors: Invalid.
Result<std::vector<NetworkView>> filter_networks(
    std::vector<NetworkView> networks,
    const std::vector<std::pair<std::string, std::string>>& filters);
// The keys that filter_networks() knows.
std::vector<std::string> network_filters();

// The names of the networks that a container is on or will be; of "none" and "host" that, of
// "container:ID" none.
std::vector<std::string> network_names(const engine::Container& container,
                                       const std::vector<engine::NetworkInfo>& known);

}  // namespace tare::cli
