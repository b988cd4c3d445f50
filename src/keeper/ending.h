// SPDX-License-Identifier: Apache-2.0
// What is left to do when a container has ended.
#pragma once

#include "keeper/container.h"
#include "keeper/log.h"

namespace tare::keeper {

// Whether the kernel killed a process of these groups for want of memory.
// [cgroup-v2.rst, memory.events; cgroup-v1/memory.rst, memory.oom_control]
bool had_oom_kill(const Options& options);

// dir/exit, in one step. Without `durable` it may be lost with the power. On a full disk the oldest
// log makes room. False: it could not be written.
bool write_exit(const Options& options, Log& log, const ExitPayload& exit, bool durable);

// Kills what is still in the container's groups and removes them, groups that the container made
// below included. Tries for two seconds, because dead processes take a moment to leave.
void remove_cgroups(const Options& options);

// Replaces this process by the program; returns when that is impossible.
void exec_program(const Program& program, char** environment);

}  // namespace tare::keeper
