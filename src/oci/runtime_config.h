// SPDX-License-Identifier: Apache-2.0
// The container configuration that other engines hand to an OCI runtime: `config.json` of a bundle,
// the process of `exec --process` and the resources of `update --resources`, read strictly.
// [runtime-spec 1.3 config.md and config-linux.md]
//
// What is optional in the specification and has no neutral value is a std::optional here. Members
// of the object "linux" stand in RuntimeConfig itself, because Linux is the only platform (and
// because `linux` is a macro of GNU C++).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "codec/json.h"

namespace tare::oci {

// The newest version whose properties are all known here, and the oldest that is accepted.
inline constexpr std::string_view kRuntimeSpecVersion = "1.3.0";
inline constexpr std::string_view kRuntimeSpecOldest = "1.0.0";

struct IdMapping {  // [config-linux.md "User namespace mappings"]
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;  // > 0; neither range passes the end of 32 bits.
  bool operator==(const IdMapping&) const = default;
};

struct Root {
  std::string path;  // Not empty; relative to the bundle unless absolute.
  bool readonly = false;
};

struct Mount {
  std::string destination;  // Always absolute: a relative one is put below "/". ".." may be in it.
  std::string type;         // Empty when not given.
  std::string source;       // Empty when not given; relative to the bundle in a bind mount.
  std::vector<std::string> options;     // See oci/mount_options.h.
  std::vector<IdMapping> uid_mappings;  // Both empty or both not.
  std::vector<IdMapping> gid_mappings;
};

// ------------------------------------------------------------------------------------- process

struct ConsoleSize {
  std::uint16_t height = 0;
  std::uint16_t width = 0;
};

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> umask;  // At most 0777.
  std::vector<std::uint32_t> additional_gids;
};

// Names as written ("CAP_KILL"); which of them exist is for the reader to find out, and unknown
// ones are no error but a warning. [config.md "Linux Process", capabilities]
struct Capabilities {
  std::vector<std::string> bounding;
  std::vector<std::string> effective;
  std::vector<std::string> inheritable;
  std::vector<std::string> permitted;
  std::vector<std::string> ambient;
};

struct Rlimit {
  int resource = 0;        // RLIMIT_*; each at most once in the list.
  std::string name;        // "RLIMIT_NOFILE", for messages.
  std::uint64_t soft = 0;  // UINT64_MAX: no limit.
  std::uint64_t hard = 0;  // >= soft.
};

