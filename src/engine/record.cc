// SPDX-License-Identifier: Apache-2.0
#include "engine/record.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine/health_record.h"
#include "engine/network_record.h"
#include "engine/resources.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

json::Value print_ranges(const std::vector<sys::IdRange>& ranges) {
  json::Array out;
  for (const sys::IdRange& range : ranges)
    out.emplace_back(json::Array{range.inside, range.outside, range.count});
  return out;
}

std::vector<sys::IdRange> parse_ranges(const json::Value& value) {
  std::vector<sys::IdRange> ranges;
  for (const json::Value& range : value.as_array()) {
    const json::Array& numbers = range.as_array();
    if (numbers.size() != 3) continue;
    ranges.push_back({.inside = static_cast<std::uint32_t>(numbers[0].as_int()),
                      .outside = static_cast<std::uint32_t>(numbers[1].as_int()),
                      .count = static_cast<std::uint32_t>(numbers[2].as_int())});
  }
  return ranges;
}

constexpr std::pair<MountType, std::string_view> kMountTypes[] = {
    {MountType::Bind, "bind"}, {MountType::Tmpfs, "tmpfs"}, {MountType::Volume, "volume"}};

MountType parse_mount_type(const std::string& text) {
  for (const auto& [type, name] : kMountTypes)
    if (name == text) return type;
  return MountType::Bind;
}

json::Value print_mount(const MountRequest& mount) {
  json::Value value;
  for (const auto& [type, name] : kMountTypes)
    if (type == mount.type) value.set("type", name);
  value.set("source", mount.source);
  value.set("target", mount.target);
  value.set("readOnly", mount.read_only);
  value.set("makeSource", mount.make_source);
  value.set("executable", mount.executable);
  value.set("tmpfsBytes", mount.tmpfs_bytes);
  value.set("tmpfsMode", mount.tmpfs_mode);
  if (mount.type != MountType::Volume) return value;
  value.set("volume", mount.volume);
  value.set("anonymous", mount.anonymous);
  value.set("noCopy", mount.no_copy);
  value.set("subpath", mount.subpath);
  return value;
}

