// SPDX-License-Identifier: Apache-2.0
// The name server of all containers: each has a socket of its own, so it is known who asks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "network/dns_cache.h"
#include "network/dns_names.h"
#include "network/dns_streams.h"
#include "network/dns_upstream.h"
#include "network/loop.h"
#include "network/resolv_conf.h"

namespace tare::network::dns {

// Who decides over names that are asked for outside.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  virtual ~Gate() = default;
  // Whether `name`, as Name::text() has it, may be asked for; if not there is no such name.
  virtual bool may_ask(const std::string& container, const std::string& name) = 0;
  // Before an answer to such a question is passed on. False: it is not.
  virtual bool may_answer(const std::string& container, const std::string& name,
                          std::string_view answer) = 0;
};

class NameServer {
 public:
  // All of them are borrowed. `names` may be assigned anew at any time between two turns.
  NameServer(Loop& loop, Names& names, HostServers& host, Gate& gate);
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  // Answers on these sockets (not blocking, the second one listens; either may be missing) until
  // stop(). A container may have several pairs; of more than four the oldest are closed.
  Result<> serve(const std::string& container, sys::Fd datagrams, sys::Fd streams);
  void stop(const std::string& container);
  bool serves(const std::string& container) const { return clients_.contains(container); }

 private:
  // Where an answer has to go.
  struct Origin {
    std::weak_ptr<sys::Fd> socket;  // Of datagrams.
    sockaddr_storage peer{};
    socklen_t peer_size = 0;
    std::weak_ptr<Connection> connection;
    bool is_stream = false;
  };
  struct Waiter {
    Origin origin;
    Query query;
  };
  struct Sockets {
    std::shared_ptr<sys::Fd> datagrams;
    std::unique_ptr<Streams> streams;
  };
  struct Client {
    std::string container;
    std::vector<Sockets> sockets;
    Cache cache;
    std::vector<Server> servers;                         // Of which the cache knows.
    std::map<std::string, std::vector<Waiter>> waiters;  // By what is being asked for them.
  };

  Result<> watch(Client& client, Sockets& sockets);
  void close(Sockets& sockets);
  void on_datagrams(Client& client, const std::shared_ptr<sys::Fd>& socket);
  // False: there is nothing to be answered, and there will not be.
  bool on_message(Client& client, const Origin& origin, std::string_view message);
  bool answer_locally(Client& client, const Origin& origin, const Query& query);
  bool answer_reverse(Client& client, const Origin& origin, const Query& query);
  void forward(Client& client, const Origin& origin, const Query& query);
  void on_forwarded(const std::string& container, const std::string& key,
                    Result<Upstream::Answer> answer);
  const std::vector<Server>& servers_of(Client& client);
  static void send(const Origin& origin, std::string_view message);
  static void answer(const Origin& origin, const Query& query, Code code,
                     const std::vector<Record>& records);
  static void turn_away(const Origin& origin, const Query& query);
  // What others have answered.
  void pass_on(const Client& client, const Origin& origin, const Query& query,
               const std::string& message);
  static void send_reply(const Origin& origin, const Query& query, const std::string& message);

  Loop& loop_;
  Names& names_;
  HostServers& host_;
  Gate& gate_;
  Upstream upstream_;
  std::unordered_map<std::string, std::unique_ptr<Client>> clients_;
};

}  // namespace tare::network::dns
