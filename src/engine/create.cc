// SPDX-License-Identifier: Apache-2.0
// Making a container: everything that can be wrong with a request is found here, before anything
// exists.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/failpoint.h"
#include "base/undo.h"
#include "engine/container_networks.h"
#include "engine/grants.h"
#include "engine/health_record.h"
#include "engine/made_up_names.h"
#include "engine/record.h"
#include "engine/resources.h"
#include "engine/services.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "engine/systemd_mode.h"
#include "engine/user_namespace.h"
#include "engine/volumes.h"
#include "sys/cgroup.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr std::int64_t kDefaultPids = 2048;

// Through the pids controller, or where this user has none (an ordinary user without delegation)
// through RLIMIT_NPROC: the kernel counts it in the container's own user namespace, for each of its
// users. A limit that was asked for fails the start there. [setrlimit(2); cgroup-v2.rst, "PID"]
void set_default_pids(CreateRequest& config) {
  const sys::CgroupHost& host = sys::cgroup_host();
  const auto& all = host.controllers;
  if (host.writable && std::find(all.begin(), all.end(), "pids") != all.end()) {
    config.resources.pids_limit = kDefaultPids;
    return;
  }
  config.resources.pids_limit = 0;
  for (const auto& [name, limit] : config.ulimits)
    if (name == "nproc") return;
  const std::string number = std::to_string(kDefaultPids);
  config.ulimits.emplace_back("nproc", number + ":" + number);
}

void merge_env(std::vector<std::string>& env, const std::vector<std::string>& image) {
  std::vector<std::string> merged;
  const auto put = [&](const std::string& entry) {
    const std::string key = entry.substr(0, entry.find('=') + 1);
    for (std::string& old : merged)
      if (old.starts_with(key)) {
        old = entry;
        return;
      }
    merged.push_back(entry);
  };
  put("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  for (const std::string& entry : image)
    if (entry.find('=') != std::string::npos) put(entry);
  for (const std::string& entry : env)
    if (entry.find('=') != std::string::npos) put(entry);
  env = std::move(merged);
}

// Docker's rules: --entrypoint also forgets the image's command. [Docker: Dockerfile reference,
// "Understand how CMD and ENTRYPOINT interact"]
Result<std::vector<std::string>> merge_command(CreateRequest& config,
                                               const oci::ImageConfig& image) {
  std::vector<std::string> entrypoint = image.entrypoint;
  if (config.entrypoint) {
    entrypoint = *config.entrypoint;
    if (entrypoint.size() == 1 && entrypoint[0].empty()) entrypoint.clear();
  } else if (config.cmd.empty()) {
    config.cmd = image.cmd;
  }
  config.entrypoint = entrypoint;
  std::vector<std::string> argv = entrypoint;
  argv.insert(argv.end(), config.cmd.begin(), config.cmd.end());
  if (argv.empty())
    return std::unexpected(Error(Kind::Invalid, "no command specified")
                               .hint("the image names none: write one behind the image name"));
  return argv;
}

// The start would refuse it; but what is made for it would stay.
Result<> check_new_source(const MountRequest& mount) {
  const std::string_view target =
      std::string_view(mount.target).substr(mount.target.find_first_not_of('/'));
  if (target != "proc" && !target.starts_with("proc/")) return {};
  return std::unexpected(
      Error(Kind::Invalid, "mount target " + quoted(mount.target) + " is in /proc")
          .hint("a directory of /proc cannot be covered, and " + quoted(mount.source) +
                ", which is not there, would be made as one"));
}

Result<> check_mounts(std::vector<MountRequest>& mounts) {
  for (MountRequest& mount : mounts) {
    if (!mount.target.starts_with('/'))
      return fail(Kind::Invalid,
                  "mount target " + quoted(mount.target) + " is not an absolute path");
    if (mount.target.find_first_not_of('/') == std::string::npos)
      return fail(Kind::Invalid, "mount target '/' would hide the image");
    if (mount.type == MountType::Tmpfs) continue;
    if (mount.type == MountType::Volume) {
      TRY(check_volume_mount(mount));
      continue;
    }
    if (!mount.source.starts_with('/'))
      return fail(Kind::Invalid,
                  "bind mount source " + quoted(mount.source) + " is not an absolute path");
    struct stat info{};
    if (::stat(mount.source.c_str(), &info) == 0) continue;
    if (errno != ENOENT || !mount.make_source)
      return fail_errno("bind mount source " + quoted(mount.source));
    TRY(check_new_source(mount));
    TRY(sys::make_directories(mount.source, 0755), "make the bind mount source");
  }
  return {};
}

// In the host's pid namespace nothing but the control group tells which processes a container has:
// what its first one leaves behind would live for ever.
Result<> check_processes(const CreateRequest& config) {
  const sys::CgroupHost& host = sys::cgroup_host();
  if (config.pid_mode != "host" || host.writable) return {};
  return std::unexpected(
      Error(Kind::Unsupported,
            "--pid host needs a control group, to find the container's processes by" +
                (host.why_not.empty() ? "" : ": " + host.why_not))
          .hint("systemd-run --user --scope --property Delegate=yes tare run ..."));
}

// Letters, digits, '-', '.' and '_'; it is also written into /etc/hosts. [hostname(7)]
Result<> check_hostname(std::string_view name) {
  constexpr std::size_t kMaxBytes = 63;  // HOST_NAME_MAX is 64, a label of DNS has 63.
  for (const char c : name)
    if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' &&
        c != '.' && c != '_')
      return fail(Kind::Invalid,
                  "host name " + quoted(name) + " has characters that none may have");
  if (name.size() > kMaxBytes || name.starts_with('-'))
    return fail(Kind::Invalid, "host name " + quoted(name) + " is not valid");
  return {};
}

