// SPDX-License-Identifier: Apache-2.0
// The launch plan: everything that a new process has to do between clone3(2) and execve(2), as
// plain data. The parent computes it with all the comfort of C++ (src/isolate/plan.h) and owns the
// memory; the child, a copy of the parent, only reads it. Descriptors of -1 and null pointers mean
// "none".
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>

namespace tare::child {

// What the child was doing when a call failed. src/isolate/report.cc has a sentence for each.
enum class Step : std::uint8_t {
  Wait,
  Identity,
  CgroupNamespace,
  Private,
  MountProc,
  MountSys,
  HostShm,
  HostMqueue,
  Loopback,
  AttachRoot,
  Pivot,
  Hostname,
  AttachProc,
  Sysctl,  // Detail: index.
  AttachSys,
  MountCgroup,
  MountDev,
  Device,  // Detail: index.
  DevLink,
  MountPts,
  MountShm,
  MountMqueue,
  Terminal,
  Console,
  MountTarget,   // Detail: index.
  Mount,         // Detail: index.
  FileTarget,    // Detail: index.
  File,          // Detail: index.
  ReadOnlyPath,  // Detail: index.
  MaskedPath,    // Detail: index.
  MakeCwd,
  ReadOnlyRoot,
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
  CloseRange,
  Cwd,
  Unreachable,  // The working directory is outside the root.
  Seccomp,
  Exec,
};

// What the child says, one message each, over Plan::channel (SOCK_SEQPACKET, close-on-exec). End of
// file after Ready: execve has succeeded.
enum class Event : std::uint8_t {
  Failed,    // `step`, `errnum` and `detail`; the last message.
  Terminal,  // Carries the master side of the terminal.
  Process,   // Entering: `pid` of the final process; carries its pidfd.
  Ready,     // All protections but seccomp stand; seccomp and execve are next.
};

struct Message {
  Event event = Event::Failed;
  Step step = Step::Wait;
  std::int32_t errnum = 0;
  std::uint32_t detail = 0;
  std::int32_t pid = 0;
};

struct Device {
  const char* name = nullptr;  // Below /dev.
  int mount = -1;              // Detached bind mount of the host's device, verified by the parent.
};

struct Mount {
  const char* target = nullptr;  // Path in the container.
  int source = -1;               // Detached mount, attributes set; -1: a new tmpfs.
  bool directory = true;
  const char* size = nullptr;    // Of the tmpfs, in bytes.
  const char* mode = nullptr;    // Of the tmpfs, octal.
  std::uint64_t attributes = 0;  // MOUNT_ATTR_* of the tmpfs.
};

struct File {
  const char* target = nullptr;
  const char* content = nullptr;
  std::size_t size = 0;
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

template <typename T>
struct List {
  const T* items = nullptr;
  std::uint32_t count = 0;
};

// The world of a new container.
struct Container {
  int root = -1;  // Detached mount.
  bool read_only_root = false;
  bool new_network = true;
  bool new_ipc = true;
  bool new_pid = true;
  const char* hostname = nullptr;  // Null: the host's.
  bool cgroup2 = false;            // /sys/fs/cgroup is a cgroup2 mount.
  bool tty_group = true;           // Group 5 is mapped.
  const char* shm_size = nullptr;
  const char* files_size = nullptr;
  List<Device> devices;
  List<Mount> mounts;
  List<File> files;
  List<const char*> read_only_paths;
  List<const char*> masked_paths;
  List<Sysctl> sysctls;
};

// The way into an existing container.
struct Entry {
  int pidfd = -1;                // Of its process 1.
  std::uint64_t namespaces = 0;  // CLONE_NEW* to join.
};

struct Process {
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  const char* const* candidates = nullptr;  // Paths of argv[0] to try, null-terminated.
  int init = -1;                            // The init program, run instead of a candidate...
  char* const* init_argv = nullptr;         // ...with these arguments.
  const char* cwd = "/";
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  List<std::uint32_t> groups;
  std::uint64_t bounding = 0;
  std::uint64_t permitted = 0;  // And effective.
  std::uint32_t last_capability = 0;
  bool no_new_privileges = true;
  List<sock_filter> filter;
  List<Rlimit> rlimits;
  std::uint32_t umask = 0022;
  bool terminal = false;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  int stdio[3] = {-1, -1, -1};  // Without a terminal. [0] of -1: the container's /dev/null.
};

// One of `container` and `entry` is given. All descriptors are above 63 where `entry` is, so that
// low numbers are free for what the process keeps.
struct Plan {
  int channel = -1;
  // The words of our command line, which /proc/PID/cmdline shows to everybody in the container.
  char* command_line = nullptr;
  std::size_t command_line_size = 0;
  const Container* container = nullptr;
  const Entry* entry = nullptr;
  Process process;
};

}  // namespace tare::child
