// SPDX-License-Identifier: Apache-2.0
// Containers and the engine in words: docker's inspect object, the isolation report, info.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>

#include "engine/record.h"
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
  out.set("Status", status_word(container.status));
  out.set("Running", container.status == Status::Running);
  out.set("Paused", false);
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
  out.set("Cmd", strings_or_null(config.cmd));
  out.set("Image", container.image_name);
  out.set("Volumes", nullptr);
  out.set("WorkingDir", config.working_dir);
  out.set("Entrypoint", strings_or_null(config.entrypoint.value_or(std::vector<std::string>())));
  json::Value labels{json::Object{}};
  for (const auto& [key, text] : config.labels) labels.set(key, text);
  out.set("Labels", std::move(labels));
  out.set("StopSignal", config.stop_signal);
  if (config.stop_timeout_s) out.set("StopTimeout", *config.stop_timeout_s);
  return out;
}

json::Value host_config_object(const Container& container) {
  const CreateRequest& config = container.config;
  json::Value out;
  json::Array binds;
  for (const MountRequest& mount : config.mounts)
    if (mount.type == MountType::Bind)
      binds.emplace_back(mount.source + ":" + mount.target + (mount.read_only ? ":ro" : ""));
  out.set("Binds", binds.empty() ? json::Value() : json::Value(std::move(binds)));
  json::Value log;
  log.set("Type", "cri");
  json::Value log_options;
  log_options.set("max-size", std::to_string(config.log_max_bytes));
  log_options.set("max-file", std::to_string(config.log_files));
  log.set("Config", std::move(log_options));
  out.set("LogConfig", std::move(log));
  out.set("NetworkMode", config.network.empty() ? "none" : config.network);
  out.set("AutoRemove", config.auto_remove);
  out.set("CapAdd", strings_or_null(config.cap_add));
  out.set("CapDrop", strings_or_null(config.cap_drop));
  out.set("Privileged", false);
  out.set("ReadonlyRootfs", config.read_only);
  out.set("SecurityOpt", strings_or_null(config.security_opt));
  out.set("ShmSize", config.shm_bytes);
  out.set("OomScoreAdj", config.oom_score_adj);
  out.set("Memory", config.memory_bytes);
  out.set("MemorySwap", config.memory_swap_bytes);
  out.set("NanoCpus", static_cast<std::int64_t>(std::llround(config.cpus * 1e9)));
  out.set("PidsLimit", config.pids_limit.value_or(0));
  out.set("Init", config.init);
  out.set("UsernsMode", "private");
  out.set("MaskedPaths", json::Value(policy::masked_paths()));
  out.set("ReadonlyPaths", json::Value(policy::read_only_paths()));
  return out;
}

json::Value mounts_array(const Container& container) {
  json::Array mounts;
  for (const MountRequest& mount : container.config.mounts) {
    json::Value out;
    out.set("Type", mount.type == MountType::Bind ? "bind" : "tmpfs");
    out.set("Source", mount.source);
    out.set("Destination", mount.target);
    out.set("Mode", mount.read_only ? "ro" : "");
    out.set("RW", !mount.read_only);
    out.set("Propagation", "rprivate");
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
  if (config.pids_limit.value_or(0) > 0)
    out = fmt::format("at most {} processes", *config.pids_limit);
  if (config.memory_bytes != 0) out += ", " + human_size(config.memory_bytes) + " of memory";
  if (config.cpus > 0) out += fmt::format(", {:g} processors", config.cpus);
  return out;
}

json::Value id_map_array(const sys::IdMap& map) {
  json::Array ranges;
  for (const sys::IdRange& range : map.ranges)
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
  out.set("State", state_object(container));
  out.set("Image", container.image_id.text());
  out.set("LogPath", state_->container_path(container.id) + "/log/0.log");
  out.set("Name", "/" + container.name);
  out.set("RestartCount", 0);
  out.set("Driver", state_->rootfs->name());
  out.set("Platform", "linux");
  out.set("HostConfig", host_config_object(container));
  if (with_size) out.set("SizeRw", TRY(size(container.id)));
  out.set("Mounts", mounts_array(container));
  out.set("Config", config_object(container));
  // Beyond Docker: what isolates it, and what weakens that.
  json::Value tare;
  tare.set("IdMap", id_map_array(container.ids));
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
  std::vector<std::string> out;
  const bool host_network = config.network == "host";
  out.push_back(fmt::format("own user, pid, mount, ipc, uts{} and cgroup namespaces",
                            host_network ? "" : ", network"));
  const sys::IdRange& ids = container.ids.ranges.front();
  out.push_back(fmt::format(
      "root inside is user {} outside, of a range that no other container has", ids.outside));
  const auto capabilities = policy::combine_capabilities(config.cap_add, config.cap_drop);
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
  const std::vector<Container> containers = TRY(list());
  for (const Container& container : containers) running += container.status == Status::Running;
  out.set("Containers", static_cast<std::int64_t>(containers.size()));
  out.set("ContainersRunning", running);
  out.set("ContainersPaused", 0);
  out.set("ContainersStopped", static_cast<std::int64_t>(containers.size()) - running);
  out.set("Images", static_cast<std::int64_t>(TRY(state_->images.list()).size()));
  out.set("Driver", state_->rootfs->name());
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
  out.set("Features", std::move(features));
  return out;
}

}  // namespace tare::engine
