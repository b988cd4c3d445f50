// SPDX-License-Identifier: Apache-2.0
// Services that a container is told of. Private to this room.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

namespace tare::engine {

// What can be seen of --with when a container is made. Errors: NotFound; Invalid.
Result<> check_services(const Engine& engine, const CreateRequest& config);

// They share no network.
Error not_together(const Container& container, const Container& other);

// What a container whose directory is `dir` was told at its start, for one more process of it;
// `asked`: variables of that process itself.
void add_told_variables(int dir, const std::vector<std::string>& asked,
                        std::vector<std::string>& env);

}  // namespace tare::engine
