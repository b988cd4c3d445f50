// SPDX-License-Identifier: Apache-2.0
// Documents that a runtime prints on request: a configuration to begin with, and what it can do.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "codec/json.h"

namespace tare::oci {

// What `spec` prints: a shell on a terminal in a read-only root file system, with the same content
// as the reference runtime's. `rootless`: one that works for an ordinary user with these ids.
json::Value default_runtime_config(bool rootless, std::uint32_t uid = 0, std::uint32_t gid = 0);

// What differs between builds and is known elsewhere.
struct RuntimeFeatures {
  std::vector<std::string> capabilities;           // "CAP_CHOWN"
  std::vector<std::string> seccomp_architectures;  // "SCMP_ARCH_X86_64"
  std::vector<std::string> seccomp_flags;          // That are known.
  std::vector<std::string> seccomp_flags_supported;
  bool cgroup_v1 = true;
  bool systemd = false;
  bool systemd_user = false;
  bool rdma = false;
  bool apparmor = false;
  bool selinux = false;
  bool net_devices = false;
  std::map<std::string, std::string> annotations;
  // Annotations of a container that change what the runtime does; "prefix." for many.
  std::vector<std::string> unsafe_annotations;
};

// What `features` prints. [runtime-spec 1.3 features.md, features-linux.md]
json::Value features_document(const RuntimeFeatures& features);

}  // namespace tare::oci
