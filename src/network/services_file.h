// SPDX-License-Identifier: Apache-2.0
// /run/tare/services.json of containers with --with or --link: where their services are now, and
// how they are. [docs/formats/services.md]
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "network/records.h"

namespace tare::network {

// The directory that the container sees, relative to the store's root: "containers/ID/services".
std::string services_directory(const std::string& container);

// The file's text for a container that is on the networks of `own`. `endpoints`: of those that run,
// at least those of its services. `store`: where their health is read.
std::string print_services(int store, const std::vector<ServiceLink>& services,
                           const std::vector<Endpoint>& own,
                           const std::vector<Endpoint>& endpoints);

// Replaces the file in one step, also for who sees the directory. Errors: NotFound (the container
// was removed).
Result<> write_services(int store, const std::string& container, std::string_view text);

// Those of all containers that run.
class ServiceFiles {
 public:
  // Writes what is different now.
  Result<> update(int store, const std::vector<Endpoint>& endpoints);

 private:
  std::map<std::string, std::string> written_;  // By container's id.
};

}  // namespace tare::network
