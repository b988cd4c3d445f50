// SPDX-License-Identifier: Apache-2.0
// Containers as the kernel sees them: create, start, enter. This header is all that other rooms may
// use. The engine (and tare-oci) say what is wanted in a Spec; launch() turns it into a flat launch
// plan, which src/child interprets between clone3(2) and execve(2).
//
// Protections fail closed: a step that cannot be done fails the start with a sentence that names
// it.
#pragma once

#include <linux/filter.h>
#include <sys/resource.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sys/cgroup.h"
#include "sys/fd.h"
#include "sys/ids.h"

namespace tare::isolate {

struct Rlimit {
  int resource = 0;  // RLIMIT_*
  rlimit value{};    // Clamped to our own hard limit when we may not raise it.
};

// Capability n is bit n. [capabilities(7)]
struct Capabilities {
  std::uint64_t bounding = 0;
  std::uint64_t permitted = 0;
  std::uint64_t effective = 0;
  std::uint64_t inheritable = 0;
  std::uint64_t ambient = 0;
};

// sched_setattr(2)'s, all zero: as it is.
struct Scheduler {
  std::uint32_t policy = 0;  // SCHED_*
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t flags = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

struct MemoryPolicy {
  int mode = 0;                      // MPOL_* with its flags. [set_mempolicy(2)]
  std::vector<unsigned long> nodes;  // Bits.
};

// A security module's label for the program. [AppArmor, SELinux: /proc/PID/attr]
struct Label {
  std::string path;  // "thread-self/attr/apparmor/exec" below /proc.
  std::string text;
};

// A program that runs in the container's namespaces at one moment of its life.
struct Hook {
  std::string path;               // Absolute.
  std::vector<std::string> argv;  // argv[0], too; empty: the path.
  std::vector<std::string> env;
  std::uint32_t timeout_seconds = 0;  // 0: none.
};

// Who the process is and what it may do.
struct Process {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH of `env` inside the container.
  std::vector<std::string> env;   // "K=V"
  std::string cwd = "/";  // Made when missing (as Docker does), unless the root is read-only.
  std::uint32_t uid = 0;  // Ids inside the container.
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  std::uint64_t capabilities = 0;  // Bounding, and permitted and effective when uid is 0;
                                   // inheritable and ambient stay empty.
  std::optional<Capabilities> capability_sets;  // Instead: each set as it stands here.
  bool no_new_privileges = true;
  bool new_keyring = true;
  std::vector<sock_filter> seccomp;  // Empty only when a grant says so.
  std::uint32_t seccomp_flags = 0;   // SECCOMP_FILTER_FLAG_*
  // Borrowed: the connected socket that gets the filter's notification descriptor (with a filter
  // that notifies), and a file whose content goes with it.
  int seccomp_listener = -1;
  int seccomp_state = -1;
  std::vector<Rlimit> rlimits;
  std::uint32_t umask = 0022;
  std::optional<std::uint32_t> personality;
  std::optional<Scheduler> scheduler;
  std::optional<int> io_priority;          // As ioprio_set(2) takes it.
  std::optional<int> oom_score_adj;        // Clamped when we may not lower it.
  std::vector<unsigned long> cpus_before;  // Bits: while it is not yet in its cgroup...
  std::vector<unsigned long> cpus_after;   // ...and from then on. Empty: as it is.
  std::optional<MemoryPolicy> memory_policy;
  std::optional<Label> label;
  bool terminal = false;
  std::uint16_t rows = 0;  // Initial size of the terminal; 0: leave.
  std::uint16_t columns = 0;
  std::uint32_t kept_fds = 0;  // So many of our descriptors from 3 on stay open in it.
};

enum class MountKind : std::uint8_t { Bind, Tmpfs, FileSystem, Cgroups };

// A mount that the user asked for; the usual ones (/proc, /sys, /dev, /dev/pts, /dev/shm,
// /dev/mqueue, /sys/fs/cgroup) are made without being asked, unless Spec says otherwise.
struct Mount {
  MountKind kind = MountKind::Bind;
  std::string target;  // Path in the container; resolved in the root, made when missing.
  sys::Fd source;      // Bind: a detached mount (sys::clone_mount), id-mapped already.
  bool source_is_directory = true;
  bool source_is_ready = false;  // Bind: its attributes are set already; the following say nothing.
  bool read_only = false;
  bool executable = true;         // Tmpfs: Docker's default is noexec.
  std::uint64_t tmpfs_bytes = 0;  // 0: the kernel's default (half the memory).
  std::uint32_t tmpfs_mode = 01777;
  // FileSystem: what to make. Cgroups: the container's own groups; attributes count.
  std::string type;
  std::string source_name;
  std::vector<std::pair<std::string, std::string>> options;  // "" as value: a flag.
  std::uint64_t attributes = 0;                              // MOUNT_ATTR_*
  std::uint64_t propagation = 0;                             // MS_*, MS_REC; 0: private.
  bool copy_up = false;  // The directory's content in the root is copied into it.
};

// A file that the engine provides: made on a tmpfs of the container's own, so that no disk has it,
// and bound over the target.
struct File {
  std::string target;
  std::string content;
  std::uint32_t mode = 0644;
  std::uint32_t uid = 0;  // Ids inside.
  std::uint32_t gid = 0;
  bool read_only = false;
};

struct Device {
  std::string path;
  std::string source = {};  // The host's, where that is another path.
  bool given = false;       // With a user namespace: root of the container owns its node.
  std::uint32_t mode = 0;   // With the file type.
  unsigned major = 0;
  unsigned minor = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

enum class Namespace : std::uint8_t { New, Host };

// A namespace that exists already: joined instead of made.
struct JoinedNamespace {
  int kind = 0;  // CLONE_NEW*
  sys::Fd fd;
};

// A helper program that runs already and waits for what it shall do: executing it takes as long as
// finding that out, and both can be done at once. It ends with this.
struct HelperProcess;
struct DeleteHelper {
  void operator()(HelperProcess* process) const noexcept;
};
using Helper = std::unique_ptr<HelperProcess, DeleteHelper>;

struct Spec {
  Helper helper;  // Null: launch() starts one. See start_helper().
  std::string hostname;
  std::string domainname;
  // Both given: the container has a user namespace of its own, as every container of the engine
  // has. None: it shares ours.
  sys::IdMap uids;
  sys::IdMap gids;
  sys::Fd root;  // Detached mount of the root file system, writable or not.
  bool read_only_root = false;
  bool root_devices = false;           // Device nodes in the root itself work.
  std::uint64_t root_propagation = 0;  // MS_*; 0: private.
  bool pivot = true;                   // Else the old root stays below the new one.
  Namespace network = Namespace::New;
  Namespace ipc = Namespace::New;
  Namespace pid = Namespace::New;
  Namespace uts = Namespace::New;
  Namespace cgroup = Namespace::New;
  Namespace mount = Namespace::New;     // Else no mount of the container is seen outside of it.
  std::vector<JoinedNamespace> joined;  // Those kinds are neither New nor Host.
  struct TimeOffset {
    std::string clock;  // "monotonic", "boottime"
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
  };
  bool new_time = false;
  std::vector<TimeOffset> time_offsets;
  bool usual_mounts = true;      // And the usual devices.
  bool writable_system = false;  // The usual /sys is not read-only.
  // Its group of version 2 is given to root of the container, which may divide it, and is mounted
  // read-write instead of what is usual. [cgroup-v2.rst, "Delegation"]
  bool own_groups = false;
  std::uint64_t shm_bytes = 64 << 20;
  std::vector<Mount> mounts;    // In this order.
  std::vector<Device> devices;  // Made when all mounts stand; with a user namespace the host's.
  bool device_links = true;     // The usual links of /dev.
  std::vector<File> files;      // /etc/hosts, /etc/hostname, /etc/resolv.conf, secrets.
  std::vector<std::string> masked_paths;
  std::vector<std::string> read_only_paths;
  std::vector<std::pair<std::string, std::string>>
      sysctls;  // "net.ipv4.x", value; checked by policy.
  // The tare-init program (O_PATH is enough), run as process 1 with the process's argv behind its
  // own name. By descriptor, through a read-only mount: it has no path in the container.
  sys::Fd init;
  Process process;
  sys::CgroupLimits limits;
  std::string cgroup_name;                             // "": no cgroup of its own (tests only).
  std::optional<sys::Cgroup::Request> cgroup_request;  // Instead of both.

