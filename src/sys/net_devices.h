// SPDX-License-Identifier: Apache-2.0
// Network devices that go from our network namespace into another.
#pragma once

#include <string>
#include <vector>

#include "sys/fd.h"

namespace tare::sys {

struct NetDeviceMove {
  std::string name;      // Here.
  std::string new_name;  // There. "%d" in it: the first number that makes it unused.
};

// Whether `network` (an open network namespace) is the one we are in.
Result<bool> is_own_network(int network);

// PRIVILEGED (over both namespaces). Moves the devices into `network`, with their addresses that
// are permanent and of global scope, and sets them up. All are looked at before the first is moved,
// and when one cannot be, those that have been come back. Single-threaded callers only. Errors:
// NotFound (no such device), Exists (the name, there), Denied, what the kernel says of the device.
Result<> move_net_devices(const std::vector<NetDeviceMove>& moves, int network);

}  // namespace tare::sys
