// SPDX-License-Identifier: Apache-2.0
// From a runtime configuration to what isolate is told. Every property is honoured, refused by name
// or, where the specification says so, left with a warning.
#pragma once

#include <string>
#include <vector>

#include "isolate/isolate.h"
#include "oci/runtime_config.h"

namespace tare::front_oci {

struct SpecOptions {
  std::string bundle;  // Absolute.
  std::string rootfs;  // Absolute.
  bool pivot = true;
  bool new_keyring = true;
  bool systemd_cgroup = false;
  std::uint32_t kept_fds = 0;
  std::string id;
};

// The container without its process's seccomp listener, hooks and state. Errors: Invalid,
// Unsupported, Denied, each with the property's name.
Result<isolate::Spec> make_spec(const oci::RuntimeConfig& config, const SpecOptions& options);

// A helper for that container, started while the rest of it is looked at: see isolate.h. Null where
// namespaces are joined, or one of time is made.
Result<isolate::Helper> start_helper(const oci::RuntimeConfig& config, std::uint32_t kept_fds);

// Parts of it: mounts with the devices of /dev, and the limits of update, too.
Result<> add_mounts(isolate::Spec& spec, const oci::RuntimeConfig& config,
                    const SpecOptions& options);
sys::CgroupLimits make_limits(const oci::Resources& resources);

// `own_users`: the process gets its capabilities in a user namespace that is not ours.
Result<isolate::Process> make_process(const oci::Process& process, bool own_users);
// A set of numbers as bits, as the kernel takes processors and memory nodes.
std::vector<unsigned long> bits_of(const std::vector<std::uint32_t>& numbers);
Result<> add_seccomp(isolate::Process& to, const json::Value& seccomp);
// Where a seccomp agent listens; "" without one.
struct SeccompAgent {
  std::string path;
  std::string metadata;
};
Result<SeccompAgent> seccomp_agent(const json::Value& seccomp);

std::vector<isolate::Hook> make_hooks(const std::vector<oci::Hook>& hooks);
isolate::Namespace namespace_of(const oci::RuntimeConfig& config, oci::NamespaceType type);

}  // namespace tare::front_oci
