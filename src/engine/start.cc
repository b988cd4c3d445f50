// SPDX-License-Identifier: Apache-2.0
// Starting a container. The engine prepares everything, then forks the launcher: a process of its
// own session that creates the container, so that process 1 is its child, and then becomes the
// keeper by execve. Nothing of the engine has to live on.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "base/failpoint.h"
#include "base/undo.h"
#include "build/instruction.h"
#include "engine/attachment.h"
#include "engine/launch_report.h"
#include "engine/record.h"
#include "engine/resources.h"
#include "engine/root_namespace.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "isolate/isolate.h"
#include "network/home.h"
#include "sys/files.h"
#include "sys/limits.h"

namespace tare::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Of our environment, for the keeper's clean-up program: it looks for the store's usual place.
constexpr const char* kPassedOn[] = {"HOME", "XDG_DATA_HOME",
#ifdef TARE_FAILPOINTS
                                     "TARE_FAILPOINT", "TARE_FAILPOINT_HIT"
#endif
};

// Everything the launcher needs, made before the fork.
struct Launch {
  isolate::Spec spec;
  isolate::Stdin stdin_kind = isolate::Stdin::Null;
  Container container;
  std::string usual_root;            // Members of the namespace; "" for root.
  std::string keeper;                // Path of the program.
  std::vector<std::string> cleanup;  // Argv for the keeper's end; empty: none.
  std::vector<std::string> probes;   // The keeper's arguments for a health check.
  sys::Fd dir;
  sys::Fd lock;
  sys::Fd listener;
  sys::Fd client;  // The first client's end; may be empty.
  sys::Fd report;  // Write end.
  StartingNetworks* networks = nullptr;
  std::function<Result<>(int pid)> beside;  // StartRequest's.
  const store::Store* store = nullptr;
};

void pass(std::vector<std::string>& arguments, const char* key, const sys::Fd& fd) {
  if (!fd) return;
  ::fcntl(fd.get(), F_SETFD, 0);  // Single-threaded, right before execve.
  arguments.push_back(std::string(key) + "=" + std::to_string(fd.get()));
}