// The container's ids, from those that it claimed. With a bind mount, where ids of mounts cannot be
// mapped, root inside becomes the calling user, so that files in it are the caller's.
Result<> set_ids(Container& container, const UserNamespace& users, const policy::Grants& grants,
                 const Caller& caller) {
  container.ids = TRY(make_id_map(users, container.id_claim, caller));
  const bool mapped = !users.uids.empty() || !users.gids.empty();
  if (!grants.has<policy::grants::CallerId>() || users.kind != UserNamespace::Kind::Own || mapped)
    return {};
  sys::IdMap::put(container.ids.ranges, {.inside = 0, .outside = 0, .count = 1});
  return {};
}

// --userns keep-id runs as the id that is kept, unless somebody says otherwise, as with podman.
std::string kept_user(const UserNamespace& users, const Caller& caller) {
  if (users.kind != UserNamespace::Kind::KeepId) return "";
  return std::to_string(users.uid.value_or(caller.uid)) + ":" +
         std::to_string(users.gid.value_or(caller.gid));
}

// Claims the name by a symbolic link, which is made or not in one step.
Result<> claim_name(const store::Store& store, Container& container, bool made_up) {
  for (int attempt = 0; attempt < 32; ++attempt) {
    if (made_up) container.name = made_up_name(attempt);
    const std::string link = "container-names/" + container.name;
    if (::symlinkat(container.id.c_str(), store.dir(), link.c_str()) == 0) return {};
    if (errno != EEXIST) return fail_errno("claim the name " + quoted(container.name));
    if (made_up) continue;
    std::string holder(64, '\0');
    const ssize_t size = ::readlinkat(store.dir(), link.c_str(), holder.data(), holder.size());
    holder.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return std::unexpected(
        Error(Kind::Exists, "container name " + quoted(container.name) +
                                " is in use by container " + holder.substr(0, 12))
            .hint("remove or rename that container (tare rm, tare rename), or take another name"));
  }
  return fail(Kind::Unavailable, "no free name was found");
}

