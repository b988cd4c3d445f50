// SPDX-License-Identifier: Apache-2.0
// Which volumes a container has. Private to this room.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/user_namespace.h"
#include "policy/policy.h"

namespace tare::engine {

// Errors: Invalid (name, subpath).
Result<> check_volume_mount(const MountRequest& mount);
// "web" of "web:ro".
std::string volumes_from_name(const std::string& text);
// The mounts of `other` at places where `config` has none. Errors: Invalid ("web:x").
Result<> add_volumes_from(CreateRequest& config, const Container& other, const std::string& text);
// Anonymous volumes at `paths`, where nothing else is mounted; and then all mounts in an order in
// which none hides another. Errors: Invalid.
Result<> add_image_volumes(CreateRequest& config, const std::vector<std::string>& paths);
// Errors: Unsupported, when volumes need ids that the container is not to have.
Result<> check_volume_ids(const policy::Grants& grants, const UserNamespace& users);

}  // namespace tare::engine
