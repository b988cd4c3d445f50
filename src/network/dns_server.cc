// SPDX-License-Identifier: Apache-2.0
#include "network/dns_server.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace tare::network::dns {
namespace {

constexpr std::uint32_t kTtl = 2;         // Seconds: containers come and go.
constexpr std::size_t kMostSockets = 4;   // Pairs of one container.
constexpr std::size_t kMostWaiters = 64;  // For one and the same answer.
constexpr int kMostAtOnce = 32;           // Datagrams, before others have their turn.

}  // namespace

NameServer::NameServer(Loop& loop, Names& names, HostServers& host, Gate& gate)
    : loop_(loop), names_(names), host_(host), gate_(gate), upstream_(loop) {}

NameServer::~NameServer() {
  while (!clients_.empty()) stop(std::string(clients_.begin()->first));
}

Result<> NameServer::serve(const std::string& container, sys::Fd datagrams, sys::Fd streams) {
  std::unique_ptr<Client>& client = clients_[container];
  if (!client) client = std::make_unique<Client>(Client{.container = container});
  Sockets sockets;
  if (datagrams) sockets.datagrams = std::make_shared<sys::Fd>(std::move(datagrams));
  if (streams) {
    Client* asking = client.get();
    const auto on_message = [this, asking](const std::shared_ptr<Connection>& connection,
                                           std::string_view message) {
      return this->on_message(*asking, {.connection = connection, .is_stream = true}, message);
    };
    sockets.streams = TRY(Streams::start(loop_, std::move(streams), on_message));
  }
  TRY(watch(*client, sockets));
  if (client->sockets.size() >= kMostSockets) {
    close(client->sockets.front());
    client->sockets.erase(client->sockets.begin());
  }
  client->sockets.push_back(std::move(sockets));
  return {};
}

Result<> NameServer::watch(Client& client, Sockets& sockets) {
  if (!sockets.datagrams) return {};
  const auto on_events = [this, asking = &client, socket = sockets.datagrams](std::uint32_t) {
    on_datagrams(*asking, socket);
  };
  return loop_.add(sockets.datagrams->get(), EPOLLIN, on_events);
}

void NameServer::close(Sockets& sockets) {
  if (sockets.datagrams) loop_.remove(sockets.datagrams->get());
  sockets = Sockets();
}

void NameServer::stop(const std::string& container) {
  const auto found = clients_.find(container);
  if (found == clients_.end()) return;
  upstream_.forget(container);
  for (Sockets& sockets : found->second->sockets) close(sockets);
  clients_.erase(found);
}

void NameServer::on_datagrams(Client& client, const std::shared_ptr<sys::Fd>& socket) {
  std::array<char, 4096> buffer;
  Origin origin{.socket = socket};
  for (int i = 0; i < kMostAtOnce; ++i) {
    origin.peer_size = sizeof origin.peer;
    const ssize_t size = ::recvfrom(socket->get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                    reinterpret_cast<sockaddr*>(&origin.peer), &origin.peer_size);
    if (size < 0) return;
    (void)on_message(client, origin, {buffer.data(), static_cast<std::size_t>(size)});
  }
}

void NameServer::send(const Origin& origin, std::string_view message) {
  if (const auto connection = origin.connection.lock()) connection->answer(message);
  if (const auto socket = origin.socket.lock())
    ::sendto(socket->get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&origin.peer), origin.peer_size);
}

void NameServer::answer(const Origin& origin, const Query& query, Code code,
                        const std::vector<Record>& records) {
  send(origin,
       print_answer(query, code, records, origin.is_stream ? kMostBytes : query.datagram_limit()));
}

void NameServer::send_reply(const Origin& origin, const Query& query, const std::string& message) {
  if (!origin.is_stream && message.size() > query.datagram_limit())
    return send(origin, print_truncated(query));
  send(origin, message);
}

void NameServer::pass_on(const Client& client, const Origin& origin, const Query& query,
                         const std::string& message) {
  if (!gate_.may_answer(client.container, query.question.name.text(), message))
    return answer(origin, query, Code::ServerFailure, {});
  send_reply(origin, query, message);
}

bool NameServer::on_message(Client& client, const Origin& origin, std::string_view message) {
  const Result<Query> query = parse_query(message);
  if (!query) {
    if (query.error().kind() == Kind::Corrupt) return false;
    const bool is_other = query.error().kind() == Kind::Unsupported;
    send(origin, print_refusal(message, is_other ? Code::NotImplemented : Code::FormError));
    return true;
  }
  if (query->edns && query->edns->version != 0)
    answer(origin, *query, Code::BadVersion, {});
  else if (query->question.net_class != kInternet)
    answer(origin, *query, Code::Refused, {});
  else if (!answer_locally(client, origin, *query))
    forward(client, origin, *query);
  return true;
}

