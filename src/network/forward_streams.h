// SPDX-License-Identifier: Apache-2.0
// One published port of TCP in user space. Private to this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "network/forwarder.h"
#include "network/socket_address.h"

namespace tare::network {

// What the ports of a forwarder have in common. It outlives them.
struct ForwardShared {
  Loop& loop;
  Forwarder::MakeSocket make_socket;
  ForwardLimits limits;
  std::size_t descriptors = 0;  // Open now.
};

class ForwardedStreams {
 public:
  ForwardedStreams(ForwardShared& shared, sys::Fd listening, const SocketAddress& target);
  ForwardedStreams(const ForwardedStreams&) = delete;
  ForwardedStreams& operator=(const ForwardedStreams&) = delete;
  ~ForwardedStreams();
  Result<> start();
  std::size_t connections() const { return connections_.size(); }

 private:
  // From one socket to the other.
  struct Direction {
    sys::Pipe pipe;
    std::size_t held = 0;   // Bytes in the pipe: what comes in is read when it is empty.
    bool is_ended = false;  // There is no more, and the other end knows.
    bool is_over() const { return is_ended && held == 0; }
    bool wants_more() const { return !is_ended && held == 0; }
    // What can be moved now. Errors: the connection is broken.
    Result<> pump(int from, int to);
  };
  struct End {
    sys::Fd socket;
    std::uint32_t events = 0;  // That the loop waits for; 0: it does not know the socket.
  };
  struct Connection {
    End client;
    End server;
    Direction up;    // To the server.
    Direction down;  // To the client.
    bool is_connected = false;
    Loop::Timer patience = 0;
  };
  using Id = std::uint64_t;

  void on_acceptable();
  void accept_one(sys::Fd client, const Address& peer);
  Result<> begin(Id id, Connection& connection, const Address& peer);
  void on_event(Id id);
  Result<bool> go_on(Id id, Connection& connection);
  Result<> check_connected(Connection& connection);
  Result<> await(Id id, End& end, std::uint32_t events);
  void end(Id id, bool is_broken);
  void pause(std::chrono::milliseconds time);
  void resume();

  ForwardShared& shared_;
  sys::Fd listening_;
  SocketAddress target_;
  std::unordered_map<Id, std::unique_ptr<Connection>> connections_;
  Id last_id_ = 0;
  bool is_listening_ = false;
  Loop::Timer pause_ = 0;
};

}  // namespace tare::network
