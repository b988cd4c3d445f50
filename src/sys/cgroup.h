// SPDX-License-Identifier: Apache-2.0
// Control groups, whatever the host has: pure v2, v1, or v1 controllers beside a v2 tree with none
// or some. One Cgroup stands for the directories of one container in all of them.
// [cgroup-v2.rst; cgroup-v1/*.rst]
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/cgroup_limits.h"
#include "sys/cgroup_stats.h"
#include "sys/fd.h"

namespace tare::sys {

enum class CgroupLayout : std::uint8_t { None, V1, Hybrid, V2 };

// What this process can do with cgroups here.
struct CgroupHost {
  CgroupLayout layout = CgroupLayout::None;
  std::string v2_mount;     // "" when there is no cgroup2 tree.
  std::string own_v2_path;  // The group in it below which ours go, "/" is the root of the tree.
  bool v2_writable = false;
  std::vector<std::string> v2_controllers;  // Of that group.
  using Place = std::pair<std::string, std::string>;
  std::vector<Place> v1;                 // Controller name ("name=systemd", too), its mount point.
  std::vector<Place> read_only;          // The same of version 1, where we may not write.
  bool writable = false;                 // We may make groups below.
  std::vector<std::string> controllers;  // Usable ones: "memory", "cpu", "pids"...
  std::string why_not;  // A sentence, when not writable or a controller is missing.
};
// Looks once and remembers.
const CgroupHost& cgroup_host();

// The path of the groups of a container of the engine: "tare/NAME", or NAME when that is a path.
std::string tare_group(const std::string& name);

// Out-of-memory events of a group, for a poll(2) loop. Owns its descriptors.
class OomWatch {
 public:
  int fd() const { return v1_ ? event_.get() : notify_.get(); }
  // Whether processes were killed since the last call (v1: or stand still for lack of memory). Call
  // when fd() is readable, and with v1 again a moment later: the event comes before the victim is
  // counted. NotFound: the group is gone, watch no more.
  Result<bool> happened();

 private:
  friend class Cgroup;
  bool v1_ = false;
  Fd event_;          // v1: eventfd(2).
  Fd notify_;         // v2: inotify(7).
  std::string file_;  // v2: memory.events; v1: memory.oom_control.
  std::uint64_t seen_ = 0;
};

class Cgroup {
 public:
  Cgroup() = default;  // Of nobody: everything succeeds and does nothing.
  // Which hierarchies of version 1 get a group. Each costs a start a mkdir(2) and a move.
  enum class Reach : std::uint8_t {
    Needed,  // Those of memory, cpu, cpuacct and pids, and what the limits need.
    Every,   // All that exist: who looks for a container's group by its path finds it everywhere.
  };
  struct Request {
    // Absolute: from the root of each hierarchy, as it is mounted. Relative: below the group that
    // was delegated to us. Directories above the last that are missing are made; the last must be
    // empty of processes.
    std::string path;
    Reach reach = Reach::Needed;
    CgroupLimits limits;
    // `path` is "slice:prefix:name" and systemd makes the group: a scope, which cannot exist
    // without a process. create() only checks then, and start_scope() does it. [runtime-spec issue
    // 1021; org.freedesktop.systemd1(5), StartTransientUnit]
    bool systemd = false;
    // An ordinary user's bus, as DBUS_SESSION_BUS_ADDRESS has it. Root has the system's.
    std::string bus = {};
  };
  // Nothing is left behind on failure. Errors: Unsupported, naming the limit that this host cannot
  // enforce and why; Busy (somebody lives in that group); Denied; Invalid (path, value).
  // `host` is another one in tests only, here and below.
  static Result<Cgroup> create(const Request& request, const CgroupHost& host = cgroup_host());
  // Needed ones for tare_group(NAME).
  static Result<Cgroup> create(const std::string& name, const CgroupLimits& limits);
  // The groups of a container made earlier; what is gone is left out.
  static Cgroup open(const std::string& name);
  // By path, as in Request.
  static Cgroup open_at(const std::string& path, const CgroupHost& host = cgroup_host());
  // By directories() and parents() that were kept in a file.
  static Cgroup reopen(std::vector<std::string> directories, std::vector<std::string> parents = {},
                       const CgroupHost& host = cgroup_host());
  // Every directory that a group of this path may ever have here: who cleans up after it does not
  // know which an update() has made.
  static std::vector<std::string> possible_directories(const std::string& path,
                                                       const CgroupHost& host = cgroup_host());

  // True after create() with `systemd`, until start_scope() has made the scope, with this process
  // in it, and set the limits. Errors: Unavailable (no systemd; what it said).
  bool needs_scope() const { return scope_.has_value(); }
  Result<> start_scope(int pid);

  // Request's `bus` for a group that was opened, before update().
  void use_bus(std::string address) { bus_ = std::move(address); }

  // Moves a process in, by pid, in every hierarchy; or only in those of version 1, for a process
  // that was born in v2_directory().
  enum class Which : std::uint8_t { All, V1 };
  Result<> add(int pid, Which which = Which::All) const;
  // A descriptor for CLONE_INTO_CGROUP, or an empty one when there is no v2 tree.
  Result<Fd> v2_directory() const;
  // Directories ("/sys/fs/cgroup/memory/tare/NAME"), for the keeper to remove at the end.
  const std::vector<std::string>& directories() const { return directories_; }
  // Directories above them that create() made, outermost first: remove() takes those that nobody
  // else uses by then.
  const std::vector<std::string>& parents() const { return parents_; }
  // Values that create() took and the kernel has no use for any more, a sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // The directory with the files of one controller ("memory"), "" where there is none.
  std::string directory_of(std::string_view controller) const;

  // Sets what is given and leaves the rest. A group in a hierarchy of version 1 that was not needed
  // before is made now, at the same path, with all processes.
  // `warnings`, when given, gets a sentence for each value that the kernel no longer has a use for.
  Result<> update(const CgroupLimits& limits, std::vector<std::string>* warnings = nullptr);
  // Stops all processes and waits until they are. Errors: Unsupported; Unavailable (some do not).
  Result<> freeze() const;
  Result<> thaw() const;
  Result<bool> is_frozen() const;
  // All processes, those of groups below, too: cgroup.kill, or SIGKILL until empty. Works on a
  // frozen group.
  Result<> kill() const;
  // Pids in our pid namespace.
  enum class Depth : std::uint8_t { Own, WithBelow };
  Result<std::vector<int>> processes(Depth depth = Depth::Own) const;
  Result<CgroupStats> stats() const;
  Result<std::uint64_t> oom_kills() const;
  Result<OomWatch> watch_oom() const;  // Errors: Unsupported without a memory controller.
  Result<> remove() const;             // Retries for a moment while zombies leave. Gone is fine.

 private:
  explicit Cgroup(const CgroupHost& host) : host_(&host) {}
  std::string path() const;
  std::string freezable_v2() const;
  Result<> join_needed(const CgroupLimits& limits);
  static Result<Cgroup> prepare_scope(const Request& request, const CgroupHost& host);
  Result<> adopt_scope(const std::string& path, const Request& request);
  Result<> tell_systemd(const CgroupLimits& limits) const;

  const CgroupHost* host_ = &cgroup_host();
  std::vector<std::string> directories_;
  std::vector<std::string> parents_;
  std::vector<std::string> warnings_;
  std::optional<Request> scope_;
  std::string bus_;
};

}  // namespace tare::sys
