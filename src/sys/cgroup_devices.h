// SPDX-License-Identifier: Apache-2.0
// Private to the cgroup_*.cc files: which devices a group's processes may open and make.
#pragma once

#include <linux/bpf.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sys/cgroup_limits.h"

namespace tare::sys::cgroups {

// Writes to devices.allow and devices.deny, in order. nullopt: version 1 cannot express the rules,
// because it keeps a list of exceptions to one default, and a rule that takes a part out of an
// earlier one would do nothing. What no rule names is denied. [cgroup-v1/devices.rst]
struct DeviceWrite {
  bool allow = false;
  std::string value;
  bool operator==(const DeviceWrite&) const = default;
};
std::optional<std::vector<DeviceWrite>> device_writes(const std::vector<DeviceRule>& rules);

// The same decision as a program of type BPF_PROG_TYPE_CGROUP_DEVICE: r0 is 1 when all of the
// access that is asked for is allowed, each kind by the last rule that names it.
std::vector<bpf_insn> compile_device_rules(const std::vector<DeviceRule>& rules);

// Attaches the program to a group of version 2, in the place of one that we attached before.
// Errors: Unsupported (the kernel has no such programs), Denied.
Result<> attach_device_program(const std::string& directory, const std::vector<DeviceRule>& rules);
Result<> set_devices_v1(const std::string& directory, const std::vector<DeviceWrite>& writes);

}  // namespace tare::sys::cgroups
