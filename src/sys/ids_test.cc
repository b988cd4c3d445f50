// SPDX-License-Identifier: Apache-2.0
#include "sys/ids.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

using namespace tare;

TEST_CASE("id maps are read and written as the kernel has them") {
  const auto map =
      sys::parse_id_map("         0       1001          1\n         1     100000      65536\n");
  REQUIRE(map);
  CHECK(map->ranges == std::vector<sys::IdRange>{{0, 1001, 1}, {1, 100'000, 65'536}});
  CHECK(map->text() == "0 1001 1\n1 100000 65536\n");
  CHECK(sys::parse_id_map("0 0 4294967295\n")->ranges[0].count == 4'294'967'295U);
  CHECK(sys::parse_id_map("")->ranges.empty());
  CHECK(!sys::parse_id_map("0 0\n"));
  CHECK(!sys::parse_id_map("0 0 1 1\n"));
  CHECK(!sys::parse_id_map("0 -1 1\n"));
  CHECK(!sys::parse_id_map("0 0 4294967296\n"));
}

TEST_CASE("an id outside of what it stands for inside") {
  const sys::IdMap map{.ranges = {{0, 1001, 1}, {1, 100'000, 65'536}}};
  CHECK(*map.outside_of(0) == 1001);
  CHECK(*map.outside_of(1) == 100'000);
  CHECK(*map.outside_of(65'536) == 165'535);
  const auto none = map.outside_of(65'537);
  REQUIRE(!none);
  CHECK(none.error().kind() == Kind::Invalid);
  CHECK(none.error().message() == "id 65537 is not mapped");
  const sys::IdMap whole{.ranges = {{0, 0, 4'294'967'295U}}};
  CHECK(*whole.outside_of(4'294'967'294U) == 4'294'967'294U);
  CHECK(!whole.outside_of(4'294'967'295U));
}

TEST_CASE("this process has ids") {
  const auto map = sys::available_ids();
  REQUIRE(map);
  CHECK(!map->ranges.empty());
}

TEST_CASE("a user namespace as a descriptor only") {
  // Root's ids here, whatever they are, stand for themselves.
  const sys::IdMap one{.ranges = {{0, 0, 1}}};
  const auto space = sys::make_user_namespace(one, one);
  if (::geteuid() != 0) return;  // Others may map themselves only, by another way.
  REQUIRE(space);
  struct stat made{};
  struct stat own{};
  REQUIRE(::fstat(space->get(), &made) == 0);
  REQUIRE(::stat("/proc/self/ns/user", &own) == 0);
  CHECK(made.st_ino != own.st_ino);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // The process that held it is gone.
  CHECK(errno == ECHILD);
}