Result<> check_alone(CreateRequest& config) {
  if (!config.name.empty()) TRY(check_name(config.name));
  TRY(check_mounts(config.mounts));
  complete_resources(config.resources);
  TRY(check_resources(config.resources));
  TRY(make_limits(config));
  TRY(check_processes(config));
  return check_hostname(config.hostname);
}

// What was not asked for is the image's, or the usual. `user`: of who has neither.
Result<> complete_from_image(CreateRequest& config, const oci::ImageConfig& image,
                             const std::string& user) {
  merge_env(config.env, image.env);
  if (config.working_dir.empty()) config.working_dir = image.working_dir;
  if (config.working_dir.empty()) config.working_dir = "/";
  if (config.user.empty()) config.user = image.user;
  if (config.user.empty()) config.user = user;
  if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
  if (config.stop_signal.empty())
    config.stop_signal = config.systemd == Systemd::Always ? "SIGRTMIN+3" : "SIGTERM";
  TRY(parse_signal(config.stop_signal));
  TRY(complete_health(config.health, image));
  if (!config.resources.pids_limit) set_default_pids(config);
  for (const auto& [key, value] : image.labels) config.labels.emplace(key, value);
  TRY(seccomp_filter(config, 0), "seccomp profile");
  TRY(parse_ulimits(config.ulimits));
  return {};
}

bool is_taken(const store::Store& store, const std::string& name) {
  struct stat info{};
  return !name.empty() && ::fstatat(store.dir(), ("container-names/" + name).c_str(), &info,
                                    AT_SYMLINK_NOFOLLOW) == 0;
}

// Whether process 1 is systemd.
Result<bool> decide_systemd(CreateRequest& config, const std::vector<std::string>& argv) {
  if (config.systemd == Systemd::IfItIs)
    config.systemd = is_systemd(argv) ? Systemd::Always : Systemd::No;
  if (config.systemd != Systemd::Always) return false;
  TRY(check_systemd(config));
  return true;
}

Result<> add_others_volumes(const Engine& engine, CreateRequest& config) {
  for (const std::string& text : config.volumes_from) {
    const Container other = TRY(engine.find(volumes_from_name(text)), "--volumes-from");
    TRY(add_volumes_from(config, other, text));
  }
  return {};
}

Result<> prepare_image(store::RootfsBackend& rootfs, const image::Image& image,
                       const Container& container, const Progress& progress) {
  const auto unpacking = [&](std::uint64_t done, std::uint64_t total) {
    if (progress) progress("unpacking " + image.id.short_hex(), done, total);
  };
  return rootfs.prepare(image.id, image.layers, container.ids, unpacking);
}

// Now, so that the container can be removed also when there is no space for one more file.
// `builder`: gets the lock of who builds; null: it is no step.
Result<> make_locks(int dir, sys::Fd* builder) {
  (void)TRY(sys::open_at(dir, "lock", O_RDWR | O_CREAT), "make the container's lock");
  if (builder == nullptr) return {};
  *builder = TRY(sys::open_at(dir, kBuilderLock, O_RDWR | O_CREAT | O_EXCL));
  return sys::lock_file(builder->get(), sys::Lock::Exclusive, sys::Wait::No);
}

}  // namespace

Result<std::string> Engine::create(const CreateRequest& request, const Progress& progress) {
  return state_->make_container(*this, request, nullptr, progress);
}

