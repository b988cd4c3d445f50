// SPDX-License-Identifier: Apache-2.0
// The helper program tare-child, which is a part of ours: what new processes run.
#pragma once

#include "sys/fd.h"

namespace tare::sys {

// The helper program (src/child) in a file that is sealed: nobody can change it, not even root.
// The error's hint says which setting forbids programs in memory.
Result<Fd> open_helper();

}  // namespace tare::sys
