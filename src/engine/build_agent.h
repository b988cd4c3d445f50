// SPDX-License-Identifier: Apache-2.0
// RUN --mount=type=ssh: a socket with the owner and mode that were asked for, behind which the
// user's agent is. Private to the room.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "build/workshop.h"
#include "sys/fd.h"
#include "sys/ids.h"

namespace tare::engine {

class AgentRelay {
 public:
  static constexpr const char* kSocket = "agent";
  // Makes kSocket in `directory`, with the ids that `ids` shows as those of `mount`. `agent`: path
  // of the user's socket, which is connected to only when a program connects to this one. Errors:
  // Invalid (an id that there is not).
  static Result<std::unique_ptr<AgentRelay>> open(const std::string& agent,
                                                  const std::string& directory,
                                                  const build::RunMount& mount,
                                                  const sys::IdMap& ids);
  AgentRelay(const AgentRelay&) = delete;
  AgentRelay& operator=(const AgentRelay&) = delete;

  // Readable when pump() has something to do. That never waits: who does not take what comes for
  // it loses its connection.
  int fd() const { return epoll_.get(); }
  Result<> pump();

 private:
  AgentRelay() = default;
  struct Connection {
    sys::Fd program;
    sys::Fd agent;
  };
  Result<> watch(int fd, std::uint64_t number) const;
  Result<> accept();

  std::string agent_;
  sys::Fd epoll_;
  sys::Fd listener_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, Connection> connections_;  // By number.
};

}  // namespace tare::engine
