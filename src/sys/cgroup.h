// SPDX-License-Identifier: Apache-2.0
// Control groups, whatever the host has: pure v2, v1, or v1 controllers beside a v2 tree without
// any. One Cgroup stands for the directories of one container in all of them.
// [cgroup-v2.rst; cgroup-v1/*.rst]
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/fd.h"

namespace tare::sys {

enum class CgroupLayout : std::uint8_t { None, V1, Hybrid, V2 };

struct CgroupLimits {
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> memory_swap_bytes;  // Memory plus swap, as Docker's --memory-swap.
  std::optional<std::uint64_t> cpu_quota_us;       // Per period.
  std::uint64_t cpu_period_us = 100'000;
  std::optional<std::uint64_t> cpu_shares;  // v1 scale, 2..262144.
  std::optional<std::uint64_t> pids;
  bool empty() const {
    return !memory_bytes && !memory_swap_bytes && !cpu_quota_us && !cpu_shares && !pids;
  }
};

// What this process can do with cgroups here.
struct CgroupHost {
  CgroupLayout layout = CgroupLayout::None;
  std::string v2_mount;     // "" when there is no cgroup2 tree.
  std::string own_v2_path;  // Our cgroup in it, "/" is the root of the tree.
  using Place = std::pair<std::string, std::string>;
  std::vector<Place> v1;                 // Controller name, directory of our use.
  std::vector<Place> read_only;          // The same of version 1, where we may not write.
  bool writable = false;                 // We may make groups below.
  std::vector<std::string> controllers;  // Usable ones: "memory", "cpu", "pids"...
  std::string why_not;  // A sentence, when not writable or a controller is missing.
};
// Looks once and remembers.
const CgroupHost& cgroup_host();

class Cgroup {
 public:
  enum class Reach : std::uint8_t { Needed, Every };
  struct Request {
    std::string path;
    Reach reach = Reach::Needed;
    CgroupLimits limits;
    bool systemd = false;
  };
  static Result<Cgroup> create(const Request& request) { return create(request.path.substr(request.path.rfind('/')+1), request.limits); }
  bool needs_scope() const { return false; }
  Result<> start_scope(int) { return {}; }
  static Cgroup reopen(std::vector<std::string> directories, std::vector<std::string> parents = {}) { Cgroup g; g.directories_ = directories; (void)parents; return g; }
  const std::vector<std::string>& parents() const { return directories_; }
  // Makes "tare/NAME" (below our delegated group on v2 as an ordinary user) in every hierarchy that
  // matters and sets the limits. Nothing is left behind on failure. Errors: Unsupported, naming the
  // limit that this host cannot enforce and why; Denied.
  static Result<Cgroup> create(const std::string& name, const CgroupLimits& limits);
  // The groups of a container made earlier; what is gone is left out.
  static Cgroup open(const std::string& name);

  // Moves a process in, by pid, in every hierarchy; or only in those of version 1, for a process
  // that was born in v2_directory().
  enum class Which : std::uint8_t { All, V1 };
  Result<> add(int pid, Which which = Which::All) const;
  // A descriptor for CLONE_INTO_CGROUP, or an empty one when there is no v2 tree.
  Result<Fd> v2_directory() const;
  // Directories ("/sys/fs/cgroup/memory/tare/NAME"), for the keeper to remove at the end.
  const std::vector<std::string>& directories() const { return directories_; }

  Result<> update(const CgroupLimits& limits) const;
  Result<> kill() const;  // All processes: cgroup.kill, or SIGKILL until empty.
  Result<std::vector<int>> processes() const;  // Pids in our pid namespace.
  Result<std::uint64_t> oom_kills() const;
  Result<> remove() const;  // Retries for a moment while zombies leave. Gone is fine.

 private:
  std::vector<std::string> directories_;
};

}  // namespace tare::sys
