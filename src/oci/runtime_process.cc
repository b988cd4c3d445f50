// SPDX-License-Identifier: Apache-2.0
// The process of a runtime configuration, and the hooks. [runtime-spec 1.3 config.md "Process",
// "Linux Process", "User", "POSIX-platform Hooks"]
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "oci/runtime_names.h"

namespace tare::oci {
namespace {

Result<> read_console(const Node& node, std::optional<ConsoleSize>& out) {
  if (!node.present()) return {};
  TRY(node.check_object());
  ConsoleSize size;
  TRY(node.at("height").require(size.height));
  TRY(node.at("width").require(size.width));
  out = size;
  return {};
}

// (uid_t)-1 means "leave it as it is" to the kernel, so it is nobody's id. [setresuid(2)]
Result<> read_id(const Node& node, std::uint32_t& out) {
  TRY(node.require(out));
  if (out == UINT32_MAX) return node.wrong("is 4294967295, which is no id");
  return {};
}

Result<> read_user(const Node& node, User& user) {
  TRY(node.check_object());
  if (!node.present()) return {};  // Then the process is root, as with the other runtimes.
  TRY(read_id(node.at("uid"), user.uid));
  TRY(read_id(node.at("gid"), user.gid));
  const Node umask = node.at("umask");
  TRY(umask.read(user.umask));
  if (user.umask.value_or(0) > 0777) return umask.wrong("is larger than 511 (octal 777)");
  return node.at("additionalGids").each([&](const Node& gid) -> Result<> {
    return read_id(gid, user.additional_gids.emplace_back());
  });
}

Result<> read_capabilities(const Node& node, std::optional<Capabilities>& out) {
  if (!node.present()) return {};
  TRY(node.check_object());
  Capabilities& sets = out.emplace();
  TRY(node.at("bounding").read(sets.bounding));
  TRY(node.at("effective").read(sets.effective));
  TRY(node.at("inheritable").read(sets.inheritable));
  TRY(node.at("permitted").read(sets.permitted));
  return node.at("ambient").read(sets.ambient);
}

Result<> read_rlimit(const Node& node, std::vector<Rlimit>& limits) {
  TRY(node.check_object());
  const Node type = node.at("type");
  Rlimit limit;
  limit.resource = static_cast<int>(TRY(read_word(type, kRlimits)));
  limit.name = type.value().as_string();
  TRY(node.at("soft").require(limit.soft));
  TRY(node.at("hard").require(limit.hard));
  if (limit.soft > limit.hard)
    return node.wrong(
        fmt::format("has a soft limit ({}) above its hard one ({})", limit.soft, limit.hard));
  for (const Rlimit& other : limits)
    if (other.resource == limit.resource) return type.wrong("is in the list twice");
  limits.push_back(std::move(limit));
  return {};
}

// What sched_setattr(2) would refuse with EINVAL, by name.
Result<> check_scheduler(const Node& node, const Scheduler& scheduler) {
  const std::uint32_t policy = scheduler.policy;
  if (policy == kSchedIso)
    return node.at("policy").wrong("is SCHED_ISO, which Linux does not have", Kind::Unsupported);
  if (scheduler.nice < -20 || scheduler.nice > 19)
    return node.at("nice").wrong("is not between -20 and 19");
  const bool real_time = policy == SCHED_FIFO || policy == SCHED_RR;
  if (real_time && (scheduler.priority < 1 || scheduler.priority > 99))
    return node.at("priority").wrong("must be between 1 and 99 with SCHED_FIFO and SCHED_RR");
  if (!real_time && scheduler.priority != 0)
    return node.at("priority").wrong("is only for SCHED_FIFO and SCHED_RR");
  const std::uint64_t runtime = scheduler.runtime_ns;
  const std::uint64_t deadline = scheduler.deadline_ns;
  const std::uint64_t period = scheduler.period_ns;
  if (policy != SCHED_DEADLINE && (runtime | deadline | period) != 0)
    return node.wrong("has a runtime, deadline or period, which only SCHED_DEADLINE takes");
  if (policy == SCHED_DEADLINE &&
      (runtime == 0 || runtime > deadline || (period != 0 && deadline > period)))
    return node.wrong("must have 0 < runtime <= deadline <= period with SCHED_DEADLINE");
  return {};
}

Result<> read_scheduler(const Node& node, std::optional<Scheduler>& out) {
  if (!node.present()) return {};
  TRY(node.check_object());
  Scheduler& scheduler = out.emplace();
  scheduler.policy = TRY(read_word(node.at("policy"), kSchedulers));
  scheduler.flags = TRY(read_flags(node.at("flags"), kSchedulerFlags));
  TRY(node.at("nice").read(scheduler.nice));
  TRY(node.at("priority").read(scheduler.priority));
  TRY(node.at("runtime").read(scheduler.runtime_ns));
  TRY(node.at("deadline").read(scheduler.deadline_ns));
  TRY(node.at("period").read(scheduler.period_ns));
  return check_scheduler(node, scheduler);
}

Result<> read_io_priority(const Node& node, std::optional<IoPriority>& out) {
  if (!node.present()) return {};
  TRY(node.check_object());
  IoPriority& priority = out.emplace();
  priority.io_class = static_cast<IoClass>(TRY(read_word(node.at("class"), kIoClasses)));
  const Node level = node.at("priority");
  TRY(level.require(priority.priority));
  if (priority.priority > 7) return level.wrong("is not between 0 and 7");
  return {};
}

Result<> read_processors(const Node& node, std::vector<std::uint32_t>& out) {
  std::string text;
  TRY(node.read(text));
  if (!text.empty()) out = TRY(parse_number_list(text), node.path());
  return {};
}

Result<> read_affinity(const Node& node, CpuAffinity& affinity) {
  TRY(node.check_object());
  TRY(read_processors(node.at("initial"), affinity.initial));
  return read_processors(node.at("final"), affinity.final);
}

Result<> read_program(const Node& node, Process& process) {
  const Node command_line = node.at("commandLine");
  if (command_line.present()) return command_line.wrong("is for Windows only", Kind::Unsupported);
  TRY(node.at("args").read(process.args));
  TRY(node.at("env").read(process.env));
  const Node cwd = node.at("cwd");
  TRY(cwd.require(process.cwd));
  return read_absolute(cwd, process.cwd);
}

// Scheduling and what else counts against the process.
Result<> read_accounting(const Node& node, Process& process) {
  const Node score = node.at("oomScoreAdj");
  TRY(score.read(process.oom_score_adj));
  if (process.oom_score_adj.value_or(0) < -1000 || process.oom_score_adj.value_or(0) > 1000)
    return score.wrong("is not between -1000 and 1000");
  TRY(node.at("rlimits").each(
      [&](const Node& limit) -> Result<> { return read_rlimit(limit, process.rlimits); }));
  TRY(read_scheduler(node.at("scheduler"), process.scheduler));
  TRY(read_io_priority(node.at("ioPriority"), process.io_priority));
  return read_affinity(node.at("execCPUAffinity"), process.exec_cpu_affinity);
}

Result<> read_hook(const Node& node, std::vector<Hook>& hooks) {
  TRY(node.check_object());
  Hook& hook = hooks.emplace_back();
  const Node path = node.at("path");
  TRY(path.require(hook.path));
  TRY(read_absolute(path, hook.path));
  TRY(node.at("args").read(hook.args));
  TRY(node.at("env").read(hook.env));
  const Node timeout = node.at("timeout");
  std::optional<std::int64_t> seconds;
  TRY(timeout.read(seconds));
  if (!seconds) return {};
  if (*seconds <= 0) return timeout.wrong("is not greater than zero");
  if (*seconds > INT32_MAX) return timeout.wrong("is more than 2147483647 seconds");
  hook.timeout_s = static_cast<std::uint32_t>(*seconds);
  return {};
}

}  // namespace

Result<> read_process(const Node& node, Process& process) {
  TRY(node.check_object());
  TRY(node.at("terminal").read(process.terminal));
  // "Runtimes MUST ignore consoleSize if terminal is false or unset." [config.md "Process"]
  if (process.terminal) TRY(read_console(node.at("consoleSize"), process.console_size));
  TRY(read_user(node.at("user"), process.user));
  TRY(read_program(node, process));
  TRY(read_capabilities(node.at("capabilities"), process.capabilities));
  TRY(node.at("noNewPrivileges").read(process.no_new_privileges));
  TRY(node.at("apparmorProfile").read(process.apparmor_profile));
  TRY(node.at("selinuxLabel").read(process.selinux_label));
  return read_accounting(node, process);
}

Result<> read_hooks(const Node& node, Hooks& hooks) {
  TRY(node.check_object());
  const std::pair<std::string_view, std::vector<Hook>*> lists[] = {
      {"prestart", &hooks.prestart},
      {"createRuntime", &hooks.create_runtime},
      {"createContainer", &hooks.create_container},
      {"startContainer", &hooks.start_container},
      {"poststart", &hooks.poststart},
      {"poststop", &hooks.poststop},
  };
  for (const auto& [name, list] : lists)
    TRY(node.at(name).each([&](const Node& hook) -> Result<> { return read_hook(hook, *list); }));
  return {};
}

}  // namespace tare::oci