struct Scheduler {           // [sched_setattr(2)]
  std::uint32_t policy = 0;  // SCHED_*
  std::uint64_t flags = 0;   // SCHED_FLAG_*
  std::int32_t nice = 0;
  std::int32_t priority = 0;
  std::uint64_t runtime_ns = 0;  // These three only with SCHED_DEADLINE.
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

enum class IoClass : std::uint8_t { RealTime = 1, BestEffort = 2, Idle = 3 };  // IOPRIO_CLASS_*
struct IoPriority {
  IoClass io_class = IoClass::BestEffort;
  std::uint8_t priority = 0;  // 0 to 7
};

// Sets of processors as sorted lists without duplicates; empty: not asked for.
struct CpuAffinity {
  std::vector<std::uint32_t> initial;  // While the process moves into the container's cgroup.
  std::vector<std::uint32_t> final;    // From then on.
};

struct Process {
  bool terminal = false;
  std::optional<ConsoleSize> console_size;  // Only with `terminal`.
  User user;
  std::vector<std::string> args;             // May be empty: whoever starts it must refuse that.
  std::vector<std::string> env;              // "K=V"
  std::string cwd;                           // Absolute.
  std::optional<Capabilities> capabilities;  // Absent: not to be changed; given empty: none.
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile;               // Empty: not asked for.
  std::string selinux_label;                  // Empty: not asked for.
  std::optional<std::int32_t> oom_score_adj;  // -1000 to 1000
  std::optional<Scheduler> scheduler;
  std::optional<IoPriority> io_priority;
  CpuAffinity exec_cpu_affinity;
};

// --------------------------------------------------------------------------------------- hooks

struct Hook {
  std::string path;               // Absolute, in the runtime's mount namespace (startContainer: in
                                  // the container's).
  std::vector<std::string> args;  // With argv[0]; empty: the path alone.
  std::vector<std::string> env;   // The whole environment.
  std::optional<std::uint32_t> timeout_s;  // > 0
};

struct Hooks {  // Run in the listed order. [runtime.md "Lifecycle", config.md "POSIX-platform
                // Hooks"]
  std::vector<Hook> prestart;
  std::vector<Hook> create_runtime;
  std::vector<Hook> create_container;
  std::vector<Hook> start_container;
  std::vector<Hook> poststart;
  std::vector<Hook> poststop;
};

// --------------------------------------------------------------------------------- linux.resources

struct DeviceRule {
  bool allow = false;
  char type = 'a';                     // 'a' (all), 'c' or 'b'
  std::optional<std::uint32_t> major;  // Absent: all. (-1 is read as absent.)
  std::optional<std::uint32_t> minor;
  bool read = false;
  bool write = false;
  bool mknod = false;
  bool operator==(const DeviceRule&) const = default;
};

// -1 is "no limit" in every member that is signed.
struct MemoryLimits {
  std::optional<std::int64_t> limit;
  std::optional<std::int64_t> reservation;
  std::optional<std::int64_t> swap;  // Memory and swap together.
  std::optional<std::int64_t> kernel;
  std::optional<std::int64_t> kernel_tcp;
  std::optional<std::uint64_t> swappiness;  // 0 to 100
  std::optional<bool> disable_oom_killer;
  std::optional<bool> use_hierarchy;
  std::optional<bool> check_before_update;
  bool operator==(const MemoryLimits&) const = default;
};

struct CpuLimits {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;   // Microseconds, as all times here; <= 0: no limit.
  std::optional<std::uint64_t> burst;  // <= quota when that is > 0.
  std::optional<std::uint64_t> period;
  std::optional<std::int64_t> realtime_runtime;
  std::optional<std::uint64_t> realtime_period;
  std::string cpus;  // "0-3,7", checked; empty: not asked for.
  std::string mems;
  std::optional<std::int64_t> idle;
  bool operator==(const CpuLimits&) const = default;
};

struct BlockWeight {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::optional<std::uint16_t> weight;  // At least one of both.
  std::optional<std::uint16_t> leaf_weight;
  bool operator==(const BlockWeight&) const = default;
};

struct BlockThrottle {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t rate = 0;  // Bytes or operations a second.
  bool operator==(const BlockThrottle&) const = default;
};

struct BlockIoLimits {
  std::optional<std::uint16_t> weight;
  std::optional<std::uint16_t> leaf_weight;
  std::vector<BlockWeight> weight_device;
  std::vector<BlockThrottle> read_bps;
  std::vector<BlockThrottle> write_bps;
  std::vector<BlockThrottle> read_iops;
  std::vector<BlockThrottle> write_iops;
  bool operator==(const BlockIoLimits&) const = default;
};

struct HugepageLimit {
  std::string page_size;  // "2MB": safe as part of a file's name.
  std::uint64_t limit = 0;
  bool operator==(const HugepageLimit&) const = default;
};

struct NetworkClass {
  std::optional<std::uint32_t> class_id;
  std::vector<std::pair<std::string, std::uint32_t>> priorities;  // Interface, priority.
  bool operator==(const NetworkClass&) const = default;
};

struct RdmaLimit {
  std::optional<std::uint32_t> hca_handles;  // At least one of both.
  std::optional<std::uint32_t> hca_objects;
  bool operator==(const RdmaLimit&) const = default;
};

// A part that is equal to its default was not given, or given empty, which means the same.
struct Resources {
  std::vector<DeviceRule> devices;  // To be applied in order.
  MemoryLimits memory;
  CpuLimits cpu;
  std::optional<std::int64_t>
      pids_limit;  // -1: no limit; 0 is a limit. (update's 0: see the caller)
  BlockIoLimits block_io;
  std::vector<HugepageLimit> hugepage_limits;
  NetworkClass network;
  std::map<std::string, RdmaLimit> rdma;  // By device.
  // File of cgroup v2 ("memory.high", never with a slash) and what to write, in the given order.
  std::vector<std::pair<std::string, std::string>> unified;
  bool operator==(const Resources&) const = default;
};

// --------------------------------------------------------------------------------------- linux

enum class NamespaceType : std::uint8_t { Pid, Network, Mount, Ipc, Uts, User, Cgroup, Time };
inline constexpr std::size_t kNamespaceTypes = 8;
std::string_view namespace_name(NamespaceType type);  // "network", as in config.json.

struct Namespace {
  NamespaceType type = NamespaceType::Pid;
  std::string path;  // Empty: a new one; else absolute.
};

struct TimeOffset {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;  // < 10^9
};

struct DeviceNode {
  std::string path;  // Absolute, in the container.
  char type = 'c';   // 'c', 'b' or 'p'; 'u' is read as 'c', which it is.
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::optional<std::uint32_t> file_mode;  // The permission bits; others are cut off.
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

struct NetDevice {
  std::string host_name;
  std::string name;  // In the container; the host's name when not given. May hold "%d".
};

// [personality(2)] No flags are defined by the specification; any is refused.
enum class PersonalityDomain : std::uint32_t { Linux = 0x0000, Linux32 = 0x0008 };

struct MemoryPolicy {                // [set_mempolicy(2)]
  int mode = 0;                      // MPOL_*
  unsigned flags = 0;                // MPOL_F_*, to be or-ed into mode.
  std::vector<std::uint32_t> nodes;  // Sorted, without duplicates.
};

enum class Propagation : std::uint8_t { Private, Slave, Shared, Unbindable };
struct RootfsPropagation {
  Propagation type = Propagation::Private;
  bool recursive = false;  // "rslave"; not in the specification, but what engines write.
};

struct RuntimeConfig {
  std::string oci_version;
  Root root;
  std::vector<Mount> mounts;
  std::optional<Process> process;  // Absent: nothing to start. [config.md "Process"]
  std::string hostname;            // Empty: not asked for. Only with a UTS namespace.
  std::string domainname;
  Hooks hooks;
  std::map<std::string, std::string> annotations;