  // --- For a container that outlives the caller (OCI runtime) ---
  bool dies_with_parent = true;
  // A listening Unix socket: the process waits there until somebody connects. launch() returns when
  // it waits; what comes after is told to whoever connects (see follow_start).
  sys::Fd gate;
  // Where the root file system is, when hooks have to find the container's mounts there.
  std::string root_place;
  std::vector<Hook> create_hooks;  // createContainer.
  std::vector<Hook> start_hooks;   // startContainer.
  sys::Fd create_state;            // Their standard inputs, complete when `born` has returned.
  sys::Fd start_state;
  // Called when the process exists and waits, or is about to; again when its number changes.
  std::function<Result<>(int pid, const sys::Cgroup& cgroup)> born;
  // Then not before it is in its namespaces, but for those that a joined user namespace owns.
  bool born_in_namespaces = false;
  // Called while it sets itself up in its namespaces, with its last number; its program runs only
  // when this has returned.
  std::function<Result<>(int pid)> beside;
  // Called when its mounts stand and the old root is still there.
  std::function<Result<>(int pid)> runtime_hooks;
  // What could not be done as asked, but does no harm.
  std::function<void(const std::string&)> warn;
};

// What the parent keeps of a started container or process.
struct Stdio {
  sys::Fd in;   // Write end: the process's standard input; empty when it has /dev/null.
  sys::Fd out;  // Read end; with a terminal the master side, and `in` and `err` are empty.
  sys::Fd err;
};

struct Started {
  int pid = 0;  // In our pid namespace.
  sys::Fd pidfd;
  Stdio stdio;
  std::vector<std::string> cgroup_directories;
};

// Inherit: all three streams are our own.
enum class Stdin : std::uint8_t { Null, Pipe, Inherit };

// Where a start failed, for the engine to explain: see explain.h.
// Gate: the start was another's, or came when the process had ended.
enum class FailedAt : std::uint8_t { Setup, Cwd, Exec, Gate };
struct LaunchError {
  Error error;
  FailedAt at = FailedAt::Setup;
};

// The namespaces that are new in `spec`, as CLONE_NEW*, but for those of groups and time.
std::uint64_t new_namespaces(const Spec& spec);

// A helper for launch() of a Spec with these namespaces and none to be joined, or for enter() (0),
// whose process keeps `kept_fds` descriptors. Null where it is better started later. Until then
// nobody looks into our memory: see sys::HiddenMemory. Single-threaded callers only.
Result<Helper> start_helper(std::uint64_t namespaces, std::uint32_t kept_fds);

// PRIVILEGED (root, or root of the user's namespace). Single-threaded callers only. Creates the
// container and runs its process; returns when execve has succeeded. The new process is a child of
// the caller, gets SIGKILL when the caller's thread dies, and is the caller's to wait for. Nothing
// is left on failure.
std::expected<Started, LaunchError> launch(Spec spec, Stdin stdin_kind);

// The end of a start through a gate: `connection` is connected to it. Returns when execve has
// succeeded.
std::expected<void, LaunchError> follow_start(const sys::Fd& connection);

// Runs one more process in a container whose process 1 is `pidfd`: all its namespaces, its cgroups,
// a session keyring of its own, the same order of protections. As launch() otherwise.
struct EnterSpec {
  Helper helper;  // As in Spec.
  int pid = 0;    // Of process 1, in our pid namespace.
  int pidfd = -1;
  std::string cgroup_name;
  std::optional<sys::Cgroup> cgroup;  // Instead.
  bool needs_user_namespace = true;   // The engine's containers all have one.
  bool dies_with_parent = true;
  std::function<void(const std::string&)> warn;
  Process process;
};
std::expected<Started, LaunchError> enter(EnterSpec spec, Stdin stdin_kind);

// A user as Docker writes it ("", "1000", "www-data", "1000:50", "u:g"), resolved against
// etc/passwd and etc/group below `root`. Numbers are never looked up as names; files are read with
// limits. Home is "/" when the user has none. Errors: Invalid, NotFound with the name.
struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  std::string home = "/";
};
Result<User> find_user(int root, const std::string& user);

// Why `argv[0]` could not be executed below `root`, as a colleague would say it: not found in PATH
// (with the nearest name), no exec bit, a directory, missing interpreter of a script, CRLF after
// the shebang, missing loader or library, another architecture, noexec mount, not a program at all.
// Returns the sentence and the fix; `exit_code` is 126 (found, cannot run) or 127 (not found).
struct Diagnosis {
  std::string message;
  std::string hint;
  int exit_code = 127;
};
Diagnosis diagnose_exec(int root, const Process& process, const Error& error);

// What this kernel and user can and cannot do, for `tare info`: each with a sentence.
struct Feature {
  std::string name;
  bool available = false;
  std::string detail;  // What is therefore weaker or missing.
};
std::vector<Feature> probe_features();

}  // namespace tare::isolate
