// SPDX-License-Identifier: Apache-2.0
// Containers and the engine in words: docker's inspect object, the isolation report, info.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>

#include "engine/grants.h"
#include "engine/health_record.h"
#include "engine/network_inspect.h"
#include "engine/record.h"
#include "engine/resources.h"
#include "engine/state.h"
#include "isolate/isolate.h"
#include "policy/policy.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

json::Value strings_or_null(const std::vector<std::string>& values) {
  return values.empty() ? json::Value() : json::Value(values);
}

const char* status_word(Status status) {
  switch (status) {
    case Status::Created:
      return "created";
    case Status::Running:
      return "running";
    case Status::Exited:
      return "exited";
  }
  return "";
}

json::Value state_object(const Container& container) {
  json::Value out;
  out.set("Status", container.paused ? "paused" : status_word(container.status));
  out.set("Running", container.status == Status::Running);
  out.set("Paused", container.paused);
  out.set("Restarting", false);
  out.set("OOMKilled", container.oom_killed);
  out.set("Dead", false);
  out.set("Pid", container.pid);
  out.set("ExitCode", container.exit_code);
  out.set("Error", container.error);
  out.set("StartedAt", rfc3339(container.started_at));
  out.set("FinishedAt", rfc3339(container.finished_at));
  return out;
}

json::Value config_object(const Container& container) {
  const CreateRequest& config = container.config;
  json::Value out;
  out.set("Hostname", config.hostname);
  out.set("Domainname", "");
  out.set("User", config.user);
  out.set("AttachStdin", config.open_stdin);
  out.set("AttachStdout", config.attach_stdout);
  out.set("AttachStderr", config.attach_stderr);
  out.set("Tty", config.tty);
  out.set("OpenStdin", config.open_stdin);
  out.set("StdinOnce", config.open_stdin);
  out.set("Env", json::Value(config.env));
  json::Value exposed = exposed_ports(config);
  if (!exposed.is_null()) out.set("ExposedPorts", std::move(exposed));
  out.set("Cmd", strings_or_null(config.cmd));
  out.set("Image", container.image_name);
  json::Value volumes;
  for (const std::string& path : config.image_volumes) volumes.set(path, json::Object{});
  for (const MountRequest& mount : config.mounts)
    if (mount.type == MountType::Volume && mount.anonymous)
      volumes.set(mount.target, json::Object{});
  out.set("Volumes", std::move(volumes));
  out.set("WorkingDir", config.working_dir);
  out.set("Entrypoint", strings_or_null(config.entrypoint.value_or(std::vector<std::string>())));
  json::Value labels{json::Object{}};
  for (const auto& [key, text] : config.labels) labels.set(key, text);
  out.set("Labels", std::move(labels));
  if (!config.health.test.empty()) out.set("Healthcheck", describe_health_check(config.health));
  out.set("StopSignal", config.stop_signal);
  if (config.stop_timeout_s) out.set("StopTimeout", *config.stop_timeout_s);
  return out;
}

json::Value host_config_object(const Container& container) {
  const CreateRequest& config = container.config;
  json::Value out;
  json::Array binds;
  for (const MountRequest& mount : config.mounts) {
    const bool named = mount.type == MountType::Volume && !mount.anonymous;
    if (mount.type == MountType::Bind || named)
      binds.emplace_back((named ? mount.volume : mount.source) + ":" + mount.target +
                         (mount.read_only ? ":ro" : ""));
  }
  out.set("VolumesFrom", strings_or_null(config.volumes_from));
  out.set("Binds", binds.empty() ? json::Value() : json::Value(std::move(binds)));
  json::Value log;
  log.set("Type", "cri");
  json::Value log_options;
  log_options.set("max-size", std::to_string(config.log_max_bytes));
  log_options.set("max-file", std::to_string(config.log_files));
  log.set("Config", std::move(log_options));
  out.set("LogConfig", std::move(log));
  describe_networks(out, config);
  out.set("AutoRemove", config.auto_remove);
  out.set("CapAdd", strings_or_null(config.cap_add));
  out.set("CapDrop", strings_or_null(config.cap_drop));
  out.set("Privileged", config.privileged);
  out.set("ReadonlyRootfs", config.read_only);
  out.set("SecurityOpt", strings_or_null(config.security_opt));
  out.set("ShmSize", config.shm_bytes);
  describe_resources(out, config);
  out.set("Init", config.init);
  const auto mode = [](const std::string& text) { return text.empty() ? "private" : text; };
  out.set("UsernsMode", mode(config.userns));
  out.set("PidMode", config.pid_mode == "private" ? "" : config.pid_mode);
  out.set("IpcMode", mode(config.ipc_mode));
  out.set("UTSMode", config.uts_mode);
  out.set("CgroupnsMode", mode(config.cgroupns_mode));
  json::Array devices;
  for (const DeviceRequest& device : config.devices) {
    json::Value one;
    one.set("PathOnHost", device.source);
    one.set("PathInContainer", device.target);
    one.set("CgroupPermissions", device.permissions);
    devices.push_back(std::move(one));
  }
  out.set("Devices", std::move(devices));
  const bool masked = !has_grant(container, policy::grants::UnmaskedPaths::name);
  using Paths = std::vector<std::string>;
  out.set("MaskedPaths", json::Value(masked ? policy::masked_paths() : Paths()));
  out.set("ReadonlyPaths", json::Value(masked ? policy::read_only_paths() : Paths()));
  return out;
}

