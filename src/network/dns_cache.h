// SPDX-License-Identifier: Apache-2.0
// Answers of other servers, kept for a while. One for each container: who asks for a lot pushes out
// nobody else's, and nobody learns from how fast an answer comes what others have asked.
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "network/dns_message.h"

namespace tare::network::dns {

class Cache {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    std::size_t entries = 256;
    std::size_t bytes = 64 << 10;
    std::uint32_t lifetime = 60;           // Seconds, whatever the answer says.
    std::uint32_t negative_lifetime = 10;  // Of a name that is not there or has nothing of a type.
  };

  Cache() = default;
  explicit Cache(const Limits& limits) : limits_(limits) {}

  // Which answers are for the same query: name without case, type, class, what was asked of DNSSEC.
  static std::string key(const Query& query);
  // Keeps it if it may be kept: not truncated, no failure, with a lifetime.
  void put(const std::string& key, const std::string& message, const Reply& reply, Time now);
  // The answer to `query`; empty when there is none.
  std::string find(const std::string& key, const Query& query, Time now);
  void clear();

 private:
  struct Entry {
    std::string key;
    std::string message;
    std::vector<std::size_t> ttl_places;
    Time stored;
    Time until;
    std::size_t size() const { return key.size() + message.size() + 8 * ttl_places.size(); }
  };
  using Entries = std::list<Entry>;  // Used last comes first.
  void erase(Entries::iterator entry);

  Limits limits_;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace tare::network::dns
