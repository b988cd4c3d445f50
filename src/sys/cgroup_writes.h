// SPDX-License-Identifier: Apache-2.0
// Private to the cgroup_*.cc files: limits as the writes to control group files that set them.
// Pure, so that what is written can be tested without any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sys/cgroup_limits.h"

namespace tare::sys::cgroups {

// A limit that a version of control groups does not have is a write with `refused`.
struct Write {
  std::string_view limit;  // As messages call it: "the LIMIT limit".
  std::string file;
  std::string value;
  // Another file that means the same on other kernels, tried when `file` is not there.
  std::string other_file = {};
  std::string other_value = {};
  bool optional = false;     // Without the file there is nothing to limit.
  std::string warning = {};  // Not an error when the kernel has it no more: this is said instead.
  std::string refused = {};  // A sentence.
};

enum class Version : std::uint8_t { V1, V2 };

// In this order they are set. "devices" is not among them: see cgroup_devices.h.
struct Controller {
  std::string_view v1;  // Name; "" where version 1 has no such thing.
  std::string_view v2;
  std::vector<Write> (*writes)(const CgroupLimits& limits, Version version);
};
std::vector<Controller> controllers();

// v1 shares 2..262144 to v2 weight 1..10000, the scale that other engines use, too.
// [systemd.resource-control(5); OCI runtime-spec issue 1032]
std::uint64_t weight_of_shares(std::uint64_t shares);
// blkio weight 10..1000 to io.weight 1..10000. [crun(1), "blkIO"]
std::uint64_t io_weight(std::uint64_t weight);

}  // namespace tare::sys::cgroups
