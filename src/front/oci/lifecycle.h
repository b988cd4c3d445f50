// SPDX-License-Identifier: Apache-2.0
// Steps in a container's life that several commands share.
#pragma once

#include <string>

#include "front/oci/program.h"
#include "front/oci/state.h"
#include "oci/runtime_state.h"

namespace tare::front_oci {

enum class Force : char { No, Yes };
// Removes a stopped container and all it has; with Force::Yes kills it first, and one that is not
// there is fine. Errors: NotFound, Busy (it is not stopped).
Result<> delete_container(const Globals& globals, const std::string& id, Force force);

// For hooks and for `state`.
oci::State state_of(const Record& record, oci::Status status);

Result<Container> find_container(const Globals& globals, const std::string& id);

}  // namespace tare::front_oci
