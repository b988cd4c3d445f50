// SPDX-License-Identifier: Apache-2.0
#include "isolate/report.h"

#include <fmt/format.h>

#include <cerrno>

#include "base/text.h"

namespace tare::isolate {
namespace {

using child::Step;

// NOLINTNEXTLINE(readability-function-size): a table, one case a step.
std::string what_failed(Step step, const std::string& name, const child::Process& process) {
  switch (step) {
    case Step::Wait:
      return "wait for the engine in the new process";
    case Step::Helper:
      return "run the helper program in the new process";
    case Step::Identity:
      return "become root of the container's user namespace";
    case Step::JoinNamespace:
      return "join a namespace";
    case Step::MakeNamespaces:
      return "make the container's namespaces";
    case Step::CgroupNamespace:
      return "make a cgroup namespace";
    case Step::Private:
      return "make the container's mounts private";
    case Step::HostMount:
      return "share the host's " + name + " with the container";
    case Step::MakeMount:
      return "make the file system for " + name;
    case Step::Loopback:
      return "bring up the container's loopback device";
    case Step::AttachRoot:
      return "mount the container's root file system";
    case Step::Pivot:
      return "change to the container's root file system";
    case Step::Hostname:
      return "set the container's host name";
    case Step::Domainname:
      return "set the container's domain name";
    case Step::Sysctl:
      return "set the sysctl " + name;
    case Step::Device:
      return "make the device " + name;
    case Step::DevLink:
      return "make the links in /dev";
    case Step::Terminal:
      return "make a terminal";
    case Step::Console:
      return "make /dev/console";
    case Step::MountTarget:
      return "find or make the mount point " + name;
    case Step::Mount:
      return "mount at " + name;
    case Step::CopyUp:
      return "copy the image's files into the mount at " + name;
    case Step::FileTarget:
      return "find or make the file " + name;
    case Step::File:
      return "provide the file " + name;
    case Step::ReadOnlyPath:
      return "make " + name + " read-only";
    case Step::MaskedPath:
      return "mask " + name;
    case Step::MakeCwd:
      return fmt::format("make the working directory {}", quoted(process.cwd));
    case Step::ReadOnlyRoot:
      return "make the root file system read-only";
    case Step::Propagation:
      return "set the propagation of the root file system";
    case Step::RuntimeHooks:
      return "wait for the hooks outside";
    case Step::Hook:
      return "run the " + name;
    case Step::Join:
      return "join the container's namespaces";
    case Step::Clone:
      return "make a process in the container";
    case Step::Null:
      return "use the container's /dev/null";
    case Step::Stdio:
      return "connect the standard streams";
    case Step::Session:
      return "start a session with its terminal";
    case Step::Bounding:
      return "drop capabilities from the bounding set";
    case Step::Groups:
      return "set the supplementary groups";
    case Step::Gid:
      return fmt::format("become group {}", process.gid);
    case Step::Uid:
      return fmt::format("become user {}", process.uid);
    case Step::Capabilities:
      return "set the capabilities";
    case Step::NoNewPrivileges:
      return "set no_new_privs";
    case Step::Keyring:
      return "make a session keyring";
    case Step::DeathSignal:
      return "bind the process's life to its keeper's";
    case Step::Signals:
      return "reset the signals";
    case Step::Rlimit:
      return "set resource limit " + name;
    case Step::Personality:
      return "set the execution domain (personality)";
    case Step::MemoryPolicy:
      return "set the memory policy";
    case Step::Label:
      return "set the security label of the process";
    case Step::CloseRange:
      return "close the engine's descriptors";
    case Step::Cwd:
      return fmt::format("change to the working directory {}", quoted(process.cwd));
    case Step::Unreachable:
      return fmt::format("the working directory {} is outside the container", quoted(process.cwd));
    case Step::Seccomp:
      return "install the seccomp filter";
    case Step::Beside:
      return "wait for the container's networks";
    case Step::Gate:
      return "wait for the start";
    case Step::SeccompListener:
      return "hand the seccomp notifications to their listener";
    case Step::Exec:
      return fmt::format("run {}",
                         quoted(process.argv == nullptr ? "the program" : process.argv[0]));
  }
  return "start";
}

std::string how_hook_ended(int errnum) {
  if (errnum == ETIMEDOUT) return "it took longer than its timeout and was killed";
  if (errnum >= child::kHookSignaled)
    return fmt::format("it was killed by signal {}", errnum - child::kHookSignaled);
  return fmt::format("it ended with exit status {}", errnum - child::kHookExited);
}

std::string hint_for(Step step, int errnum, const std::string& name) {
  switch (step) {
    case Step::Helper:
      if (errnum != EMFILE) break;
      return "raise the limit of open files: ulimit -n";
    case Step::MakeNamespaces:
      if (errnum != ENOSPC) break;
      return "there are as many namespaces as may be: see /proc/sys/user/max_*_namespaces";
    case Step::MakeMount:
      if (errnum == ENODEV) return "this kernel does not have that type, see /proc/filesystems";
      if (errnum != EPERM || !name.starts_with(quoted("/proc") + " ")) break;
      return "the kernel gives a /proc only to who sees a whole one: inside another container, run "
             "that one with its /proc unmasked (docker: --security-opt systempaths=unconfined)";
    case Step::Uid:
    case Step::Gid:
    case Step::Groups:
      if (errnum == EINVAL) return "the id is not mapped in the container's user namespace";
      break;
    case Step::Keyring:
      if (errnum == EDQUOT) return "see /proc/key-users, and the sysctl kernel.keys.maxkeys";
      break;
    case Step::Join:
      if (errnum == ESRCH) return "the container's process 1 has just ended";
      break;
    case Step::MakeCwd:
    case Step::MountTarget:
    case Step::FileTarget:
      if (step == Step::MountTarget && errnum == EPERM)
        return "a directory of /proc cannot be covered, neither directly nor by a link of the "
               "image";
      if (step == Step::MountTarget && errnum == ELOOP)
        return "the image has a symbolic link there, which is refused";
      if (errnum == EROFS) return "make it in the image, or give the container a writable root";
      break;
    default:
      break;
  }
  return {};
}

}  // namespace

LaunchError explain_failure(const child::Message& message, const PlanMemory& memory) {
  const std::string name = memory.detail_name(message.step, message.detail);
  const std::string what = what_failed(message.step, name, memory.plan().process);
  const bool hook_ended = message.errnum >= child::kHookExited || message.errnum == ETIMEDOUT;
  Error error = message.step == Step::Hook && hook_ended
                    ? Error(Kind::Invalid, what + ": " + how_hook_ended(message.errnum))
                    : Error::sys(message.errnum, what);
  std::string hint = hint_for(message.step, message.errnum, name);
  if (!hint.empty()) error = std::move(error).hint(std::move(hint));
  FailedAt at = FailedAt::Setup;
  if (message.step == Step::Cwd || message.step == Step::MakeCwd) at = FailedAt::Cwd;
  if (message.step == Step::Exec) at = FailedAt::Exec;
  return {.error = std::move(error), .at = at};
}

}  // namespace tare::isolate
