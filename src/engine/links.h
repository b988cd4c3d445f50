// SPDX-License-Identifier: Apache-2.0
// What a container is told of another one in variables. Private to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace tare::engine {

// Of "NAME:ALIAS"; the alias of one without is the name.
struct ServiceNames {
  std::string container;
  std::string alias;
};
ServiceNames service_names(std::string_view link);

struct ServicePort {
  unsigned number = 0;
  std::string protocol;  // "tcp"
  bool operator==(const ServicePort&) const = default;
};
// Exposed and published ones: TCP first, then by number.
std::vector<ServicePort> service_ports(const NetworkSettings& settings);

// Docker's of --link. [docs.docker.com, "Legacy container links", "Environment variables"]
// `own`: the name of who is told.
std::vector<std::string> legacy_variables(const ServiceNames& names, const std::string& own,
                                          const Container& other, const std::string& address);

// Those of --with: ALIAS_HOST, ALIAS_PORT and ALIAS_URL, and the legacy ones but ALIAS_PORT, which
// is a number here, and what looks like a secret of the service's own environment. `address`: "" of
// a service without IPv4.
std::vector<std::string> service_variables(const ServiceNames& names, const std::string& own,
                                           const Container& other, const std::string& address);

// "postgres://app@db:5432/app" by the conventions of well-known ports and of the variables of
// official images, else "tcp://db:9999"; never with a password. "" without ports.
std::string service_url(std::string_view host, const std::vector<ServicePort>& ports,
                        const std::vector<std::string>& environment);

}  // namespace tare::engine
