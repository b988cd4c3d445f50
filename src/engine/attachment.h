// SPDX-License-Identifier: Apache-2.0
// The client's end of a keeper's socket.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "sys/fd.h"

namespace tare::engine {

class KeeperAttachment : public Attachment {
 public:
  explicit KeeperAttachment(sys::Fd socket) : socket_(std::move(socket)) {}

  int fd() const override { return socket_.get(); }
  Result<Event> next() override;
  Result<> send_stdin(std::string_view bytes) override;
  Result<> close_stdin() override;
  Result<> resize(std::uint16_t rows, std::uint16_t columns) override;
  Result<> signal(int number) override;

  // `owner`, `ends_with_us`: as Engine::StartRequest has them.
  Result<> attach(const AttachRequest& request, bool owner, bool ends_with_us = false);
  Result<> wait();  // Asks for the exit only.

 private:
  Result<> send(std::uint8_t type, std::uint8_t flags, std::string_view payload);

  sys::Fd socket_;
};

// Connects to the keeper of the container in `dir`. Errors: NotFound or Unavailable when there is
// none: the container is not running.
Result<std::unique_ptr<KeeperAttachment>> connect_keeper(int dir);

// A listening socket "ctl" in `dir`, replacing a stale one; only this user may connect.
Result<sys::Fd> listen_keeper(int dir);

// Leaves a process of our own that reads to the end of a process of exec and holds its terminal, so
// that it goes on when we go: for the detach keys. No handlers of signals may be set any more.
Result<> leave_running(Attachment& attachment);

}  // namespace tare::engine
