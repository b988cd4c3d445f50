// SPDX-License-Identifier: Apache-2.0
#include "network/dns_upstream.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;
using namespace tare::network::dns;
using namespace std::chrono_literals;

namespace {

// Nobody listens there; nothing leaves the machine.
const std::vector<Server> kNobody = {{.address = Address::parse("127.255.255.1").value()}};

Query query_of(const char* name) {
  return {.wants_recursion = true, .question = {.name = Name::parse(name).value(), .type = kA}};
}

}  // namespace

TEST_CASE("network: questions without an answer come to an end") {
  Loop loop = Loop::make().value();
  Upstream upstream(loop, {.datagram_patience = 50ms, .all_patience = 1000ms});
  int ended = 0;
  REQUIRE(upstream.ask("a", query_of("web"), kNobody, false, [&](Result<Upstream::Answer> answer) {
    CHECK(answer.error().kind() == Kind::Unavailable);
    ++ended;
    loop.stop();
  }));
  CHECK(ended == 0);  // Never before ask() has returned.
  REQUIRE(loop.run());
  CHECK(ended == 1);
  CHECK(upstream.waiting() == 0);
  CHECK(upstream.ask("a", query_of("web"), {}, false, [](auto) {}).error().kind() ==
        Kind::Unavailable);
}

TEST_CASE("network: one container's many questions leave room for others") {
  Loop loop = Loop::make().value();
  Upstream upstream(loop, {.of_owner = 3, .of_all = 4});
  int pushed_out = 0;
  int others = 0;
  const auto flood = [&] {
    return upstream.ask("flood", query_of("web"), kNobody, false,
                        [&](Result<Upstream::Answer> got) {
                          CHECK(got.error().kind() == Kind::Busy);
                          ++pushed_out;
                        });
  };
  const auto other = [&](const char* who) {
    return upstream.ask(who, query_of("web"), kNobody, false, [&](auto) { ++others; });
  };
  for (int i = 0; i < 3; ++i) REQUIRE(flood());
  CHECK(flood().error().kind() == Kind::Busy);
  CHECK(other("b"));
  CHECK(other("c"));  // Takes the place of one of three.
  CHECK(pushed_out == 1);
  CHECK(upstream.waiting() == 4);
  CHECK(other("d").has_value());
  CHECK(pushed_out == 2);
  // Now all have one.
  CHECK(other("e").error().kind() == Kind::Busy);
  upstream.forget("flood");
  CHECK(upstream.waiting() == 3);
  CHECK(other("e"));
  for (const char* who : {"b", "c", "d", "e"}) upstream.forget(who);
  CHECK(upstream.waiting() == 0);
  CHECK(others == 0);
  CHECK(pushed_out == 2);
}
