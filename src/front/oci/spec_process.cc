// SPDX-License-Identifier: Apache-2.0
// "process" and "linux.seccomp" of a runtime configuration.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "front/oci/log.h"
#include "front/oci/spec.h"
#include "oci/seccomp_profile.h"
#include "policy/policy.h"
#include "sys/files.h"

namespace tare::front_oci {
namespace {

Result<std::uint64_t> parse_set(const std::vector<std::string>& names, const char* which) {
  std::uint64_t set = 0;
  for (const std::string& name : names) {
    auto bit = policy::parse_capability(name);
    if (!bit || !name.starts_with("CAP_"))
      return fail(Kind::Invalid, std::string("process.capabilities.") + which + ": " +
                                     quoted(name) + " is not a capability");
    set |= *bit;
  }
  return set;
}

std::uint64_t our_own() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return 0;
  return data[0].permitted | static_cast<std::uint64_t>(data[1].permitted) << 32;
}

// What we do not have ourselves cannot be given; the specification wants a warning then, not an
// end. [runtime-spec 1.2 config.md, "Linux Process", capabilities]
void leave_out_missing(isolate::Capabilities& sets) {
  const std::uint64_t ours = our_own();
  const std::uint64_t missing = (sets.permitted | sets.effective | sets.inheritable) & ~ours;
  if (missing == 0) return;
  log().warn("capabilities that this runtime does not have itself are left out: " +
             join(policy::capability_names(missing), ", "));
  for (std::uint64_t* set : {&sets.permitted, &sets.effective, &sets.inheritable, &sets.ambient})
    *set &= ours;
}

// Absent means none: nobody gets all of them by an omission.
Result<isolate::Capabilities> make_capabilities(const oci::Process& process, bool own_users) {
  isolate::Capabilities sets;
  if (!process.capabilities) return sets;
  const oci::Capabilities& from = *process.capabilities;
  sets.bounding = TRY(parse_set(from.bounding, "bounding"));
  sets.permitted = TRY(parse_set(from.permitted, "permitted"));
  sets.effective = TRY(parse_set(from.effective, "effective"));
  sets.inheritable = TRY(parse_set(from.inheritable, "inheritable"));
  sets.ambient = TRY(parse_set(from.ambient, "ambient"));
  if (!own_users) leave_out_missing(sets);
  // The kernel gives an ambient capability only to who may inherit and has it. [capabilities(7)]
  const std::uint64_t possible = sets.permitted & sets.inheritable;
  if ((sets.ambient & ~possible) != 0)
    log().warn(
        "process.capabilities.ambient: left out, because not inheritable or not permitted: " +
        join(policy::capability_names(sets.ambient & ~possible), ", "));
  sets.ambient &= possible;
  return sets;
}

Result<isolate::Label> apparmor_label(const std::string& profile) {
  const auto enabled = sys::load_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16);
  if (!enabled || !enabled->starts_with('Y'))
    return std::unexpected(Error(Kind::Unsupported, "process.apparmorProfile: " + quoted(profile) +
                                                        ": this kernel has no AppArmor")
                               .hint("leave it out of the configuration"));
  const bool own_file = ::access("/proc/self/attr/apparmor/exec", F_OK) == 0;
  return isolate::Label{
      .path = own_file ? "thread-self/attr/apparmor/exec" : "thread-self/attr/exec",
      .text = "exec " + profile};
}

Result<std::optional<isolate::Label>> make_label(const oci::Process& process) {
  const std::string& profile = process.apparmor_profile;
  if (!profile.empty() && profile != "unconfined") return TRY(apparmor_label(profile));
  if (process.selinux_label.empty()) return std::nullopt;
  if (::access("/sys/fs/selinux/enforce", F_OK) != 0)
    return std::unexpected(
        Error(Kind::Unsupported, "process.selinuxLabel: " + quoted(process.selinux_label) +
                                     ": this kernel has no SELinux")
            .hint("leave it out of the configuration"));
  return isolate::Label{.path = "thread-self/attr/exec", .text = process.selinux_label};
}

// A hard limit above ours takes CAP_SYS_RESOURCE, which is often missing inside containers and
// virtual machines; the limit then is ours.
void add_rlimits(isolate::Process& to, const oci::Process& from) {
  const bool may_raise = (our_own() >> CAP_SYS_RESOURCE & 1) != 0;
  for (const oci::Rlimit& limit : from.rlimits) {
    rlimit ours{};
    const auto resource = static_cast<__rlimit_resource>(limit.resource);
    if (!may_raise && ::getrlimit(resource, &ours) == 0 && limit.hard > ours.rlim_max)
      log().warn("process.rlimits: " + limit.name + " cannot be raised to " +
                 std::to_string(limit.hard) + ", it stays " + std::to_string(ours.rlim_max));
    to.rlimits.push_back({.resource = limit.resource, .value = {limit.soft, limit.hard}});
  }
}

void add_priorities(isolate::Process& to, const oci::Process& from) {
  if (from.scheduler)
    to.scheduler = {.policy = from.scheduler->policy,
                    .nice = from.scheduler->nice,
                    .priority = static_cast<std::uint32_t>(from.scheduler->priority),
                    .flags = from.scheduler->flags,
                    .runtime_ns = from.scheduler->runtime_ns,
                    .deadline_ns = from.scheduler->deadline_ns,
                    .period_ns = from.scheduler->period_ns};
  constexpr int kClassShift = 13;  // IOPRIO_CLASS_SHIFT [ioprio_set(2)]
  if (from.io_priority)
    to.io_priority =
        static_cast<int>(from.io_priority->io_class) << kClassShift | from.io_priority->priority;
  to.oom_score_adj = from.oom_score_adj;
}

}  // namespace

std::vector<unsigned long> bits_of(const std::vector<std::uint32_t>& numbers) {
  constexpr std::size_t kBits = 8 * sizeof(unsigned long);
  std::vector<unsigned long> bits;
  for (const std::uint32_t number : numbers) {
    if (bits.size() <= number / kBits) bits.resize(number / kBits + 1);
    bits[number / kBits] |= 1UL << number % kBits;
  }
  return bits;
}

Result<isolate::Process> make_process(const oci::Process& from, bool own_users) {
  isolate::Process to;
  to.argv = from.args;
  to.env = from.env;
  to.cwd = from.cwd;
  to.uid = from.user.uid;
  to.gid = from.user.gid;
  to.groups = from.user.additional_gids;
  to.umask = from.user.umask.value_or(0022);
  to.capability_sets = TRY(make_capabilities(from, own_users));
  to.no_new_privileges = from.no_new_privileges;
  to.label = TRY(make_label(from));
  to.terminal = from.terminal;
  if (from.console_size) {
    to.rows = from.console_size->height;
    to.columns = from.console_size->width;
  }
  add_rlimits(to, from);
  add_priorities(to, from);
  to.cpus_before = bits_of(from.exec_cpu_affinity.initial);
  to.cpus_after = bits_of(from.exec_cpu_affinity.final);
  return to;
}

Result<> add_seccomp(isolate::Process& to, const json::Value& seccomp) {
  const oci::SeccompProfile profile = TRY(oci::parse_seccomp_profile(seccomp));
  policy::CompiledSeccomp compiled = TRY(policy::compile_oci_seccomp(profile));
  to.seccomp = std::move(compiled.program);
  to.seccomp_flags = compiled.flags;
  return {};
}

Result<SeccompAgent> seccomp_agent(const json::Value& seccomp) {
  return SeccompAgent{.path = seccomp["listenerPath"].as_string(),
                      .metadata = seccomp["listenerMetadata"].as_string()};
}

}  // namespace tare::front_oci
