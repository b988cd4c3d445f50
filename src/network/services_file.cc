// SPDX-License-Identifier: Apache-2.0
#include "network/services_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "codec/json.h"
#include "sys/files.h"

namespace tare::network {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr const char* kFile = "services.json";
constexpr const char* kTemporary = ".services.json";

bool is_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// As the health check of a container that runs has noted it; nothing yet: it is starting.
std::string health_of(int store, const ServiceLink& service, bool runs) {
  if (!service.has_health_check) return "none";
  if (!runs) return "unhealthy";
  const auto text =
      sys::load_file(store, "containers/" + service.container + "/health", kMostBytes);
  if (!text) return "starting";
  const auto parsed = json::parse(*text);
  const std::string status = parsed ? (*parsed)["status"].as_string() : "";
  return status.empty() ? "starting" : status;
}

json::Value print_ports(const ServiceLink& service) {
  json::Array ports;
  for (const std::string& text : service.ports) {
    const auto parts = split_once(text, '/');
    const auto number = parse_u64(parts ? parts->first : std::string_view(text));
    if (!number) continue;
    json::Value port;
    port.set("port", *number);
    port.set("protocol", parts ? std::string(parts->second) : "tcp");
    ports.push_back(std::move(port));
  }
  return ports;
}

json::Value print_service(int store, const ServiceLink& service, const std::vector<Endpoint>& own,
                          const std::vector<Endpoint>& endpoints) {
  std::string name = service.name;
  bool runs = false;
  json::Array v4;
  json::Array v6;
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.container != service.container) continue;
    runs = true;
    name = endpoint.name;
    if (std::ranges::find(own, endpoint.network, &Endpoint::network) == own.end()) continue;
    if (endpoint.v4) v4.emplace_back(endpoint.v4->text());
    if (endpoint.v6) v6.emplace_back(endpoint.v6->text());
  }
  json::Value out;
  out.set("alias", service.alias);
  out.set("name", name);
  out.set("id", service.container);
  out.set("state", runs ? "running" : "ended");
  out.set("health", health_of(store, service, runs));
  out.set("v4", std::move(v4));
  out.set("v6", std::move(v6));
  out.set("ports", print_ports(service));
  out.set("url", service.url);
  return out;
}

}  // namespace

std::string services_directory(const std::string& container) {
  return "containers/" + container + "/services";
}

std::string print_services(int store, const std::vector<ServiceLink>& services,
                           const std::vector<Endpoint>& own,
                           const std::vector<Endpoint>& endpoints) {
  json::Array list;
  for (const ServiceLink& service : services)
    if (is_id(service.container)) list.push_back(print_service(store, service, own, endpoints));
  json::Value out;
  out.set("version", 1);
  out.set("services", std::move(list));
  return json::print(out) + "\n";
}

// SECURITY: the container sees the directory read-only; but one that may mount could make it
// writable and put anything there. Nothing of that is followed or opened.
// tests/security/services.sh
Result<> write_services(int store, const std::string& container, std::string_view text) {
  const sys::Fd dir =
      TRY(sys::open_at(store, services_directory(container), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  ::unlinkat(dir.get(), kTemporary, 0);
  const sys::Fd file =
      TRY(sys::open_at(dir.get(), kTemporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  // Owned by somebody whom the container does not know, and read by all its users.
  if (::fchmod(file.get(), 0644) != 0) return fail_errno("open a list of services to its readers");
  TRY(sys::write_all(file.get(), text), "write a list of services");
  if (::renameat(dir.get(), kTemporary, dir.get(), kFile) != 0)
    return fail_errno("name a list of services");
  return {};
}

Result<> ServiceFiles::update(int store, const std::vector<Endpoint>& endpoints) {
  std::map<std::string, std::vector<Endpoint>> own;  // Of those with services.
  std::map<std::string, const std::vector<ServiceLink>*> services;
  for (const Endpoint& endpoint : endpoints)
    if (!endpoint.services.empty() && is_id(endpoint.container))
      services[endpoint.container] = &endpoint.services;
  std::erase_if(written_, [&](const auto& entry) { return !services.contains(entry.first); });
  if (services.empty()) return {};
  std::set<std::string> wanted;
  for (const auto& [id, links] : services)
    for (const ServiceLink& link : *links) wanted.insert(link.container);
  std::vector<Endpoint> theirs;
  for (const Endpoint& endpoint : endpoints) {
    if (services.contains(endpoint.container)) own[endpoint.container].push_back(endpoint);
    if (wanted.contains(endpoint.container)) theirs.push_back(endpoint);
  }
  Result<> done;
  for (const auto& [id, links] : services) {
    std::string text = print_services(store, *links, own[id], theirs);
    if (written_[id] == text) continue;
    if (auto written = write_services(store, id, text); written)
      written_[id] = std::move(text);
    else if (done && written.error().kind() != Kind::NotFound)
      done = std::unexpected(
          std::move(written).error().wrap("tell container " + id.substr(0, 12) + " of services"));
  }
  return done;
}

}  // namespace tare::network
