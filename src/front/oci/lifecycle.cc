// SPDX-License-Identifier: Apache-2.0
// start, kill, delete, pause and resume.
#include "front/oci/lifecycle.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "front/oci/hooks.h"
#include "front/oci/log.h"
#include "isolate/isolate.h"
#include "oci/runtime_config.h"
#include "sys/signals.h"

namespace tare::front_oci {
namespace {

using K = Option::Kind;

constexpr std::array<Option, 1> kKillOptions{
    {{"all", 'a', K::Flag, "all processes of the container"}}};
constexpr std::array<Option, 2> kDeleteOptions{
    {{"force", 'f', K::Flag, "kill it first when it runs; never mind when it is not there"},
     {"regex", 0, K::Flag, "refused: name the containers"}}};

std::unexpected<Error> wrong_status(const Record& record, Status status, std::string_view verb) {
  return fail(Kind::Busy, "container " + quoted(record.id) + " is " +
                              std::string(oci::status_name(status)) + ": it cannot be " +
                              std::string(verb));
}

Result<oci::Hooks> hooks_of(const Container& container) {
  const std::string text = TRY(container.config());
  oci::RuntimeConfig config = TRY(oci::parse_runtime_config(text));
  return std::move(config.hooks);
}

// Running means that the program is executed, and hooks are to see it so. That it could not be is
// told by the container's own end, which is not ours to judge: a warning here.
// [runtime-spec 1.2 runtime.md, "State", "start"]
Result<> finish_start(const Container& container, const sys::Fd& connection) {
  const Record& record = container.record();
  if (const auto started = isolate::follow_start(connection); !started) {
    if (started.error().at == isolate::FailedAt::Gate)
      return wrong_status(record, container.status(), "started");
    log().warn("start container " + quoted(record.id) + ": " + started.error().error.message());
    return {};
  }
  if (!record.poststart_hooks) return {};
  const oci::Hooks hooks = TRY(hooks_of(container), "start container " + quoted(record.id));
  try_hooks(hooks.poststart, "poststart", oci::print_state(state_of(record, oci::Status::Running)),
            record.bundle);
  return {};
}

Result<int> start(const Globals& globals, const Arguments& arguments) {
  const std::string id = TRY(one_container(arguments));
  const Container container = TRY(find_container(globals, id));
  auto connection = container.connect_to_gate();
  if (!connection) {
    // Nobody listens when it has been started or has ended.
    const Status status = container.status();
    if (status == Status::Created) return std::unexpected(std::move(connection).error());
    return wrong_status(container.record(), status, "started");
  }
  TRY(container.forget_gate());
  TRY(finish_start(container, *connection));
  return 0;
}

Result<int> kill(const Globals& globals, const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.rest();
  if (words.empty() || words.size() > 2)
    return fail(Kind::Invalid, "kill takes a container id and a signal");
  const int number = TRY(sys::parse_signal(words.size() == 2 ? words[1] : "TERM"));
  const Container container = TRY(find_container(globals, words[0]));
  const Record& record = container.record();
  const bool everybody = arguments.flag("all") || (number == SIGKILL && !record.own_pid_namespace);
  // Without groups only the first process is known; with it a pid namespace of its own ends.
  if (everybody && record.cgroup_directories.empty() && !record.own_pid_namespace)
    log().warn("container " + quoted(record.id) +
               " has no control group: only its first process is signalled");
  if (everybody && !record.cgroup_directories.empty()) {
    const sys::Cgroup cgroup = container.cgroup();
    if (number == SIGKILL) {
      TRY(cgroup.kill());
      return 0;
    }
    for (const int pid : TRY(cgroup.processes(sys::Cgroup::Depth::WithBelow))) ::kill(pid, number);
    return 0;
  }
  const sys::Fd process = TRY(container.process());
  if (::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) != 0)
    return fail_errno("send signal " + std::to_string(number) + " to container " +
                      quoted(record.id));
  // A frozen process dies when it is thawed.
  if (number == SIGKILL)
    if (const auto frozen = container.cgroup().is_frozen(); frozen && *frozen)
      (void)container.cgroup().thaw();
  return 0;
}

// Its process and all others in its groups.
Result<> kill_all(const Container& container) {
  const auto process = container.process();
  if (process) ::syscall(SYS_pidfd_send_signal, process->get(), SIGKILL, nullptr, 0);
  if (!container.record().cgroup_directories.empty()) TRY(container.cgroup().kill());
  if (!process) return {};
  constexpr int kPatienceMs = 10'000;
  pollfd ended{.fd = process->get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, kPatienceMs);
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) return {};
  return fail(Kind::Busy, "the process of the container does not end");
}

