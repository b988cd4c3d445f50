// SPDX-License-Identifier: Apache-2.0
#include "oci/runtime_documents.h"

#include <algorithm>

#include "oci/mount_options.h"
#include "oci/runtime_names.h"

namespace tare::oci {
namespace {

using json::Array;
using json::Object;
using json::Value;

Value object(Object members) { return {std::move(members)}; }

Value list(std::initializer_list<const char*> words) {
  Array array;
  for (const char* word : words) array.emplace_back(word);
  return {std::move(array)};
}

Value words(std::span<const NamedNumber> names) {
  Array array;
  for (const NamedNumber& word : names) array.emplace_back(word.name);
  return {std::move(array)};
}

Value enabled(bool whether) { return object({{"enabled", whether}}); }

// --------------------------------------------------------------------------------- default config

Value default_process() {
  const Value capabilities = list({"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"});
  const Value limit = object({{"type", "RLIMIT_NOFILE"}, {"hard", 1024}, {"soft", 1024}});
  return object({
      {"terminal", true},
      {"user", object({{"uid", 0}, {"gid", 0}})},
      {"args", list({"sh"})},
      {"env",
       list({"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"})},
      {"cwd", "/"},
      {"capabilities",
       object(
           {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}})},
      {"rlimits", Array{limit}},
      {"noNewPrivileges", true},
  });
}

Value mount_entry(const char* destination, const char* type, const char* source,
                  std::initializer_list<const char*> options) {
  Value value = object({{"destination", destination}, {"type", type}, {"source", source}});
  if (options.size() != 0) value.set("options", list(options));
  return value;
}

// An ordinary user can neither mount a new sysfs without a network namespace, nor give a terminal
// to the group tty, which has no id in its map.
Array default_mounts(bool rootless) {
  Value pts = mount_entry("/dev/pts", "devpts", "devpts",
                          {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"});
  if (!rootless) pts.find("options")->push("gid=5");
  return {
      mount_entry("/proc", "proc", "proc", {}),
      mount_entry("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      pts,
      mount_entry("/dev/shm", "tmpfs", "shm",
                  {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount_entry("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      rootless ? mount_entry("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"})
               : mount_entry("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
      mount_entry("/sys/fs/cgroup", "cgroup", "cgroup",
                  {"nosuid", "noexec", "nodev", "relatime", "ro"}),
  };
}

Array default_namespaces(bool rootless) {
  Array array;
  for (const char* type : {"pid", "network", "ipc", "uts", "mount", "cgroup", "user"}) {
    const std::string_view name = type;
    if ((rootless && name == "network") || (!rootless && name == "user")) continue;
    array.push_back(object({{"type", type}}));
  }
  return array;
}

Array one_id(std::uint32_t id) {
  return {object({{"containerID", 0}, {"hostID", id}, {"size", 1}})};
}

Value default_linux(bool rootless, std::uint32_t uid, std::uint32_t gid) {
  Value value = object({});
  if (rootless) {
    value.set("uidMappings", one_id(uid));
    value.set("gidMappings", one_id(gid));
  } else {
    const Value nothing = object({{"allow", false}, {"access", "rwm"}});
    value.set("resources", object({{"devices", Array{nothing}}}));
  }
  value.set("namespaces", default_namespaces(rootless));
  value.set("maskedPaths", list({"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                                 "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                                 "/proc/sched_debug", "/sys/firmware", "/proc/scsi"}));
  value.set("readonlyPaths",
            list({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}));
  return value;
}

// --------------------------------------------------------------------------------------- features

Value sorted_namespaces() {
  std::vector<std::string> names;
  for (const NamedNumber& space : kNamespaces) names.emplace_back(space.name);
  std::ranges::sort(names);
  return Value(names);
}

Value seccomp_features(const RuntimeFeatures& features) {
  return object({
      {"enabled", true},
      {"actions", list({"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
                        "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                        "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"})},
      {"operators", list({"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
                          "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"})},
      {"archs", Value(features.seccomp_architectures)},
      {"knownFlags", Value(features.seccomp_flags)},
      {"supportedFlags", Value(features.seccomp_flags_supported)},
  });
}

Value linux_features(const RuntimeFeatures& features) {
  return object({
      {"namespaces", sorted_namespaces()},
      {"capabilities", Value(features.capabilities)},
      {"cgroup", object({{"v1", features.cgroup_v1},
                         {"v2", true},
                         {"systemd", features.systemd},
                         {"systemdUser", features.systemd_user},
                         {"rdma", features.rdma}})},
      {"seccomp", seccomp_features(features)},
      {"apparmor", enabled(features.apparmor)},
      {"selinux", enabled(features.selinux)},
      {"memoryPolicy", object({{"modes", words(kMemoryModes)}, {"flags", words(kMemoryFlags)}})},
      {"intelRdt", enabled(false)},
      {"mountExtensions", object({{"idmap", enabled(true)}})},
      {"netDevices", enabled(features.net_devices)},
  });
}

}  // namespace

Value default_runtime_config(bool rootless, std::uint32_t uid, std::uint32_t gid) {
  return object({
      {"ociVersion", kRuntimeSpecVersion},
      {"process", default_process()},
      {"root", object({{"path", "rootfs"}, {"readonly", true}})},
      {"hostname", "tare"},
      {"mounts", default_mounts(rootless)},
      {"linux", default_linux(rootless, uid, gid)},
  });
}

Value features_document(const RuntimeFeatures& features) {
  Value value = object({
      {"ociVersionMin", kRuntimeSpecOldest},
      {"ociVersionMax", kRuntimeSpecVersion},
      {"hooks", list({"prestart", "createRuntime", "createContainer", "startContainer", "poststart",
                      "poststop"})},
      {"mountOptions", Value(known_mount_options())},
      {"linux", linux_features(features)},
  });
  Object annotations;
  for (const auto& [key, text] : features.annotations) annotations.emplace_back(key, text);
  value.set("annotations", std::move(annotations));
  if (!features.unsafe_annotations.empty())
    value.set("potentiallyUnsafeConfigAnnotations", Value(features.unsafe_annotations));
  return value;
}

}  // namespace tare::oci
