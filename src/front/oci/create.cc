// SPDX-License-Identifier: Apache-2.0
// create and run.
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "base/undo.h"
#include "front/oci/console.h"
#include "front/oci/hooks.h"
#include "front/oci/lifecycle.h"
#include "front/oci/log.h"
#include "front/oci/program.h"
#include "front/oci/spec.h"
#include "oci/runtime_state.h"
#include "sys/files.h"
#include "sys/net_devices.h"

namespace tare::front_oci {
namespace {

using K = Option::Kind;

constexpr std::array<Option, 9> kOptions{
    {{"bundle", 'b', K::Value, "directory with config.json, default the current one"},
     {"config", 'f', K::Value, "another file than config.json"},
     {"console-socket", 0, K::Value, "socket that gets the terminal"},
     {"pid-file", 0, K::Value, "file for the pid of the container's process"},
     {"no-pivot", 0, K::Flag, "cover the old root instead of pivoting: for an initramfs"},
     {"no-new-keyring", 0, K::Flag, "keep the caller's session keyring"},
     {"preserve-fds", 0, K::Value, "number of descriptors from 3 on that the process gets"},
     {"no-subreaper", 0, K::Flag, "accepted; has no meaning"},
     {"detach", 'd', K::Flag, "run: do not wait for the end"}}};
constexpr std::array<Option, 10> kRunOptions{{kOptions[0],
                                              kOptions[1],
                                              kOptions[2],
                                              kOptions[3],
                                              kOptions[4],
                                              kOptions[5],
                                              kOptions[6],
                                              kOptions[7],
                                              kOptions[8],
                                              {"keep", 0, K::Flag, "do not delete it at the end"}}};

std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  std::array<char, PATH_MAX> here{};
  if (::getcwd(here.data(), here.size()) == nullptr) return path;
  return path.empty() || path == "." ? std::string(here.data()) : here.data() + ("/" + path);
}

// Everything that is known before the container is made.
struct Job {
  std::string id;
  std::string config_text;
  oci::RuntimeConfig config;
  SpecOptions options;
  std::string console_socket;
  std::string pid_file;
};

Result<Job> read_job(const Globals& globals, const Arguments& arguments) {
  Job job;
  job.id = TRY(one_container(arguments));
  job.options.id = job.id;
  job.options.bundle = absolute(arguments.value("bundle"));
  const std::string file = arguments.value("config");
  const std::string path = file.empty() ? job.options.bundle + "/config.json" : absolute(file);
  job.config_text = TRY(sys::load_file(AT_FDCWD, path), "read the configuration " + quoted(path));
  job.config = TRY(oci::parse_runtime_config(job.config_text), quoted(path));
  const std::string& root = job.config.root.path;
  job.options.rootfs = root.starts_with('/') ? root : job.options.bundle + "/" + root;
  job.options.pivot = !arguments.flag("no-pivot");
  job.options.new_keyring = !arguments.flag("no-new-keyring");
  job.options.systemd_cgroup = globals.systemd_cgroup;
  job.options.kept_fds = TRY(kept_fds(arguments));
  job.console_socket = arguments.value("console-socket");
  job.pid_file = arguments.value("pid-file");
  return job;
}

Result<> check_terminal(const Job& job, bool detached) {
  const bool terminal = job.config.process && job.config.process->terminal;
  if (terminal && detached && job.console_socket.empty())
    return std::unexpected(
        Error(Kind::Invalid, "process.terminal is set, but nobody takes the terminal")
            .hint("give a socket with --console-socket"));
  if (!terminal && !job.console_socket.empty())
    return fail(Kind::Invalid, "--console-socket is given, but process.terminal is not set");
  return {};
}

Record first_record(const Job& job) {
  Record record;
  record.id = job.id;
  record.bundle = job.options.bundle;
  record.rootfs = job.options.rootfs;
  record.created = rfc3339(now_ns());
  record.owner = ::geteuid();
  json::Value annotations{json::Object{}};
  for (const auto& [key, value] : job.config.annotations) annotations.set(key, value);
  record.annotations = std::move(annotations);
  record.own_pid_namespace =
      namespace_of(job.config, oci::NamespaceType::Pid) == isolate::Namespace::New;
  record.poststart_hooks = !job.config.hooks.poststart.empty();
  record.poststop_hooks = !job.config.hooks.poststop.empty();
  return record;
}

// The container on its way, for the callbacks of isolate::launch.
class Birth {
 public:
  Birth(const Job& job, const NewContainer& place)
      : job_(job), place_(place), record_(first_record(job)) {}

