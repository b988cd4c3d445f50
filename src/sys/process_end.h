// SPDX-License-Identifier: Apache-2.0
// The end of a child that somebody in a container may trace: the tracer hears of it first, and we
// not before they have; they may never listen. [ptrace(2), "Death under ptrace"]
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "base/error.h"

namespace tare::sys {

// Waits for a child that has ended or has just been killed, and buries it. Returns its exit status
// as a shell has it (128 and the signal); nothing when it is not ours to bury after `patience`.
// Errors: waitid(2)'s.
Result<std::optional<int>> bury(int pidfd, std::chrono::milliseconds patience);

// The same, with one second of patience; the status of a child that cannot be buried is what
// /proc/PID/stat says.
Result<int> end_of(pid_t pid, int pidfd);

}  // namespace tare::sys
