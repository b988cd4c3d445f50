// SPDX-License-Identifier: Apache-2.0
// What a request weakens.
#pragma once

#include <string_view>

#include "engine/engine.h"
#include "engine/user_namespace.h"
#include "policy/policy.h"

namespace tare::engine {

// Everything that weakens this container, by name; nothing else can. Errors: Invalid, Unsupported
// (options that are not known).
Result<policy::Grants> collect_grants(const CreateRequest& config, const UserNamespace& users,
                                      const Caller& caller);

bool has_grant(const Container& container, std::string_view name);

// Of a process in the container, all that was asked for together.
Result<std::uint64_t> capabilities_of(const CreateRequest& config);
bool may_gain_privileges(const CreateRequest& config);

}  // namespace tare::engine
