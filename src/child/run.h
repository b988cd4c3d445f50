// SPDX-License-Identifier: Apache-2.0
// What the helper program does, from its start to the execve(2) of what was asked for. It allocates
// nothing, has no C library, and its own program is a sealed file in memory: what a container can
// reach of it by /proc/self/exe is worth nothing to anybody. [CVE-2019-5736]
#pragma once

#include "child/plan.h"

namespace tare::child {

// Makes the CLONE_NEW* of `namespaces`, says that it runs and takes the plan from the parent, who
// is at the other end of `channel`; end of file there means that it is gone. The plan's descriptors
// are the process's own then.
Plan& receive_plan(int channel, std::uint64_t namespaces) noexcept;

// Makes a user namespace, says at `channel` that it is in there (a 32-bit 0, or the negative errno
// value), and is there until the parent closes its end. Returns the exit status.
int hold_user_namespace(int channel) noexcept;

// Never returns. Any failure is final: a container is not started with one protection missing.
[[noreturn]] void run(const Plan& plan) noexcept;

}  // namespace tare::child
