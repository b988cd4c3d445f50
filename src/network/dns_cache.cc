// SPDX-License-Identifier: Apache-2.0
#include "network/dns_cache.h"

#include <algorithm>

namespace tare::network::dns {

std::string Cache::key(const Query& query) {
  const bool wants_dnssec = query.edns && query.edns->wants_dnssec;
  std::string key = query.question.name.text();
  key += '\0';
  key += std::to_string(query.question.type) + "/" + std::to_string(query.question.net_class);
  key += query.wants_recursion ? "r" : "";
  key += query.checking_disabled ? "c" : "";
  key += query.edns ? "e" : "";
  key += wants_dnssec ? "d" : "";
  return key;
}

void Cache::put(const std::string& key, const std::string& message, const Reply& reply, Time now) {
  const bool is_kept = reply.code == static_cast<unsigned>(Code::NoError) ||
                       reply.code == static_cast<unsigned>(Code::NoName);
  if (!is_kept || reply.is_truncated || reply.lifetime == 0) return;
  const std::uint32_t most = reply.is_negative ? limits_.negative_lifetime : limits_.lifetime;
  const std::chrono::seconds lifetime(std::min(reply.lifetime, most));
  Entry entry{.key = key,
              .message = message,
              .ttl_places = reply.ttl_places,
              .stored = now,
              .until = now + lifetime};
  if (entry.size() > limits_.bytes) return;
  if (const auto old = by_key_.find(key); old != by_key_.end()) erase(old->second);
  bytes_ += entry.size();
  entries_.push_front(std::move(entry));
  by_key_[key] = entries_.begin();
  while (entries_.size() > limits_.entries || bytes_ > limits_.bytes) erase(--entries_.end());
}

std::string Cache::find(const std::string& key, const Query& query, Time now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  const auto entry = found->second;
  if (entry->until <= now) {
    erase(entry);
    return {};
  }
  entries_.splice(entries_.begin(), entries_, entry);
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - entry->stored);
  std::string message = entry->message;
  adapt_reply(message, entry->ttl_places, query, static_cast<std::uint32_t>(age.count()));
  return message;
}

void Cache::erase(Entries::iterator entry) {
  bytes_ -= entry->size();
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

void Cache::clear() {
  entries_.clear();
  by_key_.clear();
  bytes_ = 0;
}

}  // namespace tare::network::dns
