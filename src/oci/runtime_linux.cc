// SPDX-License-Identifier: Apache-2.0
// The object "linux" of a runtime configuration. [runtime-spec 1.3 config-linux.md]
#include <algorithm>

#include "base/text.h"
#include "oci/runtime_names.h"

namespace tare::oci {
namespace {

Result<> read_namespace(const Node& node, std::vector<Namespace>& namespaces) {
  TRY(node.check_object());
  const Node type = node.at("type");
  Namespace space;
  space.type = static_cast<NamespaceType>(TRY(read_word(type, kNamespaces)));
  TRY(read_absolute(node.at("path"), space.path));
  for (const Namespace& other : namespaces)
    if (other.type == space.type)
      return type.wrong(quoted(namespace_name(space.type)) + " is in the list twice");
  namespaces.push_back(std::move(space));
  return {};
}

Result<> read_time_offsets(const Node& node, RuntimeConfig& config) {
  return node.members([&](std::string_view clock, const Node& entry) -> Result<> {
    if (clock != "monotonic" && clock != "boottime")
      return entry.wrong("is no clock with an offset: those are monotonic and boottime");
    TRY(entry.check_object());
    TimeOffset offset;
    TRY(entry.at("secs").read(offset.seconds));
    TRY(entry.at("nanosecs").read(offset.nanoseconds));
    if (offset.nanoseconds >= 1'000'000'000)
      return entry.at("nanosecs").wrong("is a second or more");
    (clock == "monotonic" ? config.monotonic_offset : config.boottime_offset) = offset;
    return {};
  });
}

// [linux/kdev_t.h]
Result<> read_numbers(const Node& node, DeviceNode& device) {
  const Node major = node.at("major");
  const Node minor = node.at("minor");
  TRY(major.require(device.major));
  TRY(minor.require(device.minor));
  if (device.major >= 1U << 12) return major.wrong("is no device number");
  if (device.minor >= 1U << 20) return minor.wrong("is no device number");
  return {};
}

Result<> read_device(const Node& node, DeviceNode& device) {
  TRY(node.check_object());
  const Node path = node.at("path");
  TRY(path.require(device.path));
  TRY(read_absolute(path, device.path));
  const Node type = node.at("type");
  std::string letter;
  TRY(type.require(letter));
  if (letter != "c" && letter != "b" && letter != "u" && letter != "p")
    return type.wrong(quoted(letter) + " is not one of c, b, u and p");
  device.type = letter == "u" ? 'c' : letter[0];
  if (device.type != 'p') TRY(read_numbers(node, device));
  TRY(node.at("fileMode").read(device.file_mode));
  if (device.file_mode) *device.file_mode &= 07777U;
  TRY(node.at("uid").read(device.uid));
  return node.at("gid").read(device.gid);
}

// [linux net/core/dev.c: what a name of an interface may be]
bool is_interface_name(std::string_view name) {
  if (name.empty() || name.size() > 15 || name == "." || name == "..") return false;
  return std::ranges::none_of(
      name, [](unsigned char c) { return c == '/' || c == ':' || std::isspace(c) != 0; });
}

Result<> read_net_devices(const Node& node, std::vector<NetDevice>& devices) {
  return node.members([&](std::string_view host_name, const Node& entry) -> Result<> {
    TRY(entry.check_object());
    NetDevice& device = devices.emplace_back(std::string(host_name), std::string());
    TRY(entry.at("name").read(device.name));
    if (device.name.empty()) device.name = device.host_name;
    for (const std::string& name : {device.host_name, device.name})
      if (!is_interface_name(name))
        return entry.wrong("names " + quoted(name) + ", which no network device can be called");
    // The kernel takes a '%' for the beginning of a pattern. [linux net/core/dev.c]
    const std::size_t mark = device.name.find('%');
    if (mark != std::string::npos && device.name.substr(mark) != "%d")
      return entry.wrong("names " + quoted(device.name) + ", where % may only stand in a last %d");
    return {};
  });
}

Result<> read_propagation(const Node& node, std::optional<RootfsPropagation>& out) {
  static constexpr NamedNumber kWords[] = {{"private", 0},    {"slave", 1},      {"shared", 2},
                                           {"unbindable", 3}, {"rprivate", 4},   {"rslave", 5},
                                           {"rshared", 6},    {"runbindable", 7}};
  if (!node.present() || (node.value().is_string() && node.value().as_string().empty())) return {};
  const std::uint32_t word = TRY(read_word(node, kWords));
  out = RootfsPropagation{static_cast<Propagation>(word % 4), word >= 4};
  return {};
}

Result<> read_paths(const Node& node, std::vector<std::string>& out) {
  return node.each([&](const Node& path) -> Result<> {
    std::string& text = out.emplace_back();
    TRY(path.require(text));
    return read_absolute(path, text);
  });
}

// A name becomes a path below /proc/sys; with no part empty it can neither be "/etc" nor have "..".
Result<> read_sysctls(const Node& node, RuntimeConfig& config) {
  return node.members([&](std::string_view name, const Node& value) -> Result<> {
    std::string dotted(name);
    std::ranges::replace(dotted, '/', '.');
    const std::vector<std::string> parts = split(dotted, '.');
    if (std::ranges::any_of(parts, [](const std::string& part) { return part.empty(); }) ||
        dotted.find('\0') != std::string::npos)
      return value.wrong("is not named as a kernel parameter is");
    return value.require(config.sysctl.emplace_back(name, "").second);
  });
}

Result<> read_personality(const Node& node, std::optional<PersonalityDomain>& out) {
  static constexpr NamedNumber kDomains[] = {{"LINUX", 0x0000}, {"LINUX32", 0x0008}};
  if (!node.present()) return {};
  TRY(node.check_object());
  out = static_cast<PersonalityDomain>(TRY(read_word(node.at("domain"), kDomains)));
  const Node flags = node.at("flags");
  std::vector<std::string> words;
  TRY(flags.read(words));
  if (!words.empty()) return flags.wrong("has a flag, and the specification defines none");
  return {};
}

Result<> check_memory_policy(const Node& node, const MemoryPolicy& policy) {
  const int mode = policy.mode;
  if ((mode == MPOL_DEFAULT || mode == MPOL_LOCAL) && !policy.nodes.empty())
    return node.at("nodes").wrong("must be empty with MPOL_DEFAULT and MPOL_LOCAL");
  if (mode != MPOL_DEFAULT && mode != MPOL_LOCAL && mode != MPOL_PREFERRED && policy.nodes.empty())
    return node.wrong("has no nodes, which its mode needs");
  if ((policy.flags & MPOL_F_STATIC_NODES) != 0 && (policy.flags & MPOL_F_RELATIVE_NODES) != 0)
    return node.at("flags").wrong("has both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES");
  return {};
}

// [set_mempolicy(2)]
Result<> read_memory_policy(const Node& node, std::optional<MemoryPolicy>& out) {
  if (!node.present()) return {};
  TRY(node.check_object());
  MemoryPolicy& policy = out.emplace();
  policy.mode = static_cast<int>(TRY(read_word(node.at("mode"), kMemoryModes)));
  policy.flags = TRY(read_flags(node.at("flags"), kMemoryFlags));
  const Node nodes = node.at("nodes");
  std::string text;
  TRY(nodes.read(text));
  if (!text.empty()) policy.nodes = TRY(parse_number_list(text), nodes.path());
  return check_memory_policy(node, policy);
}

// Names a place in the cgroup tree; what leads up would lead out of the caller's part of it.
Result<> read_cgroups_path(const Node& node, std::string& out) {
  TRY(node.read(out));
  const std::vector<std::string> parts = split(out, '/');
  if (std::ranges::find(parts, "..") != parts.end()) return node.wrong("has '..' in it");
  return {};
}

Result<> read_files(const Node& node, RuntimeConfig& config) {
  TRY(node.at("devices").each([&](const Node& device) -> Result<> {
    return read_device(device, config.devices.emplace_back());
  }));
  TRY(read_propagation(node.at("rootfsPropagation"), config.rootfs_propagation));
  TRY(read_paths(node.at("maskedPaths"), config.masked_paths));
  TRY(read_paths(node.at("readonlyPaths"), config.readonly_paths));
  return node.at("mountLabel").read(config.mount_label);
}

}  // namespace

Result<> read_id_mappings(const Node& node, std::vector<IdMapping>& mappings) {
  return node.each([&](const Node& entry) -> Result<> {
    TRY(entry.check_object());
    IdMapping& mapping = mappings.emplace_back();
    TRY(entry.at("containerID").require(mapping.container_id));
    TRY(entry.at("hostID").require(mapping.host_id));
    TRY(entry.at("size").require(mapping.size));
    // The kernel refuses these with EINVAL; UINT32_MAX itself is no id. [user_namespaces(7)]
    if (mapping.size == 0) return entry.wrong("has a size of 0");
    if (mapping.size > UINT32_MAX - mapping.container_id ||
        mapping.size > UINT32_MAX - mapping.host_id)
      return entry.wrong("passes the largest id, 4294967294");
    return {};
  });
}

Result<> read_linux(const Node& node, RuntimeConfig& config) {
  TRY(node.check_object());
  const Node rdt = node.at("intelRdt");
  if (rdt.present())
    return rdt.wrong("is not supported: this runtime does not use resctrl", Kind::Unsupported);
  TRY(node.at("namespaces").each([&](const Node& space) -> Result<> {
    return read_namespace(space, config.namespaces);
  }));
  TRY(read_id_mappings(node.at("uidMappings"), config.uid_mappings));
  TRY(read_id_mappings(node.at("gidMappings"), config.gid_mappings));
  TRY(read_time_offsets(node.at("timeOffsets"), config));
  TRY(read_net_devices(node.at("netDevices"), config.net_devices));
  TRY(read_cgroups_path(node.at("cgroupsPath"), config.cgroups_path));
  TRY(read_resources(node.at("resources"), config.resources));
  TRY(read_files(node, config));
  TRY(read_sysctls(node.at("sysctl"), config));
  TRY(read_personality(node.at("personality"), config.personality));
  return read_memory_policy(node.at("memoryPolicy"), config.memory_policy);
}

Result<> check_namespaces(const Node& root, const RuntimeConfig& config) {
  const Node node = root.at("linux");
  // Setting these without a namespace would change the runtime's own.
  const bool uts = config.find_namespace(NamespaceType::Uts) != nullptr;
  if (!uts && !config.hostname.empty())
    return root.at("hostname").wrong("is set, but there is no uts namespace in linux.namespaces");
  if (!uts && !config.domainname.empty())
    return root.at("domainname").wrong("is set, but there is no uts namespace in linux.namespaces");
  if (config.find_namespace(NamespaceType::User) == nullptr &&
      (!config.uid_mappings.empty() || !config.gid_mappings.empty()))
    return node.wrong("has id mappings, but no user namespace");
  if (config.find_namespace(NamespaceType::Network) == nullptr && !config.net_devices.empty())
    return node.at("netDevices").wrong("is set, but there is no network namespace");
  if (!config.monotonic_offset && !config.boottime_offset) return {};
  const Namespace* time = config.find_namespace(NamespaceType::Time);
  if (time == nullptr)
    return node.at("timeOffsets").wrong("is set, but there is no time namespace");
  // Offsets are fixed once a process is in the namespace. [time_namespaces(7)]
  if (!time->path.empty())
    return node.at("timeOffsets").wrong("is set, but the time namespace is an existing one");
  return {};
}

}  // namespace tare::oci