[[noreturn]] void become_keeper(const Launch& launch, const isolate::Started& started) {
  const CreateRequest& config = launch.container.config;
  std::vector<std::string> arguments = {"tare-keeper", "id=" + launch.container.id,
                                        "pid=" + std::to_string(started.pid)};
  pass(arguments, "pidfd", started.pidfd);
  pass(arguments, "dir", launch.dir);
  pass(arguments, "lock", launch.lock);
  pass(arguments, "listen", launch.listener);
  pass(arguments, "client", launch.client);
  if (config.tty) {
    pass(arguments, "tty", started.stdio.out);
  } else {
    pass(arguments, "in", started.stdio.in);
    pass(arguments, "out", started.stdio.out);
    pass(arguments, "err", started.stdio.err);
  }
  if (config.open_stdin) arguments.emplace_back("stdin_once=1");
  for (const std::string& directory : started.cgroup_directories)
    arguments.push_back("cgroup=" + directory);
  // And those that an update may make later.
  for (const std::string& directory :
       sys::Cgroup::possible_directories(sys::tare_group(group_name(launch.container))))
    if (std::ranges::find(started.cgroup_directories, directory) ==
        started.cgroup_directories.end())
      arguments.push_back("cgroup=" + directory);
  arguments.push_back("log_max=" + std::to_string(config.log_max_bytes));
  arguments.push_back("log_files=" + std::to_string(config.log_files));
  for (std::size_t i = 0; i < launch.cleanup.size(); ++i)
    arguments.push_back((i == 0 ? "cleanup=" : "cleanup_arg=") + launch.cleanup[i]);
  arguments.insert(arguments.end(), launch.probes.begin(), launch.probes.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> environment;
  for (const char* key : kPassedOn)
    if (const char* value = std::getenv(key)) environment.push_back(std::string(key) + "=" + value);
  std::vector<char*> envp;
  for (std::string& entry : environment) envp.push_back(entry.data());
  envp.push_back(nullptr);
  ::execve(launch.keeper.c_str(), argv.data(), envp.data());
  ::_exit(127);
}

// Who changes its networks sees one that runs with all of them, and its name may have changed.
Result<> record_start(const Launch& launch, const std::string& text, int pid) {
  sys::Fd none_changes;
  if (!launch.networks->endpoints().empty())
    none_changes = TRY(launch.store->lock(kNetworksLock, sys::Lock::Shared));
  TRY(sys::replace_file(launch.dir.get(), "started", text, sys::Durability::Lazy));
  if (const auto now = load_container(launch.dir.get())) launch.networks->set_name(now->name);
  return launch.networks->finish(pid);
}

// While the new process comes to be: what the networks themselves need; then, while it sets itself
// up, its interfaces.
void make_networks(Launch& launch) {
  StartingNetworks& networks = *launch.networks;
  bool is_settled = false;
  const auto begin = [&networks, is_settled](int pid, const sys::Cgroup&) mutable -> Result<> {
    if (!std::exchange(is_settled, true)) return networks.settle();
    return networks.find_inside(pid);
  };
  const auto make = [&networks, then = std::move(launch.beside)](int pid) -> Result<> {
    TRY(networks.find_inside(pid));
    TRY(networks.make());
    return then ? then(pid) : Result<>();
  };
  launch.spec.born = begin;
  launch.spec.beside = make;
}

// The launcher's whole life. Its report is the last thing before it becomes the keeper.
[[noreturn]] void run_launcher(Launch& launch) {
  ::setsid();
  failpoint("launcher.begin");
  const auto give_up = [&](const isolate::LaunchError& failure) {
    (void)sys::write_all(launch.report.get(), print_failure(failure));
    ::_exit(1);
  };
  if (::access(launch.keeper.c_str(), X_OK) != 0)
    give_up({.error = Error::sys(errno, "find the keeper program " + quoted(launch.keeper)),
             .at = isolate::FailedAt::Setup});
  std::string warnings;
  launch.spec.warn = [&warnings](const std::string& text) { warnings += escaped(text) + "\n"; };
  launch.spec.beside = launch.beside;
  if (launch.networks->makes_interfaces()) make_networks(launch);
  auto started = isolate::launch(std::move(launch.spec), launch.stdin_kind);
  if (!started) give_up(started.error());
  failpoint("launcher.launched");
  std::string text = "pid=" + std::to_string(started->pid) +
                     "\nkeeper_pid=" + std::to_string(::getpid()) +
                     "\nstarted_at=" + std::to_string(now_ns()) + "\n";
  if (started->cgroup_directories.empty()) text += "pid_start=" + start_time(started->pid) + "\n";
  Result<> written = record_start(launch, text, started->pid);
  if (written && !launch.usual_root.empty()) written = join_members(launch.usual_root);
  if (!written)
    give_up({.error = std::move(written).error().wrap("after the start"),
             .at = isolate::FailedAt::Setup});  // Process 1 dies with us.
  failpoint("launcher.recorded");
  for (const std::string& sentence : launch.networks->obstacles())
    warnings += escaped(sentence) + "\n";
  (void)sys::write_all(launch.report.get(), "ok\n" + warnings);
  failpoint("launcher.reported");
  launch.report.reset();
  // Whoever reads our standard output must not wait for the container.
  if (const auto null = sys::open_path("/dev/null", O_RDWR))
    for (int fd = 0; fd <= 2; ++fd) ::dup2(null->get(), fd);
  (void)!::chdir("/");
  failpoint("launcher.keeper");
  become_keeper(launch, *started);
}

// Runs the launcher and waits for its report; what it says behind "ok": warnings, a line each.
std::expected<std::string, isolate::LaunchError> fork_launcher(Launch launch) {
  const auto setup_failure = [](Error error) {
    return std::unexpected(
        isolate::LaunchError{.error = std::move(error), .at = isolate::FailedAt::Setup});
  };
  auto pipe = sys::make_pipe();
  if (!pipe) return setup_failure(std::move(pipe).error());
  launch.report = std::move(pipe->write);
  const pid_t pid = ::fork();
  if (pid < 0) return setup_failure(Error::sys(errno, "fork the launching process"));
  if (pid == 0) run_launcher(launch);
  failpoint("start.forked");
  launch.report.reset();
  launch.lock.reset();  // The launcher's copy holds the lock now.
  auto text = sys::read_all(pipe->read.get(), 64 << 10);
  if (!text) return setup_failure(std::move(text).error());
  if (text->starts_with("ok\n")) return text->substr(3);
  ::waitpid(pid, nullptr, 0);
  return std::unexpected(parse_failure(*text));
}

// What the user knows it by: a step of a build has a name that nobody gave.
std::string start_of(const Container& container) {
  return "start " + (container.step ? "the program of the RUN step" : container.name);
}

// The error as the user sees it: a failed execve is explained by looking at the program.
StartFailure explain(const isolate::LaunchError& failure, const Container& container, int root,
                     const isolate::Process& process) {
  if (failure.at == isolate::FailedAt::Setup)
    return {.error = Error(failure.error).wrap(start_of(container)), .exit_code = 125};
  if (failure.at == isolate::FailedAt::Cwd)
    return {.error = Error(failure.error).wrap(start_of(container)), .exit_code = 127};
  const isolate::Diagnosis diagnosis = isolate::diagnose_exec(root, process, failure.error);
  return {.error = Error(failure.error.kind(), start_of(container) + ": " + diagnosis.message)
                       .hint(diagnosis.hint),
          .exit_code = diagnosis.exit_code};
}

void remember_failure(int dir, const StartFailure& failure) {
  (void)sys::replace_file(dir, "error",
                          "exit_code=" + std::to_string(failure.exit_code) +
                              "\nmessage=" + escaped(failure.error.message()) + "\n",
                          sys::Durability::Lazy);  // Only informative: its loss is no harm.
}

void add_unrecorded(isolate::Spec& spec, const Engine::Unrecorded& given) {
  std::vector<std::string>& env = spec.process.env;
  for (const std::string& entry : given.environment) {
    const std::string key = entry.substr(0, entry.find('=') + 1);
    std::erase_if(env, [&](const std::string& old) { return old.starts_with(key); });
    env.push_back(entry);
  }
  for (const Engine::Unrecorded::File& file : given.files)
    spec.files.push_back({.target = file.target,
                          .content = file.content,
                          .mode = file.mode,
                          .uid = file.uid,
                          .gid = file.gid,
                          .read_only = true});
}

// The first client of the keeper that this will be.
Result<std::unique_ptr<KeeperAttachment>> attach_client(Launch& launch,
                                                        const Engine::StartRequest& request) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return fail_errno("make a socket pair");
  launch.client = sys::Fd(pair[1]);
  auto attachment = std::make_unique<KeeperAttachment>(sys::Fd(pair[0]));
  TRY(attachment->attach(*request.attach, request.owner, request.ends_with_us));
  return attachment;
}

}  // namespace

