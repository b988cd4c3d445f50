// SPDX-License-Identifier: Apache-2.0
// Loop devices: files as block devices, for file systems that cannot be mounted from a file.
#pragma once

#include <string>

#include "sys/fd.h"

namespace tare::sys {

struct LoopDevice {
  Fd device;         // The device is there for as long as this, or a mount of it.
  std::string path;  // "/dev/loop3"
};

// A read-only loop device of `file` (borrowed). It goes by itself with its last user.
// Errors: Unsupported (no loop devices here), Denied. [loop(4), LOOP_CONFIGURE]
Result<LoopDevice> make_loop_device(int file);

}  // namespace tare::sys
