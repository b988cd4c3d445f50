// SPDX-License-Identifier: Apache-2.0
// Where the files of docker and podman are is told by the environment: those of the registry part
// are asked for here and nowhere else. Private to the room.
#pragma once

#include <string>

namespace tare::image {

// A variable of the environment; empty when it is not set.
std::string surroundings(const char* name);

}  // namespace tare::image