// What a start holds until it is done.
struct Engine::State::Starting {
  Container container;
  sys::Fd dir;
  sys::Fd root_again;        // For the diagnosis,
  isolate::Process process;  // as this is.
  StartingNetworks networks;
  sys::Fd home_lock;
  sys::Fd service;
  Undo undo;
  Launch launch;
};

// The container and its root file system.
Result<sys::Fd> Engine::State::take_container(Engine& engine, Starting& it, const std::string& id,
                                              const StartRequest& request,
                                              const Progress& progress) {
  it.dir = TRY(open_container(id));
  it.launch.lock = TRY(await_container(it.dir.get(), id.substr(0, 12)));
  failpoint("start.locked");
  Container& container = it.container = TRY(load_container(it.dir.get()));
  if (!container.config.net.with.empty()) {
    it.launch.lock.reset();  // Not held while it waits: somebody may want to remove it.
    TRY(await_services(engine, container, request, progress));
    it.launch.lock = TRY(await_container(it.dir.get(), id.substr(0, 12)));
    container = TRY(load_container(it.dir.get()));
  }
  TRY(id_ranges.confirm(container.id_claim, claim_owner(container)));
  for (const char* stale : {"started", "exit", "error", "paused", "health"})
    ::unlinkat(it.dir.get(), stale, 0);
  failpoint("start.cleared");
  if (::mkdirat(it.dir.get(), "log", 0700) != 0 && errno != EEXIST)
    return fail_errno("make the log directory");
  const image::Image image = TRY(image_of(container));
  const auto unpacking = [&](std::uint64_t done, std::uint64_t total) {
    if (progress) progress("unpacking " + image.id.short_hex(), done, total);
  };
  TRY(rootfs.prepare(image.id, image.layers, container.ids, unpacking), "unpack the image");
  sys::Fd root = TRY(rootfs.mount(image.id, image.layers, container.ids, it.dir.get(), false),
                     "mount the root file system");
  it.root_again = TRY(root.duplicate());
  failpoint("start.mounted");
  return root;
}