MountRequest parse_mount(const json::Value& value) {
  return {.type = parse_mount_type(value["type"].as_string()),
          .source = value["source"].as_string(),
          .volume = value["volume"].as_string(),
          .target = value["target"].as_string(),
          .read_only = value["readOnly"].as_bool(),
          .make_source = value["makeSource"].as_bool(),
          .executable = value["executable"].as_bool(true),
          .tmpfs_bytes = static_cast<std::uint64_t>(value["tmpfsBytes"].as_int()),
          .tmpfs_mode = static_cast<std::uint32_t>(value["tmpfsMode"].as_int(01777)),
          .anonymous = value["anonymous"].as_bool(),
          .no_copy = value["noCopy"].as_bool(),
          .subpath = value["subpath"].as_string()};
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

json::Value print_pairs(const Pairs& pairs) {
  json::Array array;
  for (const auto& [key, text] : pairs) array.emplace_back(json::Array{key, text});
  return array;
}

Pairs parse_pairs(const json::Value& value) {
  Pairs pairs;
  for (const json::Value& pair : value.as_array())
    if (pair.as_array().size() == 2)
      pairs.emplace_back(pair.as_array()[0].as_string(), pair.as_array()[1].as_string());
  return pairs;
}

void print_process(json::Value& out, const CreateRequest& config) {
  if (config.entrypoint) out.set("entrypoint", json::Value(*config.entrypoint));
  out.set("cmd", json::Value(config.cmd));
  out.set("env", json::Value(config.env));
  out.set("workingDir", config.working_dir);
  out.set("user", config.user);
  out.set("hostname", config.hostname);
  json::Value labels{json::Object{}};
  for (const auto& [key, text] : config.labels) labels.set(key, text);
  out.set("labels", std::move(labels));
  out.set("tty", config.tty);
  out.set("openStdin", config.open_stdin);
  out.set("attachStdout", config.attach_stdout);
  out.set("attachStderr", config.attach_stderr);
  out.set("stopSignal", config.stop_signal);
  if (config.stop_timeout_s) out.set("stopTimeout", *config.stop_timeout_s);
}

void parse_process(const json::Value& in, CreateRequest& config) {
  if (in.find("entrypoint") != nullptr) config.entrypoint = in["entrypoint"].as_strings();
  config.cmd = in["cmd"].as_strings();
  config.env = in["env"].as_strings();
  config.working_dir = in["workingDir"].as_string();
  config.user = in["user"].as_string();
  config.hostname = in["hostname"].as_string();
  for (const auto& [key, text] : in["labels"].as_object()) config.labels[key] = text.as_string();
  config.tty = in["tty"].as_bool();
  config.open_stdin = in["openStdin"].as_bool();
  config.attach_stdout = in["attachStdout"].as_bool(true);
  config.attach_stderr = in["attachStderr"].as_bool(true);
  config.stop_signal = in["stopSignal"].as_string();
  if (in.find("stopTimeout") != nullptr)
    config.stop_timeout_s = static_cast<int>(in["stopTimeout"].as_int());
}

void print_host(json::Value& out, const CreateRequest& config) {
  out.set("autoRemove", config.auto_remove);
  out.set("init", config.init);
  out.set("readOnly", config.read_only);
  json::Array mounts;
  for (const MountRequest& mount : config.mounts) mounts.push_back(print_mount(mount));
  out.set("mounts", std::move(mounts));
  out.set("volumesFrom", json::Value(config.volumes_from));
  out.set("imageVolumes", json::Value(config.image_volumes));
  out.set("resources", print_resources(config.resources));
  if (config.oom_score_adj) out.set("oomScoreAdj", *config.oom_score_adj);
  out.set("deviceCgroupRules", json::Value(config.device_cgroup_rules));
  out.set("cgroupParent", config.cgroup_parent);
  out.set("capAdd", json::Value(config.cap_add));
  out.set("capDrop", json::Value(config.cap_drop));
  out.set("securityOpt", json::Value(config.security_opt));
  out.set("network", config.network);
  out.set("net", print_network_settings(config.net));
  if (config.health != HealthCheck()) out.set("health", print_health_check(config.health));
  out.set("userns", config.userns);
  out.set("pidMode", config.pid_mode);
  out.set("ipcMode", config.ipc_mode);
  out.set("utsMode", config.uts_mode);
  out.set("cgroupnsMode", config.cgroupns_mode);
  out.set("privileged", config.privileged);
  json::Array devices;
  for (const DeviceRequest& device : config.devices)
    devices.emplace_back(json::Array{device.source, device.target, device.permissions});
  out.set("devices", std::move(devices));
  out.set("systemd", config.systemd == Systemd::Always);
  out.set("logMaxBytes", config.log_max_bytes);
  out.set("logFiles", config.log_files);
  out.set("ulimits", print_pairs(config.ulimits));
  out.set("shmBytes", config.shm_bytes);
}

void parse_host(const json::Value& in, CreateRequest& config) {
  config.auto_remove = in["autoRemove"].as_bool();
  config.init = in["init"].as_bool();
  config.read_only = in["readOnly"].as_bool();
  for (const json::Value& mount : in["mounts"].as_array())
    config.mounts.push_back(parse_mount(mount));
  config.volumes_from = in["volumesFrom"].as_strings();
  config.image_volumes = in["imageVolumes"].as_strings();
  config.resources = parse_resources(in["resources"]);
  if (in.find("oomScoreAdj") != nullptr)
    config.oom_score_adj = static_cast<int>(in["oomScoreAdj"].as_int());
  config.device_cgroup_rules = in["deviceCgroupRules"].as_strings();
  config.cgroup_parent = in["cgroupParent"].as_string();
  config.cap_add = in["capAdd"].as_strings();
  config.cap_drop = in["capDrop"].as_strings();
  config.security_opt = in["securityOpt"].as_strings();
  config.network = in["network"].as_string();
  config.net = parse_network_settings(in["net"]);
  config.health = parse_health_check(in["health"]);
  config.userns = in["userns"].as_string();
  config.pid_mode = in["pidMode"].as_string();
  config.ipc_mode = in["ipcMode"].as_string();
  config.uts_mode = in["utsMode"].as_string();
  config.cgroupns_mode = in["cgroupnsMode"].as_string();
  config.privileged = in["privileged"].as_bool();
  for (const json::Value& device : in["devices"].as_array())
    if (const json::Array& parts = device.as_array(); parts.size() == 3)
      config.devices.push_back({.source = parts[0].as_string(),
                                .target = parts[1].as_string(),
                                .permissions = parts[2].as_string()});
  config.systemd = in["systemd"].as_bool() ? Systemd::Always : Systemd::No;
  config.log_max_bytes = static_cast<std::uint64_t>(in["logMaxBytes"].as_int(10 << 20));
  config.log_files = static_cast<int>(in["logFiles"].as_int(5));
  config.ulimits = parse_pairs(in["ulimits"]);
  config.shm_bytes = static_cast<std::uint64_t>(in["shmBytes"].as_int(64 << 20));
}

std::string load_optional(int dir, const char* name) {
  auto text = sys::load_file(dir, name, 64 << 10);
  return text ? std::move(*text) : std::string();
}

void apply_exit(Container& container, const std::string& text) {
  container.status = Status::Exited;
  container.exit_code = static_cast<int>(number_field(text, "exit_code"));
  container.finished_at = number_field(text, "finished_at");
  container.oom_killed = number_field(text, "oom") != 0;
}

// Who started it died together with its keeper: nobody saw the exit.
void apply_lost(Container& container) {
  container.status = Status::Exited;
  container.exit_code = 137;
  container.finished_at = container.started_at;
  container.error = "its keeper was killed, and the container with it";
}

json::Value print_layers(const std::vector<store::Layer>& layers) {
  json::Array out;
  for (const store::Layer& layer : layers)
    out.push_back(json::Array{layer.blob.text(), layer.diff_id.text()});
  return out;
}

Result<std::vector<store::Layer>> parse_layers(const json::Value& in) {
  std::vector<store::Layer> layers;
  for (const json::Value& pair : in.as_array()) {
    const std::vector<std::string> digests = pair.as_strings();
    if (digests.size() != 2)
      return fail(Kind::Corrupt, "container record: a layer without digests");
    store::Layer& layer = layers.emplace_back();
    layer.blob = TRY(Digest::parse(digests[0]));
    layer.diff_id = TRY(Digest::parse(digests[1]));
  }
  return layers;
}

}  // namespace

