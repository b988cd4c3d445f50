// SPDX-License-Identifier: Apache-2.0
// Where registries are and how they may be spoken to: registries.conf and the directories of
// certificates. [containers-registries.conf(5), containers-certs.d(5); Docker's certs.d] Private to
// the room.
#pragma once

#include <string>
#include <vector>

#include "image/registry.h"

namespace tare::image {

struct Registries {};

// What the files of this machine and user say. Errors: Invalid, naming the file.
Result<Registries> load_registries();

// The site of a registry by its host, with its credentials and certificates.
Result<Site> make_site(const std::string& host, const std::string& repository,
                       const TransferOptions& options, const Registries& registries);
Result<std::vector<Site>> find_sites(const Reference& reference, Registry::Use use,
                                     const TransferOptions& options, const Registries& registries);

}  // namespace tare::image