Result<std::string> Engine::State::make_container(Engine& engine, const CreateRequest& request,
                                                  StepFiles* step, const Progress& progress) {
  Container container;
  CreateRequest& config = container.config = request;
  // 1. What was asked for, checked alone.
  TRY(check_alone(config));
  TRY(add_others_volumes(engine, config));
  const UserNamespace users = TRY(parse_user_namespace(config.userns));
  const Caller caller = TRY(find_caller(namespace_root));
  TRY(check_user_namespace(users, caller));
  TRY(collect_grants(config, users, caller));

  // 2. With the image.
  const image::Image image = step != nullptr ? step->image : TRY(images.find(config.image));
  container.image_name = config.image;
  container.image_id = image.id;
  if (step != nullptr) container.step = image.layers;
  if (step != nullptr) container.target = step->target;
  container.argv = TRY(merge_command(config, image.config));
  const bool systemd = TRY(decide_systemd(config, container.argv));
  TRY(add_image_volumes(config, image.config.volumes));
  const policy::Grants grants = TRY(collect_grants(config, users, caller));
  TRY(check_volume_ids(grants, users));
  for (const auto& entry : grants.entries())
    container.grants.emplace_back(entry.name, entry.because);
  TRY(complete_from_image(config, image.config, kept_user(users, caller)));
  TRY(resolve_networks(engine, config, image.config.exposed_ports));
  TRY(check_egress(config));
  TRY(check_services(engine, config));
  spared = image.id;
  admitted = TRY(engine.admit_start());
  // 3. On disk. From here on every step has an inverse; what the inverses use lives longer.
  const sys::Fd containers =
      TRY(sys::open_path(store.path() + "/containers", O_RDONLY | O_DIRECTORY));
  if (is_taken(store, config.name)) recover();  // It may be the name of nothing.
  const sys::Fd between = TRY(store.lock(State::kBetween, sys::Lock::Shared));
  Undo undo;
  container.id = TRY(random_id());
  if (systemd) complete_systemd(config, container.id);
  container.name = config.name;
  container.created_at = now_ns();
  if (config.hostname.empty()) config.hostname = container.id.substr(0, 12);
  if (::mkdirat(containers.get(), container.id.c_str(), 0700) != 0)
    return fail_errno("make the container's directory");
  undo.push([&]() noexcept { (void)sys::remove_tree(containers.get(), container.id); });
  failpoint("create.directory");
  TRY(claim_name(store, container, config.name.empty()));
  undo.push([&]() noexcept {
    ::unlinkat(store.dir(), ("container-names/" + container.name).c_str(), 0);
  });
  failpoint("create.named");
  if (grants.has<policy::grants::SharedIds>())
    container.id_claim = TRY(claim_volume_ids());
  else if (users.kind != UserNamespace::Kind::Host)
    container.id_claim = TRY(claim_ids(container_path(container.id), users.size));
  undo.push([&, claim = container.id_claim]() noexcept {
    id_ranges.release(claim, container_path(container.id));
  });
  failpoint("create.ids");
  TRY(set_ids(container, users, grants, caller));
  const std::string gone = "image " + quoted(config.image) + " was removed meanwhile";
  auto prepared = prepare_image(rootfs, image, container, progress);
  if (!prepared && step == nullptr) TRY(images.find(image.id.text()), gone);
  TRY(prepared, "unpack image " + quoted(config.image));
  failpoint("create.prepared");
  const sys::Fd dir = TRY(open_container(container.id));
  TRY(make_locks(dir.get(), step != nullptr ? &step->builder : nullptr));
  State::FirstContent first{.image = image};
  TRY(make_volumes(container, first, undo));
  // From the record on, the image and the volumes are in use. Who removes them holds the lock
  // alone: he either saw the record, or is seen here.
  const sys::Fd lock = TRY(store.lock(store::Store::kImagesLock, sys::Lock::Shared));
  if (step == nullptr) TRY(images.find(image.id.text()), gone);
  const sys::Fd volumes = TRY(lock_volumes_of(container, first, undo));
  TRY(sys::create_file(dir.get(), "config.json", print_record(container),
                       config.auto_remove ? sys::Durability::Lazy : sys::Durability::Synced));
  if (step == nullptr) images.touch(image.id);
  undo.keep();
  failpoint("create.recorded");
  return container.id;
}

}  // namespace tare::engine
