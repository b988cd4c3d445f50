// SPDX-License-Identifier: Apache-2.0
#include "front/cli/network_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "base/text.h"
#include "front/cli/pattern.h"
#include "front/cli/port_options.h"

namespace tare::cli {
namespace {

using engine::NetworkInfo;

struct Mode {
  std::string_view name;
  std::string_view driver;
  // The same in every store: its name in hexadecimal digits, filled up.
  std::string_view id;
};
constexpr std::array kModes = {
    Mode{"host", "host", "686f737400000000000000000000000000000000000000000000000000000000"},
    Mode{"none", "null", "6e6f6e6500000000000000000000000000000000000000000000000000000000"},
};

const Mode* find_mode(std::string_view name_or_id) {
  const auto* const found = std::ranges::find_if(
      kModes, [&](const Mode& mode) { return mode.name == name_or_id || mode.id == name_or_id; });
  return found == kModes.end() ? nullptr : found;
}

// As long as all of the zeros are there it cannot be meant by chance.
const Mode* find_mode_by_prefix(std::string_view prefix) {
  constexpr std::size_t kShort = 12;
  if (prefix.size() < kShort) return nullptr;
  const auto* const found =
      std::ranges::find_if(kModes, [&](const Mode& mode) { return mode.id.starts_with(prefix); });
  return found == kModes.end() ? nullptr : found;
}

// As Go prints a time: "2026-11-24 05:52:18.123456789 +0000 UTC", zeros at the end left out.
std::string go_time(UnixNanos when) {
  constexpr UnixNanos kSecond = 1'000'000'000;
  const std::time_t seconds = when / kSecond;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::string out(text.data(), length);
  if (when % kSecond != 0) {
    out += fmt::format(".{:09}", when % kSecond);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + " +0000 UTC";
}

json::Value inspect_mode(engine::Engine& engine, const Mode& mode) {
  json::Value containers{json::Object()};
  if (const auto all = engine.list())
    for (const engine::Container& container : *all) {
      if (container.status != engine::Status::Running || container.config.network != mode.name)
        continue;
      json::Value entry;
      entry.set("Name", container.name);
      for (const char* empty : {"EndpointID", "MacAddress", "IPv4Address", "IPv6Address"})
        entry.set(empty, "");
      containers.set(container.id, std::move(entry));
    }
  json::Value ipam;
  ipam.set("Driver", "default");
  ipam.set("Options", nullptr);
  ipam.set("Config", nullptr);
  json::Value from;
  from.set("Network", "");
  json::Value out;
  out.set("Name", mode.name);
  out.set("Id", mode.id);
  out.set("Created", rfc3339(0));
  out.set("Scope", "local");
  out.set("Driver", mode.driver);
  out.set("EnableIPv4", true);
  out.set("EnableIPv6", mode.name == "host");
  out.set("IPAM", std::move(ipam));
  for (const char* no : {"Internal", "Attachable", "Ingress"}) out.set(no, false);
  out.set("ConfigFrom", std::move(from));
  out.set("ConfigOnly", false);
  out.set("Containers", std::move(containers));
  out.set("Options", json::Object());
  out.set("Labels", json::Object());
  return out;
}

NetworkView view_of_mode(const Mode& mode) {
  return {.id = std::string(mode.id),
          .name = std::string(mode.name),
          .driver = std::string(mode.driver),
          .created = 0,
          .v4 = true,
          .v6 = mode.name == "host",
          .internal = false,
          .labels = {},
          .built_in = true,
          .in_use = false};
}

bool has_label(const NetworkView& network, const std::string& label) {
  const auto pair = split_once(label, '=');
  return std::ranges::any_of(network.labels, [&](const auto& one) {
    return one.first == (pair ? pair->first : label) && (!pair || one.second == pair->second);
  });
}

Result<bool> fits(const NetworkView& network, const std::string& key, const std::string& value) {
  if (key == "driver") return network.driver == value;
  if (key == "scope") return value == "local";
  if (key == "id" || key == "name") {
    const std::string& text = key == "id" ? network.id : network.name;
    if (text == value) return true;
    const auto pattern = TRY(Pattern::compile(key, value));
    return pattern->matches(text);
  }
  if (key == "type") {
    if (value != "custom" && value != "builtin")
      return bad_value("filter", "type=" + value, "the types are custom and builtin");
    return network.built_in == (value == "builtin");
  }
  if (key == "dangling") {
    const auto on = parse_bool(value);
    if (!on) return bad_value("filter", "dangling=" + value, on.error().message());
    return *on == (!network.built_in && !network.in_use);
  }
  return has_label(network, value);
}

}  // namespace

bool is_network_mode(std::string_view name) {
  return std::ranges::any_of(kModes, [&](const Mode& mode) { return mode.name == name; });
}

NetworkView view_of(const NetworkInfo& info) {
  NetworkView out;
  out.id = info.network.id;
  out.name = info.network.name;
  out.driver = info.network.driver == network::Driver::Bridge ? "bridge" : "macvlan";
  out.created = info.network.created;
  out.v4 = info.network.pool(false) != nullptr;
  out.v6 = info.network.pool(true) != nullptr;
  out.internal = info.network.internal;
  out.labels.assign(info.network.labels.begin(), info.network.labels.end());
  out.built_in = info.network.is_default();
  out.in_use = !info.containers.empty();
  return out;
}

Result<std::vector<NetworkView>> all_networks(engine::Engine& engine) {
  std::vector<NetworkView> out;
  for (const NetworkInfo& info : TRY(engine.networks())) out.push_back(view_of(info));
  for (const Mode& mode : kModes) out.push_back(view_of_mode(mode));
  std::ranges::sort(out, [](const NetworkView& left, const NetworkView& right) {
    return natural_less(left.name, right.name);
  });
  return out;
}

Result<json::Value> inspect_any_network(engine::Engine& engine, const std::string& name_or_id) {
  if (const Mode* mode = find_mode(name_or_id)) return inspect_mode(engine, *mode);
  const auto info = engine.find_network(name_or_id);
  if (info) return engine.inspect_network(*info);
  const Mode* mode = find_mode_by_prefix(name_or_id);
  if (mode != nullptr && info.error().kind() == Kind::NotFound) return inspect_mode(engine, *mode);
  return std::unexpected(info.error());
}

Row network_row(const NetworkView& network, bool whole_id) {
  const auto yes_or_no = [](bool on) { return on ? "true" : "false"; };
  Row row;
  row.fields.set("CreatedAt", go_time(network.created));
  row.fields.set("Driver", network.driver);
  row.fields.set("ID", whole_id ? network.id : network.id.substr(0, 12));
  row.fields.set("IPv4", yes_or_no(network.v4));
  row.fields.set("IPv6", yes_or_no(network.v6));
  row.fields.set("Internal", yes_or_no(network.internal));
  std::vector<std::string> labels;
  json::Value by_name{json::Object()};
  for (const auto& [key, value] : network.labels) {
    labels.push_back(fmt::format("{}={}", key, value));
    by_name.set(key, value);
  }
  row.fields.set("Labels", join(labels, ","));
  row.methods.set("Label", std::move(by_name));
  row.fields.set("Name", network.name);
  row.fields.set("Scope", "local");
  return row;
}

std::vector<std::string> network_filters() {
  return {"dangling", "driver", "id", "label", "name", "scope", "type"};
}

// Of several values of one key any is enough, but for labels. [docker network ls, "Filtering"]
Result<std::vector<NetworkView>> filter_networks(
    std::vector<NetworkView> networks,
    const std::vector<std::pair<std::string, std::string>>& filters) {
  std::vector<NetworkView> out;
  for (NetworkView& network : networks) {
    std::map<std::string, bool> found;
    for (const auto& [key, value] : filters) {
      const bool passes = TRY(fits(network, key, value));
      if (const auto [entry, is_new] = found.emplace(key, passes); !is_new)
        entry->second = key == "label" ? entry->second && passes : entry->second || passes;
    }
    if (std::ranges::all_of(found, [](const auto& entry) { return entry.second; }))
      out.push_back(std::move(network));
  }
  return out;
}

std::vector<std::string> network_names(const engine::Container& container,
                                       const std::vector<NetworkInfo>& known) {
  const std::string& mode = container.config.network;
  if (is_network_mode(mode)) return {mode};
  if (!mode.empty()) return {};  // container:ID
  if (container.config.net.networks.empty()) return {network::Network::kDefault};
  std::vector<std::string> out;
  for (const engine::NetworkRequest& request : container.config.net.networks) {
    const std::string& text = request.network;
    const auto is_named = [&](const NetworkInfo& info) { return info.network.name == text; };
    const auto has_id = [&](const NetworkInfo& info) { return info.network.id.starts_with(text); };
    auto found = std::ranges::find_if(known, is_named);
    if (found == known.end()) found = std::ranges::find_if(known, has_id);
    out.push_back(found == known.end() ? text : found->network.name);
  }
  return out;
}

}  // namespace tare::cli