Result<> Engine::State::add_target(Starting& it) {
  const Container& container = it.container;
  if (!container.target) return {};
  if (::mkdirat(it.dir.get(), "target", 0700) != 0 && errno != EEXIST)
    return fail_errno("make the directory of a step's target");
  const sys::Fd dir =
      TRY(sys::open_at(it.dir.get(), "target", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const StepTarget& target = *container.target;
  TRY(rootfs.prepare(target.id, target.layers, container.ids, {}), "unpack the target");
  isolate::Mount mount;
  mount.target = build::kToolsTarget;
  mount.source = TRY(rootfs.mount(target.id, target.layers, container.ids, dir.get(), false),
                     "mount the target");
  // Before those that are below it.
  std::vector<isolate::Mount>& mounts = it.launch.spec.mounts;
  mounts.insert(mounts.begin(), std::move(mount));
  return {};
}

Result<> Engine::State::take_networks(Starting& it) {
  if (!it.container.config.net.networks.empty()) {
    // Of those who start at once only one makes it.
    if (!TRY(network::owns_network())) it.home_lock = TRY(store.lock("network-home"));
    TRY(mark_networks(it.dir.get()));
  }
  {
    // None of them is removed until we are seen on it.
    const sys::Fd none_goes = TRY(store.lock(kNetworksLock, sys::Lock::Shared));
    it.networks = TRY(start_networks(it.container));
  }
  if (it.networks.makes_home())
    network::await_end_of_service(store.dir());
  else
    it.home_lock.reset();
  if (it.networks.is_elsewhere())
    it.service = TRY(network::hold_service(store.dir(), programs + "/tare-net"));
  it.undo.push([&it]() noexcept { it.networks.undo(); });
  failpoint("start.networks");
  return {};
}

Result<> Engine::State::plan_launch(const Engine& engine, Starting& it, sys::Fd root,
                                    const StartRequest& request) {
  Launch& launch = it.launch;
  launch.spec = TRY(make_spec(it.container, std::move(root), store, it.networks));
  add_unrecorded(launch.spec, request.unrecorded);
  TRY(add_target(it));
  TRY(share_network(it.container, launch.spec));
  TRY(tell_services(engine, it.container, it.dir.get(), it.networks, launch.spec));
  launch.spec.process.rows = request.rows;
  launch.spec.process.columns = request.columns;
  it.process = launch.spec.process;
  if (it.container.config.init)
    launch.spec.init =
        TRY(sys::open_path(programs + "/tare-init", O_PATH), "find the init program");
  launch.listener = TRY(listen_keeper(it.dir.get()));
  launch.dir = TRY(it.dir.duplicate());
  failpoint("start.listening");
  launch.container = it.container;
  launch.stdin_kind = it.container.config.open_stdin ? isolate::Stdin::Pipe : isolate::Stdin::Null;
  launch.keeper = programs + "/tare-keeper";
  if (namespace_root)
    if (const auto usual = usual_root_of_namespace()) launch.usual_root = *usual;
  if (it.container.config.auto_remove)
    launch.cleanup = {self, "--root", store.path(), "rm", "--force", "--quiet", it.container.id};
  launch.probes = probe_arguments(it.container);
  launch.networks = &it.networks;
  launch.beside = request.beside;
  launch.store = &store;
  return {};
}

StartResult<Engine::StartedContainer> Engine::start(const std::string& id,
                                                    const StartRequest& request,
                                                    const Progress& progress) {
  State& state = *state_;
  const auto begin = Clock::now();
  StartedContainer result;
  State::Starting it;
  std::unique_ptr<KeeperAttachment> attachment;
  // The part that fails with 125, whatever goes wrong.
  const auto prepare = [&]() -> Result<> {
    result.room =
        state.admitted ? *std::exchange(state.admitted, std::nullopt) : TRY(admit_start());
    sys::Fd root = TRY(state.take_container(*this, it, id, request, progress));
    TRY(state.take_networks(it));
    TRY(state.plan_launch(*this, it, std::move(root), request));
    if (request.attach) attachment = TRY(attach_client(it.launch, request));
    return {};
  };
  if (auto prepared = prepare(); !prepared) {
    if (it.container.name.empty()) it.container.name = id.substr(0, 12);
    return std::unexpected(
        StartFailure{.error = std::move(prepared).error().wrap(start_of(it.container))});
  }
  const auto prepared = Clock::now();
  auto launched = fork_launcher(std::move(it.launch));
  if (!launched) {
    StartFailure failure = explain(launched.error(), it.container, it.root_again.get(), it.process);
    remember_failure(it.dir.get(), failure);
    ::unlinkat(it.dir.get(), "ctl", 0);
    return std::unexpected(std::move(failure));
  }
  it.undo.keep();
  result.timing = {.prepare = prepared - begin, .launch = Clock::now() - prepared};
  result.attachment = std::move(attachment);
  result.warnings = clamped_ulimits(it.container.config);
  for (const std::string& warning : split(*launched, '\n'))
    if (!warning.empty()) result.warnings.push_back(warning);
  return result;
}

}  // namespace tare::engine
