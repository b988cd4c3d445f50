// SPDX-License-Identifier: Apache-2.0
// The launch plan: everything that a new process has to do before the program that was asked for,
// as plain data. The parent computes it with all the comfort of C++ (src/isolate/plan.h) and hands
// a flat copy of it (src/isolate/flat_plan.h) to the helper program tare-child, which is what the
// new process runs first. Descriptors of -1 and null pointers mean "none".
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>

namespace tare::child {

// What the child was doing when a call failed. src/isolate/report.cc has a sentence for each.
enum class Step : std::uint8_t {
  Wait,
  Helper,
  Identity,
  JoinNamespace,  // Detail: index.
  MakeNamespaces,
  CgroupNamespace,
  Private,
  HostMount,  // Detail: index of the mount that shows a part of the host.
  MakeMount,  // Detail: index.
  Loopback,
  AttachRoot,
  Pivot,
  Hostname,
  Domainname,
  Sysctl,  // Detail: index.
  Device,  // Detail: index.
  DevLink,
  Terminal,
  Console,
  MountTarget,   // Detail: index.
  Mount,         // Detail: index.
  CopyUp,        // Detail: index of the mount.
  FileTarget,    // Detail: index.
  File,          // Detail: index.
  ReadOnlyPath,  // Detail: index.
  MaskedPath,    // Detail: index.
  MakeCwd,
  ReadOnlyRoot,
  Propagation,
  RuntimeHooks,
  Hook,  // Detail: index, createContainer hooks first; errnum: see kHookExited.
  Join,
  Clone,
  Null,
  Stdio,
  Session,
  Bounding,
  Groups,
  Gid,
  Uid,
  Capabilities,
  NoNewPrivileges,
  Keyring,
  DeathSignal,
  Signals,
  Rlimit,  // Detail: index.
  Personality,
  MemoryPolicy,
  Label,
  CloseRange,
  Cwd,
  Unreachable,  // The working directory is outside the root.
  Gate,
  Beside,
  Seccomp,
  SeccompListener,
  Exec,
};

// What the child says, one message each, over Plan::channel (SOCK_SEQPACKET, close-on-exec). End of
// file after Ready: execve has succeeded.
enum class Event : std::uint8_t {
  Awake,   // The helper runs, in its first namespaces, and waits for its plan; it shares no memory
           // with the parent any more.
  Failed,  // `step`, `errnum` and `detail`; the last message.
  Terminal,  // Carries the master side of the terminal.
  Process,   // `pid` of the final process; carries its pidfd.
  Hooks,     // The namespaces and mounts stand, the old root is still there; waits for one byte.
  Ready,     // All protections but seccomp stand; the gate, seccomp and execve are next. Perhaps it
             // waits for a byte first.
};

// Message::errnum of a hook that ran, above all errno values: its exit status or its signal.
constexpr int kHookExited = 0x10000;
constexpr int kHookSignaled = 0x20000;

struct Message {
  Event event = Event::Failed;
  Step step = Step::Wait;
  std::int32_t errnum = 0;
  std::uint32_t detail = 0;
  std::int32_t pid = 0;
};

template <typename T>
struct List {
  const T* items = nullptr;
  std::uint32_t count = 0;
};

// A device node: a bind mount of the host's where that is given, else made anew.
struct Device {
  const char* path = nullptr;  // In the container.
  int mount = -1;              // Detached bind mount of the host's device, verified by the parent.
  std::uint32_t mode = 0;      // With the file type, for mknod(2).
  std::uint64_t number = 0;    // dev_t
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// One parameter of a new file system; a null value is a flag.
struct Option {
  const char* key = nullptr;
  const char* value = nullptr;
};

struct Mount {
  const char* target = nullptr;       // Path in the container.
  const char* type = nullptr;         // The file system to make, where `source` is -1...
  const char* source_name = nullptr;  // ...what /proc/mounts shows as its source...
  List<Option> options;               // ...its parameters...
  std::uint64_t attributes = 0;       // ...and MOUNT_ATTR_*.
  int source = -1;                    // Detached mount, attributes set.
  bool directory = true;
  bool stub = false;              // A place of our own in the root: a link there is refused.
  bool or_host = false;           // EPERM: the host's tree at `target` instead, read-only.
  bool only_after_host = false;   // Covers a part of that tree; nothing is mounted otherwise.
  bool copy_up = false;           // What the root has at `target` is copied into it first.
  bool late_read_only = false;    // Read-only when everything in it is made.
  std::uint64_t propagation = 0;  // MS_*, with MS_REC.
};

struct File {
  const char* target = nullptr;
  const char* content = nullptr;
  std::size_t size = 0;
  std::uint32_t mode = 0644;
  std::uint32_t uid = 0;  // Ids inside.
  std::uint32_t gid = 0;
  bool read_only = false;
};

struct Sysctl {
  const char* path = nullptr;  // "sys/net/ipv4/x", below the procfs.
  const char* value = nullptr;
  std::size_t size = 0;
};

struct Rlimit {
  int resource = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

// A program that runs in the container's namespaces. [runtime-spec 1.2 config.md, "POSIX-platform
// Hooks"]
struct Hook {
  const char* path = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  std::uint32_t timeout_ms = 0;  // 0: none.
};

// Programs to run at one moment. `state` is a file whose content is their standard input; the
// parent completes it before it says go.
struct Hooks {
  List<Hook> hooks;
  int state = -1;
};

// The world of a new container.
struct Container {
  std::uint64_t make = 0;  // CLONE_NEW* to make here: those that are not there yet.
  bool become_root =
      false;            // Of the user namespace that the helper has made; its maps are written.
  bool user = true;     // In a user namespace of its own: root there has to be become.
  bool groups = true;   // setgroups(2) is allowed in it.
  int join_user = -1;   // A user namespace to join first.
  int join_mount = -1;  // A mount namespace to join.
  // The mount namespace is the container's own. Else the root is never attached to it: it stays a
  // tree that only the container's processes see (Linux 6.15).
  bool own_mounts = true;
  bool new_network = true;
  int root = -1;                     // Detached mount.
  const char* root_place = nullptr;  // Given when hooks want to see it there, in the old root.
  bool pivot = true;                 // Else the old root is only covered, for initramfs.
  bool read_only_root = false;
  bool root_nodev = true;
  std::uint64_t propagation = 0;       // Of the whole mount namespace, first of all.
  std::uint64_t root_propagation = 0;  // At the end; 0: as it is.
  const char* hostname = nullptr;      // Null: as it is.
  const char* domainname = nullptr;
  List<Mount> mounts;
  int* made = nullptr;  // Room for a descriptor of each.
  // Indexes of mounts; -1: none of them.
  int proc = -1;
  int pts = -1;
  std::uint32_t devices_after = 0;  // So many mounts come before the devices.
  List<Device> devices;
  bool device_links = false;     // /dev/fd, /dev/stdin...
  bool devices_no_exec = false;  // All mounts at and below /dev are noexec and nosuid.
  const char* files_size = nullptr;
  List<File> files;
  List<const char*> read_only_paths;
  List<const char*> masked_paths;
  List<Sysctl> sysctls;
  bool runtime_hooks = false;  // The parent has some: Event::Hooks.
  Hooks create_hooks;          // createContainer, seen from the old root.
};

// The way into an existing container.
struct Entry {
  int pidfd = -1;                // Of its process 1.
  std::uint64_t namespaces = 0;  // CLONE_NEW* to join.
  bool groups = true;            // setgroups(2) is allowed there.
};

struct Capabilities {
  std::uint64_t bounding = 0;
  std::uint64_t permitted = 0;
  std::uint64_t effective = 0;
  std::uint64_t inheritable = 0;
  std::uint64_t ambient = 0;
};

struct MemoryPolicy {
  int mode = 0;  // MPOL_* with flags.
  const unsigned long* nodes = nullptr;
  unsigned long bits = 0;  // 0: no policy is set.
};

struct Process {
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  const char* const* candidates = nullptr;  // Paths of argv[0] to try, null-terminated.
  bool look_first = true;                   // That one of them is there is checked before the gate.
  int init = -1;                            // The init program, run instead of a candidate...
  char* const* init_argv = nullptr;         // ...with these arguments.
  const char* cwd = "/";
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  List<std::uint32_t> groups;
  bool set_groups = true;  // Not where setgroups(2) is forbidden.
  Capabilities capabilities;
  std::uint32_t last_capability = 0;
  bool no_new_privileges = true;
  bool new_keyring = true;
  List<sock_filter> filter;
  std::uint32_t filter_flags = 0;  // SECCOMP_FILTER_FLAG_*
  int listener = -1;               // Connected socket for the filter's notification descriptor...
  int listener_state = -1;         // ...and the file whose content goes with it.
  List<Rlimit> rlimits;
  std::uint32_t umask = 0022;
  // Signal n is bit n - 1: those that we ignore, which execve(2) would keep; it resets handlers.
  std::uint64_t ignored_signals = 0;
  std::int64_t personality = -1;
  MemoryPolicy memory_policy;
  const char* label = nullptr;       // Written to...
  const char* label_path = nullptr;  // ..."thread-self/attr/...", below the host's /proc.
  bool terminal = false;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  int stdio[3] = {-1, -1, -1};  // Without a terminal. [0] of -1: the container's /dev/null.
  bool own_stdio = false;       // The streams are given to `uid`.
  std::uint32_t kept_fds = 0;   // So many from 3 on stay open.
  bool dies_with_parent = true;
  // A listening Unix socket: the process waits there for the start, whose connection becomes the
  // channel. -1: it starts at once.
  int gate = -1;
  bool awaits_parent = false;  // One byte on the channel before anything of the container runs.
  Hooks start_hooks;           // startContainer, behind the gate.
};

// One of `container` and `entry` is given. The channel is above what the process keeps.
struct Plan {
  int channel = -1;
  const Container* container = nullptr;
  const Entry* entry = nullptr;
  Process process;
};

// How the plan comes to the helper: over the channel, after the byte that says go, as messages of
// this with descriptors (SCM_RIGHTS). The first descriptor of all is a file with the plan, which
// has to be mapped at kPlanAddress, `size` bytes; in it, descriptors are indexes of those that
// follow.
struct Handover {
  std::uint64_t size = 0;
  std::uint32_t descriptors = 0;  // In all messages together, the file too.
};
// Free in every process: far above the program and its heap, far below everything that the kernel
// places by itself.
constexpr std::uintptr_t kPlanAddress = std::uintptr_t{1} << 36;
constexpr std::size_t kMostDescriptors = 4096;
constexpr std::size_t kDescriptorsAMessage = 250;  // SCM_MAX_FD is 253. [unix(7)]

// Calls with every descriptor of the plan but the channel and streams that are in place already.
template <typename Call>
void for_each_descriptor(Container& container, Call call) {
  call(container.join_user);
  call(container.join_mount);
  call(container.root);
  for (std::uint32_t i = 0; i < container.mounts.count; ++i)
    call(const_cast<Mount*>(container.mounts.items)[i].source);
  for (std::uint32_t i = 0; i < container.devices.count; ++i)
    call(const_cast<Device*>(container.devices.items)[i].mount);
  call(container.create_hooks.state);
}
template <typename Call>
void for_each_descriptor(Process& process, Call call) {
  call(process.init);
  if (!process.own_stdio)
    for (int& fd : process.stdio) call(fd);
  call(process.listener);
  call(process.listener_state);
  call(process.gate);
  call(process.start_hooks.state);
}

}  // namespace tare::child