const char* mount_word(MountType type) {
  switch (type) {
    case MountType::Bind:
      return "bind";
    case MountType::Tmpfs:
      return "tmpfs";
    case MountType::Volume:
      return "volume";
  }
  return "";
}

json::Value mounts_array(const Container& container, const std::string& root) {
  json::Array mounts;
  for (const MountRequest& mount : container.config.mounts) {
    const bool volume = mount.type == MountType::Volume;
    json::Value out;
    out.set("Type", mount_word(mount.type));
    if (volume) out.set("Name", mount.volume);
    out.set("Source", volume ? root + "/" + store::volume_data_path(mount.volume) : mount.source);
    out.set("Destination", mount.target);
    if (volume) out.set("Driver", "local");
    out.set("Mode", mount.read_only ? "ro" : "");
    out.set("RW", !mount.read_only);
    out.set("Propagation", volume ? "" : "rprivate");
    mounts.push_back(std::move(out));
  }
  return mounts;
}

// "at most 2048 processes, 64MB of memory"
std::string describe_limits(const CreateRequest& config) {
  std::string out = "no limit of processes";
  for (const auto& [name, limit] : config.ulimits)
    if (name == "nproc")
      out = "at most " + limit.substr(0, limit.find(':')) + " processes of each user inside";
  const Resources& resources = config.resources;
  if (resources.pids_limit.value_or(0) > 0)
    out = fmt::format("at most {} processes", *resources.pids_limit);
  if (resources.memory_bytes != 0) out += ", " + human_size(resources.memory_bytes) + " of memory";
  if (resources.cpus > 0) out += fmt::format(", {:g} processors", resources.cpus);
  return out;
}

// "own user, pid and mount namespaces"
std::string describe_namespaces(const Container& container) {
  namespace grants = policy::grants;
  constexpr std::pair<std::string_view, const char*> kAll[] = {
      {grants::HostUsers::name, "user"},      {grants::HostProcesses::name, "pid"},
      {grants::HostIpc::name, "ipc"},         {grants::HostNames::name, "uts"},
      {grants::HostNetwork::name, "network"}, {grants::HostGroups::name, "cgroup"}};
  std::vector<std::string> own;
  for (const auto& [grant, name] : kAll)
    if (!has_grant(container, grant)) own.emplace_back(name);
  if (own.empty()) return "a mount namespace of its own";
  return "own " + join(own, ", ") + " and mount namespaces";
}

std::string describe_ids(const Container& container) {
  if (has_grant(container, policy::grants::HostUsers::name))
    return "users inside are the same users outside";
  const auto root = container.ids.outside_of(0);
  return fmt::format("root inside is user {} outside, of a range that no other container has",
                     root ? *root : 0);
}

json::Value id_map_array(const std::vector<sys::IdRange>& map) {
  json::Array ranges;
  for (const sys::IdRange& range : map)
    ranges.emplace_back(fmt::format("{}:{}:{}", range.inside, range.outside, range.count));
  return ranges;
}

}  // namespace

Result<json::Value> Engine::inspect(const std::string& name_or_id, bool with_size) const {
  const Container container = TRY(find(name_or_id));
  json::Value out;
  out.set("Id", container.id);
  out.set("Created", rfc3339(container.created_at));
  out.set("Path", container.argv.empty() ? "" : container.argv[0]);
  out.set("Args",
          json::Value(container.argv.empty() ? std::vector<std::string>()
                                             : std::vector<std::string>(container.argv.begin() + 1,
                                                                        container.argv.end())));
  json::Value& now = out.set("State", state_object(container));
  // Scripts ask whether it is there: {{if .State.Health}}.
  now.set("Health", container.health == HealthStatus::None
                        ? json::Value()
                        : describe_health(TRY(state_->health_of(container)), container.health));
  out.set("Image", container.image_id.text());
  out.set("LogPath", state_->container_path(container.id) + "/log/0.log");
  out.set("Name", "/" + container.name);
  out.set("RestartCount", 0);
  out.set("Driver", state_->rootfs.name());
  out.set("Platform", "linux");
  out.set("HostConfig", host_config_object(container));
  if (with_size) out.set("SizeRw", TRY(size(container.id)));
  out.set("Mounts", mounts_array(container, root()));
  out.set("Config", config_object(container));
  out.set("NetworkSettings", TRY(state_->network_settings(container)));
  // Beyond Docker: what isolates it, and what weakens that.
  json::Value tare;
  tare.set("IdMap", id_map_array(container.ids.ranges));
  tare.set("GroupIdMap", id_map_array(container.ids.groups().ranges));
  json::Array grants;
  for (const auto& [name, because] : container.grants) {
    json::Value grant;
    grant.set("Name", name);
    grant.set("Because", because);
    grants.push_back(std::move(grant));
  }
  tare.set("Grants", std::move(grants));
  tare.set("KeeperPid", container.keeper_pid);
  out.set("Tare", std::move(tare));
  return out;
}

