// SPDX-License-Identifier: Apache-2.0
#include "engine/links.h"

#include <algorithm>
#include <array>
#include <span>

namespace tare::engine {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

// The four that each port has, and one more pair at the ends of a row of ports.
void add_port(std::vector<std::string>& out, const std::string& alias, const std::string& address,
              const ServicePort& port) {
  const std::string number = std::to_string(port.number);
  const std::string name = alias + "_PORT_" + number + "_" + upper(port.protocol);
  out.push_back(name + "=" + port.protocol + "://" + address + ":" + number);
  out.push_back(name + "_ADDR=" + address);
  out.push_back(name + "_PORT=" + number);
  out.push_back(name + "_PROTO=" + port.protocol);
}

void add_row(std::vector<std::string>& out, const std::string& alias, const std::string& address,
             const ServicePort& first, const ServicePort& last) {
  if (first.number == last.number) return;
  const std::string name =
      alias + "_PORT_" + std::to_string(first.number) + "_" + upper(first.protocol);
  const std::string url = first.protocol + "://" + address + ":";
  out.push_back(name + "_START=" + url + std::to_string(first.number));
  out.push_back(name + "_PORT_START=" + std::to_string(first.number));
  out.push_back(name + "_END=" + url + std::to_string(last.number));
  out.push_back(name + "_PORT_END=" + std::to_string(last.number));
}

// The beginning of its variables' names.
std::string prefix_of(const std::string& alias) {
  std::string prefix = upper(alias);
  std::ranges::replace(prefix, '-', '_');
  return prefix;
}

std::string_view key_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

// What a name says of its value, and no more.
bool is_secret(std::string_view entry) {
  const std::string key = upper(key_of(entry));
  constexpr std::array<std::string_view, 6> kWords = {"PASS", "SECRET",     "TOKEN",
                                                      "_KEY", "CREDENTIAL", "PRIVATE"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return key.find(word) != std::string::npos; });
}

// --- URLs ---

// In the order in which images look at them.
struct Scheme {
  unsigned port;
  std::string_view scheme;
  std::array<std::string_view, 2> user = {};  // Variables.
  std::string_view usual_user = {};
  std::array<std::string_view, 2> database = {};
  bool database_is_user = false;  // Without a variable of its own.
};
constexpr Scheme kSchemes[] = {
    {21, "ftp"},
    {22, "ssh"},
    {25, "smtp"},
    {80, "http"},
    {389, "ldap"},
    {443, "https"},
    {587, "smtp"},
    {1883, "mqtt"},
    {2379, "http"},
    {3306, "mysql", {"MYSQL_USER", "MARIADB_USER"}, "root", {"MYSQL_DATABASE", "MARIADB_DATABASE"}},
    {4222, "nats"},
    {5432, "postgres", {"POSTGRES_USER"}, "postgres", {"POSTGRES_DB"}, true},
    {5672, "amqp", {"RABBITMQ_DEFAULT_USER"}, "", {"RABBITMQ_DEFAULT_VHOST"}},
    {5984, "http"},
    {6379, "redis"},
    {7687, "bolt"},
    {8080, "http"},
    {8086, "http"},
    {8443, "https"},
    {9200, "http"},
    {11211, "memcached"},
    {27017, "mongodb", {"MONGO_INITDB_ROOT_USERNAME"}, "", {"MONGO_INITDB_DATABASE"}},
};

std::string value_of(std::span<const std::string_view> keys,
                     const std::vector<std::string>& environment) {
  for (const std::string_view key : keys)
    for (const std::string& entry : environment)
      if (!key.empty() && key_of(entry) == key && entry.size() > key.size() + 1)
        return entry.substr(key.size() + 1);
  return "";
}

// [RFC 3986, 2.1 and 2.3]
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    out += is_plain ? std::string(1, c) : "%" + upper(to_hex(std::string_view(&c, 1)));
  }
  return out;
}

const Scheme* scheme_of(const ServicePort& port) {
  if (port.protocol != "tcp") return nullptr;
  for (const Scheme& scheme : kSchemes)
    if (scheme.port == port.number) return &scheme;
  return nullptr;
}

}  // namespace

ServiceNames service_names(std::string_view link) {
  const auto parts = split_once(link, ':');
  const std::string_view container = parts ? parts->first : link;
  const std::string_view alias = parts && !parts->second.empty() ? parts->second : container;
  return {.container = std::string(container), .alias = std::string(alias)};
}

std::vector<ServicePort> service_ports(const NetworkSettings& settings) {
  std::vector<ServicePort> ports;
  const auto add = [&](unsigned number, std::string protocol) {
    const auto is_same = [&](const ServicePort& port) {
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
  std::ranges::sort(ports, [](const ServicePort& a, const ServicePort& b) {
    return std::pair(a.protocol != "tcp", a.number) < std::pair(b.protocol != "tcp", b.number);
  });
  return ports;
}

std::vector<std::string> legacy_variables(const ServiceNames& names, const std::string& own,
                                          const Container& other, const std::string& address) {
  const std::string alias = prefix_of(names.alias);
  std::vector<std::string> out;
  out.push_back(alias + "_NAME=/" + own + "/" + names.alias);
  const std::vector<ServicePort> ports = service_ports(other.config.net);
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

std::vector<std::string> service_variables(const ServiceNames& names, const std::string& own,
                                           const Container& other, const std::string& address) {
  std::string prefix = upper(names.alias);
  for (char& c : prefix)
    if ((c < 'A' || c > 'Z') && (c < '0' || c > '9')) c = '_';
  const std::vector<ServicePort> ports = service_ports(other.config.net);
  std::vector<std::string> out = {prefix + "_HOST=" + names.alias};
  if (!ports.empty()) {
    out.push_back(prefix + "_PORT=" + std::to_string(ports[0].number));
    out.push_back(prefix + "_URL=" + service_url(names.alias, ports, other.config.env));
  }
  if (address.empty()) return out;
  Container told = other;
  std::erase_if(told.config.env, is_secret);
  const ServiceNames as = {.container = names.container, .alias = lower(prefix)};
  for (std::string& entry : legacy_variables(as, own, told, address)) {
    if (key_of(entry) == prefix + "_PORT") continue;
    if (key_of(entry) == prefix + "_NAME") entry = prefix + "_NAME=/" + own + "/" + names.alias;
    out.push_back(std::move(entry));
  }
  return out;
}

std::string service_url(std::string_view host, const std::vector<ServicePort>& ports,
                        const std::vector<std::string>& environment) {
  if (ports.empty()) return "";
  const ServicePort& port = ports[0];
  const std::string place = std::string(host) + ":" + std::to_string(port.number);
  const Scheme* const scheme = scheme_of(port);
  if (scheme == nullptr) return port.protocol + "://" + place;
  std::string user = value_of(scheme->user, environment);
  if (user.empty()) user = scheme->usual_user;
  std::string database = value_of(scheme->database, environment);
  if (database.empty() && scheme->database_is_user) database = user;
  std::string url = std::string(scheme->scheme) + "://";
  if (!user.empty()) url += percent_encoded(user) + "@";
  url += place;
  if (!database.empty()) url += "/" + percent_encoded(database);
  return url;
}

}  // namespace tare::engine
