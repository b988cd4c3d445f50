// SPDX-License-Identifier: Apache-2.0
// exec: one more process in a running container, with the container's own protections.
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "front/oci/console.h"
#include "front/oci/lifecycle.h"
#include "front/oci/log.h"
#include "front/oci/program.h"
#include "front/oci/spec.h"
#include "oci/runtime_state.h"
#include "sys/files.h"

namespace tare::front_oci {
namespace {

using K = Option::Kind;

constexpr std::array<Option, 18> kOptions{
    {{"process", 'p', K::Value, "file with the process, as in config.json"},
     {"detach", 'd', K::Flag, "do not wait for the end"},
     {"tty", 't', K::Flag, "with a terminal"},
     {"console-socket", 0, K::Value, "socket that gets the terminal"},
     {"pid-file", 0, K::Value, "file for the pid of the process"},
     {"cwd", 0, K::Value, "working directory"},
     {"env", 'e', K::Value, "environment variable NAME=VALUE"},
     {"user", 'u', K::Value, "UID[:GID]"},
     {"additional-gids", 'g', K::Value, "one more group"},
     {"cap", 'c', K::Value, "one more capability"},
     {"no-new-privs", 0, K::Flag, "privileges cannot be gained by execve"},
     {"apparmor", 0, K::Value, "AppArmor profile"},
     {"process-label", 0, K::Value, "SELinux label"},
     {"preserve-fds", 0, K::Value, "number of descriptors from 3 on that the process gets"},
     {"cgroup", 0, K::Value, "group below the container's"},
     {"ignore-paused", 0, K::Flag, "also when the container is paused"},
     {"no-subreaper", 0, K::Flag, "accepted; has no meaning"},
     {"console", 0, K::Value, "accepted; has no meaning"}}};

Result<std::uint32_t> parse_id(std::string_view text) {
  const std::uint64_t number = TRY(parse_u64(text));
  constexpr std::uint64_t kHighest = 0xFFFFFFFE;  // The last one means "leave as it is".
  if (number > kHighest) return fail(Kind::Invalid, quoted(text) + " is not an id");
  return static_cast<std::uint32_t>(number);
}

Result<> set_user(oci::User& user, const Arguments& arguments) {
  if (arguments.has("user")) {
    const std::string text = arguments.value("user");
    const auto parts = split_once(text, ':');
    user.uid = TRY(parse_id(parts ? parts->first : std::string_view(text)), "--user");
    if (parts) user.gid = TRY(parse_id(parts->second), "--user");
  }
  for (const std::string& group : arguments.values("additional-gids"))
    user.additional_gids.push_back(TRY(parse_id(group), "--additional-gids"));
  return {};
}

// The container's own process with what the command line changes.
Result<oci::Process> change_process(oci::Process process, const Arguments& arguments) {
  process.args = {arguments.rest().begin() + 1, arguments.rest().end()};
  process.terminal = arguments.flag("tty");
  process.console_size.reset();
  if (arguments.has("cwd")) process.cwd = arguments.value("cwd");
  for (const std::string& variable : arguments.values("env")) process.env.push_back(variable);
  TRY(set_user(process.user, arguments));
  if (arguments.has("cap") && !process.capabilities) process.capabilities.emplace();
  for (const std::string& name : arguments.values("cap"))
    for (auto* set : {&process.capabilities->bounding, &process.capabilities->effective,
                      &process.capabilities->permitted})
      set->push_back(name);
  if (arguments.has("no-new-privs")) process.no_new_privileges = arguments.flag("no-new-privs");
  if (arguments.has("apparmor")) process.apparmor_profile = arguments.value("apparmor");
  if (arguments.has("process-label")) process.selinux_label = arguments.value("process-label");
  return process;
}

Result<oci::Process> read_process(const oci::RuntimeConfig& config, const Arguments& arguments) {
  const std::string file = arguments.value("process");
  if (!file.empty()) {
    const std::string text = TRY(sys::load_file(AT_FDCWD, file), "--process");
    oci::Process process = TRY(oci::parse_process(text), "--process");
    if (arguments.flag("tty")) process.terminal = true;
    return process;
  }
  if (arguments.rest().size() < 2) return fail(Kind::Invalid, "no command given");
  return change_process(config.process.value_or(oci::Process{}), arguments);
}

Result<> check_status(const Container& container, const Arguments& arguments) {
  const Status status = container.status();
  if (status == Status::Running || status == Status::Created) return {};
  if (status == Status::Paused && arguments.flag("ignore-paused")) return {};
  return fail(Kind::Busy, "container " + quoted(container.record().id) + " is " +
                              std::string(oci::status_name(status)) + ": nothing can be run in it");
}

// The groups of the container, or those below them with the given name.
sys::Cgroup cgroup_for(const Container& container, const Arguments& arguments) {
  const std::string below = arguments.value("cgroup");
  if (below.empty()) return container.cgroup();
  std::vector<std::string> directories = container.record().cgroup_directories;
  for (std::string& directory : directories) directory += "/" + below;
  return sys::Cgroup::reopen(std::move(directories));
}

struct Listener {
  sys::Fd socket;
  sys::Fd state;
};

// The agent hears of this process's filter as it did of the first one's.
Result<Listener> connect_agent(isolate::Process& process, const json::Value& seccomp,
                               const Record& record) {
  Listener listener;
  const SeccompAgent agent = TRY(seccomp_agent(seccomp));
  if (agent.path.empty()) return listener;
  listener.socket = TRY(connect_socket(agent.path), "linux.seccomp.listenerPath");
  listener.state = TRY(sys::make_memfd("state"));
  const oci::State state = state_of(record, oci::Status::Running);
  TRY(sys::write_all(listener.state.get(),
                     oci::print_process_state(state, record.pid, agent.metadata)));
  process.seccomp_listener = listener.socket.get();
  process.seccomp_state = listener.state.get();
  return listener;
}

Result<isolate::Process> make_exec_process(const oci::RuntimeConfig& config,
                                           const Arguments& arguments) {
  const bool own_users = config.find_namespace(oci::NamespaceType::User) != nullptr;
  const oci::Process wanted = TRY(read_process(config, arguments));
  isolate::Process process = TRY(make_process(wanted, own_users));
  process.kept_fds = TRY(kept_fds(arguments));
  if (config.has_seccomp) TRY(add_seccomp(process, config.seccomp), "linux.seccomp");
  if (config.personality) process.personality = static_cast<std::uint32_t>(*config.personality);
  return process;
}

Result<> check_terminal(const isolate::Process& process, const Arguments& arguments) {
  const bool socket = arguments.has("console-socket");
  if (process.terminal && arguments.flag("detach") && !socket)
    return std::unexpected(Error(Kind::Invalid, "nobody takes the terminal of the process")
                               .hint("give a socket with --console-socket"));
  if (!process.terminal && socket)
    return fail(Kind::Invalid, "--console-socket is given, but no terminal is asked for");
  return {};
}

Result<int> finish(const isolate::Started& started, const Arguments& arguments) {
  const std::string console = arguments.value("console-socket");
  if (!console.empty()) {
    const sys::Fd socket = TRY(connect_socket(console), "--console-socket");
    TRY(send_terminal(socket, started.stdio.out));
  }
  TRY(write_pid_file(arguments.value("pid-file"), started.pid));
  if (arguments.flag("detach")) return 0;
  const sys::Fd nobody;
  return wait_in_foreground(started.pid, started.pidfd.get(),
                            console.empty() ? started.stdio.out : nobody);
}

// As a shell says it. [POSIX sh, "Exit Status for Commands"]
int status_of(const isolate::LaunchError& failure) {
  if (failure.at != isolate::FailedAt::Exec) return 255;
  return failure.error.errnum() == ENOENT ? 127 : 126;
}

Result<int> exec(const Globals& globals, const Arguments& arguments) {
  if (arguments.rest().empty()) return fail(Kind::Invalid, "no container id given");
  const std::uint32_t kept = TRY(kept_fds(arguments));
  isolate::Helper helper =
      TRY(isolate::start_helper(0, kept), "exec in container " + quoted(arguments.rest().front()));
  const Container container = TRY(find_container(globals, arguments.rest().front()));
  const Record& record = container.record();
  TRY(check_status(container, arguments));
  const std::string text = TRY(container.config());
  const oci::RuntimeConfig config = TRY(oci::parse_runtime_config(text));
  isolate::Process process = TRY(make_exec_process(config, arguments));
  TRY(check_terminal(process, arguments));
  const Listener listener = TRY(connect_agent(process, config.seccomp, record));
  const sys::Fd first = TRY(container.process());
  isolate::EnterSpec spec{.helper = std::move(helper),
                          .pid = record.pid,
                          .pidfd = first.get(),
                          .cgroup = cgroup_for(container, arguments),
                          .needs_user_namespace = false,
                          .dies_with_parent = false,
                          .warn = [](const std::string& message) { log().warn(message); },
                          .process = std::move(process)};
  auto started = isolate::enter(std::move(spec), isolate::Stdin::Inherit);
  if (!started) {
    log().error(Error(started.error().error).wrap("exec in container " + quoted(record.id)));
    return status_of(started.error());
  }
  return finish(*started, arguments);
}

constexpr std::array<Command, 1> kCommands{
    {{.name = "exec",
      .synopsis = "exec [OPTIONS] CONTAINER COMMAND [ARGUMENT...]",
      .help = "Run one more process in a running container",
      .options = kOptions,
      .stop_at_first = true,
      .run = exec}}};

}  // namespace

std::span<const Command> exec_commands() { return kCommands; }

}  // namespace tare::front_oci
