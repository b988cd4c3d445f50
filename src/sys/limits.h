// SPDX-License-Identifier: Apache-2.0
// Limits of this process that only CAP_SYS_RESOURCE may raise, which root of a container or of a
// small virtual machine often does not have.
#pragma once

#include "base/error.h"

namespace tare::sys {

// Whether hard limits of processes may be raised: CAP_SYS_RESOURCE, and over the machine.
bool may_raise_limits();

}  // namespace tare::sys
