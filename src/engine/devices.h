// SPDX-License-Identifier: Apache-2.0
// --device, and the devices of --privileged.
#pragma once

#include <vector>

#include "engine/engine.h"
#include "isolate/isolate.h"
#include "sys/cgroup_limits.h"

namespace tare::engine {

// The host's devices that a container is shown: those of --device (of a directory: all in it), with
// --privileged and none named all that there are. Errors: NotFound, Invalid (no device).
Result<std::vector<isolate::Device>> find_devices(const CreateRequest& config);
// What its control group lets it open and make; empty: no more is asked of the kernel than what
// mounts and ids forbid already.
Result<std::vector<sys::DeviceRule>> device_rules(const CreateRequest& config);

}  // namespace tare::engine
