// SPDX-License-Identifier: Apache-2.0
// What is kept of a container between two commands, in a directory of its own below --root:
//   creating     the record while the container is being made, then renamed to
//   record       (JSON): see Record;
//   config.json  a copy of the bundle's at the time of create;
//   start        the socket at which the process waits until it is started.
// A directory without a record whose lock nobody holds was left by a command that was killed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "oci/runtime_state.h"
#include "sys/cgroup.h"
#include "sys/fd.h"

namespace tare::front_oci {

struct Record {
  std::string id;
  int pid = 0;
  std::uint64_t start_time = 0;  // Of the process, to tell it from a later one with its number.
  std::string bundle;            // Absolute.
  std::string rootfs;            // Absolute.
  std::string created;           // RFC 3339.
  std::uint32_t owner = 0;       // The user who made it.
  json::Value annotations;       // Object of strings.
  std::vector<std::string> cgroup_directories;
  std::vector<std::string> cgroup_parents;
  std::string systemd_unit;
  bool own_pid_namespace = true;
  bool poststart_hooks = false;
  bool poststop_hooks = false;
};

using oci::Status;

// An existing container's directory, locked when that was asked for.
class Container {
 public:
  const Record& record() const { return record_; }
  int directory() const { return directory_.get(); }
  bool is_creating() const { return creating_; }
  Status status() const;
  // A descriptor of the process, when it still runs. Errors: NotFound.
  Result<sys::Fd> process() const;
  sys::Cgroup cgroup() const;
  // The configuration it was made with.
  Result<std::string> config() const;
  // Where its process waits for the start. Errors: NotFound (it has been started), Unavailable.
  Result<sys::Fd> connect_to_gate() const;
  Result<> forget_gate() const;
  // After an update, which may have made control groups in further hierarchies.
  Result<> keep_cgroup(const sys::Cgroup& cgroup);

 private:
  friend class StateRoot;
  sys::Fd directory_;
  Record record_;
  bool creating_ = false;
};

// A new container's directory. Removed with everything in it unless keep() is called.
class NewContainer {
 public:
  NewContainer() = default;
  NewContainer(NewContainer&& other) noexcept = default;
  NewContainer& operator=(NewContainer&&) = delete;
  ~NewContainer();

  int directory() const { return directory_.get(); }
  Result<> save(const Record& record) const;  // As being created.
  Result<sys::Fd> make_gate() const;
  Result<> finish() const;  // It is created.
  void keep() {
    root_.reset();
    directory_.reset();  // And with it the lock.
  }

 private:
  friend class StateRoot;
  sys::Fd root_;
  sys::Fd directory_;
  std::string id_;
};

class StateRoot {
 public:
  // Made when missing. Errors: Denied...
  static Result<StateRoot> open(const std::string& path);

  // Errors: Invalid (the id), NotFound.
  Result<Container> find(const std::string& id) const;
  // Claims the id. Errors: Exists, Invalid.
  Result<NewContainer> create(const std::string& id) const;
  // The configuration of a container whose create was killed before it had a record.
  Result<std::string> abandoned_config(const std::string& id) const;
  // Also what find() would not find any more. Errors: Busy (it is just being created).
  Result<> remove(const std::string& id) const;
  Result<std::vector<std::string>> list() const;

 private:
  sys::Fd directory_;
};

// "/run/tare-oci"; "$XDG_RUNTIME_DIR/tare-oci" for ordinary users, also as root of a user
// namespace.
std::string default_root();

// Field 22 of /proc/PID/stat, and whether the process still runs: a zombie does not.
// [proc_pid_stat(5)]
struct ProcessFacts {
  std::uint64_t start_time = 0;
  bool ended = true;
};
ProcessFacts look_at_process(int pid);

}  // namespace tare::front_oci
