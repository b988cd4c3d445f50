// SPDX-License-Identifier: Apache-2.0
// Pure decisions about what a container may do: default profile, grants. Facts in, verdicts out.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/seccomp_profile.h"

namespace tare::policy {

// Capabilities by name, "CAP_CHOWN", "chown", "ALL". [capabilities(7)]
Result<std::uint64_t> parse_capability(std::string_view name);  // A bit set; ALL has many.
std::vector<std::string> capability_names(std::uint64_t set);   // "CAP_CHOWN"..., by number.
// The default set for a process of root in a container; others have none.
std::uint64_t default_capabilities();
// Docker's arithmetic of --cap-add and --cap-drop, ALL included. Errors: Invalid with the nearest
// name.
Result<std::uint64_t> combine_capabilities(const std::vector<std::string>& add,
                                           const std::vector<std::string>& drop);

// Weakening has a name. Each is empty and explicit on purpose: `git grep grants::HostNetwork` lists
// every place in the engine that can weaken a container so. Add one only together with its row in
// docs/security-model.md.
namespace grants {
struct HostNetwork {
  static constexpr std::string_view name = "host-network";
};
struct SeccompOff {
  static constexpr std::string_view name = "seccomp-off";
};
struct NewPrivileges {
  static constexpr std::string_view name = "new-privileges";
};
struct ExtraCapabilities {
  static constexpr std::string_view name = "extra-capabilities";
};
struct CallerId {  // Root in the container is the calling user (bind mounts as an ordinary user).
  static constexpr std::string_view name = "caller-id";
};
struct SharedIds {  // Ids that all containers with volumes of an ordinary user have.
  static constexpr std::string_view name = "shared-ids";
};
struct UnmaskedPaths {
  static constexpr std::string_view name = "unmasked-paths";
};
struct HostUsers {  // No user namespace of its own: an id inside is the same id outside.
  static constexpr std::string_view name = "host-users";
};
struct HostIds {  // Ids of the host, or of other users, that were named.
  static constexpr std::string_view name = "host-ids";
};
struct HostProcesses {
  static constexpr std::string_view name = "host-pid";
};
struct HostIpc {
  static constexpr std::string_view name = "host-ipc";
};
struct HostNames {
  static constexpr std::string_view name = "host-uts";
};
struct HostGroups {
  static constexpr std::string_view name = "host-cgroup";
};
struct HostDevice {  // Devices that were named, or with `privileged` all.
  static constexpr std::string_view name = "host-device";
};
struct WritableSystem {
  static constexpr std::string_view name = "writable-sys";
};
struct WritableGroups {  // Its own control group is its to divide.
  static constexpr std::string_view name = "writable-cgroups";
};
struct Privileged {  // Stands beside the single ones that it means.
  static constexpr std::string_view name = "privileged";
};
}  // namespace grants

class Grants {
 public:
  struct Entry {
    std::string name;
    std::string because;  // The flag or the fact that asked for it.
  };
  template <typename G>
  Grants& allow(std::string because) {
    entries_.push_back({std::string(G::name), std::move(because)});
    return *this;
  }
  template <typename G>
  bool has() const {
    for (const Entry& entry : entries_)
      if (entry.name == G::name) return true;
    return false;
  }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

// The default seccomp filter for a process with these capabilities (some calls follow from a
// capability, as mount from SYS_ADMIN), compiled for this machine's architecture, unknown calls
// ENOSYS. Data: profiles/seccomp/default.json, each entry with its "because", turned into tables at
// build time.
Result<std::vector<sock_filter>> default_seccomp(std::uint64_t capabilities);

struct CompiledSeccomp {
  std::vector<sock_filter> program;
  unsigned flags = 0;  // SECCOMP_FILTER_FLAG_*, for seccomp(2) as they are.
  // Where the descriptor that seccomp(2) returns has to be sent, when `flags` ask for one. From
  // then on calls may wait for an answer: also those of the caller, which send it.
  struct Listener {
    std::string path;
    std::string metadata;
  };
  std::optional<Listener> listener;
};
// `linux.seccomp` of a runtime configuration, with the verdicts of runc and libseccomp:
// - the machine's own ABI is always there, others when listed; any other kills the process;
// - names that an ABI does not know are left out, of others nothing is said;
// - unless the default lets calls through, numbers above all that the profile names are answered
//   ENOSYS: its author cannot have known them. [runc libcontainer/seccomp/patchbpf]
// Errors: Invalid (names of flags; NOTIFY as default or without listenerPath; too many rules),
// Unsupported (an architecture whose numbers are not in profiles/seccomp/syscalls.txt).
Result<CompiledSeccomp> compile_oci_seccomp(const oci::SeccompProfile& profile);
// The names that such profiles may use here.
std::vector<std::string> seccomp_architectures();  // "SCMP_ARCH_X86_64"...
std::vector<std::string> seccomp_flags();          // "SECCOMP_FILTER_FLAG_LOG"...
// A profile in Docker's JSON format (--security-opt seccomp=FILE), with the other ABIs that its
// archMap lists for this machine. Errors: as above, and Unsupported (flags and NOTIFY).
Result<std::vector<sock_filter>> compile_docker_profile(std::string_view json,
                                                        std::uint64_t capabilities);

// Paths hidden or read-only in every container: profiles/paths.json.
std::vector<std::string> masked_paths();
std::vector<std::string> read_only_paths();

}  // namespace tare::policy
