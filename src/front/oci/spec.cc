// SPDX-License-Identifier: Apache-2.0
#include "front/oci/spec.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/text.h"
#include "front/oci/log.h"
#include "sys/mounts.h"
#include "sys/net_devices.h"

namespace tare::front_oci {
namespace {

using isolate::Namespace;
using oci::NamespaceType;

struct Kind2Flag {
  NamespaceType type;
  int flag;
};
constexpr std::array<Kind2Flag, oci::kNamespaceTypes> kFlags{
    {{NamespaceType::Pid, CLONE_NEWPID},
     {NamespaceType::Network, CLONE_NEWNET},
     {NamespaceType::Mount, CLONE_NEWNS},
     {NamespaceType::Ipc, CLONE_NEWIPC},
     {NamespaceType::Uts, CLONE_NEWUTS},
     {NamespaceType::User, CLONE_NEWUSER},
     {NamespaceType::Cgroup, CLONE_NEWCGROUP},
     {NamespaceType::Time, CLONE_NEWTIME}}};

// The file has to be a namespace, and of that kind: setns(2) says only "Invalid argument".
Result<sys::Fd> open_namespace(const oci::Namespace& joined, int flag) {
  sys::Fd fd = TRY(sys::open_path(joined.path, O_RDONLY));
  const int kind = ::ioctl(fd.get(), NS_GET_NSTYPE);
  if (kind < 0 || kind != flag)
    return fail(Kind::Invalid, "linux.namespaces: " + quoted(joined.path) + " is not a " +
                                   std::string(oci::namespace_name(joined.type)) + " namespace");
  return fd;
}

void set_new_namespaces(isolate::Spec& spec, const oci::RuntimeConfig& config) {
  spec.pid = namespace_of(config, NamespaceType::Pid);
  spec.network = namespace_of(config, NamespaceType::Network);
  spec.ipc = namespace_of(config, NamespaceType::Ipc);
  spec.uts = namespace_of(config, NamespaceType::Uts);
  spec.cgroup = namespace_of(config, NamespaceType::Cgroup);
  spec.mount = namespace_of(config, NamespaceType::Mount);
  spec.new_time = namespace_of(config, NamespaceType::Time) == Namespace::New;
}

Result<> add_namespaces(isolate::Spec& spec, const oci::RuntimeConfig& config) {
  set_new_namespaces(spec, config);
  for (const Kind2Flag& kind : kFlags) {
    const oci::Namespace* const found = config.find_namespace(kind.type);
    if (found == nullptr || found->path.empty()) continue;
    sys::Fd joined = TRY(open_namespace(*found, kind.flag), "open the namespace to join");
    spec.joined.push_back({.kind = kind.flag, .fd = std::move(joined)});
  }
  for (const isolate::JoinedNamespace& joined : spec.joined)
    if (joined.kind == CLONE_NEWNET && !config.net_devices.empty() &&
        TRY(sys::is_own_network(joined.fd.get())))
      return fail(Kind::Invalid,
                  "linux.netDevices: the container's network namespace is that of the runtime");
  const auto offset = [&spec](const char* clock, const std::optional<oci::TimeOffset>& value) {
    if (value) spec.time_offsets.push_back({clock, value->seconds, value->nanoseconds});
  };
  offset("monotonic", config.monotonic_offset);
  offset("boottime", config.boottime_offset);
  return {};
}

sys::IdMap make_map(const std::vector<oci::IdMapping>& mappings) {
  sys::IdMap map;
  for (const oci::IdMapping& mapping : mappings)
    map.ranges.push_back(
        {.inside = mapping.container_id, .outside = mapping.host_id, .count = mapping.size});
  return map;
}

Result<> add_ids(isolate::Spec& spec, const oci::RuntimeConfig& config) {
  if (namespace_of(config, NamespaceType::User) != Namespace::New) return {};
  spec.uids = make_map(config.uid_mappings);
  spec.gids = make_map(config.gid_mappings);
  if (!spec.uids.ranges.empty() && !spec.gids.ranges.empty()) return {};
  if (config.find_namespace(NamespaceType::User) == nullptr) return {};
  return fail(Kind::Invalid,
              "linux.uidMappings and linux.gidMappings have to be given with a new user namespace");
}

std::uint64_t propagation_flag(oci::Propagation type) {
  switch (type) {
    case oci::Propagation::Private:
      return MS_PRIVATE;
    case oci::Propagation::Slave:
      return MS_SLAVE;
    case oci::Propagation::Shared:
      return MS_SHARED;
    case oci::Propagation::Unbindable:
      return MS_UNBINDABLE;
  }
  return MS_PRIVATE;
}

// Whoever may mount nothing has not made the namespaces that an ordinary user's engine makes.
Result<sys::Fd> use_root(int place) {
  auto root = sys::clone_mount(place, true);
  if (root || root.error().errnum() != EPERM || ::geteuid() == 0) return root;
  return std::unexpected(std::move(root).error().hint(
      "an ordinary user's runtime is called in a user namespace: "
      "unshare --user --map-root-user --map-auto --mount tare-oci ..., or by "
      "podman, which makes one"));
}

Result<> add_root(isolate::Spec& spec, const oci::RuntimeConfig& config,
                  const SpecOptions& options) {
  const sys::Fd place =
      TRY(sys::open_path(options.rootfs, O_PATH | O_DIRECTORY), "open the root file system");
  spec.root = TRY(use_root(place.get()), "use the root file system");
  std::uint64_t first = MS_PRIVATE;
  if (config.rootfs_propagation) {
    const std::uint64_t flag = propagation_flag(config.rootfs_propagation->type);
    spec.root_propagation = flag | (config.rootfs_propagation->recursive ? MS_REC : 0);
    // What is mounted on the host later reaches slaves; a peer group of its own begins as one.
    if (flag == MS_SLAVE || flag == MS_SHARED) first = MS_SLAVE;
  }
  TRY(sys::set_mount_propagation(spec.root.get(), first | MS_REC));
  spec.read_only_root = config.root.readonly;
  spec.root_devices = true;
  spec.pivot = options.pivot;
  return {};
}

bool is_own(const isolate::Spec& spec, Namespace setting, int flag) {
  return setting == Namespace::New ||
         std::ranges::find(spec.joined, flag, &isolate::JoinedNamespace::kind) != spec.joined.end();
}

// SECURITY: a sysctl that no namespace of the container's own holds is the host's.
// [runc libcontainer/configs/validate; kernel Documentation/admin-guide/sysctl; CVE-2022-0811]
Result<> check_sysctl(const isolate::Spec& spec, const std::string& name) {
  constexpr std::array<std::string_view, 9> kIpc{
      "kernel.msgmax", "kernel.msgmnb",          "kernel.msgmni",
      "kernel.sem",    "kernel.shmall",          "kernel.shmmax",
      "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.shm_next_id"};
  std::string dotted = name;
  std::ranges::replace(dotted, '/', '.');
  const bool ipc =
      dotted.starts_with("fs.mqueue.") || std::ranges::find(kIpc, dotted) != kIpc.end();
  if (ipc && is_own(spec, spec.ipc, CLONE_NEWIPC)) return {};
  if (dotted.starts_with("net.") && is_own(spec, spec.network, CLONE_NEWNET)) return {};
  if (dotted == "kernel.domainname" && is_own(spec, spec.uts, CLONE_NEWUTS)) return {};
  return std::unexpected(
      Error(Kind::Denied, "linux.sysctl: " + quoted(name) +
                              " is not a property of a namespace that the container has of its own")
          .hint("it would be changed for the whole host"));
}

// "net/ipv4/conf/eth0.1/forwarding" is "net.ipv4.conf.eth0/1.forwarding": the separator is the one
// that comes first. [sysctl(8)]
std::string dotted_sysctl(std::string name) {
  const std::size_t first = name.find_first_of("./");
  if (first == std::string::npos || name[first] == '.') return name;
  for (char& c : name) c = c == '.' ? '/' : (c == '/' ? '.' : c);
  return name;
}

Result<> add_sysctls(isolate::Spec& spec, const oci::RuntimeConfig& config) {
  for (const auto& [given, value] : config.sysctl) {
    if (given.find("..") != std::string::npos)
      return fail(Kind::Invalid, "linux.sysctl: " + quoted(given) + " is not a name");
    const std::string name = dotted_sysctl(given);
    TRY(check_sysctl(spec, name));
    spec.sysctls.emplace_back(name, value);
  }
  return {};
}

// The caller's path, or one of our own that nobody else has.
void add_cgroup(isolate::Spec& spec, const oci::RuntimeConfig& config, const SpecOptions& options) {
  using Reach = sys::Cgroup::Reach;
  sys::Cgroup::Request request{.path = config.cgroups_path,
                               .reach = Reach::Every,
                               .limits = make_limits(config.resources),
                               .systemd = options.systemd_cgroup};
  // Who has the host's users could make and use any device otherwise.
  if (request.limits.devices.empty() && spec.uids.ranges.empty()) {
    request.limits.devices = sys::default_device_rules();
    request.limits.devices.insert(request.limits.devices.begin(), sys::DeviceRule{});
  }
  if (const char* const bus = std::getenv("DBUS_SESSION_BUS_ADDRESS");
      bus != nullptr && ::geteuid() != 0)
    request.bus = bus;
  // Nobody can look for a group whose place they do not know.
  if (request.path.empty()) {
    request.path = options.systemd_cgroup ? ":tare-oci:" + options.id : "tare-oci/" + options.id;
    request.reach = Reach::Needed;
  }
  spec.cgroup_request = std::move(request);
}

}  // namespace

Namespace namespace_of(const oci::RuntimeConfig& config, NamespaceType type) {
  const oci::Namespace* const found = config.find_namespace(type);
  return found != nullptr && found->path.empty() ? Namespace::New : Namespace::Host;
}

std::vector<isolate::Hook> make_hooks(const std::vector<oci::Hook>& hooks) {
  std::vector<isolate::Hook> made;
  for (const oci::Hook& hook : hooks)
    made.push_back({.path = hook.path,
                    .argv = hook.args,
                    .env = hook.env,
                    .timeout_seconds = hook.timeout_s.value_or(0)});
  return made;
}

Result<isolate::Helper> start_helper(const oci::RuntimeConfig& config, std::uint32_t kept_fds) {
  const auto is_other = [](const oci::Namespace& space) {
    return !space.path.empty() || space.type == NamespaceType::Time;
  };
  if (std::ranges::any_of(config.namespaces, is_other)) return isolate::Helper();
  isolate::Spec spec;
  set_new_namespaces(spec, config);
  if (namespace_of(config, NamespaceType::User) == Namespace::New)
    spec.uids = make_map(config.uid_mappings);
  return isolate::start_helper(isolate::new_namespaces(spec), kept_fds);
}

Result<isolate::Spec> make_spec(const oci::RuntimeConfig& config, const SpecOptions& options) {
  isolate::Spec spec;
  spec.warn = [](const std::string& message) { log().warn(message); };
  spec.usual_mounts = false;
  spec.dies_with_parent = false;
  spec.hostname = config.hostname;
  spec.domainname = config.domainname;
  TRY(add_namespaces(spec, config));
  TRY(add_ids(spec, config));
  TRY(add_root(spec, config, options));
  TRY(add_mounts(spec, config, options));
  spec.masked_paths = config.masked_paths;
  spec.read_only_paths = config.readonly_paths;
  TRY(add_sysctls(spec, config));
  add_cgroup(spec, config, options);
  spec.create_hooks = make_hooks(config.hooks.create_container);
  spec.start_hooks = make_hooks(config.hooks.start_container);
  if (config.process) {
    const bool own_users = config.find_namespace(NamespaceType::User) != nullptr;
    spec.process = TRY(make_process(*config.process, own_users));
    // Not for the first process. [runtime-spec 1.2 config.md, "execCPUAffinity"]
    spec.process.cpus_before.clear();
    spec.process.cpus_after.clear();
  }
  if (config.has_seccomp) TRY(add_seccomp(spec.process, config.seccomp), "linux.seccomp");
  spec.process.new_keyring = options.new_keyring;
  spec.process.kept_fds = options.kept_fds;
  if (config.memory_policy)
    spec.process.memory_policy = isolate::MemoryPolicy{
        .mode = config.memory_policy->mode | static_cast<int>(config.memory_policy->flags),
        .nodes = bits_of(config.memory_policy->nodes)};
  if (config.personality)
    spec.process.personality = static_cast<std::uint32_t>(*config.personality);
  return spec;
}

}  // namespace tare::front_oci
