// SPDX-License-Identifier: Apache-2.0
#include "engine/grants.h"

#include <algorithm>

#include "base/text.h"

namespace tare::engine {
namespace {

namespace grants = policy::grants;

bool has_option(const CreateRequest& config, std::string_view start) {
  return std::ranges::any_of(config.security_opt, [start](const std::string& option) {
    return option.starts_with(start);
  });
}

std::string cap_because(const CreateRequest& config) {
  if (!config.cap_add.empty()) return "--cap-add " + join(config.cap_add, ",");
  return config.privileged ? "--privileged" : "--systemd";
}

Result<> add_security_options(policy::Grants& to, const CreateRequest& config) {
  for (const std::string& option : config.security_opt) {
    if (option == "no-new-privileges" || option == "no-new-privileges=true" ||
        option == "no-new-privileges:true")
      continue;  // The default.
    if (option == "no-new-privileges=false" || option == "no-new-privileges:false")
      to.allow<grants::NewPrivileges>("--security-opt " + option);
    else if (option == "seccomp=unconfined" || option == "seccomp:unconfined")
      to.allow<grants::SeccompOff>("--security-opt " + option);
    else if (option == "systempaths=unconfined")
      to.allow<grants::UnmaskedPaths>("--security-opt " + option);
    else if (!option.starts_with("seccomp="))
      return std::unexpected(
          Error(Kind::Invalid, "security option " + quoted(option) + " is not known")
              .hint("known are no-new-privileges=false, seccomp=FILE, seccomp=unconfined and "
                    "systempaths=unconfined"));
  }
  return {};
}

// What --privileged means beside the single flags. Whatever was said about one of them stands.
void add_privileged(policy::Grants& to, const CreateRequest& config) {
  if (!config.privileged) return;
  constexpr const char* kFlag = "--privileged";
  to.allow<grants::Privileged>(kFlag);
  if (!has_option(config, "seccomp")) to.allow<grants::SeccompOff>(kFlag);
  if (!has_option(config, "no-new-privileges")) to.allow<grants::NewPrivileges>(kFlag);
  if (!has_option(config, "systempaths")) to.allow<grants::UnmaskedPaths>(kFlag);
  to.allow<grants::WritableSystem>(kFlag);
  to.allow<grants::WritableGroups>(kFlag);
  if (config.devices.empty()) to.allow<grants::HostDevice>(kFlag);
}

template <typename G>
Result<> add_mode(policy::Grants& to, const char* option, const std::string& mode) {
  if (mode.empty() || mode == "private") return {};
  if (mode == "host") {
    to.allow<G>(std::string("--") + option + " host");
    return {};
  }
  if (mode == "shareable" && std::string_view(option) == "ipc") return {};
  const bool other = mode.starts_with("container:");
  return std::unexpected(
      Error(other ? Kind::Unsupported : Kind::Invalid,
            std::string("--") + option + " " + quoted(mode) +
                (other ? ": the namespaces of another container are not shared" : " is not known"))
          .hint("private and host are there"));
}

Result<> add_namespaces(policy::Grants& to, const CreateRequest& config) {
  if (config.network == "host") to.allow<grants::HostNetwork>("--network host");
  TRY(add_mode<grants::HostProcesses>(to, "pid", config.pid_mode));
  TRY(add_mode<grants::HostIpc>(to, "ipc", config.ipc_mode));
  TRY(add_mode<grants::HostNames>(to, "uts", config.uts_mode));
  return add_mode<grants::HostGroups>(to, "cgroupns", config.cgroupns_mode);
}

bool maps_zero(const std::vector<sys::IdRange>& ranges) {
  return std::ranges::any_of(ranges, [](const auto& range) { return range.outside == 0; });
}

// Other containers have it, too, now or later. One that was made for this one alone is not.
bool is_shared_volume(const MountRequest& mount) {
  return mount.volume_ids || (mount.type == MountType::Volume && !mount.anonymous);
}

void add_users(policy::Grants& to, const CreateRequest& config, const UserNamespace& users,
               const Caller& caller) {
  const std::string because = "--userns " + config.userns;
  const bool initial = sys::in_initial_user_namespace();
  if (!initial && std::ranges::any_of(config.mounts, is_shared_volume))
    to.allow<grants::SharedIds>("volume as an ordinary user");
  if (users.kind == UserNamespace::Kind::Host) to.allow<grants::HostUsers>(because);
  if (!users.uids.empty() || !users.gids.empty()) to.allow<grants::HostIds>(because);
  if (users.kind == UserNamespace::Kind::KeepId ||
      (caller.ordinary_user && users.kind == UserNamespace::Kind::Host) ||
      (!initial && (maps_zero(users.uids) || maps_zero(users.gids)))) {
    to.allow<grants::CallerId>(because);
    return;
  }
  if (initial || users.kind != UserNamespace::Kind::Own) return;  // Bind mounts are id-mapped.
  if (std::ranges::any_of(config.mounts,
                          [](const MountRequest& mount) { return mount.type == MountType::Bind; }))
    to.allow<grants::CallerId>("bind mount as an ordinary user");
  else if (std::ranges::any_of(config.mounts, is_shared_volume))
    to.allow<grants::CallerId>("volume as an ordinary user");
}

}  // namespace

Result<policy::Grants> collect_grants(const CreateRequest& config, const UserNamespace& users,
                                      const Caller& caller) {
  policy::Grants to;
  add_privileged(to, config);
  TRY(add_namespaces(to, config));
  add_users(to, config, users, caller);
  if ((TRY(capabilities_of(config)) & ~policy::default_capabilities()) != 0)
    to.allow<grants::ExtraCapabilities>(cap_because(config));
  TRY(add_security_options(to, config));
  for (const DeviceRequest& device : config.devices)
    to.allow<grants::HostDevice>("--device " + device.source);
  if (config.systemd == Systemd::Always && !config.privileged)
    to.allow<grants::WritableGroups>("--systemd");
  return to;
}

bool has_grant(const Container& container, std::string_view name) {
  return std::ranges::any_of(container.grants,
                             [name](const auto& grant) { return grant.first == name; });
}

Result<std::uint64_t> capabilities_of(const CreateRequest& config) {
  const std::uint64_t all = TRY(policy::parse_capability("ALL"));
  bool drops_all = false;
  for (const std::string& name : config.cap_drop)
    drops_all = drops_all || TRY(policy::parse_capability(name)) == all;
  if (config.privileged && !drops_all)
    return policy::combine_capabilities({"ALL"}, config.cap_drop);
  std::vector<std::string> add = config.cap_add;
  // Taking capabilities from its services is systemd's own doing; without this one none starts that
  // wants it. [capabilities(7), PR_CAPBSET_DROP]
  if (config.systemd == Systemd::Always) add.emplace_back("SETPCAP");
  return policy::combine_capabilities(add, config.cap_drop);
}

bool may_gain_privileges(const CreateRequest& config) {
  bool may = config.privileged;
  for (const std::string& option : config.security_opt) {
    if (!option.starts_with("no-new-privileges")) continue;
    may = option == "no-new-privileges=false" || option == "no-new-privileges:false";
  }
  return may;
}

}  // namespace tare::engine
