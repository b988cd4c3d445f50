// SPDX-License-Identifier: Apache-2.0
// Asks other name servers, for many containers at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "network/dns_message.h"
#include "network/loop.h"
#include "network/resolv_conf.h"

namespace tare::network::dns {

// Each query has a socket of its own, connected: the kernel chooses its port at random and takes
// nothing but what comes from the server that was asked. [RFC 5452]
class Upstream {
 public:
  struct Limits {
    std::size_t of_owner = 256;  // Queries that wait for their answers.
    std::size_t of_all = 2048;
    std::chrono::milliseconds datagram_patience{1500};  // With one server, before the next.
    std::chrono::milliseconds stream_patience{4000};
    std::chrono::milliseconds all_patience{10000};
  };
  struct Answer {
    std::string message;
    Reply reply;
  };
  using Done = std::move_only_function<void(Result<Answer>)>;

  explicit Upstream(Loop& loop) : Upstream(loop, Limits()) {}
  Upstream(Loop& loop, const Limits& limits) : loop_(loop), limits_(limits) {}
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  ~Upstream();

  // Asks one of `servers` after the other until one knows, and calls `done` once, from the loop:
  // with what was answered, also a failure, or with Unavailable when nobody does in time.
  // `by_stream`: what is too long for a datagram is asked for again by TCP. Errors: Busy when
  // `owner` has too many questions already, Unavailable without servers; `done` is not called then.
  Result<> ask(const std::string& owner, const Query& query, const std::vector<Server>& servers,
               bool by_stream, Done done);
  // Ends the queries of `owner` without calling anybody.
  void forget(const std::string& owner);
  std::size_t waiting() const { return pending_.size(); }

 private:
  using Serial = std::uint64_t;
  struct Pending {
    std::string owner;
    Query query;
    std::uint16_t id = 0;
    std::vector<Server> servers;  // Those that are still to be asked; the first is being asked.
    bool by_stream = false;
    bool is_streaming = false;
    sys::Fd socket;
    std::string out;
    std::string in;
    Loop::Timer timer = 0;
    Loop::Clock::time_point end;
    Result<Answer> best = fail(Kind::Unavailable, "no name server answered in time");
    Done done;
  };

  bool make_room(const std::string& owner);
  std::vector<Server> in_order(const std::vector<Server>& servers) const;
  void ask_first(Serial serial);
  void ask_next(Serial serial);
  Result<> send_datagram(Serial serial, Pending& pending);
  Result<> start_stream(Serial serial, Pending& pending);
  void wait_for(Serial serial, Pending& pending, std::chrono::milliseconds patience);
  void on_time(Serial serial);
  void on_datagram(Serial serial);
  void on_stream(Serial serial, std::uint32_t events);
  Result<bool> move_stream(Pending& pending, std::uint32_t events);
  void on_answer(Serial serial, std::string message);
  void hang_up(Pending& pending);
  void finish(Serial serial, Result<Answer> answer);
  std::unique_ptr<Pending> take(Serial serial);

  Loop& loop_;
  Limits limits_;
  Serial last_serial_ = 0;
  std::map<Serial, std::unique_ptr<Pending>> pending_;
  std::map<std::string, std::set<Serial>> of_owner_;
  // Servers that let us wait, until when others are asked before them.
  std::map<Server, Loop::Clock::time_point> slow_;
};

}  // namespace tare::network::dns