  // "linux"
  std::vector<Namespace> namespaces;    // Each type at most once; what is missing is inherited.
  std::vector<IdMapping> uid_mappings;  // Only with a user namespace.
  std::vector<IdMapping> gid_mappings;
  std::optional<TimeOffset> monotonic_offset;  // Only with a time namespace of our own.
  std::optional<TimeOffset> boottime_offset;
  std::vector<DeviceNode> devices;
  std::vector<NetDevice> net_devices;  // Only with a network namespace.
  std::string cgroups_path;            // Empty: not asked for.
  Resources resources;
  bool has_seccomp = false;
  json::Value seccomp;  // "linux.seccomp" as it came, an object; see oci/seccomp_profile.h.
  std::optional<RootfsPropagation> rootfs_propagation;
  std::vector<std::string> masked_paths;                    // Absolute.
  std::vector<std::string> readonly_paths;                  // Absolute.
  std::string mount_label;                                  // Empty: not asked for.
  std::vector<std::pair<std::string, std::string>> sysctl;  // Name ("net.core.somaxconn"), value.
  std::optional<PersonalityDomain> personality;
  std::optional<MemoryPolicy> memory_policy;

  // nullptr when the container inherits the runtime's namespace of this type.
  const Namespace* find_namespace(NamespaceType type) const;
};

// All three: members that are not known are ignored, as the specification demands [config.md
// "Extensibility"], and so are members that are null. Errors: Invalid with the member's path
// ("linux.resources.memory.limit: not a whole number"); Unsupported for properties that this
// runtime cannot honour (other platforms' sections, linux.intelRdt, process.commandLine).
Result<RuntimeConfig> parse_runtime_config(std::string_view text);
Result<Process> parse_process(std::string_view text);
Result<Resources> parse_resources(std::string_view text);

// "0-3,7": sorted, without duplicates. Numbers are below 8192 (the kernel's greatest NR_CPUS).
// Errors: Invalid, also for an empty list.
Result<std::vector<std::uint32_t>> parse_number_list(std::string_view text);

}  // namespace tare::oci