  Result<> prepare(isolate::Spec& spec) {
    const oci::Hooks& hooks = job_.config.hooks;
    spec.born = [this](int pid, const sys::Cgroup& cgroup) { return born(pid, cgroup); };
    spec.born_in_namespaces = !job_.config.net_devices.empty();
    const bool has_hooks = !hooks.prestart.empty() || !hooks.create_runtime.empty();
    if (has_hooks || !job_.config.net_devices.empty())
      spec.runtime_hooks = [this](int pid) { return run_runtime_hooks(pid); };
    if (has_hooks || !hooks.create_container.empty()) spec.root_place = job_.options.rootfs;
    if (!hooks.create_container.empty())
      TRY(make_state_file(spec.create_state, oci::Status::Creating));
    if (!hooks.start_container.empty())
      TRY(make_state_file(spec.start_state, oci::Status::Created));
    if (!job_.config.has_seccomp) return {};
    const SeccompAgent agent = TRY(seccomp_agent(job_.config.seccomp));
    if (agent.path.empty()) return {};
    listener_ = TRY(connect_socket(agent.path), "linux.seccomp.listenerPath");
    metadata_ = agent.metadata;
    TRY(make_state_file(agent_state_, oci::Status::Creating));
    spec.process.seccomp_listener = listener_.get();
    spec.process.seccomp_state = agent_state_.get();
    return {};
  }
  const Record& record() const { return record_; }

 private:
  struct StateFile {
    int fd;
    oci::Status status;
  };

  // Completed when the pid is known.
  Result<> make_state_file(sys::Fd& file, oci::Status status) {
    file = TRY(sys::make_memfd("state"));
    state_files_.push_back({.fd = file.get(), .status = status});
    return {};
  }

  Result<> born(int pid, const sys::Cgroup& cgroup) {
    if (record_.pid == 0)
      for (const std::string& warning : cgroup.warnings()) log().warn(warning);
    record_.pid = pid;
    record_.start_time = look_at_process(pid).start_time;
    // Nobody could tell it from a later process with its number: it would never be ended.
    if (record_.start_time == 0)
      return std::unexpected(
          Error(Kind::Internal, "read /proc/" + std::to_string(pid) + "/stat: it cannot be read")
              .hint("raise the limit of open files (ulimit -n), and see that /proc is mounted"));
    record_.cgroup_directories = cgroup.directories();
    record_.cgroup_parents = cgroup.parents();
    TRY(place_.save(record_), "record the container");
    for (const StateFile& file : state_files_) {
      std::string text = oci::print_state(state_of(record_, file.status));
      if (file.fd == agent_state_.get())
        text = oci::print_process_state(state_of(record_, file.status), pid, metadata_);
      if (::ftruncate(file.fd, 0) != 0 || ::lseek(file.fd, 0, SEEK_SET) != 0)
        return fail_errno("write the state for hooks");
      TRY(sys::write_all(file.fd, text));
    }
    return move_devices(pid);
  }

