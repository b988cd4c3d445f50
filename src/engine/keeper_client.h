// SPDX-License-Identifier: Apache-2.0
// The engine's side of the conversation with a container's keeper. [keeper/protocol.h]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "keeper/protocol.h"
#include "sys/fd.h"

namespace tare::engine {

// One connection. Not for several threads at once.
//
// Sending never waits: what the socket does not take is queued, and pending() says how much. Who
// copies a stream to the container therefore polls for events(), and reads no more of that stream
// while much is pending; a client that waited to send while the container waited for its output to
// be read would wait for ever.
class KeeperClient {
 public:
  struct Message {
    keeper::Frame type{};
    std::uint8_t flags = 0;
    std::string payload;         // Of Stdout, Stderr and Error.
    keeper::ExitPayload exit{};  // Of Exit.
  };

  // Connects to the keeper of the container whose directory is `dir`. Errors: NotFound when there
  // is none (the container does not run; its exit file says how it ended), Denied.
  static Result<KeeperClient> connect(int dir);
  // Takes the other end of a connection that a new keeper gets as client=.
  static KeeperClient adopt(sys::Fd socket) { return KeeperClient(std::move(socket)); }

  // `flags` are keeper::kAttach*. Attached comes before any output.
  Result<> attach(std::uint8_t flags);
  Result<> send_input(std::string_view bytes);
  Result<> close_input();
  Result<> resize(std::uint16_t rows, std::uint16_t columns);
  Result<> detach();
  Result<> wait_only();
  // On this connection, so behind pending input: see signal_container().
  Result<> signal(std::uint32_t number);

  int fd() const { return socket_.get(); }
  short events() const;                                // For poll(2).
  std::size_t pending() const { return out_.size(); }  // Bytes queued.
  Result<> flush();                                    // Sends what the socket takes now.

  // The next message, waiting at most `timeout_ms` (-1: for ever, 0: not at all) and sending queued
  // bytes meanwhile. nullopt when the time is over. Errors: Unavailable when the keeper is gone,
  // Corrupt when it does not speak the protocol.
  Result<std::optional<Message>> receive(int timeout_ms);
  // Waits for the exit and passes over everything else.
  Result<keeper::ExitPayload> receive_exit();

 private:
  explicit KeeperClient(sys::Fd socket) : socket_(std::move(socket)) {}

  Result<> send(keeper::Frame type, std::uint8_t flags, std::string_view payload);
  Result<std::optional<Message>> take_message();
  Result<bool> read_more();

  sys::Fd socket_;
  std::string in_;
  std::string out_;
};

// Sends a signal to process 1 over a connection of its own; 0 is the container's stop signal.
// A process 1 that has just ended is fine. Errors: as connect(); Unavailable when the kernel
// refuses the signal.
Result<> signal_container(int dir, std::uint32_t number);

}  // namespace tare::engine
