// SPDX-License-Identifier: Apache-2.0
// Limits of a container: checked, merged, written down, and as control groups want them. Private to
// this room.
#pragma once

#include <string>

#include "codec/json.h"
#include "engine/engine.h"
#include "sys/cgroup.h"

namespace tare::engine {

// What sys::Cgroup calls this container's groups.
std::string group_name(const Container& container);

// Docker's defaults that follow from what was given: swap as much again as memory.
void complete_resources(Resources& resources);
// By Docker's rules. Errors: Invalid.
Result<> check_resources(const Resources& resources);
// `change` over what there was. Errors: Invalid (limits that exclude each other).
Result<Resources> merge_resources(const Resources& before, const Resources& change);

// Devices are looked up now. Errors: Invalid (no such device).
Result<sys::CgroupLimits> make_limits(const Resources& resources);
// Those of a container: its device rules, too.
Result<sys::CgroupLimits> make_limits(const CreateRequest& config);

json::Value print_resources(const Resources& resources);
Resources parse_resources(const json::Value& in);
// Docker's names in HostConfig.
void describe_resources(json::Value& out, const CreateRequest& config);

}  // namespace tare::engine
