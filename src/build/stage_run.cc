// SPDX-License-Identifier: Apache-2.0
// RUN: what its program is given, and what its result depends on.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "build/glob.h"
#include "build/stage_build.h"
#include "sys/files.h"

namespace tare::build {
namespace {

constexpr const char* kAgentPlace = "/run/buildkit/ssh_agent.";
constexpr std::uint32_t kSecretMode = 0400;
constexpr std::uint32_t kAgentMode = 0600;
constexpr std::uint32_t kCacheMode = 0755;

// Whether a program for that architecture has been given to the kernel to run those of another.
// [Documentation/admin-guide/binfmt-misc.rst; the names are those of Debian's qemu-user-static]
bool has_emulator(const std::string& architecture) {
  std::string name = architecture;
  if (architecture == "arm64") name = "aarch64";
  if (architecture == "amd64") name = "x86_64";
  if (architecture == "386") name = "i386";
  return ::access(("/proc/sys/fs/binfmt_misc/qemu-" + name).c_str(), F_OK) == 0;
}

Result<> can_run(const oci::ImageConfig& config) {
  const oci::Platform platform{
      .os = config.os, .architecture = config.architecture, .variant = config.variant};
  if (oci::matches_host(platform) || has_emulator(platform.architecture)) return {};
  if (platform.architecture == "386" && oci::host_architecture() == "amd64") return {};
  return std::unexpected(
      Error(Kind::Unsupported, "programs for " + platform.text() + " do not run on this machine")
          .hint(
              "COPY and the like work; compile in a stage FROM --platform=$BUILDPLATFORM, or have "
              "the kernel use an emulator (Debian: qemu-user-static with binfmt-support)"));
}

// A program sees them. Where its control group lies, and how much memory and time that gives it,
// are no part of what it is asked to do.
void add_limits(const RunLimits& limits, StepKey& key) {
  if (!limits.hosts.empty()) key.add("--add-host", StepKey::list(limits.hosts));
  if (limits.shm_bytes) key.add("--shm-size", std::to_string(*limits.shm_bytes));
  std::vector<std::string> ulimits;
  for (const auto& [name, value] : limits.ulimits) ulimits.push_back(name + "=" + value);
  if (!ulimits.empty()) key.add("--ulimit", StepKey::list(ulimits));
  if (!limits.security_options.empty())
    key.add("--security-opt", StepKey::list(limits.security_options));
}

}  // namespace

Result<RunMount> StageBuild::make_file(const std::string& target, std::string_view content,
                                       unsigned mode) {
  const std::string place = TRY(shared_.workshop.make_directory());
  const sys::Fd file =
      TRY(sys::open_path(place + "/file", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(sys::write_all(file.get(), content));
  if (::fchmod(file.get(), mode) != 0) return fail_errno("set the mode of a file for RUN");
  return RunMount{.source = place + "/file", .target = target};
}

namespace {

// All that a program may see of it but its content.
std::string described(const Mount& mount) {
  const auto number = [](const std::optional<std::uint32_t>& value) {
    return value ? std::to_string(*value) : "";
  };
  return StepKey::list({std::to_string(static_cast<int>(mount.type)), mount.from, mount.source,
                        mount.target, mount.read_only ? "ro" : "rw",
                        std::to_string(mount.size_bytes), mount.id,
                        mount.required ? "required" : "", mount.env.value_or(""),
                        number(mount.mode), number(mount.uid), number(mount.gid)});
}

bool has_owners(const Tree& tree, const std::vector<Pick>& picks) {
  if (tree.ids == nullptr) return false;
  const std::uint32_t root = tree.ids->outside_of(0).value_or(0);
  const std::uint32_t group = tree.ids->groups().outside_of(0).value_or(0);
  const auto is_others = [&](const PickedFile& file) {
    return file.info.st_uid != root || file.info.st_gid != group;
  };
  return std::ranges::any_of(
      picks, [&](const Pick& pick) { return std::ranges::any_of(pick.files, is_others); });
}

}  // namespace

// A copy: what .dockerignore leaves out is not there, and what is written goes with it.
Result<RunMount> StageBuild::make_bind(const Mount& mount, const std::string& name,
                                       const OpenTree& open, StepKey& key) {
  auto picks = TRY(pick(open.tree, {.source = mount.source}));
  for (Pick& each : picks) key.add(name + " " + each.source, TRY(fingerprint(open.tree, each)));
  const std::string place = TRY(shared_.workshop.make_directory());
  const sys::Fd to = TRY(sys::open_path(place, O_RDONLY | O_DIRECTORY));
  RunMount made{.source = place, .target = mount.target, .read_only = mount.read_only};
  made.has_owners = has_owners(open.tree, picks);
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = 0, .count = 1});
  if (made.has_owners) ids = TRY(shared_.workshop.mount_ids());
  const bool whole = picks.size() == 1 && picks[0].is_directory;
  if (!whole) made.source += "/file";
  CopyOptions options{.root_too = true};
  if (!made.has_owners) options.owner = Owner();
  TRY(copy_files(open.tree, picks, {.root = to.get(), .ids = &ids}, whole ? "/" : "/file",
                 options));
  return made;
}

// What is in it is nobody's result; what a new one has at first, and is, makes it another one.
Result<RunMount> StageBuild::make_cache(const Mount& mount, const std::string& name,
                                        const Dependency* dependency, StepKey& key) {
  const auto number = [](const std::optional<std::uint32_t>& value) {
    return value ? std::to_string(*value) : "";
  };
  RunMount made{.type = RunMount::Type::Cache,
                .target = mount.target,
                .read_only = mount.read_only,
                .mode = mount.mode.value_or(kCacheMode),
                .uid = mount.uid.value_or(0),
                .gid = mount.gid.value_or(0),
                .name = mount.id.empty() ? mount.target : mount.id,
                .sharing = mount.sharing};
  std::string content;
  if (dependency != nullptr) {
    auto open = std::make_shared<OpenTree>(TRY(open_tree(dependency)));
    auto picks = TRY(pick(open->tree, {.source = mount.source}));
    if (picks.size() != 1 || !picks[0].is_directory)
      return fail(Kind::Invalid, "the source " + quoted(mount.source) + " of the cache " +
                                     quoted(made.name) + " is not one directory");
    content = TRY(fingerprint(open->tree, picks[0]));
    key.add(name + " " + picks[0].source, content);
    CopyOptions options{.root_too = true};
    if (open->tree.ids == nullptr) options.owner = Owner();
    made.fill = [open, picks, options](const Target& target) {
      return copy_files(open->tree, picks, target, "/", options);
    };
  } else if (!mount.source.empty() && clean_path("/" + mount.source) != "/") {
    return std::unexpected(
        Error(Kind::Invalid, "the source of the cache " + quoted(made.name) + " is of nothing")
            .hint("'from' names the stage, image or context that it is in"));
  }
  made.source =
      StepKey::list({made.name, number(mount.uid), number(mount.gid), number(mount.mode), content});
  return made;
}

Result<RunMount> StageBuild::make_mount(const Mount& mount, const Dependency* dependency,
                                        StepKey& key, RunRequest& wanted) {
  // Digests of sources come below this name; of two mounts no two names are the same.
  const std::string name = "mount " + mount.target + " " + mount.id;
  key.add(name + " as", described(mount));
  const std::string directory =
      state_->config().working_dir.empty() ? "/" : state_->config().working_dir;
  const std::string target = mount.target.empty() ? "" : join_path(directory, mount.target);
  switch (mount.type) {
    case Mount::Type::Tmpfs:
      return RunMount{.type = RunMount::Type::Tmpfs,
                      .target = target,
                      .read_only = false,
                      .size_bytes = mount.size_bytes};
    case Mount::Type::Cache: {
      Mount own = mount;
      own.target = target;
      return make_cache(own, name, dependency, key);
    }
    case Mount::Type::Secret: {
      const std::string id = secret_id(mount);
      // Another content is no other result.
      const auto found = shared_.request.secrets.find(id);
      if (found == shared_.request.secrets.end()) {
        if (!mount.required) return RunMount{};
        return std::unexpected(Error(Kind::NotFound, "the secret " + quoted(id) + " is not given")
                                   .hint("--secret id=" + id + ",src=FILE"));
      }
      if (mount.env) {
        wanted.environment.push_back(*mount.env + "=" + found->second);
        wanted.secret_variables.insert(*mount.env);
      }
      const std::string place = secret_target(mount);
      if (place.empty()) return RunMount{};
      return RunMount{.type = RunMount::Type::Secret,
                      .source = found->second,
                      .target = join_path(directory, place),
                      .mode = mount.mode.value_or(kSecretMode),
                      .uid = mount.uid.value_or(0),
                      .gid = mount.gid.value_or(0)};
    }
    case Mount::Type::Ssh: {
      const std::string id = mount.id.empty() ? "default" : mount.id;
      const auto found = shared_.request.agents.find(id);
      if (found == shared_.request.agents.end()) {
        if (!mount.required) return RunMount{};
        return std::unexpected(
            Error(Kind::NotFound, "the SSH agent " + quoted(id) + " is not given")
                .hint("--ssh " + id));
      }
      const std::string place = target.empty() ? kAgentPlace + std::string("0") : target;
      wanted.environment.push_back("SSH_AUTH_SOCK=" + place);
      return RunMount{.type = RunMount::Type::Agent,
                      .source = found->second,
                      .target = place,
                      .read_only = false,
                      .mode = mount.mode.value_or(kAgentMode),
                      .uid = mount.uid.value_or(0),
                      .gid = mount.gid.value_or(0)};
    }
    case Mount::Type::Bind:
      break;
  }
  Mount own = mount;
  own.target = target;
  return make_bind(own, name, TRY(open_tree(dependency)), key);
}

// What a cache has is from elsewhere, and in no lock: with --locked it is not there. And an entry
// of the lock that is taken anew is to be whole.
Result<> StageBuild::freshen_caches(RunRequest& wanted) {
  const auto& lock = shared_.request.lock;
  if (!may_lack_ || !(wanted.answers || (lock && lock->is_moved(step_in_lock())))) return {};
  may_lack_ = false;
  const std::string unique = TRY(shared_.workshop.make_directory());
  for (RunMount& mount : wanted.mounts) {
    if (mount.type != RunMount::Type::Cache) continue;
    mount.source += "\nfresh " + unique;
    mount.is_fresh = true;
  }
  return {};
}

namespace {

// What a Dockerfile may only do with the user's leave.
Result<> check_allowed(const Run& run, const BuildRequest& request) {
  if (!run.devices.empty()) return fail(Kind::Unsupported, "--device of RUN is not there yet");
  if (run.network == RunNetwork::Host && !request.allow_host_network &&
      request.network != RunNetwork::Host)
    return std::unexpected(
        Error(Kind::Denied, "RUN --network=host is not allowed")
            .hint(
                "--allow network.host, if you trust this Dockerfile with this machine's network"));
  if (run.security == Security::Insecure && !request.allow_insecure)
    return std::unexpected(Error(Kind::Denied, "RUN --security=insecure is not allowed")
                               .hint("--allow security.insecure, if you trust this Dockerfile"));
  return {};
}

}  // namespace

Result<> StageBuild::do_run(const Instruction& instruction, const std::vector<Mount>& mounts) {
  info_ = describe(instruction);
  const Run& run = *instruction.as<Run>();
  const BuildRequest& request = shared_.request;
  TRY(check_allowed(run, request));
  const std::optional<Tools> tools = TRY(find_tools(run));
  if (!tools) TRY(can_run(state_->config()));
  const RunCommand command = state_->command(run, tools ? &tools->config : nullptr);
  StepKey key;
  key.add("the command", StepKey::list(command.arguments));
  if (command.script) key.add("the script", *command.script);
  RunRequest wanted{.files = files_,
                    .what = info_.label,
                    .arguments = command.arguments,
                    .environment = state_->environment(),
                    .directory = state_->config().working_dir,
                    .user = state_->config().user,
                    .network = run.network,
                    .security = run.security,
                    .time = time_};
  if (tools) use_tools(*tools, wanted, key);
  if (run.ansible) wanted.playbook = TRY(take_playbook(run, key));
  if (run.network == RunNetwork::Default && request.network) wanted.network = *request.network;
  for (const std::string& variable : wanted.environment)
    if (const auto pair = split_once(variable, '='))
      key.add("variable " + std::string(pair->first), std::string(pair->second));
  mounted_.clear();
  if (const Dependency* const from = stage().dependency(next_, Dependency::kTools);
      run.tools && from->stage)
    mounted_.push_back({.stage = *from->stage, .source = "/"});
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const Dependency* const from = stage().dependency(next_, i);
    if (mounts[i].type == Mount::Type::Bind && from != nullptr && from->stage)
      mounted_.push_back({.stage = *from->stage, .source = mounts[i].source});
    RunMount mount = TRY(make_mount(mounts[i], from, key, wanted));
    if (!mount.target.empty()) wanted.mounts.push_back(std::move(mount));
  }
  key.add("the directory", wanted.directory);
  key.add("the user", wanted.user);
  // Recorded, it comes to the same.
  key.add("the network",
          std::to_string(static_cast<int>(
              wanted.network == RunNetwork::Recorded ? RunNetwork::Default : wanted.network)));
  key.add("the security", std::to_string(static_cast<int>(wanted.security)));
  add_limits(request.limits, key);
  key.add("time", std::to_string(time_));
  key.add(StepKey::kFiles, files_.id.text());
  may_lack_ = std::ranges::any_of(
      mounts, [](const Mount& mount) { return mount.type == Mount::Type::Cache; });
  // Ansible itself runs on this machine.
  const bool had_way_out =
      wanted.network != RunNetwork::None || wanted.playbook.has_value() || may_lack_;
  if (const auto found = TRY(find(key, had_way_out))) {
    TRY(state_->apply(instruction));
    take(instruction, *found);
    return {};
  }
  for (const auto& [name, value] : proxy_variables(request.options)) {
    wanted.environment.push_back(name + "=" + value);
    wanted.secret_variables.insert(name);  // There may be a password in it.
  }
  wanted.environment.push_back("SOURCE_DATE_EPOCH=" + std::to_string(time_ / 1'000'000'000));
  if (command.script)
    wanted.mounts.push_back(TRY(make_file(command.script_path, *command.script, 0755)));
  wanted.key = key_.digest();
  wanted.like = like_;
  wanted.is_recorded = request.records_downloads;
  wanted.answers = TRY(shared_.answers_for(step_in_lock(), info_.label));
  TRY(freshen_caches(wanted));
  if (wanted.answers && wanted.network == RunNetwork::Host)
    return std::unexpected(
        Error(Kind::Unsupported, "RUN with the network of this machine cannot be locked")
            .hint("leave out --network=host, or --locked"));
  running_ = TRY(shared_.workshop.run(wanted));
  if (request.opens_failed) wanted_ = std::move(wanted);
  pending_ = instruction;
  ++shared_.running;
  return {};
}

}  // namespace tare::build
