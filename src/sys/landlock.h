// SPDX-License-Identifier: Apache-2.0
// What a process that speaks with strangers gives up of itself: files and capabilities.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace tare::sys {

// What resolvers, libraries that are loaded late, and certificate stores read.
std::vector<std::string> files_of_the_network();

// This process, for ever: all files are out of reach but those, and what is below directories among
// them, as far as they are there. It listens on no port, and signals and abstract sockets of others
// are out of reach, where the kernel can see to that. Descriptors that are open stay so. Needs
// no_new_privs. Where the kernel has no Landlock nothing happens. [landlock(7)]
Result<> limit_files(std::span<const std::string> readable, std::span<const std::string> writable);
// This process, for ever: none, and none to be gained.
Result<> drop_capabilities();

}  // namespace tare::sys
