// SPDX-License-Identifier: Apache-2.0
// "mounts" and "linux.devices" of a runtime configuration.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "front/oci/log.h"
#include "front/oci/spec.h"
#include "oci/mount_options.h"
#include "sys/files.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace tare::front_oci {
namespace {

using isolate::MountKind;

std::uint64_t flags_of(const oci::MountPropagation& propagation) {
  constexpr std::array<std::uint64_t, 4> kFlags{MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE};
  return kFlags[static_cast<std::size_t>(propagation.type)] | (propagation.recursive ? MS_REC : 0);
}

sys::IdMap make_map(const std::vector<oci::IdMapping>& mappings) {
  sys::IdMap map;
  for (const oci::IdMapping& mapping : mappings)
    map.ranges.push_back(
        {.inside = mapping.container_id, .outside = mapping.host_id, .count = mapping.size});
  return map;
}

// The mount's own mapping, else the container's. [runtime-spec 1.2 config.md, "idmap"]
Result<> map_ids(int mount, const oci::Mount& from, const oci::MountOptions& options,
                 const isolate::Spec& spec) {
  const bool own = !from.uid_mappings.empty();
  if (options.idmap == oci::IdMap::None && !own) return {};
  const sys::IdMap uids = own ? make_map(from.uid_mappings) : spec.uids;
  const sys::IdMap gids = own ? make_map(from.gid_mappings) : spec.gids;
  if (uids.ranges.empty() || gids.ranges.empty())
    return fail(Kind::Invalid,
                "option idmap needs mappings: the mount's own, or those of a user "
                "namespace of the container");
  const sys::Fd users = TRY(sys::make_user_namespace(uids, gids));
  return sys::idmap_mount(mount, users.get(), options.idmap == oci::IdMap::Recursive);
}

Result<> change(int mount, const oci::MountAttributes& attributes, bool recursive) {
  if (attributes.set == 0 && attributes.clear == 0) return {};
  return sys::set_mount_attributes(mount, attributes.set, attributes.clear, recursive);
}

Result<> make_bind(isolate::Mount& to, const oci::Mount& from, const oci::MountOptions& options,
                   const isolate::Spec& spec, const std::string& bundle) {
  to.kind = MountKind::Bind;
  to.source_is_ready = true;
  // Engines write options of the file system beside "bind"; they have no meaning there.
  for (const auto& [key, value] : options.superblock)
    log().warn("mount at " + quoted(from.destination) + ": option " + quoted(key) +
               " means nothing for a bind mount");
  const std::string path = from.source.starts_with('/') ? from.source : bundle + "/" + from.source;
  const sys::Fd source = TRY(sys::open_path(path, O_PATH));
  struct stat status{};
  if (::fstat(source.get(), &status) != 0) return fail_errno("look at " + quoted(path));
  to.source_is_directory = S_ISDIR(status.st_mode);
  to.source = TRY(sys::clone_mount(source.get(), options.bind_recursive));
  const int mount = to.source.get();
  // SECURITY: mounts that the container makes below it stay its own unless "shared" is asked for.
  if (options.propagation.empty()) TRY(sys::set_mount_propagation(mount, MS_PRIVATE | MS_REC));
  for (const oci::MountPropagation& propagation : options.propagation)
    TRY(sys::set_mount_propagation(mount, flags_of(propagation)));
  TRY(map_ids(mount, from, options, spec));
  TRY(change(mount, options.recursive, true));
  return change(mount, options.own, false);
}

bool has_selinux() { return ::access("/sys/fs/selinux/enforce", F_OK) == 0; }

void make_file_system(isolate::Mount& to, const oci::Mount& from, const oci::MountOptions& options,
                      const std::string& label) {
  to.kind =
      from.type == "cgroup" || from.type == "cgroup2" ? MountKind::Cgroups : MountKind::FileSystem;
  to.type = from.type;
  to.source_name = from.source;
  to.options = options.superblock;
  to.attributes = options.own.set | options.recursive.set;
  to.copy_up = options.tmpcopyup;
  if (!options.propagation.empty()) to.propagation = flags_of(options.propagation.back());
  const bool labelled = from.type != "proc" && from.type != "sysfs" && from.type != "mqueue" &&
                        to.kind == MountKind::FileSystem;
  if (!label.empty() && labelled) to.options.emplace_back("context", label);
}

Result<isolate::Mount> make_mount(const oci::Mount& from, const isolate::Spec& spec,
                                  const std::string& bundle, const std::string& label) {
  const oci::MountOptions options = TRY(oci::parse_mount_options(from.options));
  if (options.remount)
    return fail(Kind::Unsupported, "option remount: nothing is mounted there before");
  isolate::Mount to;
  to.target = from.destination;
  if (options.bind || from.type == "bind") {
    TRY(make_bind(to, from, options, spec, bundle));
    return to;
  }
  if (from.type.empty()) return fail(Kind::Invalid, "neither a type nor the option bind is given");
  if (options.idmap != oci::IdMap::None || !from.uid_mappings.empty())
    return fail(Kind::Unsupported, "only bind mounts can have their ids mapped");
  make_file_system(to, from, options, label);
  return to;
}

std::string usable_label(const std::string& label) {
  if (label.empty() || has_selinux()) return label;
  log().warn("linux.mountLabel is ignored: this kernel has no SELinux");
  return {};
}

bool is_at_dev(const std::string& destination) {
  std::vector<std::string> parts = split(destination, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  return parts.size() == 1 && parts[0] == "dev";
}

isolate::Device make_device(const oci::DeviceNode& node) {
  const std::uint32_t type = node.type == 'b' ? S_IFBLK : node.type == 'p' ? S_IFIFO : S_IFCHR;
  return {.path = node.path,
          .mode = type | node.file_mode.value_or(0666),
          .major = node.type == 'p' ? 0 : node.major,
          .minor = node.type == 'p' ? 0 : node.minor,
          .uid = node.uid.value_or(0),
          .gid = node.gid.value_or(0)};
}

// The devices that every container has, unless the configuration has its own at that path.
// [runtime-spec 1.2 config-linux, "Default Devices"]
void add_devices(isolate::Spec& spec, const oci::RuntimeConfig& config) {
  struct Usual {
    const char* path;
    unsigned major;
    unsigned minor;
  };
  constexpr std::array<Usual, 6> kUsual{{{"/dev/null", 1, 3},
                                         {"/dev/zero", 1, 5},
                                         {"/dev/full", 1, 7},
                                         {"/dev/random", 1, 8},
                                         {"/dev/urandom", 1, 9},
                                         {"/dev/tty", 5, 0}}};
  for (const Usual& usual : kUsual) {
    if (std::ranges::find(config.devices, usual.path, &oci::DeviceNode::path) !=
        config.devices.end())
      continue;
    spec.devices.push_back(
        {.path = usual.path, .mode = S_IFCHR | 0666, .major = usual.major, .minor = usual.minor});
  }
  for (const oci::DeviceNode& node : config.devices) spec.devices.push_back(make_device(node));
}

}  // namespace

Result<> add_mounts(isolate::Spec& spec, const oci::RuntimeConfig& config,
                    const SpecOptions& options) {
  const std::string label = usable_label(config.mount_label);
  bool dev_is_a_bind = false;
  for (const oci::Mount& from : config.mounts) {
    spec.mounts.push_back(
        TRY(make_mount(from, spec, options.bundle, label), "mount at " + quoted(from.destination)));
    if (is_at_dev(from.destination)) dev_is_a_bind = spec.mounts.back().kind == MountKind::Bind;
  }
  // Nothing is made in a /dev that somebody else owns.
  spec.device_links = !dev_is_a_bind;
  if (!dev_is_a_bind) add_devices(spec, config);
  return {};
}

}  // namespace tare::front_oci
