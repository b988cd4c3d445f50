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

// Who the process is and what it may do.
struct Process {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH of `env` inside the container.
  std::vector<std::string> env;   // "K=V"
  std::string cwd = "/";  // Made when missing (as Docker does), unless the root is read-only.
  std::uint32_t uid = 0;  // Ids inside the container.
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  std::uint64_t capabilities = 0;  // Bit n is capability n: bounding, and permitted and effective
                                   // when uid is 0; inheritable and ambient stay empty.
  bool no_new_privileges = true;
  std::vector<sock_filter> seccomp;  // Empty only when a grant says so.
  std::vector<Rlimit> rlimits;
  std::uint32_t umask = 0022;
  bool terminal = false;
  std::uint16_t rows = 0;  // Initial size of the terminal; 0: leave.
  std::uint16_t columns = 0;
};

enum class MountKind : std::uint8_t { Bind, Tmpfs };

// A mount that the user asked for; the usual ones (/proc, /sys, /dev, /dev/pts, /dev/shm,
// /dev/mqueue, /sys/fs/cgroup) are made without being asked.
struct Mount {
  MountKind kind = MountKind::Bind;
  std::string target;  // Path in the container; resolved in the root, made when missing.
  sys::Fd source;      // Bind: a detached mount (sys::clone_mount), id-mapped already.
  bool source_is_directory = true;
  bool read_only = false;
  bool executable = true;         // Tmpfs: Docker's default is noexec.
  std::uint64_t tmpfs_bytes = 0;  // 0: the kernel's default (half the memory).
  std::uint32_t tmpfs_mode = 01777;
};

enum class Namespace : std::uint8_t { New, Host };

struct Spec {
  std::string hostname;
  sys::IdMap uids;  // Both must be given: every container has a user namespace.
  sys::IdMap gids;
  sys::Fd root;  // Detached mount of the root file system, writable or not.
  bool read_only_root = false;
  Namespace network = Namespace::New;
  Namespace ipc = Namespace::New;
  Namespace pid = Namespace::New;
  Namespace uts = Namespace::New;
  std::uint64_t shm_bytes = 64 << 20;
  std::vector<Mount> mounts;  // In this order.
  // Files that the engine provides, made read-write on a tmpfs of their own and bound over the
  // target: /etc/hosts, /etc/hostname, /etc/resolv.conf.
  std::vector<std::pair<std::string, std::string>> files;  // Target, content.
  std::vector<std::string> masked_paths;
  std::vector<std::string> read_only_paths;
  std::vector<std::pair<std::string, std::string>>
      sysctls;  // "net.ipv4.x", value; checked by policy.
  // The tare-init program (O_PATH is enough), run as process 1 with the process's argv behind its
  // own name. By descriptor, through a read-only mount: it has no path in the container.
  sys::Fd init;
  Process process;
  sys::CgroupLimits limits;
  std::string cgroup_name;  // "": no cgroup of its own (tests only).
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

enum class Stdin : std::uint8_t { Null, Pipe };

// Where a start failed, for the engine to explain: see explain.h.
enum class FailedAt : std::uint8_t { Setup, Cwd, Exec };
struct LaunchError {
  Error error;
  FailedAt at = FailedAt::Setup;
};

// PRIVILEGED (root, or root of the user's namespace). Single-threaded callers only. Creates the
// container and runs its process; returns when execve has succeeded. The new process is a child of
// the caller, gets SIGKILL when the caller's thread dies, and is the caller's to wait for. Nothing
// is left on failure.
std::expected<Started, LaunchError> launch(Spec spec, Stdin stdin_kind);

// Runs one more process in a container whose process 1 is `pidfd`: all its namespaces, its cgroups,
// a session keyring of its own, the same order of protections. As launch() otherwise.
struct EnterSpec {
  int pid = 0;  // Of process 1, in our pid namespace.
  int pidfd = -1;
  std::string cgroup_name;
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