// The groups that a create made before it was killed; its process died with it.
void remove_abandoned_groups(const StateRoot& root, const std::string& id) {
  const auto text = root.abandoned_config(id);
  if (!text) return;
  const auto config = oci::parse_runtime_config(*text);
  const bool own = !config || config->cgroups_path.empty();
  (void)sys::Cgroup::open_at(own ? "tare-oci/" + id : config->cgroups_path).remove();
}

void run_poststop(const Container& container) {
  const Record& record = container.record();
  if (!record.poststop_hooks) return;
  const auto hooks = hooks_of(container);
  if (!hooks) {
    log().warn("poststop hooks are not run: " + hooks.error().message());
    return;
  }
  try_hooks(hooks->poststop, "poststop", oci::print_state(state_of(record, oci::Status::Stopped)),
            record.bundle);
}

Result<int> delete_command(const Globals& globals, const Arguments& arguments) {
  if (arguments.flag("regex"))
    return fail(Kind::Unsupported, "--regex is not supported: name the containers");
  if (arguments.rest().empty()) return fail(Kind::Invalid, "no container id given");
  for (const std::string& id : arguments.rest())
    TRY(delete_container(globals, id, arguments.flag("force") ? Force::Yes : Force::No));
  return 0;
}

Result<int> pause(const Globals& globals, const Arguments& arguments) {
  const std::string id = TRY(one_container(arguments));
  const Container container = TRY(find_container(globals, id));
  const Status status = container.status();
  if (status != Status::Running && status != Status::Created)
    return wrong_status(container.record(), status, "paused");
  TRY(container.cgroup().freeze(), "pause container " + quoted(container.record().id));
  return 0;
}

Result<int> resume(const Globals& globals, const Arguments& arguments) {
  const std::string id = TRY(one_container(arguments));
  const Container container = TRY(find_container(globals, id));
  const auto frozen = container.cgroup().is_frozen();
  if (!frozen || !*frozen) return wrong_status(container.record(), container.status(), "resumed");
  TRY(container.cgroup().thaw(), "resume container " + quoted(container.record().id));
  return 0;
}

constexpr std::array<Command, 5> kCommands{
    {{.name = "start",
      .synopsis = "start CONTAINER",
      .help = "Start the program of a created container",
      .run = start},
     {.name = "kill",
      .synopsis = "kill [OPTIONS] CONTAINER [SIGNAL]",
      .help = "Send a signal (default TERM) to the container's process",
      .options = kKillOptions,
      .run = kill},
     {.name = "delete",
      .synopsis = "delete [OPTIONS] CONTAINER...",
      .help = "Remove a stopped container and all that it has",
      .options = kDeleteOptions,
      .run = delete_command},
     {.name = "pause",
      .synopsis = "pause CONTAINER",
      .help = "Stop all processes of a container where they are",
      .run = pause},
     {.name = "resume",
      .synopsis = "resume CONTAINER",
      .help = "Let the processes of a paused container go on",
      .run = resume}}};

}  // namespace

oci::State state_of(const Record& record, oci::Status status) {
  oci::State state{.id = record.id,
                   .status = status,
                   .pid = status == oci::Status::Stopped ? 0 : record.pid,
                   .bundle = record.bundle};
  for (const auto& [key, value] : record.annotations.as_object())
    state.annotations[key] = value.as_string();
  return state;
}

Result<Container> find_container(const Globals& globals, const std::string& id) {
  const StateRoot root = TRY(StateRoot::open(globals.root));
  return root.find(id);
}

Result<> delete_container(const Globals& globals, const std::string& id, Force force) {
  const StateRoot root = TRY(StateRoot::open(globals.root));
  const auto container = root.find(id);
  if (!container) {
    if (force == Force::No || container.error().kind() != Kind::NotFound)
      return std::unexpected(container.error());
    remove_abandoned_groups(root, id);
    return root.remove(id);  // What a killed command left.
  }
  const Status status = container->status();
  if (force == Force::No && status != Status::Stopped)
    return std::unexpected(Error(Kind::Busy, "container " + quoted(id) + " is " +
                                                 std::string(oci::status_name(status)) +
                                                 ": it cannot be deleted")
                               .hint("kill it first, or delete it with --force"));
  if (status != Status::Stopped) TRY(kill_all(*container), "kill container " + quoted(id));
  // Those who share their pid namespace with others leave processes behind.
  if (status == Status::Stopped && !container->record().own_pid_namespace)
    (void)container->cgroup().kill();
  TRY(container->cgroup().remove(), "remove the control group of container " + quoted(id));
  run_poststop(*container);
  return root.remove(id);
}

std::span<const Command> lifecycle_commands() { return kCommands; }

}  // namespace tare::front_oci