std::string print_record(const Container& container) {
  json::Value out;
  out.set("version", 1);
  out.set("id", container.id);
  out.set("name", container.name);
  out.set("image", container.image_name);
  out.set("imageId", container.image_id.text());
  if (container.step) out.set("step", print_layers(*container.step));
  if (container.target) {
    out.set("targetId", container.target->id.text());
    out.set("target", print_layers(container.target->layers));
  }
  out.set("argv", json::Value(container.argv));
  out.set("created", container.created_at);
  out.set("ids", print_ranges(container.ids.ranges));
  out.set("groupIds", print_ranges(container.ids.group_ranges));
  out.set("idClaim", json::Array{container.id_claim.first, container.id_claim.count});
  out.set("grants", print_pairs(container.grants));
  json::Value config;
  print_process(config, container.config);
  print_host(config, container.config);
  out.set("config", std::move(config));
  return json::print(out);
}

Result<Container> parse_record(std::string_view text) {
  const json::Value in = TRY(json::parse(text), "read the container's record");
  Container container;
  container.id = TRY(json::require_string(in, "id", "container record"));
  container.name = TRY(json::require_string(in, "name", "container record"));
  container.image_name = in["image"].as_string();
  container.image_id = TRY(Digest::parse(in["imageId"].as_string()));
  if (in.find("step") != nullptr) container.step = TRY(parse_layers(in["step"]));
  if (in.find("target") != nullptr) {
    StepTarget& target = container.target.emplace();
    target.id = TRY(Digest::parse(in["targetId"].as_string()));
    target.layers = TRY(parse_layers(in["target"]));
  }
  container.argv = in["argv"].as_strings();
  container.created_at = in["created"].as_int();
  container.ids.ranges = parse_ranges(in["ids"]);
  container.ids.group_ranges = parse_ranges(in["groupIds"]);
  if (const json::Array& claim = in["idClaim"].as_array(); claim.size() == 2)
    container.id_claim = {.first = static_cast<std::uint32_t>(claim[0].as_int()),
                          .count = static_cast<std::uint32_t>(claim[1].as_int())};
  container.grants = parse_pairs(in["grants"]);
  container.config.image = container.image_name;
  container.config.name = container.name;
  parse_process(in["config"], container.config);
  parse_host(in["config"], container.config);
  return container;
}

std::string field(std::string_view text, std::string_view key) {
  for (const std::string& line : split(text, '\n'))
    if (const auto pair = split_once(line, '='); pair && pair->first == key)
      return std::string(pair->second);
  return "";
}

std::int64_t number_field(std::string_view text, std::string_view key) {
  const auto number = parse_i64(field(text, key));
  return number ? *number : 0;
}

Result<Container> load_container(int dir) {
  const std::string text = TRY(sys::load_file(dir, "config.json"), "read the container's record");
  Container container = TRY(parse_record(text));
  const std::string started = load_optional(dir, "started");
  const std::string exited = load_optional(dir, "exit");
  container.started_at = number_field(started, "started_at");
  bool running = false;
  if (auto lock = sys::open_at(dir, "lock", O_RDWR)) running = TRY(sys::is_locked(lock->get()));
  if (running && !started.empty() && exited.empty()) {
    container.status = Status::Running;
    container.pid = static_cast<int>(number_field(started, "pid"));
    container.keeper_pid = static_cast<int>(number_field(started, "keeper_pid"));
    // The kernel knows; the file only saves asking it about those that were never paused.
    if (::faccessat(dir, "paused", F_OK, 0) == 0)
      container.paused = sys::Cgroup::open(group_name(container)).is_frozen().value_or(false);
  } else if (!exited.empty() && number_field(exited, "lost") == 0) {
    apply_exit(container, exited);
  } else if (!started.empty() || !exited.empty()) {
    apply_lost(container);
  }
  if (container.config.health.is_set() && container.status != Status::Created)
    container.health =
        container.status == Status::Running ? load_health(dir).status : HealthStatus::Unhealthy;
  if (const std::string error = load_optional(dir, "error"); !error.empty()) {
    container.exit_code = static_cast<int>(number_field(error, "exit_code"));
    container.error = field(error, "message");
  }
  return container;
}

}  // namespace tare::engine
