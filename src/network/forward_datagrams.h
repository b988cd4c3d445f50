// SPDX-License-Identifier: Apache-2.0
// One published port of UDP in user space. Private to this room.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "network/forward_streams.h"

namespace tare::network {

class ForwardedDatagrams {
 public:
  ForwardedDatagrams(ForwardShared& shared, sys::Fd socket, const SocketAddress& target);
  ForwardedDatagrams(const ForwardedDatagrams&) = delete;
  ForwardedDatagrams& operator=(const ForwardedDatagrams&) = delete;
  ~ForwardedDatagrams();
  Result<> start();
  std::size_t flows() const { return flows_.size(); }

 private:
  // One client's address and the one of ours that it asked: from there the answers have to come.
  struct Flow {
    std::string key;
    sockaddr_storage client{};
    socklen_t client_size = 0;
    std::string local;  // A control message for sendmsg(2).
    sys::Fd server;
    Loop::Clock::time_point last;
  };
  using Flows = std::list<Flow>;  // The one that was silent longest comes first.

  void on_question();
  void on_answer(const std::string& key);
  Result<Flows::iterator> flow_of(const msghdr& message);
  Result<Flows::iterator> add_flow(const msghdr& message, std::string key);
  void touch(Flows::iterator flow);
  void remove_first();
  void expire();

  ForwardShared& shared_;
  sys::Fd socket_;
  SocketAddress target_;
  Flows flows_;
  std::unordered_map<std::string, Flows::iterator> by_key_;
  std::string datagram_;
  Loop::Timer timer_ = 0;
};

}  // namespace tare::network