  // As soon as the process is in the container's network, so that sysctls and hooks find them.
  // Where a user namespace is joined, that is not yet so when the process is born.
  Result<> move_devices(int pid) {
    if (job_.config.net_devices.empty() || devices_moved_) return {};
    const sys::Fd network =
        TRY(sys::open_path("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
    if (TRY(sys::is_own_network(network.get()))) return {};
    std::vector<sys::NetDeviceMove> moves;
    for (const oci::NetDevice& device : job_.config.net_devices)
      moves.push_back({.name = device.host_name, .new_name = device.name});
    TRY(sys::move_net_devices(moves, network.get()), "linux.netDevices");
    devices_moved_ = true;
    return {};
  }

  // prestart hooks are told "created": the container is as good as that.
  Result<> run_runtime_hooks(int pid) {
    TRY(move_devices(pid));
    if (!job_.config.net_devices.empty() && !devices_moved_)
      return fail(Kind::Internal, "linux.netDevices: the container has no network of its own");
    const oci::Hooks& hooks = job_.config.hooks;
    const std::string& bundle = job_.options.bundle;
    TRY(run_hooks(hooks.prestart, "prestart",
                  oci::print_state(state_of(record_, oci::Status::Created)), bundle));
    return run_hooks(hooks.create_runtime, "createRuntime",
                     oci::print_state(state_of(record_, oci::Status::Creating)), bundle);
  }

  const Job& job_;
  const NewContainer& place_;
  Record record_;
  std::vector<StateFile> state_files_;
  sys::Fd listener_;
  sys::Fd agent_state_;
  std::string metadata_;
  bool devices_moved_ = false;
};

Result<> hand_over_terminal(const Job& job, const isolate::Started& started) {
  if (job.console_socket.empty()) return {};
  const sys::Fd socket = TRY(connect_socket(job.console_socket), "--console-socket");
  return send_terminal(socket, started.stdio.out);
}

Result<> save_config(const Job& job, int directory) {
  const sys::Fd file =
      TRY(sys::open_at(directory, "config.json", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW));
  return sys::write_all(file.get(), job.config_text);
}

Result<> undo_birth(const isolate::Started& started, const Record& record, Result<> failure) {
  ::syscall(SYS_pidfd_send_signal, started.pidfd.get(), SIGKILL, nullptr, 0);
  (void)sys::Cgroup::reopen(record.cgroup_directories, record.cgroup_parents).remove();
  return failure;
}

Result<isolate::Started> make_container(const Job& job, isolate::Helper helper,
                                        const NewContainer& place, bool gate, Record& record) {
  TRY(save_config(job, place.directory()), "keep the configuration");
  isolate::Spec spec = TRY(make_spec(job.config, job.options));
  spec.helper = std::move(helper);
  if (gate) spec.gate = TRY(place.make_gate());
  Birth birth(job, place);
  TRY(birth.prepare(spec));
  auto started = isolate::launch(std::move(spec), isolate::Stdin::Inherit);
  record = birth.record();
  if (!started) {
    // After hooks that failed, too. [runtime-spec 1.2 runtime.md, "Lifecycle", steps 3 to 5, 12,
    // 13]
    if (record.pid != 0)
      try_hooks(job.config.hooks.poststop, "poststop",
                oci::print_state(state_of(record, oci::Status::Stopped)), job.options.bundle);
    return std::unexpected(std::move(started).error().error);
  }
  Result<> done = hand_over_terminal(job, *started);
  if (done) done = write_pid_file(job.pid_file, started->pid);
  if (done) done = place.finish();
  if (!done) TRY(undo_birth(*started, record, std::move(done)));
  return std::move(*started);
}

Result<int> create(const Globals& globals, const Arguments& arguments) {
  const Job job = TRY(read_job(globals, arguments));
  TRY(check_terminal(job, true));
  const std::string what = "create container " + quoted(job.id);
  isolate::Helper helper = TRY(start_helper(job.config, job.options.kept_fds), what);
  const StateRoot root = TRY(StateRoot::open(globals.root));
  NewContainer place = TRY(root.create(job.id));
  Record record;
  const auto started = TRY(make_container(job, std::move(helper), place, true, record), what);
  place.keep();
  return 0;
}

Result<int> wait_and_delete(const Globals& globals, const Job& job, const Arguments& arguments,
                            const isolate::Started& started) {
  const sys::Fd nobody;
  const bool relay = job.console_socket.empty() && started.stdio.out;
  const int status =
      TRY(wait_in_foreground(started.pid, started.pidfd.get(), relay ? started.stdio.out : nobody));
  if (!arguments.flag("keep")) TRY(delete_container(globals, job.id, Force::No));
  return status;
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  const Job job = TRY(read_job(globals, arguments));
  const bool detached = arguments.flag("detach");
  TRY(check_terminal(job, detached));
  if (!job.config.process || job.config.process->args.empty())
    return fail(Kind::Invalid, "process.args is empty: there is nothing to run");
  const std::string what = "run container " + quoted(job.id);
  isolate::Helper helper = TRY(start_helper(job.config, job.options.kept_fds), what);
  const StateRoot root = TRY(StateRoot::open(globals.root));
  NewContainer place = TRY(root.create(job.id));
  Record record;
  const auto started = TRY(make_container(job, std::move(helper), place, false, record), what);
  place.keep();
  try_hooks(job.config.hooks.poststart, "poststart",
            oci::print_state(state_of(record, oci::Status::Running)), job.options.bundle);
  if (detached) return 0;
  return wait_and_delete(globals, job, arguments, started);
}

constexpr std::array<Command, 2> kCommands{
    {{.name = "create",
      .synopsis = "create [OPTIONS] CONTAINER",
      .help = "Create a container from a bundle; its program waits for start",
      .options = kOptions,
      .run = create},
     {.name = "run",
      .synopsis = "run [OPTIONS] CONTAINER",
      .help = "Create, start, wait for the end and delete",
      .options = kRunOptions,
      .run = run}}};

}  // namespace

std::span<const Command> create_commands() { return kCommands; }

}  // namespace tare::front_oci
