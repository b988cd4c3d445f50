// SPDX-License-Identifier: Apache-2.0
#include "sys/clock.h"

#include <doctest/doctest.h>

namespace tare::sys {

TEST_CASE("clock: within a boot the wall clock is not believed") {
  const Moment then{.wall = 5'000, .boot = "b", .since_boot = 100};
  CHECK(Moment{.wall = 9'000'000, .boot = "b", .since_boot = 130}.since(then) == 30);
  CHECK(Moment{.wall = -7, .boot = "b", .since_boot = 130}.since(then) == 30);
  CHECK(Moment{.wall = 5'020, .boot = "c", .since_boot = 3}.since(then) == 20);
  CHECK(Moment{.wall = 1, .boot = "c", .since_boot = 3}.since(then) == 0);
  CHECK(Moment{.wall = 5'020, .boot = "", .since_boot = 3}.since({.wall = 5'000}) == 20);
}

TEST_CASE("clock: a moment is written and read") {
  const Moment now = Moment::now();
  const Moment back = Moment::parse(now.text() + "\n");
  CHECK(back.wall == now.wall);
  CHECK(back.boot == now.boot);
  CHECK(back.since_boot == now.since_boot);
  CHECK(Moment::parse("17").wall == 17);
  CHECK(Moment::parse("17 boot x").boot.empty());
  CHECK(Moment::parse("").wall == 0);
}

}  // namespace tare::sys
