// SPDX-License-Identifier: Apache-2.0
#include "isolate/process_attributes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/limits.h"

namespace tare::isolate {
namespace {

// The child may only lower hard limits; those that go up are raised from here.
Result<> raise_rlimits(int pid, const Process& process) {
  if (process.rlimits.empty() || !sys::may_raise_limits()) return {};
  for (const Rlimit& limit : process.rlimits) {
    rlimit now{};
    const auto resource = static_cast<__rlimit_resource>(limit.resource);
    if (::prlimit(pid, resource, nullptr, &now) != 0) return fail_errno("read a resource limit");
    if (limit.value.rlim_max <= now.rlim_max) continue;
    now.rlim_max = limit.value.rlim_max;
    if (::prlimit(pid, resource, &now, nullptr) != 0)
      return fail_errno("raise resource limit " + std::to_string(limit.resource));
  }
  return {};
}

// Below our own value only CAP_SYS_RESOURCE may go; inside containers and virtual machines that is
// often missing, and the process then keeps ours. [proc_pid_oom_score_adj(5)]
Result<> set_oom_score(int pid, const Process& process,
                       const std::function<void(const std::string&)>& warn) {
  if (!process.oom_score_adj) return {};
  const std::string path = fmt::format("/proc/{}/oom_score_adj", pid);
  const sys::Fd file = TRY(sys::open_path(path, O_RDWR));
  const std::string value = std::to_string(*process.oom_score_adj);
  if (::write(file.get(), value.data(), value.size()) >= 0) return {};
  if (errno != EACCES && errno != EPERM) return fail_errno("write " + value + " to " + path);
  const std::string now = TRY(sys::read_all(file.get(), 64));
  if (warn)
    warn(fmt::format("oom_score_adj stays {} instead of {}: going lower needs CAP_SYS_RESOURCE",
                     trim(now), value));
  return {};
}

// As the kernel knows it since 3.14; SCHED_FLAG_UTIL_CLAMP fields behind it are not used.
struct SchedAttr {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime;
  std::uint64_t deadline;
  std::uint64_t period;
};

Result<> set_scheduler(int pid, const Process& process) {
  if (!process.scheduler) return {};
  const Scheduler& wanted = *process.scheduler;
  SchedAttr attributes{.size = sizeof(SchedAttr),
                       .policy = wanted.policy,
                       .flags = wanted.flags,
                       .nice = wanted.nice,
                       .priority = wanted.priority,
                       .runtime = wanted.runtime_ns,
                       .deadline = wanted.deadline_ns,
                       .period = wanted.period_ns};
  if (::syscall(SYS_sched_setattr, pid, &attributes, 0) != 0)
    return fail_errno("set the scheduler of the process");
  return {};
}

Result<> set_io_priority(int pid, const Process& process) {
  if (!process.io_priority) return {};
  constexpr int kWhoProcess = 1;  // IOPRIO_WHO_PROCESS [ioprio_set(2)]
  if (::syscall(SYS_ioprio_set, kWhoProcess, pid, *process.io_priority) != 0)
    return fail_errno("set the I/O priority of the process");
  return {};
}

Result<> set_cpus(int pid, const std::vector<unsigned long>& cpus) {
  if (cpus.empty()) return {};
  if (::syscall(SYS_sched_setaffinity, pid, cpus.size() * sizeof cpus[0], cpus.data()) != 0)
    return fail_errno("set the processors of the process");
  return {};
}

}  // namespace

Result<> apply_before_cgroup(int pid, const Process& process) {
  return set_cpus(pid, process.cpus_before);
}

Result<> apply_attributes(int pid, const Process& process,
                          const std::function<void(const std::string&)>& warn) {
  TRY(raise_rlimits(pid, process));
  TRY(set_oom_score(pid, process, warn));
  TRY(set_scheduler(pid, process));
  TRY(set_io_priority(pid, process));
  return set_cpus(pid, process.cpus_after);
}

}  // namespace tare::isolate
