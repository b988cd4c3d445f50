// SPDX-License-Identifier: Apache-2.0
// Which packages an image has, for telling what moved between two of them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace tare::engine {

using Packages = std::map<std::string, std::string>;  // Versions by name.

// Of dpkg, apk and rpm; of an image without them none. PRIVILEGED: mounts its files, read-only.
Result<Packages> packages_of(Engine& engine, const image::Image& image);
// "  + name version", "  - name version", "    name: old -> new".
std::vector<std::string> package_changes(const Packages& before, const Packages& after);

// Of /var/lib/dpkg/status and /lib/apk/db/installed: stanzas with lines "Package: x" ("P:x"). What
// is not understood is left out.
void read_dpkg(std::string_view status, Packages& packages);
void read_apk(std::string_view installed, Packages& packages);

}  // namespace tare::engine
