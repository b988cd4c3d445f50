// SPDX-License-Identifier: Apache-2.0
// PARENT's side of a start: the new process, the conversation with it, and its removal on failure.
#pragma once

#include <functional>
#include <optional>

#include "isolate/plan.h"

namespace tare::isolate {

// A child of ours that is not yet what was asked for.
class Newborn {
 public:
  Newborn() = default;
  Newborn(int pid, sys::Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  Newborn(Newborn&&) = default;
  Newborn& operator=(Newborn&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pidfd_, other.pidfd_);
    return *this;
  }
  ~Newborn();  // Kills and waits, unless released.

  int pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  sys::Fd release();  // It has become what was asked for.
  void reap();        // Waits a while without killing: it is about to end.
  // "killed by signal 9" when it has ended already; left for others to wait for.
  std::optional<std::string> how_it_ended() const;

 private:
  int pid_ = 0;
  sys::Fd pidfd_;
};

// Both ends, the child's with the number `lowest` or above.
struct Channel {
  sys::Fd parent;
  sys::Fd child;
};
Result<Channel> make_channel(int lowest);

// The standard streams as pipes: ours and the child's ends. The pipes belong to `uid` and `gid` (as
// we see them), so that the process can open /dev/stdout again.
struct Streams {
  Stdio ours;
  sys::Fd in;
  sys::Fd out;
  sys::Fd err;
};
Result<Streams> make_streams(Stdin stdin_kind, std::uint32_t uid, std::uint32_t gid);

// The conversation before the plan is handed over: until the helper program runs.
std::expected<void, LaunchError> wait_until_awake(const Channel& channel, const Newborn& newborn,
                                                  const PlanMemory& memory);

// Called when the process that was asked for is another one than was born; empty: never mind.
using Renamed = std::function<Result<>(int pid)>;

// The conversation after "go", until the process is what was asked for (with a gate: waits there)
// or has failed. Returns the master side of its terminal, if it has one. When namespaces had to be
// joined, `newborn` is first the process that joins and at the end the one that was asked for.
std::expected<sys::Fd, LaunchError> follow(const Channel& channel, Newborn& newborn,
                                           const PlanMemory& memory, const Spec* spec = nullptr,
                                           const Renamed& renamed = {});

}  // namespace tare::isolate
