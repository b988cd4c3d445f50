// SPDX-License-Identifier: Apache-2.0
// The words of the runtime configuration and the kernel's numbers for them. The numbers that the
// kernel headers of Debian 12 lack are written out. Private to this room.
#pragma once

#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "oci/node.h"
#include "oci/runtime_config.h"

namespace tare::oci {

struct NamedNumber {
  std::string_view name;
  std::uint32_t number;
};

// The number of the word that `node` holds. Errors: Invalid, with the words that there are.
Result<std::uint32_t> read_word(const Node& node, std::span<const NamedNumber> words);
// The or of the numbers of a list of words.
Result<std::uint32_t> read_flags(const Node& node, std::span<const NamedNumber> words);

inline constexpr std::array<NamedNumber, 16> kRlimits = {{
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
}};

inline constexpr std::uint32_t kSchedIso = 4;  // Reserved by <linux/sched.h>, never implemented.
inline constexpr std::array<NamedNumber, 7> kSchedulers = {{
    {"SCHED_OTHER", SCHED_NORMAL},
    {"SCHED_FIFO", SCHED_FIFO},
    {"SCHED_RR", SCHED_RR},
    {"SCHED_BATCH", SCHED_BATCH},
    {"SCHED_ISO", kSchedIso},
    {"SCHED_IDLE", SCHED_IDLE},
    {"SCHED_DEADLINE", SCHED_DEADLINE},
}};
inline constexpr std::array<NamedNumber, 7> kSchedulerFlags = {{
    {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
    {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
    {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
    {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
}};

inline constexpr std::array<NamedNumber, 3> kIoClasses = {{
    {"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
    {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
    {"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
}};

inline constexpr std::uint32_t kWeightedInterleave = 6;  // MPOL_WEIGHTED_INTERLEAVE, Linux 6.9.
inline constexpr std::array<NamedNumber, 7> kMemoryModes = {{
    {"MPOL_DEFAULT", MPOL_DEFAULT},
    {"MPOL_BIND", MPOL_BIND},
    {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
    {"MPOL_WEIGHTED_INTERLEAVE", kWeightedInterleave},
    {"MPOL_PREFERRED", MPOL_PREFERRED},
    {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
    {"MPOL_LOCAL", MPOL_LOCAL},
}};
inline constexpr std::array<NamedNumber, 3> kMemoryFlags = {{
    {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
    {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
    {"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
}};

// In the order of NamespaceType.
inline constexpr std::array<NamedNumber, kNamespaceTypes> kNamespaces = {{
    {"pid", 0},
    {"network", 1},
    {"mount", 2},
    {"ipc", 3},
    {"uts", 4},
    {"user", 5},
    {"cgroup", 6},
    {"time", 7},
}};

// The parts of a configuration, one file each.
Result<> read_process(const Node& node, Process& process);
Result<> read_hooks(const Node& node, Hooks& hooks);
Result<> read_resources(const Node& node, Resources& resources);
Result<> read_linux(const Node& node, RuntimeConfig& config);
Result<> read_id_mappings(const Node& node, std::vector<IdMapping>& mappings);
// What no single member shows: properties that ask for a namespace that is not there.
Result<> check_namespaces(const Node& root, const RuntimeConfig& config);
// A string that must begin with a slash when it is there. Errors: Invalid.
Result<> read_absolute(const Node& node, std::string& out);

}  // namespace tare::oci
