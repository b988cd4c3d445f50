// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. PKG deb: packages unpacked into a stage, and entered in dpkg's database there.
// Private to the room. [deb(5), dpkg(1) "FILES"]
#pragma once

#include <string>
#include <vector>

#include "build/copy_files.h"
#include "build/deb_plan.h"

namespace tare::build {

// No script of a package runs; `scripts` gets the paths of those that dpkg would have run after
// unpacking. `directory` is one of this machine, for files between. Errors: Corrupt (a package is
// not what its index says), those of unpack_archive.
Result<> install_packages(Workshop& workshop, const DebPlan& plan, const Target& target,
                          const std::string& architecture, const std::string& directory,
                          std::vector<std::string>& scripts);

}  // namespace tare::build