std::vector<std::string> Engine::isolation_report(const Container& container) const {
  const CreateRequest& config = container.config;
  std::vector<std::string> out{describe_namespaces(container), describe_ids(container)};
  const auto capabilities = capabilities_of(config);
  bool filtered = true;
  bool may_gain = false;
  for (const auto& [name, because] : container.grants) {
    filtered = filtered && name != policy::grants::SeccompOff::name;
    may_gain = may_gain || name == policy::grants::NewPrivileges::name;
  }
  out.push_back(fmt::format("{} of 41 capabilities, {}, {}, a session keyring of its own",
                            capabilities ? __builtin_popcountll(*capabilities) : 0,
                            filtered ? "a seccomp allow-list" : "no seccomp filter",
                            may_gain ? "new privileges allowed" : "no new privileges"));
  out.push_back(describe_limits(config));
  for (const auto& [name, because] : container.grants)
    out.push_back(fmt::format("weakened by {} ({})", name, escaped(because)));
  return out;
}

Result<json::Value> Engine::info() const {
  json::Value out;
  int running = 0;
  int paused = 0;
  const std::vector<Container> containers = TRY(list());
  for (const Container& container : containers) {
    running += container.status == Status::Running && !container.paused;
    paused += container.paused;
  }
  out.set("Containers", static_cast<std::int64_t>(containers.size()));
  out.set("ContainersRunning", running);
  out.set("ContainersPaused", paused);
  out.set("ContainersStopped", static_cast<std::int64_t>(containers.size()) - running - paused);
  out.set("Images", static_cast<std::int64_t>(TRY(state_->images.list()).size()));
  out.set("Driver", state_->rootfs.name());
  out.set("TareRootDir", root());
  out.set("DockerRootDir", root());
  utsname system{};
  if (::uname(&system) == 0) {
    out.set("KernelVersion", system.release);
    out.set("Architecture", system.machine);
    out.set("Name", system.nodename);
  }
  out.set("OSType", "linux");
  out.set("NCPU", static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  out.set("MemTotal",
          static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE));
  out.set("ServerVersion", TARE_VERSION);
  out.set("Rootless", state_->namespace_root);
  json::Array features;
  for (const isolate::Feature& feature : isolate::probe_features()) {
    json::Value one;
    one.set("Name", feature.name);
    one.set("Available", feature.available);
    one.set("Detail", feature.detail);
    features.push_back(std::move(one));
  }
  for (const store::BackendTrial& trial : store::try_backends(state_->store)) {
    json::Value one;
    one.set("Name", "root file systems by " + trial.name);
    one.set("Available", trial.why_not.empty());
    one.set("Detail", trial.why_not.empty() && trial.name == state_->rootfs.name() ? "in use"
                                                                                   : trial.why_not);
    features.push_back(std::move(one));
  }
  const auto add = [&](const char* name, const Result<>& tried, const char* with,
                       const char* without) {
    json::Value one;
    one.set("Name", name);
    one.set("Available", tried.has_value());
    one.set("Detail", tried ? with : tried.error().message() + "; " + without);
    features.push_back(std::move(one));
  };
  add("fs-verity", state_->store.try_verity(),
      "the kernel compares what is read of an image's files with their digests",
      "files of images are compared at every start, and what changes on the disk under a running "
      "container is found by 'tare verify' and 'tare scrub' only");
  add("reflinks", state_->store.try_reflink(), "", "nothing is weaker for it");
  out.set("Features", std::move(features));
  const ScrubState scrub = scrub_state();
  out.set("LastScrub", scrub.finished == 0   ? std::string("never: tare scrub")
                       : scrub.found.empty() ? rfc3339(scrub.finished) + ", clean"
                                             : rfc3339(scrub.finished) + ", " +
                                                   std::to_string(scrub.found.size()) + " damaged");
  return out;
}

}  // namespace tare::engine
