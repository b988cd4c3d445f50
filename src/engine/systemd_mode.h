// SPDX-License-Identifier: Apache-2.0
// systemd as process 1 of a container. [systemd.io/CONTAINER_INTERFACE]
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "isolate/isolate.h"

namespace tare::engine {

// Whether the command of a container is systemd, or what its packages name init.
bool is_systemd(const std::vector<std::string>& argv);

// What it finds in its environment; its stop signal where none was asked for; its terminal, which
// is /dev/console. Call it before the usual values are filled in.
void complete_systemd(CreateRequest& config, const std::string& id);

// The directories that it wants empty at every start, but for those that `config` mounts something
// at.
void add_systemd_mounts(isolate::Spec& spec, const CreateRequest& config);

// Errors: Unsupported, where there is no control group of version 2 that it could be given; Invalid
// (options that it cannot do with).
Result<> check_systemd(const CreateRequest& config);

}  // namespace tare::engine
