// SPDX-License-Identifier: Apache-2.0
// Limits of this process that only CAP_SYS_RESOURCE may raise, which root of a container or of a
// small virtual machine often does not have.
#pragma once

#include "base/error.h"

namespace tare::sys {

// Whether hard limits of processes may be raised: CAP_SYS_RESOURCE, and over the machine.
bool may_raise_limits();

// How early this process, and what it starts from now on, is killed for want of memory: -1000
// (never) to 1000. Returns the value that is in force: the old one where the new one is not
// allowed. [proc_pid_oom_score_adj(5)]
Result<int> set_oom_score_adj(int value);
Result<int> oom_score_adj();

}  // namespace tare::sys
