// SPDX-License-Identifier: Apache-2.0
// What a container that starts is told of others: --link and --with.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "engine/links.h"
#include "engine/services.h"
#include "engine/state.h"
#include "network/services_file.h"
#include "sys/files.h"
#include "sys/mounts.h"

namespace tare::engine {
namespace {

using network::Endpoint;
using network::ServiceLink;

constexpr const char* kPlace = "/run/tare";
constexpr const char* kVariables = "variables";  // In the container's directory, for exec.

std::string_view key_of(std::string_view entry) { return entry.substr(0, entry.find('=') + 1); }

// What the user has set stays. The image's own defaults do not, where `over_image`.
void put_variable(std::vector<std::string>& env, const std::vector<std::string>& of_image,
                  const std::string& entry, bool over_image) {
  const auto found = std::ranges::find_if(
      env, [&](const std::string& other) { return key_of(other) == key_of(entry); });
  if (found == env.end())
    env.push_back(entry);
  else if (over_image && std::ranges::find(of_image, *found) != of_image.end())
    *found = entry;
}

ServiceLink make_link(const ServiceNames& names, const Container& other) {
  ServiceLink link{.container = other.id,
                   .name = other.name,
                   .alias = names.alias,
                   .ports = {},
                   .url = {},
                   .has_health_check = other.config.health.is_set()};
  const std::vector<ServicePort> ports = service_ports(other.config.net);
  for (const ServicePort& port : ports)
    link.ports.push_back(std::to_string(port.number) + "/" + port.protocol);
  link.url = service_url(names.alias, ports, other.config.env);
  return link;
}

bool is_on(const std::vector<Endpoint>& own, const Endpoint& endpoint) {
  return std::ranges::find(own, endpoint.network, &Endpoint::network) != own.end();
}

// Where both are, if there is such a network.
const Endpoint* meeting_point(const std::vector<Endpoint>& own,
                              const std::vector<Endpoint>& theirs) {
  for (const Endpoint& endpoint : theirs)
    if (is_on(own, endpoint)) return &endpoint;
  return nullptr;
}

// For variables of --link: also of a network that they do not share, as long as there is one.
std::string address_of(const std::vector<Endpoint>& own, const std::vector<Endpoint>& theirs) {
  std::string address;
  for (const Endpoint& endpoint : theirs) {
    if (!endpoint.v4 || (!address.empty() && !is_on(own, endpoint))) continue;
    address = endpoint.v4->text();
    if (is_on(own, endpoint)) break;
  }
  return address;
}

Result<> save_variables(int dir, const std::vector<std::string>& variables) {
  return sys::replace_file(dir, kVariables, json::print(json::Value(variables)),
                           sys::Durability::Lazy);
}

Result<isolate::Mount> make_mount(int dir) {
  if (::mkdirat(dir, "services", 0755) != 0 && errno != EEXIST)
    return fail_errno("make the directory of services");
  const sys::Fd place = TRY(sys::open_at(dir, "services", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::fchmod(place.get(), 0755) != 0) return fail_errno("open the directory of services");
  isolate::Mount mount;
  mount.kind = isolate::MountKind::Bind;
  mount.target = kPlace;
  mount.source = TRY(sys::clone_mount(place.get(), false));
  mount.read_only = true;
  mount.executable = false;
  return mount;
}

}  // namespace

Result<> check_services(const Engine& engine, const CreateRequest& config) {
  if (config.net.with.empty()) return {};
  for (const MountRequest& mount : config.mounts)
    if (mount.target == kPlace)
      return std::unexpected(Error(Kind::Invalid, std::string("mount target ") + kPlace +
                                                      " is where --with has services.json")
                                 .hint("mount it at another place"));
  if (config.net.networks.empty())
    return std::unexpected(
        Error(Kind::Invalid, "--with needs a network that the container and the service are on")
            .hint("leave out --network " + config.network));
  for (const std::string& link : config.net.with)
    TRY(engine.find(service_names(link).container), "--with " + link);
  return {};
}

Result<> Engine::State::tell_services(const Engine& engine, const Container& container, int dir,
                                      StartingNetworks& networks, isolate::Spec& spec) const {
  const NetworkSettings& settings = container.config.net;
  if (settings.links.empty() && settings.with.empty()) return {};
  const std::vector<Endpoint>& own = networks.endpoints();
  const image::Image image = TRY(images.find(container.image_id.text()));
  std::vector<ServiceLink> services;
  std::vector<Endpoint> theirs;
  std::vector<std::string> variables;
  const auto add = [&](const std::string& link, bool with) -> Result<> {
    const ServiceNames names = service_names(link);
    const Container other = TRY(engine.find(names.container), "service " + names.alias);
    const std::vector<Endpoint> endpoints = TRY(endpoints_of(other.id));
    if (endpoints.empty())
      return std::unexpected(
          Error(Kind::Busy, "service " + quoted(other.name) + ": it does not run on a network")
              .hint("start it first: tare start " + other.name));
    if (with && meeting_point(own, endpoints) == nullptr)
      return std::unexpected(not_together(container, other));
    const std::string address = address_of(own, endpoints);
    std::vector<std::string> told;
    if (with)
      told = service_variables(names, container.name, other, address);
    else if (!address.empty())
      told = legacy_variables(names, container.name, other, address);
    for (std::string& entry : told) {
      put_variable(spec.process.env, image.config.env, entry, with);
      if (std::ranges::find(spec.process.env, entry) != spec.process.env.end())
        variables.push_back(std::move(entry));
    }
    services.push_back(make_link(names, other));
    theirs.insert(theirs.end(), endpoints.begin(), endpoints.end());
    return {};
  };
  for (const std::string& link : settings.links) TRY(add(link, false));
  for (const std::string& link : settings.with) TRY(add(link, true));
  TRY(save_variables(dir, variables));
  if (own.empty()) return {};  // With the host's network.
  spec.mounts.push_back(TRY(make_mount(dir)));
  TRY(network::write_services(store.dir(), container.id,
                              network::print_services(store.dir(), services, own, theirs)));
  networks.set_services(services);
  return {};
}

Error not_together(const Container& container, const Container& other) {
  std::vector<std::string> networks;
  for (const NetworkRequest& network : other.config.net.networks)
    networks.push_back(network.network);
  const std::string hint = networks.empty()
                               ? "the service has no network of its own"
                               : "tare network connect " + networks.front() + " " + container.name;
  return Error(Kind::Invalid, "container " + quoted(container.name) +
                                  " is on no network of its service " + quoted(other.name))
      .hint(hint);
}

void add_told_variables(int dir, const std::vector<std::string>& asked,
                        std::vector<std::string>& env) {
  const auto text = sys::load_file(dir, kVariables);
  if (!text) return;
  const auto parsed = json::parse(*text);
  if (!parsed) return;
  const auto has = [](const std::vector<std::string>& in, const std::string& entry) {
    return std::ranges::any_of(
        in, [&](const std::string& other) { return key_of(other) == key_of(entry); });
  };
  for (const std::string& entry : parsed->as_strings()) {
    if (has(asked, entry)) continue;
    std::erase_if(env, [&](const std::string& old) { return key_of(old) == key_of(entry); });
    env.push_back(entry);
  }
}

}  // namespace tare::engine