bool NameServer::answer_locally(Client& client, const Origin& origin, const Query& query) {
  const std::uint16_t type = query.question.type;
  if (type == kPtr) return answer_reverse(client, origin, query);
  const std::string name = query.question.name.text();
  std::vector<Record> records;
  bool is_ours = false;
  for (const bool is_v6 : {false, true}) {
    // Of a name that is ours, there is nothing of other types; so it has to be looked for once.
    const bool is_asked = type == kAny || (type == kAaaa) == is_v6;
    if (!is_asked) continue;
    const Names::Found found = names_.find(client.container, name, is_v6);
    is_ours |= found.is_ours;
    if (type != kA && type != kAaaa && type != kAny) continue;
    for (const Address& address : found.addresses) records.push_back(address_record(address, kTtl));
  }
  if (is_ours) answer(origin, query, Code::NoError, records);
  return is_ours;
}

bool NameServer::answer_reverse(Client& client, const Origin& origin, const Query& query) {
  const auto address = reverse_address(query.question.name.text());
  if (!address) return false;
  const Names::Reverse reverse = names_.reverse(client.container, *address);
  if (!reverse.is_ours) return false;
  std::vector<Record> records;
  for (const std::string& text : reverse.names)
    if (const auto name = Name::parse(text)) records.push_back(pointer_record(*name, kTtl));
  answer(origin, query, records.empty() ? Code::NoName : Code::NoError, records);
  return true;
}

// Those of the container or of the host. What other servers have said is forgotten.
const std::vector<Server>& NameServer::servers_of(Client& client) {
  std::vector<Server> servers;
  for (const Address& address : names_.servers(client.container))
    servers.push_back({.address = address});
  if (servers.empty()) servers = host_.get();
  if (servers != client.servers) {
    client.cache.clear();
    client.servers = std::move(servers);
  }
  return client.servers;
}

// Too many at once. Who asks by datagram asks again when nothing comes, which is what is wanted; a
// failure many programs take for the last word.
void NameServer::turn_away(const Origin& origin, const Query& query) {
  if (origin.is_stream) answer(origin, query, Code::ServerFailure, {});
}

void NameServer::forward(Client& client, const Origin& origin, const Query& query) {
  // A name server that an attacker reads is a way out like any other. [CVE-2024-29018]
  // Not REFUSED, at which musl waits for another answer, and glibc asks again.
  if (!names_.may_forward(client.container) ||
      !gate_.may_ask(client.container, query.question.name.text()))
    return answer(origin, query, Code::NoName, {});
  const std::vector<Server>& servers = servers_of(client);
  std::string key = Cache::key(query);
  if (const std::string kept = client.cache.find(key, query, loop_.now()); !kept.empty())
    return pass_on(client, origin, query, kept);
  key += origin.is_stream ? "s" : "";  // Not for both: an answer by datagram may be cut.
  const auto found = client.waiters.find(key);
  if (found != client.waiters.end()) {
    if (found->second.size() >= kMostWaiters) return turn_away(origin, query);
    found->second.push_back({.origin = origin, .query = query});
    return;
  }
  const auto asked =
      upstream_.ask(client.container, query, servers, origin.is_stream,
                    [this, container = client.container, key](Result<Upstream::Answer> answer) {
                      on_forwarded(container, key, std::move(answer));
                    });
  if (!asked && asked.error().kind() == Kind::Busy) return turn_away(origin, query);
  if (!asked) return answer(origin, query, Code::ServerFailure, {});
  client.waiters[key].push_back({.origin = origin, .query = query});
}

void NameServer::on_forwarded(const std::string& container, const std::string& key,
                              Result<Upstream::Answer> answer) {
  const auto found = clients_.find(container);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  const auto node = client.waiters.extract(key);
  if (node.empty() || node.mapped().empty()) return;
  if (answer)
    client.cache.put(Cache::key(node.mapped().front().query), answer->message, answer->reply,
                     loop_.now());
  for (const Waiter& waiter : node.mapped()) {
    if (!answer) {
      NameServer::answer(waiter.origin, waiter.query, Code::ServerFailure, {});
      continue;
    }
    std::string message = answer->message;
    adapt_reply(message, answer->reply.ttl_places, waiter.query, 0);
    pass_on(client, waiter.origin, waiter.query, message);
  }
}

}  // namespace tare::network::dns
