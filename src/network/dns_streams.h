// SPDX-License-Identifier: Apache-2.0
// Queries that come by TCP: connections of one container. [RFC 7766]
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "network/loop.h"
#include "sys/fd.h"

namespace tare::network::dns {

class Streams;

// One of them. Who has to answer later holds it weakly: it may be gone by then.
class Connection {
 public:
  // Queues an answer; every message that was taken gets one of these, or give_up().
  void answer(std::string_view message);
  void give_up();

 private:
  friend class Streams;
  Streams* streams_ = nullptr;
  sys::Fd socket_;
  std::string in_;
  std::string out_;
  Loop::Clock::time_point last_use_;
  std::size_t waiting_ = 0;  // Messages without an answer.
  bool has_ended_ = false;   // The other side sends nothing any more.
};

class Streams {
 public:
  // Called with each message. False: there will be no answer.
  using OnMessage =
      std::function<bool(const std::shared_ptr<Connection>& connection, std::string_view message)>;

  // Accepts from `listener`. Errors: epoll_ctl(2)'s.
  static Result<std::unique_ptr<Streams>> start(Loop& loop, sys::Fd listener, OnMessage on_message);
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  ~Streams();

 private:
  friend class Connection;
  using Connections = std::list<std::shared_ptr<Connection>>;

  Streams(Loop& loop, sys::Fd listener, OnMessage on_message)
      : loop_(loop), listener_(std::move(listener)), on_message_(std::move(on_message)) {}
  void accept();
  void admit(sys::Fd socket);
  void on_event(const std::shared_ptr<Connection>& connection, std::uint32_t events);
  bool read(Connection& connection);
  bool write(Connection& connection);
  void take_messages(const std::shared_ptr<Connection>& connection);
  void settle(Connection& connection);
  void close(Connection& connection);
  void make_room();
  void close_idle();

  Loop& loop_;
  sys::Fd listener_;
  OnMessage on_message_;
  Connections connections_;
  Loop::Timer pause_ = 0;
  Loop::Timer idle_ = 0;
};

}  // namespace tare::network::dns
