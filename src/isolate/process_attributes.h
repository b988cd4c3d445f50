// SPDX-License-Identifier: Apache-2.0
// What the parent sets for a new process that waits: it has rights over it that the process itself
// gives up, or can do it only from outside.
#pragma once

#include <functional>

#include "isolate/isolate.h"

namespace tare::isolate {

// Before it is moved to its cgroup: the processors it may use until then. [runtime-spec 1.2
// config.md, "execCPUAffinity"]
Result<> apply_before_cgroup(int pid, const Process& process);
// Everything else: resource limits that go up, score for the out-of-memory killer, scheduler, I/O
// priority, processors. `warn` may be empty.
Result<> apply_attributes(int pid, const Process& process,
                          const std::function<void(const std::string&)>& warn);

}  // namespace tare::isolate
