// SPDX-License-Identifier: Apache-2.0
#include "network/loop.h"

#include <unistd.h>

#include <doctest/doctest.h>

#include <string>

using namespace tare;
using namespace tare::network;
using namespace std::chrono_literals;

TEST_CASE("network: a loop calls who waits for a descriptor, until it is removed") {
  Loop loop = Loop::make().value();
  sys::Pipe pipe = sys::make_pipe().value();
  int calls = 0;
  REQUIRE(loop.add(pipe.read.get(), EPOLLIN, [&](std::uint32_t) { ++calls; }));
  CHECK(loop.add(pipe.read.get(), EPOLLIN, [](std::uint32_t) {}).error().kind() == Kind::Exists);
  REQUIRE(loop.turn(0ms));
  CHECK(calls == 0);
  REQUIRE(sys::write_all(pipe.write.get(), "x"));
  REQUIRE(loop.turn(1s));
  CHECK(calls == 1);
  REQUIRE(loop.change(pipe.read.get(), 0));
  REQUIRE(loop.turn(0ms));
  CHECK(calls == 1);
  loop.remove(pipe.read.get());
  loop.remove(pipe.read.get());
  CHECK(loop.change(pipe.read.get(), EPOLLIN).error().kind() == Kind::NotFound);
}

TEST_CASE("network: what a callback removed is not called in the same turn") {
  Loop loop = Loop::make().value();
  sys::Pipe one = sys::make_pipe().value();
  sys::Pipe two = sys::make_pipe().value();
  REQUIRE(sys::write_all(one.write.get(), "x"));
  REQUIRE(sys::write_all(two.write.get(), "x"));
  int calls = 0;
  const auto end_both = [&](std::uint32_t) {
    ++calls;
    loop.remove(one.read.get());
    loop.remove(two.read.get());
    // The number of a closed descriptor comes back at once: the event of the old one is not its.
    two.read.reset();
    sys::Pipe other = sys::make_pipe().value();
    two = std::move(other);
    REQUIRE(loop.add(two.read.get(), EPOLLIN, [&](std::uint32_t) { calls += 100; }));
  };
  REQUIRE(loop.add(one.read.get(), EPOLLIN, end_both));
  REQUIRE(loop.add(two.read.get(), EPOLLIN, end_both));
  REQUIRE(loop.turn(1s));
  CHECK(calls == 1);
}

TEST_CASE("network: timers of a loop come in order, once, and not when they are cancelled") {
  Loop loop = Loop::make().value();
  std::string order;
  loop.after(2ms, [&] { order += "b"; });
  const Loop::Timer cancelled = loop.after(1ms, [&] { order += "x"; });
  loop.after(1ms, [&] {
    order += "a";
    loop.after(0ms, [&] { order += "0"; });
  });
  loop.after(30ms, [&] {
    order += "c";
    loop.stop();
  });
  loop.cancel(cancelled);
  loop.cancel(cancelled);
  REQUIRE(loop.run());
  CHECK(order.find('a') < order.find('0'));
  CHECK(order.find('a') < order.find('b'));
  CHECK(order.size() == 4);
  CHECK(order.back() == 'c');
}
