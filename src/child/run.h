// SPDX-License-Identifier: Apache-2.0
// What a new process does between clone3(2) and execve(2).
//
// POST-FORK. It is a copy of a process whose locks may be held for ever [signal-safety(7)], so
// nothing here allocates, locks, throws or calls a library: system calls, and loops over the plan.
// tools/check-child proves it on the object files.
#pragma once

#include "child/plan.h"

namespace tare::child {

// Never returns. Waits for one byte on the channel first; end of file there means that the parent
// is gone. Any failure is final: a container is not started with one protection missing.
[[noreturn]] void run(const Plan& plan) noexcept;

}  // namespace tare::child
