// SPDX-License-Identifier: Apache-2.0
#include "network/dns_cache.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;
using namespace tare::network::dns;
using namespace std::chrono_literals;

namespace {

Query query_of(const std::string& name, std::uint16_t id = 1) {
  return {.id = id,
          .wants_recursion = true,
          .question = {.name = Name::parse(name).value(), .type = kA}};
}

void put(Cache& cache, const std::string& name, Cache::Time now, std::uint32_t ttl = 30,
         Code code = Code::NoError) {
  const Query query = query_of(name);
  const auto records = std::vector{address_record(Address::parse("192.0.2.1").value(), ttl)};
  const std::string message = print_answer(query, code, records, kMostBytes);
  cache.put(Cache::key(query), message, parse_reply(message).value(), now);
}

std::string find(Cache& cache, const Query& query, Cache::Time now) {
  return cache.find(Cache::key(query), query, now);
}

}  // namespace

TEST_CASE("network: a kept DNS answer comes back for the same question, and older") {
  Cache cache;
  const Cache::Time now{};
  put(cache, "web.example", now);
  const std::string message = find(cache, query_of("WEB.example", 9), now + 10s);
  const Reply reply = parse_reply(message).value();
  CHECK(reply.id == 9);
  CHECK(reply.question == query_of("WEB.example").question);
  CHECK(reply.lifetime == 20);
  CHECK(find(cache, query_of("web.example"), now + 30s).empty());
  CHECK(find(cache, query_of("other.example"), now).empty());
  Query other = query_of("web.example");
  other.question.type = kAaaa;
  put(cache, "web.example", now);
  CHECK(find(cache, other, now).empty());
  other = query_of("web.example");
  other.edns = Edns{.payload = 1232, .wants_dnssec = true};
  CHECK(find(cache, other, now).empty());
  cache.clear();
  CHECK(find(cache, query_of("web.example"), now).empty());
}

TEST_CASE("network: what may not be kept is not") {
  Cache cache;
  const Cache::Time now{};
  put(cache, "zero.example", now, 0);
  put(cache, "fails.example", now, 30, Code::ServerFailure);
  put(cache, "long.example", now, 100000);
  CHECK(find(cache, query_of("zero.example"), now).empty());
  CHECK(find(cache, query_of("fails.example"), now).empty());
  CHECK_FALSE(find(cache, query_of("long.example"), now + 59s).empty());
  CHECK(find(cache, query_of("long.example"), now + 60s).empty());
}

TEST_CASE("network: the cache of DNS answers is bounded, and who was not asked for goes first") {
  Cache cache({.entries = 3, .bytes = 1 << 20});
  const Cache::Time now{};
  for (const char* name : {"a.x", "b.x", "c.x"}) put(cache, name, now);
  CHECK_FALSE(find(cache, query_of("a.x"), now).empty());
  put(cache, "d.x", now);
  CHECK(find(cache, query_of("b.x"), now).empty());
  CHECK_FALSE(find(cache, query_of("a.x"), now).empty());
  put(cache, "d.x", now);
  CHECK_FALSE(find(cache, query_of("c.x"), now).empty());
  Cache small({.entries = 100, .bytes = 120});
  put(small, "a.x", now);
  put(small, "b.x", now);
  put(small, "c.x", now);
  CHECK(find(small, query_of("a.x"), now).empty());
  CHECK_FALSE(find(small, query_of("c.x"), now).empty());
}
